"""The finalizer that keeps an object there until what it was about has been removed from its targets.

It is on an object whose `deletion` has something removed, and on the targets of such. What is asked for is that, and
nothing about removing: who knows says for which objects it is wanted. Invariants: it is put on and taken off only where
the object is the one that was seen; of a kind whose definition is being removed it is taken off whatever is asked for,
since to take a definition away is not to have everything removed from every machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from watchers.kubernetes import rights
from watchers.kubernetes.objects import FINALIZER, Definition, path_of

if TYPE_CHECKING:
    import aiohttp

DEFINITIONS = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ONLY_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_AT_ONCE = 8

Objects = Iterable[tuple[Definition, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Held:
    """An object, as far as it matters for how it ends.

    Attributes:
        where: of it, on the API server.
        right: what it takes to change it.
        version: its `resourceVersion`.
        finalizers: all that it has.
        deleting: whether somebody has deleted it.
    """

    where: str
    right: rights.Right
    version: str
    finalizers: tuple[str, ...]
    deleting: bool

    @property
    def ours(self) -> bool:
        """Whether it has our finalizer."""
        return FINALIZER in self.finalizers

    @classmethod
    def of(cls, definition: Definition, found: Mapping[str, Any]) -> Held:
        """Of an object as the server gives it."""
        metadata = found["metadata"]
        where = f"apis/{definition.group}/{definition.version}/namespaces/{metadata['namespace']}"
        return cls(
            f"{where}/{definition.plural}/{metadata['name']}",
            rights.Right("patch", definition.group, definition.plural),
            metadata.get("resourceVersion", ""),
            tuple(metadata.get("finalizers") or ()),
            bool(metadata.get("deletionTimestamp")),
        )


class Finalizers:
    """The finalizers of the objects of a source.

    Attributes:
        held: the objects as they were seen last, by path.
        changed: set whenever that is something else.
        leaving: the names of the definitions that are being removed.
    """

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}
        self.changed = asyncio.Event()
        self.leaving: Collection[str] = ()

    def note(self, objects: Objects, leaving: Collection[str] = ()) -> None:
        """These are there, and no others.

        Args:
            objects: all of them.
            leaving: the names of the definitions that are being removed.
        """
        held = {_path(definition, one): Held.of(definition, one) for definition, one in objects}
        if leaving != self.leaving or _still(held) != _still(self.held):
            self.changed.set()
        self.held, self.leaving = held, leaving

    def hear(self, definition: Definition, type_: str | None, found: Mapping[str, Any]) -> None:
        """Something has happened to an object: see `ObjectCache.hear`."""
        path, now = _path(definition, found), Held.of(definition, found)
        before = self.held.pop(path, None)
        if type_ == "DELETED":
            return
        if before is not None and int(before.version or 0) > int(now.version or 0):
            now = before
        self.held[path] = now
        if before is None or _still({path: before}) != _still({path: now}):
            self.changed.set()

    def due(self, wanted: Collection[str]) -> dict[str, bool]:
        """Which objects should get our finalizer, or lose it, for these to have it and no other.

        Args:
            wanted: the paths of the objects that have something that is to be removed after them.
        """
        due = {}
        for path, one in self.held.items():
            leaves = f"{one.right.resource}.{one.right.group}" in self.leaving
            wants = path in wanted and not leaves
            if wants != one.ours and not (wants and one.deleting):
                due[path] = wants
        return due

    async def change(self, session: aiohttp.ClientSession, due: Mapping[str, bool]) -> dict[str, str]:
        """Put it on objects, or take it off.

        Args:
            session: with the API server.
            due: by path, whether it should be there.

        Returns:
            Why it could not be done, by path. An object that has changed meanwhile is seen again, and tried then.
        """
        failed: dict[str, str] = {}
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(path: str, on: bool) -> None:  # noqa: FBT001 - as it is asked for
            if (held := self.held.get(path)) is None:
                return
            async with limit:
                if why := await changed(session, held, on=on):
                    failed[path] = why

        await asyncio.gather(*(one(path, on) for path, on in due.items()))
        return failed


async def changed(session: aiohttp.ClientSession, held: Held, *, on: bool) -> str:
    """Put our finalizer on an object, or take it off; why that could not be done, or ""."""
    others = [name for name in held.finalizers if name != FINALIZER]
    body = {
        "metadata": {
            "resourceVersion": held.version,
            "finalizers": [*others, FINALIZER] if on else others,
        }
    }
    headers = {"Content-Type": "application/merge-patch+json"}
    async with session.patch(held.where, json=body, headers=headers) as response:
        if response.status in {200, 404, 409}:
            return ""
        if response.status == 403:
            return rights.in_words([held.right], held.where.split("/")[5])
        return f"{response.status} {(await response.text())[:300]}"


def fewer(known: Collection[str], objects: Objects) -> bool:
    """Whether one of those that were known is not there any more, or one that is there is being deleted."""
    found = {_path(definition, one): one["metadata"] for definition, one in objects}
    return bool(set(known) - found.keys()) or any(one.get("deletionTimestamp") for one in found.values())


def _path(definition: Definition, found: Mapping[str, Any]) -> str:
    return path_of(definition, found["metadata"]["namespace"], found["metadata"]["name"])


def _still(held: Mapping[str, Held]) -> dict[str, Held]:
    """Without what moves with everything that is written to an object."""
    return {path: replace(one, version="") for path, one in held.items()}


async def standing(session: aiohttp.ClientSession, definitions: Sequence[Definition]) -> dict[str, str]:
    """What the definitions are by name: their uids, or "" for one that is being removed, or has been.

    Raises:
        PermissionError: that may not be known, and why.
        ClientError: the server does not say.
    """
    async with session.get(DEFINITIONS, headers={"Accept": _ONLY_METADATA}) as response:
        if response.status == 403:
            raise PermissionError(rights.in_words([rights.DEFINED], "the whole cluster"))
        response.raise_for_status()
        there = {
            one["metadata"]["name"]: one["metadata"]["uid"]
            for one in (await response.json())["items"]
            if not one["metadata"].get("deletionTimestamp")
        }
    return {one.name: there.get(one.name, "") for one in definitions}
