"""The steps of a walk that are under way, each a task: what has ended of them, and what goes on without the round.

Invariant: whoever waits here waits for something that ends by itself. When only what is slow is left, each operation
whose intents are on record outlasts the round, or waits for the lock of one that does; where nothing may, they are
waited for. This module must not know in which order steps are begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import dataclass

from reconciler.core.frontier import StepKind
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.carrying import Carrying
from reconciler.engine.round.deciding import Deciding
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.services import Services
from reconciler.engine.round.under_way import LongOperation, Slow
from reconciler.engine.round.verdicts import Verdicts
from reconciler.model.names import Address


@dataclass(frozen=True, slots=True)
class _Begun:
    """A step.

    Attributes:
        work: what is done.
        addresses: about what.
        slow: the operation, where it is one that may outlast the round.
    """

    work: StepKind
    addresses: Collection[Address]
    slow: Slow | None = None


class Steps:
    """Those of one walk; false where none is under way.

    Args:
        lane: the target, as it is held in memory.
        services: what the round works with.
        journal: keeps intents and outcomes.
        verdicts: says of what outlasts the round that it does.
        deciding: says what has to wait for a lock.
        carrying: carries out what is slow.
    """

    def __init__(
        self,
        lane: Lane,
        services: Services,
        *,
        journal: Journal,
        verdicts: Verdicts,
        deciding: Deciding,
        carrying: Carrying,
    ) -> None:
        self._lane = lane
        self._services = services
        self._journal = journal
        self._verdicts = verdicts
        self._deciding = deciding
        self._carrying = carrying
        self._begun: dict[asyncio.Task[list[Slow]], _Begun] = {}

    def __bool__(self) -> bool:
        return bool(self._begun)

    def begin(
        self, step: Coroutine[None, None, list[Slow]], work: StepKind, addresses: Collection[Address]
    ) -> None:
        """Begin a step.

        Args:
            step: does what is quick, and returns what is slow and still to be done.
            work: what that is.
            addresses: about what.
        """
        self._begin(step, _Begun(work, addresses))

    def _begin(self, step: Coroutine[None, None, list[Slow]], begun: _Begun) -> None:
        self._begun[asyncio.create_task(step, name=f"froyo-{begun.work}")] = begun

    async def some_end(self) -> list[tuple[Address, StepKind]]:
        """What has been dealt with, as soon as that is anything; what is slow and outlasts the round is among it."""
        patience = None
        if self._services.under_way is not None and all(one.slow for one in self._begun.values()):
            patience = self._services.settings.slow_patience
        ended, _ = await asyncio.wait(self._begun, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        settled = []
        for task in ended or list(self._begun):
            begun = self._begun[task]
            if not ended and not (begun.slow is not None and self._hand_over(begun.slow)):
                continue
            del self._begun[task]
            slow = task.result() if ended else []
            task.cancel()
            left = {address for one in slow for address in one.units}
            for one in slow:
                self._begin(self._see_through(one), _Begun(begun.work, list(one.units), one))
            settled += [(address, begun.work) for address in begun.addresses if address not in left]
        return settled

    async def close(self) -> None:
        """End what is under way, because the round ends."""
        tasks: list[asyncio.Task[object]] = [*self._begun]
        tasks += [one.slow.task for one in self._begun.values() if one.slow and one.slow.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hand_over(self, slow: Slow) -> bool:
        """Have a slow operation outlast the round, if its intents are on record, or wait for one that does."""
        if self._services.under_way is None or slow.task is None or slow.task.done():
            return False
        if not slow.begun and all(self._deciding.waits_for_lock(unit) for unit in slow.units.values()):
            slow.task.cancel()
            return True
        if not slow.intended:
            return False
        tally, preimages = self._journal.hand_over(slow.units)
        instances = {address: self._lane.instances[address] for address in slow.units}
        self._services.under_way.put(
            LongOperation(instances, slow.units, slow.owed, tally, preimages, slow.task)
        )
        for unit in slow.units.values():
            self._verdicts.under_way(unit)
        return True

    async def _see_through(self, slow: Slow) -> list[Slow]:
        """Carry out what is slow, and conclude what came of it, unless it outlasts the round."""
        if not slow.owed:
            slow.units = await self._carrying.keep_preimages(slow.units)
        if slow.units:
            slow.task = asyncio.create_task(self._carrying.carry_alone(slow), name="froyo-slow")
            carried = await asyncio.shield(slow.task)
            await self._carrying.conclude(slow.units, slow.owed, carried)
        return []
