"""Globs over relative paths."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Match: TypeAlias = "Callable[[str], object]"


class Globs:
    """Globs over relative paths; a match takes time in proportion to glob times path."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._names: list[Match] = []
        self._paths: list[list[Match | None]] = []
        for pattern in patterns:
            # What is below an excepted entry is excepted with it.
            parts = pattern.removesuffix("/**").strip("/").split("/")
            compiled: list[Match | None] = [
                None if part == "**" else re.compile(fnmatch.translate(part)).match for part in parts
            ]
            if len(compiled) == 1 and compiled[0] is not None and "/" not in pattern:
                self._names.append(compiled[0])
            else:
                self._paths.append(compiled)

    def match(self, name: str) -> bool:
        """Whether any of them matches the entry itself."""
        parts = name.split("/")
        return any(match(parts[-1]) for match in self._names) or any(
            matches_path(components, parts) for components in self._paths
        )


def matches_path(components: list[Match | None], parts: list[str]) -> bool:
    """Whether a path is as the components say, of which None stands for any run of parts."""
    at = index = 0
    back: tuple[int, int] | None = None
    while index < len(parts):
        component = components[at] if at < len(components) else None
        if at < len(components) and component is None:
            back = (at, index)
            at += 1
        elif component is not None and component(parts[index]):
            at += 1
            index += 1
        elif back is not None:
            back = (back[0], back[1] + 1)
            at, index = back[0] + 1, back[1]
        else:
            return False
    return all(component is None for component in components[at:])
