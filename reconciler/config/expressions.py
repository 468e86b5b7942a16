"""Expressions in the strings of a spec: `${…}`, and `$${` for one that is meant as it stands.

A string that is one expression and nothing else has its value, of whatever type; within text a value is converted.
Invariant: what has no `${` in it costs nothing, and the language is not imported for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from reconciler.config.builtin import COMMON
from reconciler.core.fact_hints import fact_hint_or_all
from reconciler.core.spoken import listed
from reconciler.model.facts import SECTIONS, Section

if TYPE_CHECKING:
    from reconciler.config.cel import CompiledExpression, Context, ExpressionError

Path: TypeAlias = tuple[str | int, ...]
Complain: TypeAlias = "Callable[[Path, int, ExpressionError], None]"
"""Is told where a string is, which expression in it, from 0 on, and what is wrong with that."""

ROOTS = ("vars", "target", "facts")
"""What an expression can read."""

_BEGIN = re.compile(r"\$\$\{|\$\{")
_ESCAPED = re.compile(r"(?:\$|\\(?:x|u00|U000000)24)(?:\{|\\(?:x|u00|U000000)7[bB])")
_TOKEN = re.compile(
    r"""[rR]?(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|[{}]""", re.DOTALL
)
_STEP = r"""\s*\.\s*[A-Za-z_]\w*\b(?!\s*\()|\s*\[\s*(?:"[^"\\\n]*"|'[^'\\\n]*')\s*\]"""
_READ = re.compile(
    rf"""(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?<![\w.])({"|".join(ROOTS)})\b(?!\s*\()((?:{_STEP})*)"""
)
_NAME = re.compile(r"""[A-Za-z_]\w*|"[^"]*"|'[^']*'""")


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression of a string.

    Attributes:
        source: without its braces.
        program: compiled.
        reads: what it may read, as paths such as ("vars", "port").
        sections: the facts among that.
    """

    source: str
    program: CompiledExpression
    reads: tuple[tuple[str, ...], ...]
    sections: frozenset[Section] = frozenset()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A string of a document that has expressions in it.

    Attributes:
        path: where it is in the document.
        written: as it is written.
        parts: text and expressions, in order.
    """

    path: Path
    written: str
    parts: tuple[str | Expression, ...]

    @property
    def expressions(self) -> Iterator[Expression]:
        """Its expressions, in order."""
        return (part for part in self.parts if not isinstance(part, str))

    def value(self, context: Context | None, complain: Callable[[int, ExpressionError], None]) -> Any:
        """What it stands for; None if that was complained about, with which expression it is."""
        from reconciler.config.cel import ExpressionError
        from reconciler.config.cel_functions import as_text

        assert context is not None  # noqa: S101 - for what has no leaves there is none
        values: list[Any] = []
        failed = False
        whole = len(self.parts) == 1
        for index, expression in enumerate(self.expressions):
            try:
                value = expression.program.evaluate(context)
                values.append(value if whole else as_text(value))
            except ExpressionError as error:
                complain(index, error)
                failed = True
            except TypeError as error:
                complain(index, ExpressionError(f"its value is to stand within text, and {error}"))
                failed = True
        if failed:
            return None
        if whole:
            return values[0]
        given = iter(values)
        return "".join(part if isinstance(part, str) else next(given) for part in self.parts)


def may_have_expressions(text: str) -> bool:
    """Whether a file is worth looking through: an escape in double quotes may hide a dollar or a brace."""
    return "${" in text or ("\\" in text and _ESCAPED.search(text) is not None)


def taken_out(
    value: Mapping[str, Any], skipped: frozenset[Path], complain: Complain
) -> tuple[Any, list[Leaf]]:
    """A document in which `$${` is what it means, and the strings of a kind's own fields that have expressions in them.

    Args:
        value: the document.
        skipped: paths of strings that are taken as they are.
        complain: told of what is wrong. Such a string is left as it is.
    """
    leaves: list[Leaf] = []

    def search(item: Any, path: Path) -> Any:
        if isinstance(item, str):
            if "${" not in item or path in skipped:
                return item
            leaf = parse(path, item, complain)
            if leaf is None:
                return item
            if not any(leaf.expressions):
                return "".join(part for part in leaf.parts if isinstance(part, str))
            leaves.append(leaf)
            return item
        if isinstance(item, dict):
            return {key: search(child, (*path, key)) for key, child in item.items()}
        if isinstance(item, list):
            return [search(child, (*path, index)) for index, child in enumerate(item)]
        return item

    spec = value.get("spec")
    if not isinstance(spec, dict):
        return value, []
    looked = {name: item if name in COMMON else search(item, ("spec", name)) for name, item in spec.items()}
    return {**value, "spec": looked}, leaves


def meant(value: Any) -> Any:
    """A value whose strings are written so that they are read as they stand, with no expression in them."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: meant(one) for key, one in value.items()}
    return [meant(one) for one in value] if isinstance(value, (list, tuple)) else value


def parse(path: Path, text: str, complain: Complain) -> Leaf | None:
    """A string with its expressions; None if something was complained about."""
    from reconciler.config.cel import ExpressionError

    parts: list[str | Expression] = []
    written = ""
    at = count = 0
    good = True
    while (begin := _BEGIN.search(text, at)) is not None:
        written += text[at : begin.start()]
        if begin.group() == "$${":
            written += "${"
            at = begin.end()
            continue
        end = _closing(text, begin.end())
        if end < 0:
            complain(path, count, ExpressionError("an expression that is not closed", hint=_MEANT))
            return None
        if written:
            parts.append(written)
            written = ""
        try:
            parts.append(_expression(text[begin.end() : end]))
        except ExpressionError as error:
            complain(path, count, error)
            good = False
        count += 1
        at = end + 1
    written += text[at:]
    if written:
        parts.append(written)
    return Leaf(path, text, tuple(parts)) if good else None


def place(text: str, begin: int, end: int, count: int, offset: int = 0) -> int:
    """Where in a file an expression stands.

    Args:
        text: of the file.
        begin: where the scalar begins that it is in.
        end: where that ends.
        count: which of the expressions in it.
        offset: how far within the expression; kept to the line that it begins in.
    """
    found = [match for match in _BEGIN.finditer(text, begin, max(begin, end)) if match.group() == "${"]
    if count >= len(found):
        return begin
    at = found[count].start()
    line_end = text.find("\n", at)
    within = at + 2 + offset
    return within if offset and within <= (line_end if line_end >= 0 else len(text)) else at


def put_in(value: Any, leaves: Sequence[tuple[Path, Any]]) -> Any:
    """A document with values in the place of its strings. What is not on the way to one of them is shared."""
    copied: dict[Path, Any] = {(): _copy(value)}
    for path, item in leaves:
        for length in range(1, len(path)):
            if path[:length] not in copied:
                above = copied[path[: length - 1]]
                copied[path[:length]] = above[path[length - 1]] = _copy(above[path[length - 1]])
        copied[path[:-1]][path[-1]] = item
    return copied[()]


def dotted(path: Sequence[str]) -> str:
    """What is read, as it is written in CEL: `vars.port`, `target.labels['example.com/tier']`."""
    return path[0] + "".join(f".{step}" if step.isidentifier() else f"[{step!r}]" for step in path[1:])


def _copy(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else list(value)


def _closing(text: str, at: int) -> int:
    """Where the brace is that closes what is open at a place; -1 if there is none. Braces in CEL's strings are none."""
    depth = 1
    for token in _TOKEN.finditer(text, at):
        if token.group() == "{":
            depth += 1
        elif token.group() == "}":
            depth -= 1
            if not depth:
                return token.start()
    return -1


_MEANT = "write $${ where ${ is meant as it stands, as for a shell"


def _expression(source: str) -> Expression:
    """One expression.

    Raises:
        ExpressionError: it is none, or reads what there is not.
    """
    from reconciler.config.cel import ExpressionError, compile_expression
    from reconciler.core.suggest import did_you_mean

    try:
        program = compile_expression(source)
    except ExpressionError as error:
        error.hint = error.hint or _MEANT
        raise
    strange = sorted(program.roots - set(ROOTS))
    if strange:
        hint = did_you_mean(strange[0], ROOTS) or f"there are {listed(ROOTS, 'and')}; {_MEANT}"
        raise ExpressionError(
            f"an expression reads {listed(ROOTS, 'or')}, and there is no {strange[0]}",
            offset=max(source.find(strange[0]), 0),
            hint=hint,
        )
    if not program.roots:
        raise ExpressionError(f"an expression that reads none of {listed(ROOTS, 'and')}", hint=_MEANT)
    reads = tuple(dict.fromkeys(_reads(source)))
    return Expression(source, program, reads, frozenset(_sections(source, reads)))


def _sections(source: str, reads: Sequence[tuple[str, ...]]) -> Iterator[Section]:
    """The facts that an expression needs, which have to be known before it is evaluated.

    Raises:
        ExpressionError: it does not say which, or there are none of that name.
    """
    from reconciler.config.cel import ExpressionError

    for path in (path for path in reads if path[0] == "facts"):
        offset = max(source.find(".".join(path[:2])), 0)
        if len(path) == 1:
            hint = "write facts.os, or another of them"
            raise ExpressionError("an expression names the facts that it reads", offset=offset, hint=hint)
        if path[1] not in SECTIONS:
            hint = fact_hint_or_all(path[1:])
            raise ExpressionError(f"there are no facts called {path[1]}", offset=offset, hint=hint)
        yield Section(path[1])


def _reads(source: str) -> Iterator[tuple[str, ...]]:
    for found in _READ.finditer(source):
        if found[1]:
            yield (found[1], *(name.strip("\"'") for name in _NAME.findall(found[2])))
