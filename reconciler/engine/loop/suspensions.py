"""What people want left alone for a while, in memory and in the store."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.model.names import Address
from reconciler.model.state import Suspension, covers
from reconciler.store.batch import Batch
from reconciler.store.store import Store


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

    async def load(self) -> None:
        """Read them from the store."""
        self._known = {suspension.object: suspension for suspension in await self._store.load_suspensions()}

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
        return [s for s in self._known.values() if s.until is None or s.until > now]
