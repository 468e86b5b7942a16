"""How a fact is named: `os.major`, `network.ipv4[0]`, `mounts["/srv"].size`. The same as in an expression."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from reconciler.model.facts import SECTIONS, Section

FactPath: TypeAlias = tuple[str | int, ...]
"""Names and numbers of entries; the first is a section."""

_STEP = re.compile(
    r"""(?P<dot>\.?)(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\[(?:(?P<number>[0-9]{1,6})|"(?P<quoted>[^"]*)"|'(?P<single>[^']*)')\]"""
)


def parse_fact_path(text: str) -> FactPath:
    """What a path names.

    Raises:
        ValueError: it is none, or of no section; says why.
    """
    path = tuple(_steps(text))
    if path[0] not in SECTIONS:
        raise ValueError(f"there are no facts called {path[0]!r}; there are {', '.join(SECTIONS)}")
    return path


def _steps(text: str) -> Iterator[str | int]:
    at = 0
    while at < len(text) or not text:
        step = _STEP.match(text, at)
        if step is None or (bool(step["dot"]) is (at == 0) and step["name"] is not None):
            raise ValueError(
                f"{text!r} names no fact: it is names with dots between them, and what is no plain name in brackets"
                ' and quotes, as in mounts["/srv"].size'
            )
        if step["number"] is not None:
            yield int(step["number"])
        else:
            yield next(name for name in (step["name"], step["quoted"], step["single"]) if name is not None)
        at = step.end()


def fact_path_text(path: Sequence[str | int]) -> str:
    """How a path is written."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def look_up(sections: Mapping[Section, Any], path: FactPath) -> Any:
    """What a path leads to.

    Raises:
        KeyError: nothing; its argument is how far there is something, as a path.
    """
    value: Any = sections
    for depth, step in enumerate(path):
        entry = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if not entry and not (isinstance(value, Mapping) and step in value):
            raise KeyError(path[:depth])
        value = value[step]
    return value
