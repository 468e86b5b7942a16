"""Hearing what other controllers have put on record of their targets, and telling who follows here.

Invariant: as little of the time goes into it as `SPARING` says, however much there is to read: it is read as a whole.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.engine.loop.controller import Controller
from reconciler.store.store import Store

OTHERS = 2.0
"""Seconds between two looks at what others know, at least."""
SPARING = 20.0
"""So many times as long as such a look takes it is until the next one."""


class LookingAtOthers:
    """See the module.

    Args:
        store: that is shared.
        controller: keeps what others know.
        loop_time: the event loop's clock.

    Attributes:
        stale: whether anything has been written since the last look.
    """

    def __init__(self, store: Store, controller: Controller, *, loop_time: Callable[[], float]) -> None:
        self.stale = True
        self._store = store
        self._controller = controller
        self._time = loop_time
        self._next = 0.0

    async def look(self) -> None:
        """Look, where there is something to see, and not too soon."""
        if not self.stale or self._time() < self._next:
            return
        self.stale, begun = False, self._time()
        moved = await self._controller.look_at_others()
        self._next = self._time() + max(OTHERS, SPARING * (self._time() - begun))
        if moved:
            newest = await self._store.events(limit=1)
            self._store.feed.hear(newest[-1].id if newest else 0, moved)
