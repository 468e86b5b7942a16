"""A controller's part in sharing a store: it shows that it lives, takes what is its, and gives what is another one's.

Invariants: nothing is begun on a target before its shard is ours on record, and nothing is given before all on it has
ended. Who is taken for dead has been silent for `SILENCE`; where a server was restarted, all have been, for less.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Protocol

from reconciler.app.assembly import Parts
from reconciler.app.following import Following
from reconciler.app.isolating import isolated
from reconciler.app.leading import LEASE
from reconciler.app.sources import Sources
from reconciler.core.sharing import shared_out
from reconciler.engine.intake.evaluating import Load
from reconciler.engine.loop.controller import Controller
from reconciler.engine.loop.supervisor import Supervisor
from reconciler.errors import LeaseHeld, LeaseLost, StoreError
from reconciler.model.names import SourceName
from reconciler.runtime import tick
from reconciler.store.batch import Batch
from reconciler.store.sharing import Member, Sharing
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

PULSE = 0.5
"""Seconds between two looks at who is there."""
SILENCE = 6.0
"""Seconds without a sign after which a member is dead."""
HAND_OVER = 10.0
"""Seconds that rounds get to end on targets that another one is to have."""
SETTLED = 60.0
"""Seconds after which who leads has heard of all that it serves."""
OTHERS = 2.0
"""Seconds between two looks at what others know, at least: it is read as a whole."""
SPARING = 20.0
"""So many times as long as such a look takes it is until the next one."""


def shared_work(
    parts: Parts,
    us: Member,
    controller: Controller,
    sources: Sources,
    supervisor: Supervisor,
    *,
    isolates: Callable[[SourceName], bool] | None,
) -> SharedWork:
    """The part of a daemon that has joined others.

    Args:
        parts: what it is made of.
        us: which member it is.
        controller: works on what is its.
        sources: what it serves, where it decides.
        supervisor: is told that it lives.
        isolates: of an operator, whether a source is a namespace that is not trusted; None for who is none.
    """
    if isolates is not None:
        sources.in_cluster()

    def load_of(name: SourceName) -> Load:
        return isolated(parts.load) if isolates is not None and isolates(name) else parts.load

    following = Following(
        parts.store, parts.runtime, controller, load_of=load_of, taken=sources.let_go_of_references
    )
    sources.read_anew = following.again
    return SharedWork(
        parts.store,
        us,
        controller,
        following,
        sources=sources,
        beat=partial(supervisor.beat, "sharing"),
    )


class Served(Protocol):
    """The sources of a controller."""

    @property
    def intakes(self) -> Mapping[SourceName, object]:
        """The path from each to the loop."""

    async def take_over(self) -> None:
        """Serve what is declared to be served in what is in force already."""


class SharedWork:
    """See the module.

    Args:
        store: that was joined.
        us: which member this is.
        controller: works on what is ours.
        following: puts in force what another one has decided on.
        sources: what this one serves, where it decides.
        beat: told that it lives.
    """

    def __init__(
        self,
        store: Store,
        us: Member,
        controller: Controller,
        following: Following,
        *,
        sources: Served,
        beat: Callable[[], None],
    ) -> None:
        self._store = store
        self._us = us.number
        self._controller = controller
        self._share = controller.share
        self._following = following
        self._sources = sources
        self._beat = beat
        self.members = 1
        """How many there are."""
        self._trouble = ""
        self._silent: dict[int, float] = {}
        self._unled: float | None = None
        self._led_since = 0.0
        self._has_taken_over = False
        self._giving: asyncio.Task[None] | None = None
        self._written = -1
        self._unsettled = True
        self._next_look = 0.0
        self._stale = True

    async def run(self, lead: Callable[[], None]) -> None:
        """Go on for ever.

        Args:
            lead: has what is served decided here, once that falls to this one.
        """
        try:
            while True:
                await self._try(lead)
                await tick(PULSE)
        finally:
            if self._giving is not None:
                self._giving.cancel()
                await asyncio.gather(self._giving, return_exceptions=True)

    async def _try(self, lead: Callable[[], None]) -> None:
        # Not left to who starts it again, with growing pauses: once there is a server again, silence counts.
        try:
            await self._pulse(lead)
        except LeaseLost:
            raise
        except StoreError as error:
            if str(error) != self._trouble:
                log.warning("the store cannot be asked who shares it", why=str(error))
            self._trouble = str(error)
            # Whatever it was at is done once more, from the beginning.
            self._unsettled = True
            self._following.again()
        else:
            self._trouble = ""
            self._beat()

    async def _pulse(self, lead: Callable[[], None]) -> None:
        membership = self._store.membership
        await membership.hold()
        seen = await membership.look()
        if await self._bury(seen):
            seen = await membership.look()
        self.members = len(seen.members)
        await self._see_who_leads(seen, lead)
        await self._share_out(seen)
        follows = not self._share.leads
        if seen.written != self._written or self._unsettled:
            self._stale = True
            await self._controller.catch_up()
            if not follows:
                await self._forget_others()
        if follows and (seen.written != self._written or self._following.unsettled):
            await self._following.look()
        if self._unsettled:
            self._unsettled = False
            await self._controller.submissions.take_again()
        self._written = seen.written
        await self._look_at_others()

    # --- Who is there -------------------------------------------------------------------------------------------------

    async def _bury(self, seen: Sharing) -> bool:
        """Have members leave that have shown no sign for long; whether any has."""
        now = self._time()
        silent = {one.number for one in seen.members} - seen.living - {self._us}
        self._silent = {number: self._silent.get(number, now) for number in silent}
        dead = [number for number, since in self._silent.items() if now - since >= SILENCE]
        gone = await self._store.membership.evict(dead) if dead else ()
        for number in gone:
            holder = next(one.holder for one in seen.members if one.number == number)
            log.warning(
                "a controller is gone, and its targets are shared out", host=holder.host, pid=holder.pid
            )
        return bool(gone)

    async def _see_who_leads(self, seen: Sharing, lead: Callable[[], None]) -> None:
        """Lead, where nobody does."""
        if self._share.leads or seen.led:
            self._unled = None
            if self._share.leads and not self._has_taken_over:
                await self._take_over()
            return
        now = self._time()
        self._unled = now if self._unled is None else self._unled
        if seen.lease is not None and seen.lease.locked and now - self._unled < SILENCE:
            return
        with contextlib.suppress(LeaseHeld):  # another one was faster
            await self._store.membership.lead(LEASE)
            log.info("this controller leads: it decides what is in force")
            self._share.leads = True
            self._led_since = now
            lead()
            await self._take_over()

    async def _take_over(self) -> None:
        # Until it has been done in full: what is not served counts as served no longer, once all has been heard of.
        await self._sources.take_over()
        self._has_taken_over = True

    # --- Who has what -------------------------------------------------------------------------------------------------

    async def _share_out(self, seen: Sharing) -> None:
        if self._giving is not None:
            if not self._giving.done():
                return  # one after the other: what is given may be ours again by then
            self._giving = None
            seen = await self._store.membership.look()  # what was given meanwhile is not ours
        members = {one.number for one in seen.members}
        wanted = {shard for shard, owner in shared_out(members).items() if owner == self._us}
        mine = {shard for shard, lease in seen.shards.items() if lease.member == self._us}
        if mine - wanted:
            self._giving = asyncio.create_task(self._give(mine - wanted), name="give up targets")
        free = {s for s in wanted - mine if s not in seen.shards or seen.shards[s].member not in members}
        got = await self._store.membership.take(free) if free else ()
        if lost := self._share.shards - mine - {*got}:
            log.error("parts of the targets are another one's on record; this is a defect", shards=len(lost))
            await self._controller.give_up(lost, grace=0.0)
        new = ((mine & wanted) | {*got}) - self._share.shards
        if new:
            await self._controller.take_up(new)
            self._unsettled = True

    async def _give(self, given: Collection[int]) -> None:
        try:
            await self._controller.give_up(given, grace=HAND_OVER)
            await self._store.membership.give(given)
        except StoreError as error:
            log.warning("targets could not be given away", why=str(error))
        self._unsettled = True

    # --- What others say ----------------------------------------------------------------------------------------------

    async def _forget_others(self) -> None:
        """What an earlier leader had in force and nobody serves any more is so no longer."""
        controller, served = self._controller, self._sources.intakes
        if self._time() - self._led_since < SETTLED or not served:
            return  # namespaces of a cluster, for one, appear one by one
        if controller.submissions.unread.intersection(served):
            return
        for source in controller.in_force.sources.keys() - {*served}:
            await controller.submissions.drop(source)
        for one in await self._store.load_decisions():
            if one.source not in served:
                await self._store.write(Batch().undecide(one.source))

    async def _look_at_others(self) -> None:
        """Hear what others have put on record, and tell who follows here."""
        if not self._stale or self._time() < self._next_look:
            return
        self._stale, begun = False, self._time()
        moved = await self._controller.look_at_others()
        self._next_look = self._time() + max(OTHERS, SPARING * (self._time() - begun))
        if moved:
            newest = await self._store.events(limit=1)
            self._store.feed.hear(newest[-1].id if newest else 0, moved)

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()
