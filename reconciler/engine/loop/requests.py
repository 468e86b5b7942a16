"""What people have asked to be looked at, and that nobody has looked at yet.

Invariants: a request is on record until a round that began after it has ended well, whatever happens in between: lost
sessions, further requests, a crash. Requests of one target are merged, so there is at most one record a target.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from reconciler.core.workqueue import Priority
from reconciler.errors import StoreError
from reconciler.model.names import Address, TargetName
from reconciler.model.scope import NOTHING, Scope
from reconciler.store.batch import Batch
from reconciler.store.records import QueuedKey
from reconciler.store.store import Store


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be looked at on one target.

    Attributes:
        scope: the instances.
        at: when that was asked for last, in seconds since the epoch.
    """

    scope: Scope[Address]
    at: float

    def merged(self, other: Request) -> Request:
        """Both."""
        return Request(self.scope | other.scope, max(self.at, other.at))


class Requests:
    """All that is asked for, in memory and in the store.

    Args:
        store: keeps them over a restart.
        now: the wall clock.
    """

    def __init__(self, store: Store, *, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._open: dict[TargetName, Request] = {}

    async def load(self, ours: Callable[[TargetName], bool]) -> list[TargetName]:
        """Read those from the store that are about targets that are ours; the targets of those that are new."""
        new = []
        for key in await self._store.load_queue():
            known = self._open.get(key.target)
            if ours(key.target) and (known is None or known.at != key.added_at):
                request = Request(key.scope, key.added_at)
                self._open[key.target] = request if known is None else known.merged(request)
                new.append(key.target)
        return new

    def leave(self, ours: Callable[[TargetName], bool]) -> None:
        """What is asked for on targets that are not ours any more is another controller's to grant."""
        self._open = {name: request for name, request in self._open.items() if ours(name)}

    def get(self, name: TargetName) -> Request | None:
        """What is asked for on a target, if anything is."""
        return self._open.get(name)

    async def put(
        self, wanted: Mapping[TargetName, Scope[Address]], *, theirs: Collection[TargetName] = ()
    ) -> None:
        """Add requests. They hold from the call on, and are on record when it returns.

        Args:
            wanted: what is to be looked at.
            theirs: the targets that another controller works on, which finds on record what is asked of it.

        Raises:
            StoreError: they are not on record; they hold all the same, as long as this controller lives.
        """
        batch = Batch()
        there = {key.target: key.scope for key in await self._store.load_queue()} if theirs else {}
        for name, scope in wanted.items():
            request = Request(scope, self._now())
            if name in theirs:
                request = Request(scope | there.get(name, NOTHING), request.at)
            else:
                known = self._open.get(name)
                self._open[name] = request = request if known is None else known.merged(request)
            key = QueuedKey(target=name, priority=Priority.USER, scope=request.scope, added_at=request.at)
            batch.enqueue(key)
        await self._store.write(batch)

    async def grant(self, name: TargetName, request: Request) -> None:
        """`request` has been granted; what was added to it meanwhile has not.

        Raises:
            StoreError: it is still on record, and holds on.
        """
        if self._open.get(name) is request:
            await self._drop([name])

    async def keep_only(self, names: Collection[TargetName]) -> None:
        """Drop the requests about all other targets.

        Raises:
            StoreError: they are still on record, and hold on.
        """
        await self._drop([name for name in self._open if name not in names])

    async def _drop(self, names: Collection[TargetName]) -> None:
        dropped = {name: self._open.pop(name) for name in names}
        batch = Batch()
        for name, request in dropped.items():
            batch.dequeue(name, up_to=request.at)
        try:
            await self._store.write(batch)
        except StoreError:
            for name, request in dropped.items():
                self._open[name] = request if name not in self._open else self._open[name].merged(request)
            raise
