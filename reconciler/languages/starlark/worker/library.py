"""The modules of a source: read once, each with what it loads, and what is wrong with them before any is evaluated."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping

from reconciler.core.suggest import closest
from reconciler.languages.starlark.worker.errors import Wrong
from reconciler.languages.starlark.worker.modules import FACTS, Module, Unreadable, read

STACK = 20_000
"""Levels to which the tree of a module may be gone through."""
MOST_LOADS = 200
"""Levels to which modules load others."""

Explain = Callable[[str, str, Unreadable], list[Wrong]]
"""Says why a module cannot be read: its path, its text, and what was seen."""


class Library:
    """See the module.

    Args:
        files: the text of every module that can be loaded, by path.
        sections: of facts.
        explain: says why one cannot be read.

    Attributes:
        files: as above.
        modules: those that were read, by path.
        unreadable: what is wrong with those that cannot be evaluated, by path.
    """

    def __init__(self, files: Mapping[str, str], sections: Collection[str], explain: Explain) -> None:
        self.files = files
        self._sections = sections
        self._explain = explain
        self.modules: dict[str, Module] = {}
        self.unreadable: dict[str, list[Wrong]] = {}

    def reach(self, program: str) -> list[str]:
        """Read a program and all that it loads; the paths, each after what it loads, and those that are not there."""
        order: dict[str, None] = {}
        self._reach(program, (), order)
        return list(order)

    def _reach(self, path: str, above: tuple[str, ...], order: dict[str, None]) -> None:
        if path in order:
            return
        module = self._module(path)
        for load in module.loads if module is not None else ():
            if len(above) > MOST_LOADS:
                self.wrong(path, load.place, f"modules load each other more than {MOST_LOADS} deep", "")
                break
            if load.path in (*above, path):
                ring = " loads ".join((*above, path, load.path)[(*above, path).index(load.path) :])
                self.wrong(
                    path, load.place, f"modules load each other: {ring}", "put what both need into a third"
                )
            elif load.path not in self.files:
                self.wrong(
                    path,
                    load.place,
                    f"there is no {load.path} in this source",
                    meant(load.path, self.files),
                )
                order[load.path] = None
            else:
                self._reach(load.path, (*above, path), order)
                self._look_up(path, load.path, load.names)
        order[path] = None

    def _look_up(self, path: str, there: str, names: Mapping[str, tuple[str, tuple[int, int]]]) -> None:
        module = self.modules.get(there)
        for name, place in names.values() if module is not None else ():
            if module is not None and name not in module.free.bound:
                known = [one for one in module.free.bound if not one.startswith("_")]
                self.wrong(path, place, f"{there} has no {name}", meant(name, known))

    def wrong(self, path: str, place: tuple[int, int], message: str, hint: str) -> None:
        """A module cannot be evaluated."""
        one = Wrong(path, *place, message, hint)
        known = self.unreadable.setdefault(path, [])
        if one not in known:
            known.append(one)

    def _module(self, path: str) -> Module | None:
        if path not in self.modules and path not in self.unreadable:
            text = self.files[path].replace("\r\n", "\n").replace("\r", "\n")
            usual = sys.getrecursionlimit()
            sys.setrecursionlimit(STACK)  # what is added up is a deep tree
            try:
                self.modules[path] = read(path, len(self.modules), text, self._sections)
            except Unreadable as error:
                self.unreadable[path] = self._explain(path, text, error)
            finally:
                sys.setrecursionlimit(usual)
        return self.modules.get(path)

    def asks(self, program: str) -> set[str]:
        """What of `ctx` a program may ask for."""
        found = [self.modules[path].asks for path in self.reach(program) if path in self.modules]
        asked = {one for each in found for one in each}
        # Who says nowhere which facts it means may mean all of them.
        if FACTS in asked and not any(one.startswith(f"{FACTS}.") for one in asked):
            asked |= {f"{FACTS}.{section}" for section in self._sections}
        asked.discard(FACTS)
        return asked | ({"targets"} if asked - {"revision", "settings", "source"} else set())


def suggest(word: str, known: Collection[str]) -> str:
    """The one of some words that was probably meant, or ""."""
    return closest(word, known)


def meant(word: str, known: Collection[str]) -> str:
    """A hint with that, or ""."""
    found = suggest(word, known)
    return f"did you mean {found!r}?" if found else ""
