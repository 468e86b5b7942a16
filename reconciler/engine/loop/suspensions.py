"""What people want left alone for a while, in memory and in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from reconciler.model.names import Address
from reconciler.model.resource import Instance
from reconciler.model.state import Suspension, covers
from reconciler.store.batch import Batch
from reconciler.store.store import Store

BY_MANIFEST = "its manifest"
"""Who has suspended what its manifest wants left alone."""


class Suspensions:
    """All suspensions. One that has passed its time holds nothing any more.

    Args:
        store: keeps them over a restart.
        now: the wall clock.
    """

    def __init__(self, store: Store, *, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._known: dict[str, Suspension] = {}
        self._declared: dict[str, Suspension] = {}

    async def load(self) -> None:
        """Read them from the store."""
        self._known = {suspension.object: suspension for suspension in await self._store.load_suspensions()}

    @property
    def on_record(self) -> Mapping[str, Suspension]:
        """What people have put there, by what it is of."""
        return self._known

    def declare(self, instances: Iterable[Instance]) -> list[str]:
        """What manifests want left alone from now on; the objects of which that is something else than before.

        What is to go is no concern of theirs any more.
        """
        now, declared = self._now(), dict[str, Suspension]()
        for one in instances:
            if (wanted := one.common.suspend) is not None and one.removal is None:
                suspension = Suspension(
                    object=one.address, by=BY_MANIFEST, reason=wanted.reason, since=now, until=wanted.until
                )
                known = self._declared.get(one.address)
                if known is not None and replace(suspension, since=known.since) == known:
                    suspension = known
                declared[one.address] = suspension
        before, self._declared = self._declared, declared
        return [name for name in {**before, **declared} if before.get(name) != declared.get(name)]

    async def put(self, suspension: Suspension, batch: Batch | None = None) -> None:
        """Add one, or replace the one of the same object; what is in `batch` is written with it, or neither is."""
        await self._store.write((batch or Batch()).suspend(suspension))
        self._known[suspension.object] = suspension

    async def remove(self, object_: str) -> bool:
        """Remove one; whether it was there."""
        await self._store.write(Batch().resume(object_))
        return self._known.pop(object_, None) is not None

    def holding(self, address: Address) -> Suspension | None:
        """Why `address` is to be left alone right now, or None; of several suspensions, that which covers most."""
        found = [suspension for suspension in self.all() if covers(suspension.object, address)]
        return min(found, key=lambda one: (one.object == address, one.object.count("/")), default=None)

    def all(self) -> list[Suspension]:
        """Those that hold something right now."""
        now = self._now()
        every = [*self._known.values(), *self._declared.values()]
        return [s for s in every if s.until is None or s.until > now]

    def of(self, object_: str) -> list[Suspension]:
        """Those of just this object that hold right now."""
        return [one for one in self.all() if one.object == object_]
