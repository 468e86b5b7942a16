"""Whose word counts for all that share a store, and what follows from coming to lead.

Invariants: who leads serves all that was served before anything counts as served no longer. What an earlier leader had
in force stays so until all that this one serves has had time to be heard of.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Protocol

from reconciler.app.leading import LEASE
from reconciler.engine.loop.controller import Controller
from reconciler.errors import LeaseHeld
from reconciler.model.names import SourceName
from reconciler.store.batch import Batch
from reconciler.store.sharing import Sharing
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

SETTLED = 60.0
"""Seconds after which who leads has heard of all that it serves."""


class Served(Protocol):
    """The sources of a controller."""

    @property
    def intakes(self) -> Mapping[SourceName, object]:
        """The path from each to the loop."""

    async def take_over(self) -> None:
        """Serve what is declared to be served in what is in force already."""


class Leadership:
    """One controller's.

    Args:
        store: that is shared.
        controller: works on what is ours.
        sources: what this one serves, where it leads.
        patience: seconds for which nobody may lead before it is done here, although somebody holds the lease.
        loop_time: the event loop's clock.
    """

    def __init__(
        self,
        store: Store,
        controller: Controller,
        sources: Served,
        *,
        patience: float,
        loop_time: Callable[[], float],
    ) -> None:
        self._store = store
        self._controller = controller
        self._share = controller.share
        self._sources = sources
        self._patience = patience
        self._time = loop_time
        self._unled: float | None = None
        self._since = 0.0
        self._has_taken_over = False

    async def see(self, seen: Sharing, lead: Callable[[], None]) -> None:
        """Lead, where nobody does.

        Args:
            seen: who is there.
            lead: has what is served decided here.

        Raises:
            StoreError: it could not be done in full. It is to be tried again.
        """
        if self._share.leads or seen.led:
            self._unled = None
            if self._share.leads and not self._has_taken_over:
                await self._take_over()
            return
        now = self._time()
        self._unled = now if self._unled is None else self._unled
        if seen.lease is not None and seen.lease.locked and now - self._unled < self._patience:
            return
        with contextlib.suppress(LeaseHeld):  # another one was faster
            await self._store.membership.lead(LEASE)
            log.info("this controller leads: it decides what is in force")
            self._share.leads = True
            self._since = now
            lead()
            await self._take_over()

    async def _take_over(self) -> None:
        # Until it has been done in full: what is not served counts as served no longer, once all has been heard of.
        await self._sources.take_over()
        self._has_taken_over = True

    async def forget_others(self) -> None:
        """What an earlier leader had in force and nobody serves any more is so no longer."""
        submissions, served = self._controller.submissions, self._sources.intakes
        if self._time() - self._since < SETTLED or not served:
            return  # namespaces of a cluster, for one, appear one by one
        if submissions.unread.intersection(served):
            return
        for source in submissions.in_force.sources.keys() - {*served}:
            await submissions.drop(source)
        for one in await self._store.load_decisions():
            if one.source not in served:
                await self._store.write(Batch().undecide(one.source))
