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
from reconciler.model.scope import Scope
from reconciler.store.batch import Batch
from reconciler.store.records import QueuedKey
from reconciler.store.store import Store


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be looked at on one target.

    Attributes:
        scope: the instances.
    """

    scope: Scope[Address]

    def merged(self, other: Request) -> Request:
        """Both."""
        return Request(self.scope | other.scope)


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

    async def load(self) -> None:
        """Read them from the store."""
        self._open = {key.target: Request(key.scope) for key in await self._store.load_queue()}

    def get(self, name: TargetName) -> Request | None:
        """What is asked for on a target, if anything is."""
        return self._open.get(name)

    async def put(self, wanted: Mapping[TargetName, Scope[Address]]) -> None:
        """Add requests. They hold from the call on, and are on record when it returns.

        Raises:
            StoreError: they are not on record; they hold all the same, as long as this controller lives.
        """
        batch = Batch()
        for name, scope in wanted.items():
            request = Request(scope)
            known = self._open.get(name)
            self._open[name] = request = request if known is None else known.merged(request)
            key = QueuedKey(target=name, priority=Priority.USER, scope=request.scope, added_at=self._now())
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
        for name in dropped:
            batch.dequeue(name)
        try:
            await self._store.write(batch)
        except StoreError:
            for name, request in dropped.items():
                self._open[name] = request if name not in self._open else self._open[name].merged(request)
            raise
