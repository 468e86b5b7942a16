"""How far the loops of an expression go: each turn of one is counted, since the implementation counts none.

A loop calls what is put into it here with each turn, and that ends it once there were too many. Invariant: what an
expression means is not touched by that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import wraps
from itertools import pairwise
from typing import Any

from reconciler.config.weights import weight

MAX_STEPS = 1_000_000
"""Turns of the loops of an expression. Each counts once more for each 2,000 characters of what it can read: the
implementation copies what it goes over with every turn."""
MAX_MADE = 4 * 1024 * 1024
"""Characters that all turns may make together."""
ENTRY = 64
"""For how many characters an entry of a list or mapping counts: so much longer does it take to be passed on."""

GAP = r"(?:\s|//[^\n]*\n)*"
"""What may stand between two words of an expression and means nothing: blanks and remarks."""

_PER_TURN = 2000
_RAW = r"""[bB]?[rR](?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')"""
_COOKED = (
    r"""[bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
)
_STRING = f"{_RAW}|{_COOKED}"
"""As CEL has it: taken for longer than it is, a text would have a loop in it, whose turns nobody counts."""
_TOKEN = re.compile(
    rf"{_STRING}|\.{GAP}(?P<loop>map|filter|all|exists|exists_one|existsOne){GAP}\(|//[^\n]*|[()\[\]{{}},]",
    re.DOTALL,
)


class LoopBudget:
    """What one evaluation may still take.

    Args:
        readable: how large what it reads is.

    Attributes:
        spent: why it has to end, or "".
    """

    __slots__ = ("_cost", "_made", "_steps", "spent")

    def __init__(self, readable: int) -> None:
        self._steps = MAX_STEPS
        self._made = MAX_MADE
        self._cost = 1 + readable // _PER_TURN
        self.spent = ""

    def turn(self) -> bool:
        """A turn is taken; whether there may be another."""
        self._steps -= self._cost
        if self._steps < 0:
            self.spent = "its loops take too many turns"
        return not self.spent

    def make(self, value: Any) -> None:
        """Something is made in a turn.

        Raises:
            ValueError: all of it is too much.
        """
        self._made -= 1 + weight(value, self._made, entry=ENTRY)
        if self._made < 0:
            self.spent = "it makes too much on the way to its value"
        if self.spent:
            raise ValueError(self.spent)


loop_budget: ContextVar[LoopBudget | None] = ContextVar("loop_budget", default=None)
_BEFORE = {"all": ", _turn() && (", "exists": ", !_turn() || ("}
"""For loops that go on after an error, since a later turn may decide: these are ended, and no error is needed."""


def _turn() -> bool:
    budget = loop_budget.get()
    return budget is None or budget.turn()


def _step() -> bool:
    budget = loop_budget.get()
    if budget is not None and not budget.turn():
        raise ValueError(budget.spent)
    return True


def _made(value: Any) -> Any:
    budget = loop_budget.get()
    if budget is not None:
        budget.turn()
        budget.make(value)
    return value


COUNTERS: dict[str, Callable[..., Any]] = {"_turn": _turn, "_step": _step, "_made": _made}
"""What loops call."""


def counted_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of which what it makes counts."""

    @wraps(function)
    def counted(*args: Any) -> Any:
        made = function(*args)
        budget = loop_budget.get()
        if budget is not None:
            budget.make(made)
        return made

    return counted


def counted(source: str) -> str:
    """An expression whose loops are counted.

    Args:
        source: one that compiles.

    Example:
        >>> counted("vars.ports.map(p, p + 1)")
        'vars.ports.map(p, _made( p + 1))'
    """
    return _Counting(source).text()


class _Counting:
    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = [found for found in _TOKEN.finditer(source) if _tells(found)]
        self._next = 0

    def text(self) -> str:
        return "".join(self._until(0, len(self._source)))

    def _until(self, begin: int, end: int) -> Iterator[str]:
        """What stands from `begin` to `end`, with the loops in it counted."""
        at = begin
        while self._next < len(self._tokens) and self._tokens[self._next].start() < end:
            token = self._tokens[self._next]
            self._next += 1
            if token["loop"]:
                yield self._source[at : token.end()]
                first, *rest, close = self._parts()
                yield self._source[token.end() : first]
                yield from self._counted(token["loop"], [first, *rest, close])
                at = close
        yield self._source[at:end]

    def _parts(self) -> list[int]:
        """Where the commas of a loop are, and the bracket that closes it."""
        depth, places, at = 1, [], self._next
        while depth:
            token = self._tokens[at]
            at += 1
            text = token.group()
            if text[-1] in "([{":
                depth += 1
            elif text != ",":
                depth -= 1
            if not depth or (depth == 1 and text == ","):
                places.append(token.start())
        return places

    def _counted(self, loop: str, places: list[int]) -> Iterator[str]:
        last = len(places) - 2
        for index, (comma, end) in enumerate(pairwise(places)):
            yield ", _made(" if loop == "map" and index == last else _BEFORE.get(loop, ", _step() ? (")
            yield from self._until(comma + 1, end)
            yield ")" if loop in _BEFORE or (loop == "map" and index == last) else ") : false"


def _tells(token: re.Match[str]) -> bool:
    text = token.group()
    return token["loop"] is not None or text in "()[]{},"
