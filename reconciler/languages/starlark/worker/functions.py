"""What the prelude calls that Starlark cannot do by itself, and what that leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from reconciler.languages.starlark.worker.errors import Stop, Stopped
from reconciler.languages.starlark.worker.modules import Site

MOST_PRINTED = 10_000
"""Lines that a program prints."""
MOST_SHOWN = 100
"""Lines of those that are told."""
LONGEST_SHOWN = 500
"""Characters of one."""
MARK = "__struct__"
"""The key that makes a struct of a dict."""

Printed = tuple[str, int, int, str]
"""File, line, column and text."""


class Functions:
    """See the module.

    Args:
        sites: where helpers are named, each with the path of its module.

    Attributes:
        stopped: why an evaluation was ended by one of ours; None if it was not.
        made: by kind, namespace and name, the sites at which such an object was made.
        printed: what is told of what was printed.
    """

    def __init__(self, sites: Sequence[tuple[str, Site]]) -> None:
        self._sites = sites
        self.stopped: Stop | None = None
        self.made: dict[tuple[Any, ...], list[int]] = {}
        self.printed: list[Printed] = []
        self._left_out = 0

    def begin(self) -> None:
        """A program is evaluated."""
        self.stopped, self.made, self.printed, self._left_out = None, {}, [], 0

    def said(self) -> list[Printed]:
        """What is told of what the program has printed."""
        if not self._left_out:
            return self.printed
        last = self.printed[-1]
        return [*self.printed, (*last[:3], f"and {self._left_out:,} lines more, which are not shown")]

    @property
    def given(self) -> dict[str, Callable[..., Any]]:
        """The functions, by name. The package takes functions and methods only, and does not keep them."""
        return {
            "stop": self.stop,
            "stop_at": self.stop_at,
            "made": self.make,
            "printed": self.show,
            "json_encode": encode,
            "json_decode": decode,
            "json_indent": indent,
        }

    def stop(self, message: str, about: Any = None, known: Collection[str] = ()) -> None:
        """End the evaluation.

        Args:
            message: why.
            about: what an object is called, or a word that is not known; or None.
            known: the words that are.
        """
        if isinstance(about, tuple):
            self.stopped = Stop(message, site=next(iter(self.made.get(about, ())), -1))
        else:
            self.stopped = Stop(message, word=about or "", known=known)
        raise Stopped(message)

    def stop_at(
        self, site: int, argument: str, message: str, word: str = "", known: Collection[str] = ()
    ) -> None:
        """End the evaluation for what is wrong with a call of a helper."""
        self.stopped = Stop(message, site=site, argument=argument, word=word, known=known)
        raise Stopped(message)

    def make(self, site: int, kind: str, namespace: str, name: str) -> None:
        """An object is made by a helper."""
        self.made.setdefault((kind, namespace, name), []).append(site)

    def show(self, site: int, text: str) -> None:
        """Something is printed."""
        if len(self.printed) < MOST_SHOWN:
            path, where = self._sites[site]
            more = "…" if len(text) > LONGEST_SHOWN else ""
            self.printed.append((path, *where.place, text[:LONGEST_SHOWN] + more))
            return
        self._left_out += 1
        if self._left_out > MOST_PRINTED - MOST_SHOWN:
            self.stop_at(site, "", f"it prints more than {MOST_PRINTED:,} lines")


def struct(**fields: Any) -> dict[str, Any]:
    """A struct as the prelude has it."""
    return {**fields, MARK: True}


def plain(value: Any) -> Any:
    """A value without what makes a struct of it, and with lists in the place of tuples. It is not deep."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != MARK}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def encode(value: Any) -> str:
    """A value as JSON, its keys in order."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> list[Any]:
    """Whether a text is JSON, and what it says, or why it is none."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
        return [True, _whole(value) if "\\u" in text else value]
    except RecursionError:
        return [False, "it is nested too deeply"]
    except ValueError as error:
        return [False, str(error)]


def indent(text: str, prefix: str, step: str) -> str:
    """JSON on several lines."""
    lines = json.dumps(json.loads(text), indent=step, ensure_ascii=False).split("\n")
    return f"\n{prefix}".join(lines)


def _whole(value: Any) -> Any:
    """A value without halves of characters, as Go has it.

    Raises:
        ValueError: there is a NUL character in it, with which the text would end on its way into the language.
    """
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if not isinstance(value, str):
        return value
    if "\0" in value:
        raise ValueError("there is a NUL character in it")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _no_constant(word: str) -> Iterator[None]:
    raise ValueError(f"{word} is no number of JSON")
