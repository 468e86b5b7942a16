"""A controller's parts of the targets: those are taken that nobody has, and given away that are to be another one's.

Invariant: nothing is begun on a target before its shard is ours on record, and nothing is given before all on it has
ended. One is given after the other: what is given may be ours again by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from reconciler.core.sharing import shared_out
from reconciler.engine.loop.controller import Controller
from reconciler.errors import StoreError
from reconciler.store.sharing import Sharing
from reconciler.store.sharing.membership import Membership
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

HAND_OVER = 10.0
"""Seconds that rounds get to end on targets that another one is to have."""


class OwnShards:
    """See the module.

    Args:
        us: the number of this member.
        membership: says on record what is whose.
        controller: works on what is ours.

    Attributes:
        moved: whether other targets are ours than when it was last seen what follows from what is in force.
    """

    def __init__(self, us: int, membership: Membership, controller: Controller) -> None:
        self.moved = False
        self._us = us
        self._membership = membership
        self._controller = controller
        self._giving: asyncio.Task[None] | None = None

    async def share_out(self, seen: Sharing) -> None:
        """Come closer to having what is to be ours, as all see it who see the same members.

        Raises:
            StoreError: it could not be done in full. It is to be tried again.
        """
        if self._giving is not None:
            if not self._giving.done():
                return
            self._giving = None
            seen = await self._membership.look()  # what was given meanwhile is not ours
        members, share = {one.number for one in seen.members}, self._controller.share
        wanted = {shard for shard, owner in shared_out(members).items() if owner == self._us}
        mine = {shard for shard, lease in seen.shards.items() if lease.member == self._us}
        if mine - wanted:
            self._giving = asyncio.create_task(self._give(mine - wanted), name="give up targets")
        free = {s for s in wanted - mine if s not in seen.shards or seen.shards[s].member not in members}
        got = await self._membership.take(free) if free else ()
        if lost := share.shards - mine - {*got}:
            log.error("parts of the targets are another one's on record; this is a defect", shards=len(lost))
            await self._controller.give_up(lost, grace=0.0)
        new = ((mine & wanted) | {*got}) - share.shards
        if new:
            await self._controller.take_up(new)
            self.moved = True

    async def _give(self, given: Collection[int]) -> None:
        try:
            await self._controller.give_up(given, grace=HAND_OVER)
            await self._membership.give(given)
        except StoreError as error:
            log.warning("targets could not be given away", why=str(error))
        self.moved = True

    async def close(self) -> None:
        """Give nothing any more: who ends leaves all of it."""
        if self._giving is not None:
            self._giving.cancel()
            await asyncio.gather(self._giving, return_exceptions=True)
