"""Where the values of an object come from, as the compiler tells it: looked up when somebody asks, which is seldom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from reconciler.config.compiler import Texts
from reconciler.config.compiler.answers import index_of
from reconciler.documents.generated import Spot

Path: TypeAlias = tuple[str | int, ...]


class Spots(Mapping[Path, Spot]):
    """The places of an object and of what is in it, by path.

    Args:
        place: of the object, as `docs/spec/compiler.md` has it.
        files: what its numbers of files mean.
        texts: those files.
        default: where it stands if it is in none of them.
    """

    def __init__(self, place: Sequence[Any], files: Sequence[str], texts: Texts, default: Spot) -> None:
        self._place = place
        self._files = files
        self._texts = texts
        self._default = default

    def __getitem__(self, path: Path) -> Spot:
        place: Any = self._place
        for step in path:
            children = place[3]
            there = len(children) if isinstance(children, list) else 0
            if not (isinstance(children, dict) or (isinstance(step, int) and step < there)):
                raise KeyError(path)
            place = children[step]
        if not place[1]:
            if path:
                raise KeyError(path)
            return self._default
        file = self._files[place[0]]
        text = self._texts[file]
        line, column = text.place(index_of({"line": place[1], "column": place[2]}, text))
        return Spot(file, line, column)

    def __iter__(self) -> Iterator[Path]:
        waiting: list[tuple[Path, Any]] = [((), self._place)]
        while waiting:
            path, place = waiting.pop()
            if place[1] or not path:
                yield path
            children = place[3]
            pairs = children.items() if isinstance(children, dict) else enumerate(children or ())
            waiting += [((*path, step), child) for step, child in pairs]

    def __len__(self) -> int:
        return sum(1 for _ in self)
