"""Worlds that nobody has written down: of each thing that any case speaks of, how it is in one of them, or nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.conformance.cases import FILES, World

_NOTHING = object()


def mixtures(worlds: Sequence[World], number: int, *, seed: int) -> Iterator[World]:
    """Some mixtures of worlds: the same for the same seed.

    A file is only there where what it lies in is a directory.

    Args:
        worlds: what is mixed.
        number: how many.
        seed: of the choices.
    """
    chance = random.Random(seed)  # noqa: S311 - it is to be the same each time
    states = _states(worlds)
    for _ in range(number):
        found: World = {}
        for section, things in states.items():
            chosen = {name: chance.choice(known) for name, known in things.items()}
            found[section] = {name: thing for name, thing in chosen.items() if thing is not _NOTHING}
        if FILES in found:
            found[FILES] = _standing(found[FILES])
        yield found


def _states(worlds: Sequence[World]) -> dict[str, dict[str, list[Any]]]:
    """How each thing is in any of the worlds, nothing among it, in an order that no hash decides."""
    states: dict[str, dict[str, list[Any]]] = {}
    for world in worlds:
        for section, things in world.items():
            for name, thing in things.items():
                known = states.setdefault(section, {}).setdefault(name, [_NOTHING])
                if thing not in known:
                    known.append(thing)
    return {section: dict(sorted(things.items())) for section, things in states.items()}


def _standing(files: dict[str, Any]) -> dict[str, Any]:
    """The files that lie in a directory that is there."""
    kept: dict[str, Any] = {"/": {"type": "directory"}, "/srv": {"type": "directory"}}
    for path in sorted(files, key=lambda path: path.count("/")):
        above = path.rpartition("/")[0] or "/"
        if kept.get(above, {}).get("type") == "directory":
            kept[path] = files[path]
    return {path: kept[path] for path in files if path in kept}
