"""What Starlark says is wrong, as problems at the places that people have written."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import starlark_go

from reconciler.languages.starlark.worker.modules import PREFIX, Site

if TYPE_CHECKING:
    from reconciler.languages.starlark.worker.texts import WrittenModule

INTERNAL = "<froyo>"
"""What the files of ours are called that are evaluated."""

_FRAME = re.compile(r"^  (?P<file>.*?):(?P<line>\d+):(?P<column>\d+): in (?P<name>.*)$", re.MULTILINE)
_MOST_FRAMES = 8
_HINTS = (
    (
        "called recursively",
        "a function cannot call itself, be it by way of another: go through a list with for",
    ),
    ("does not support while loops", "for turn in range(1000): with a break does"),
    ("statement not within a function", "put it into a function, or write a comprehension"),
    ("cannot reassign global", "give it another name, or do it in a function"),
    ("local variable", "a name that a function assigns is its own"),
    ("load statement within a function", "load at the top of the module"),
    (
        "None has no field",
        "what is known of a target may be nothing yet: [… for t in ctx.targets if t.facts]",
    ),
    ("obsolete form of octal literal", 'permissions are a text: "0644"'),
    ("got ':', want ", "name: value is for dicts; an argument is name = value"),
    ("got outdent, want primary expression", "a bracket that is opened above is not closed"),
    (
        "dict has no .",
        'd.get("key") gives None where it is not there; a secret is in no vars of ctx: write "${vars.key}"',
    ),
    ("frozen", "make a new one: what a module has made, and ctx, stays as it is"),
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is wrong.

    Attributes:
        file: path in the source.
        line: 1-based.
        column: 1-based.
        message: what it is.
        hint: what to do about it.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a function of ours has ended an evaluation.

    Attributes:
        message: what is wrong.
        site: where the helper is named that it is about; -1 for none.
        argument: of that helper; "" for none.
        word: what was written and is not there; "" where that is not it.
        known: what there is in its place.
    """

    message: str
    site: int = -1
    argument: str = ""
    word: str = ""
    known: Collection[str] = ()


class Stopped(Exception):
    """What a function of ours ends an evaluation with. Starlark keeps its words only."""


class Errors:
    """Makes problems.

    Args:
        texts: the modules as they are evaluated, by path.
        sites: where helpers are named, each with the path of its module.
        suggest: gives the closest of some words, or "".
        names: of the language.
        kinds: what each helper makes, by its name.
    """

    def __init__(
        self,
        texts: Mapping[str, WrittenModule],
        sites: Sequence[tuple[str, Site]],
        suggest: Callable[[str, Collection[str]], str],
        names: Collection[str],
        kinds: Mapping[str, str],
    ) -> None:
        self._texts = texts
        self._sites = sites
        self._suggest = suggest
        self._names = [*names, *kinds]
        self._kinds = kinds

    def of(self, error: Exception, path: str, stop: Stop | None, known: Collection[str] = ()) -> list[Wrong]:
        """What an error of an evaluation says.

        Args:
            error: what was raised.
            path: of the module that was read, or whose `main` was called.
            stop: why a function of ours has ended it, if one has.
            known: the names of that module.
        """
        if isinstance(error, starlark_go.SyntaxError):
            line, column = self._place(path, error.line, error.column)
            return [Wrong(path, line, column, _said(error.msg), _syntax_hint(error.msg))]
        if isinstance(error, starlark_go.ResolveError):
            return [self._unresolved(path, item, known) for item in error.errors]
        if isinstance(error, starlark_go.EvalError):
            return [self._failed(path, error, stop)]
        return [Wrong(path, 0, 0, _said(str(error)))]

    def _place(self, path: str, line: int, column: int) -> tuple[int, int]:
        text = self._texts.get(path)
        return (line, column) if text is None else text.place(line, column)

    def _unresolved(self, path: str, item: Any, known: Collection[str]) -> Wrong:
        line, column = self._place(path, item.line, item.column)
        message = _said(item.msg)
        hint = _hint(message)
        name = message.removeprefix("undefined: ")
        if name != message:
            found = self._suggest(name, [*known, *self._names])
            hint = f"did you mean {found!r}?" if found else hint
        return Wrong(path, line, column, message, hint)

    def _failed(self, path: str, error: Any, stop: Stop | None) -> Wrong:
        frames = [
            (
                match["file"],
                *self._place(match["file"], int(match["line"]), int(match["column"])),
                match["name"],
            )
            for match in _FRAME.finditer(error.backtrace)
            if not match["file"].startswith("<")
        ]
        message = _said(error.error.rpartition(": fail: ")[2] if _is_fail(error) else _cause(error))
        hint = _hint(message)
        file, line, column = (*frames[-1][:3],) if frames else (path, 0, 0)
        if stop is not None:
            message, hint = stop.message, self._stop_hint(stop)
            if stop.site >= 0:
                file, site = self._sites[stop.site]
                line, column = site.keys.get(stop.argument, site.place)
        callers = [f"{where}:{at}:{col} in {name}" for where, at, col, name in reversed(frames[:-1])]
        if len(callers) > _MOST_FRAMES:
            left = len(callers) - _MOST_FRAMES
            callers = [*callers[:_MOST_FRAMES], f"{left} more"]
        if callers:
            message = f"{message}; called at {', '.join(callers)}"
        return Wrong(file, line, column, message, hint)

    def _stop_hint(self, stop: Stop) -> str:
        if not stop.word:
            return _hint(stop.message)
        found = self._suggest(stop.word, stop.known)
        if found:
            return f"did you mean {found!r}?"
        known = sorted(stop.known)
        if 0 < len(known) <= _FEW:
            return f"there are {', '.join(known)}"
        kind = self._kinds.get(self._sites[stop.site][1].helper, "") if stop.site >= 0 else ""
        return f"see: froyo explain {kind}" if kind else ""


_FEW = 12


def _is_fail(error: Any) -> bool:
    return bool(error.function_name == "fail")


def _cause(error: Any) -> str:
    """What Starlark says, without the place that the package writes before it."""
    text = str(error.args[0])
    return text.removeprefix("getattr: ")


def _said(message: str) -> str:
    return message.replace(PREFIX, "")


def _hint(message: str) -> str:
    return next((hint for said, hint in _HINTS if said in message), "")


def _syntax_hint(message: str) -> str:
    if "illegal token" in message or "got string literal, want" in message:
        return (
            "Starlark is not all of Python: it has no class, import, try, while, f-strings or annotations,"
            " and texts are put together with +"
        )
    return _hint(message)
