"""The world that a package meets: files in memory, and what the model of its cases adds to them.

Invariant: a world is what its snapshot says and nothing else; it can be put back to any snapshot.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Protocol

from froyo_provider.testing.memory import CALLS, MemoryHost, Node
from reconciler.conformance.cases import FILES, World
from reconciler.conformance.model import Model
from reconciler.model.calls import Call, Reply
from reconciler.targets.parsing import reply as reply_of

_ALWAYS = ("/", "/srv")
"""What is there in every world, and is no part of a snapshot while it is as it always is."""


class LivingWorld(Protocol):
    """Something that calls are made on."""

    async def snapshot(self) -> World:
        """What there is now."""

    async def restore(self, world: World) -> None:
        """Make it be so.

        Raises:
            CannotHave: there can be no such world here.
        """

    def add_body(self, content: bytes) -> None:
        """Let it be able to get a body."""

    async def replies(self, calls: list[Call]) -> list[Reply]:
        """The replies to calls that arrive together.

        Raises:
            UnknownCall: nothing here answers one of them.
        """


class CannotHave(Exception):
    """There can be no such world here; says why."""


class Unprepared(CannotHave):
    """What was to bring a host there has failed; says how."""


class UnknownCall(Exception):
    """Nothing in this world answers a call; says which, and what to do."""


class MemoryWorld:
    """Files in memory; all other calls are answered by the model of the cases.

    Args:
        model: of what is no file, or None.
    """

    def __init__(self, model: Model | None = None) -> None:
        self._model = model
        self._files = MemoryHost()
        self._rest: World = {}
        self._always = {path: self._files.nodes[path] for path in _ALWAYS}

    async def snapshot(self) -> World:
        """See LivingWorld."""
        files = {
            path: node.to_json() for path, node in self._files.nodes.items() if self._always.get(path) != node
        }
        return {FILES: files, **copy.deepcopy(self._rest)}

    async def restore(self, world: World) -> None:
        """See LivingWorld."""
        self._put(world)

    def _put(self, world: World) -> None:
        nodes = {path: Node.parse(value) for path, value in world.get(FILES, {}).items()}
        self._files.nodes = {**self._always, **nodes}
        self._rest = {name: copy.deepcopy(dict(things)) for name, things in world.items() if name != FILES}

    def add_body(self, content: bytes) -> None:
        """See LivingWorld."""
        self._files.body(content)

    async def replies(self, calls: list[Call]) -> list[Reply]:
        """See LivingWorld."""
        found: list[Reply] = []
        for call in calls:
            if call.name in CALLS:
                found.append(reply_of(self._files.reply({"call": call.name, "args": call.args})))
            elif self._model is not None:
                world, reply = await self._model.answer(await self.snapshot(), call)
                self._put(world)
                found.append(reply)
            else:
                raise UnknownCall(
                    f"nothing answers {call.name} in memory: put a model of the world beside the cases, in "
                    "cases/world.py (docs/guides/writing-a-provider.md), or try it on real files: --target local"
                )
        return found


def merged(*worlds: World) -> World | None:
    """All of these together; None where they do not agree about something."""
    found: World = {}
    for world in worlds:
        for section, things in world.items():
            known = found.setdefault(section, {})
            for name, thing in things.items():
                if known.setdefault(name, thing) != thing:
                    return None
    return found


def same(one: World, other: World) -> bool:
    """Whether two worlds are the same; an empty section is none."""
    return _filled(one) == _filled(other)


def difference(before: World, after: World) -> str:
    """What is different, for a person."""
    found = []
    for section in sorted({*before, *after}):
        old, new = before.get(section, {}), after.get(section, {})
        found += [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return ", ".join(found[:5])


def _filled(world: Mapping[str, Mapping[str, object]]) -> World:
    return {section: dict(things) for section, things in world.items() if things}
