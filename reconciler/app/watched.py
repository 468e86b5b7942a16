"""A place that is watched, of whatever sort: what it yields, and what can be asked of it or written there besides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.model.names import Digest
from reconciler.model.source import Snapshot, SourceReport

if TYPE_CHECKING:
    from reconciler.app.mending import Apart
    from watchers.kubernetes.objects import SeenObject
    from watchers.kubernetes.posting import Notice

Doubt = Callable[[str, str], Awaitable[str]]


class Objects(Protocol):
    """The objects of a source, and where what is concluded about them is written.

    Attributes:
        news: set whenever something else is known of an object than before.
    """

    news: asyncio.Event

    @property
    def seen(self) -> Mapping[str, SeenObject]:
        """The objects as they were seen last, by path."""

    def generation(self, path: str, digest: Digest) -> int | None:
        """The generation of an object when it was that, as far as it has been seen."""

    async def write(self, statuses: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        """Write statuses, by path; gives why it could not, by path."""

    async def post(self, notices: Sequence[Notice]) -> str:
        """Tell of what has happened to them; gives why it could not."""

    @property
    def more_to_post(self) -> bool:
        """Whether there is more of that to be told when its time has come."""


@dataclass(frozen=True, slots=True)
class Finalizing:
    """The finalizers of a source's objects.

    Attributes:
        changed: set whenever the objects are others.
        due: gives what is to be done for these objects to have it, and no other.
        change: does that; gives why it could not, by path.
    """

    changed: asyncio.Event
    due: Callable[[set[str]], Mapping[str, bool]]
    change: Callable[[Mapping[str, bool]], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class WatchedPlace:
    """A place that is watched.

    Attributes:
        snapshots: what it yields, whenever it is begun anew.
        deadline: gives the seconds of silence after which its watcher is dead.
        doubt: says why a revision may not mean what it leaves out compared with an earlier one; None where nothing
            but the two of them could say so.
        remote: what it is may be long in coming, or never come: what was in force is to be so meanwhile.
        sooner: has it look soon.
        apart: what is known of its files, where they are written apart from each other, so that one that is wrong
            holds up no other.
        objects: what it has, where it is told how they are.
        named: gives a revision that a person names, be it that it never was meant; None where there are none. Raises
            UsageError.
        finalizing: with what its objects are kept until what they were about has been removed; None where they go at
            once.
    """

    snapshots: Callable[[], AsyncIterator[Snapshot | SourceReport]]
    deadline: Callable[[], float]
    doubt: Doubt | None = None
    remote: bool = False
    sooner: Callable[[], None] = lambda: None
    apart: Apart | None = None
    objects: Objects | None = None
    named: Callable[[str], Awaitable[Snapshot]] | None = None
    finalizing: Finalizing | None = None
