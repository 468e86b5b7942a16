"""A controller's part in sharing a store: it shows that it lives, takes what is its, and gives what is another one's.

Invariants: who is taken for dead has been silent for `SILENCE`; where a server was restarted, all have been, for less.
Whatever could not be asked of the store is asked once more, from the beginning, and soon: silence counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from reconciler.app.assembly import Parts
from reconciler.app.isolating import isolated
from reconciler.app.sharing.following import Following
from reconciler.app.sharing.leadership import Leadership, Served
from reconciler.app.sharing.looking import LookingAtOthers
from reconciler.app.sharing.shards import OwnShards
from reconciler.app.sources import Sources
from reconciler.core.sharing import Silence
from reconciler.engine.intake.evaluating import Load
from reconciler.engine.loop.controller import Controller
from reconciler.engine.loop.supervisor import Supervisor
from reconciler.errors import LeaseLost, StoreError
from reconciler.model.names import SourceName
from reconciler.runtime import tick
from reconciler.store.sharing import Member, Sharing
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

PULSE = 0.5
"""Seconds between two looks at who is there."""
SILENCE = 6.0
"""Seconds without a sign after which a member is dead."""


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


class SharedWork:
    """See the module.

    Args:
        store: that was joined.
        us: which member this is.
        controller: works on what is ours.
        following: puts in force what another one has decided on.
        sources: what this one serves, where it decides.
        beat: told that it lives.

    Attributes:
        members: how many there are.
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
        self.members = 1
        self._membership = store.membership
        self._us = us.number
        self._controller = controller
        self._following = following
        self._beat = beat
        self._silence = Silence(SILENCE)
        self._leadership = Leadership(store, controller, sources, patience=SILENCE, loop_time=self._time)
        self._shards = OwnShards(us.number, store.membership, controller)
        self._others = LookingAtOthers(store, controller, loop_time=self._time)
        self._trouble = ""
        self._anew = True
        self._written = -1

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
            await self._shards.close()

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
            self._anew = True
            self._following.again()
        else:
            self._trouble = ""
            self._beat()

    async def _pulse(self, lead: Callable[[], None]) -> None:
        await self._membership.hold()
        seen = await self._membership.look()
        if await self._bury(seen):
            seen = await self._membership.look()
        self.members = len(seen.members)
        await self._leadership.see(seen, lead)
        await self._shards.share_out(seen)
        follows = not self._controller.share.leads
        if seen.written != self._written or self._unsettled:
            self._others.stale = True
            await self._controller.catch_up()
            if not follows:
                await self._leadership.forget_others()
        if follows and (seen.written != self._written or self._following.unsettled):
            await self._following.look()
        if self._unsettled:
            self._anew = self._shards.moved = False
            await self._controller.submissions.take_again()
        self._written = seen.written
        await self._others.look()

    @property
    def _unsettled(self) -> bool:
        """Whether what follows from what is in force has to be seen once more, whatever was written."""
        return self._anew or self._shards.moved

    async def _bury(self, seen: Sharing) -> bool:
        """Have members leave that have shown no sign for long; whether any has."""
        silent = {one.number for one in seen.members} - seen.living - {self._us}
        dead = self._silence.dead(silent, now=self._time())
        gone = await self._membership.evict(dead) if dead else ()
        for number in gone:
            holder = next(one.holder for one in seen.members if one.number == number)
            log.warning(
                "a controller is gone, and its targets are shared out", host=holder.host, pid=holder.pid
            )
        return bool(gone)

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()
