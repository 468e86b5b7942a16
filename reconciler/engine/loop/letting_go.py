"""Ends what the loop has of targets that it works on no more: sessions, waiting looks, and what is known of them.

Invariants: when this returns nothing is under way on them. What others have on record there, sources that are not in
force or controllers that share the store, stays there.
"""

from __future__ import annotations

import asyncio

from reconciler.engine.loop.holdings import Holdings
from reconciler.model.names import TargetName


class LettingGo:
    """See the module.

    Args:
        holdings: all that the loop has of targets.
    """

    def __init__(self, holdings: Holdings) -> None:
        self._has = holdings

    async def undeclared(self) -> None:
        """Forget the targets on which nothing is declared or to go; what other sources have on record stays there."""
        has, wanted = self._has, self._has.in_force.targets
        for name in has.lanes.undeclared(wanted):
            await has.sessions.drop(name)
            self._let_be(name)
            await has.workers.drop(name)
            await has.lanes.drop(name)
        others = has.lanes.shared()
        known = {*has.gathering.targets, *has.disruptions.targets}
        others |= {name for name in known if not has.share.has(name)}
        has.gathering.keep_only(wanted, others)
        has.reachability.keep_only(wanted, others)
        has.disruptions.keep_only(wanted.keys() | others)
        await has.requests.keep_only(wanted.keys() | others)
        await has.lanes.forget(wanted)

    async def of_others(self, *, grace: float) -> None:
        """Work no more on targets that are not ours any more; rounds get `grace` seconds to end.

        Raises:
            StoreError: something is not on record yet that has to be. It is to be tried again.
        """
        has, ours = self._has, self._has.share.has
        names = [name for name in has.lanes.undeclared(()) if not ours(name)]
        await asyncio.gather(*(has.workers.leave(name, grace=grace) for name in names))
        for name in names:
            await has.under_way.close(name)
            await has.sessions.drop(name)
            self._let_be(name)
            await has.lanes.drop(name)
        has.lanes.leave(ours)
        has.requests.leave(ours)
        await has.reachability.leave(ours)

    def _let_be(self, name: TargetName) -> None:
        """Ask nothing of a target any more, and expect nothing of it."""
        self._has.lanes.withdraw(name)
        self._has.reachability.let_be(name)
        self._has.rounds.looked_at.pop(name, None)
        self._has.probes.keep_only(name, ())
