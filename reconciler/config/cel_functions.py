"""The functions for text that CEL's own extension has, by its names, and the language's way to write a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.config.cel_loops import counted_function


def _joined(items: list[Any], between: str = "") -> str:
    _texts(between, *items)
    if sum(map(len, items)) + len(items) * len(between) > _MAX_TEXT:
        raise ValueError(f"more than {_MAX_TEXT} characters")
    return between.join(items)


def _texts(*values: Any) -> None:
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is no text")


def _replaced(text: str, old: str, new: str, count: int = -1) -> str:
    _texts(text, old, new)
    if len(text) + text.count(old) * len(new) > _MAX_TEXT:
        raise ValueError(f"more than {_MAX_TEXT} characters")
    return text.replace(old, new, count)


def _substring(text: str, start: int, end: int | None = None) -> str:
    _texts(text)
    last = len(text) if end is None else end
    if not 0 <= start <= last <= len(text):
        raise ValueError(f"there is no {start} to {last} in {len(text)} characters")
    return text[start:last]


def _split(text: str, between: str, count: int = -1) -> list[str]:
    _texts(text, between)
    return text.split(between, count - 1 if count > 0 else -1) if between else list(text)


def as_text(value: Any) -> str:
    """A value as it stands within text.

    Raises:
        TypeError: it is null, a list or a mapping, and would have to be written in some way that nobody has said.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        raise TypeError("null is no text")
    if isinstance(value, list | dict):
        raise TypeError(f"{'a list' if isinstance(value, list) else 'a mapping'} is no text")
    return str(value)


_MAX_TEXT = 1024 * 1024
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "join": _joined,
    "lowerAscii": lambda text: text.lower(),
    "replace": _replaced,
    "split": _split,
    "string": as_text,
    "substring": _substring,
    "trim": lambda text: text.strip(),
    "upperAscii": lambda text: text.upper(),
}
FUNCTIONS = {name: counted_function(function) for name, function in _FUNCTIONS.items()}
"""Those that are added to what the implementation has."""
