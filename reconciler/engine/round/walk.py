"""The third step of a round: carries out what was planned, each instance as soon as it is ready by itself.

What is ready at the same moment goes to its provider together. What depends on something that has changed in this round
is read and planned again right before its own step: what was planned for it before that is of another world. So one
round is enough from nothing to everything.

What is slow is carried out by itself. When nothing else is left to wait for, the round goes on without it
(`engine/round/under_way.py`), and what depends on it waits.

Invariants: nothing is done to a target before its intent is on record. What was applied is looked at before anything
that depends on it is begun, and what comes after something that is not ready waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping

from reconciler.core.frontier import Frontier, StepKind
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.carrying import Carrying
from reconciler.engine.round.concluding import Conclusions
from reconciler.engine.round.deciding import Deciding
from reconciler.engine.round.failures import Failures
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.looking import Look
from reconciler.engine.round.looks import Looks
from reconciler.engine.round.observing import by_package
from reconciler.engine.round.performing import ReadingPerformer
from reconciler.engine.round.refreshing import refreshing
from reconciler.engine.round.services import Services
from reconciler.engine.round.under_way import LongOperation, Slow
from reconciler.engine.round.verdicts import Verdicts
from reconciler.model.conditions import Reason
from reconciler.model.names import Address
from reconciler.model.plan import Action, Cause, PlanUnit
from reconciler.targets.session import Session


class Walk:
    """The applies of one round.

    Args:
        lane: the target, as it is held in memory.
        session: to it.
        services: what the round works with.
        journal: keeps intents and outcomes.
        conclusions: concludes.
        verdicts: concludes where it went well.
        failures: concludes where it did not.
        deciding: says what is to be done.

    Attributes:
        carrying: does it.
        obstructed: what was not done, since something is in its way.
    """

    def __init__(
        self,
        lane: Lane,
        session: Session,
        services: Services,
        *,
        journal: Journal,
        conclusions: Conclusions,
        verdicts: Verdicts,
        failures: Failures,
        deciding: Deciding,
    ) -> None:
        self._lane = lane
        self._services = services
        self._journal = journal
        self._conclusions = conclusions
        self._verdicts = verdicts
        self._failures = failures
        self._deciding = deciding
        self._looks = Looks(lane, session, services)
        self._later: Collection[Address] = ()
        self._causes: set[Cause] = set()
        self._steps: dict[
            asyncio.Task[Mapping[Address, Slow]], tuple[StepKind, Collection[Address], bool]
        ] = {}
        self._slow: dict[Address, Slow] = {}
        self.carrying = Carrying(
            lane,
            session,
            services,
            journal=journal,
            conclusions=conclusions,
            verdicts=verdicts,
            failures=failures,
            looks=self._looks,
        )
        self.obstructed: list[Address] = []

    async def run(
        self, looks: Mapping[Address, Look], performer: ReadingPerformer, later: Collection[Address] = ()
    ) -> Collection[Address]:
        """Conclude about everything that was looked at, and do what is to be done about it, in the graph's order.

        Args:
            looks: what was seen.
            performer: with which it was.
            later: what is to be looked at when it is its turn.

        Returns:
            All that was looked at in the end.
        """
        self._looks.begin(looks, performer)
        self._later = later
        self._expect(looks)
        changing = [a for a, seen in looks.items() if seen.change or self._lane.refreshes.of(a)]
        members = {*looks, *later, *self._lane.declared.notified_by([*changing, *later])}
        frontier = Frontier(self._lane.graph, members, failed=self._conclusions.broken_above(members))
        try:
            while True:
                ready = frontier.take()
                for work, do in ((StepKind.APPLY, self._step), (StepKind.REFRESH, self._refresh)):
                    mine = [step.address for step in ready if step.work is work]
                    for addresses in by_package(self._lane, mine).values():
                        self._begin(do(addresses), work, addresses)
                if not self._steps:
                    break
                for address, work in await self._some_end():
                    if work is StepKind.APPLY and self._may_refresh(address):
                        frontier.refresh(address)
                    elif self._conclusions.passes(address):
                        frontier.done(address)
                    else:
                        frontier.fail(address)
        finally:
            left = [*self._steps, *(carry.task for carry in self._slow.values())]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        unseen = [
            a for a in frontier.blocked if a in later and a not in self._looks and self._deciding.may_look(a)
        ]
        if unseen:
            await self._looks.look(unseen)
        self._wait_for(frontier.blocked)
        return self._looks.keys()

    async def resume(self, ended: Iterable[LongOperation]) -> list[Address]:
        """Conclude what came of operations that outlasted their rounds; returns where that could be done.

        Raises:
            TransportError: the session was lost. A later round concludes the rest.
        """
        concluded: list[Address] = []
        left = list(ended)
        try:
            while left:
                await self._resume(left.pop(0), concluded)
        except BaseException:
            if self._services.under_way is not None:
                for operation in left:
                    self._services.under_way.put(operation)
            raise
        return concluded

    async def _resume(self, operation: LongOperation, concluded: list[Address]) -> None:
        unit, address = operation.unit, operation.unit.address
        self._journal.take_over(operation.run, unit, operation.preimage)
        instance = self._lane.instances.get(address)
        if operation.task.cancelled() or (error := operation.task.exception()) is not None:
            why = "it was cut off" if operation.task.cancelled() else str(error)
            self._journal.outcome(
                address, Reason.PENDING, f"not known what came of it, looked at again: {why}"
            )
        elif instance is None or instance.digest != unit.desired:
            self.carrying.lasting += operation.task.result().lasting
            self._journal.outcome(address, Reason.PENDING, "declared otherwise before it had ended")
        else:
            await self.carrying.conclude(unit, operation.owed, operation.task.result())
            concluded.append(address)

    # --- Steps --------------------------------------------------------------------------------------------------------

    def _begin(
        self,
        step: Coroutine[None, None, Mapping[Address, Slow]],
        work: StepKind,
        addresses: Collection[Address],
        *,
        slow: bool = False,
    ) -> None:
        self._steps[asyncio.create_task(step, name=f"froyo-{work}")] = (work, addresses, slow)

    async def _some_end(self) -> list[tuple[Address, StepKind]]:
        """What has been dealt with, as soon as that is anything; what is slow and outlasts the round is among it."""
        patience = None
        if self._services.under_way is not None and all(slow for _, _, slow in self._steps.values()):
            patience = self._services.settings.slow_patience
        ended, _ = await asyncio.wait(self._steps, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        settled = []
        for task in ended or list(self._steps):
            work, addresses, _ = self._steps[task]
            if not ended and not self._hand_over(*addresses):
                continue
            del self._steps[task]
            slow = task.result() if ended else {}
            task.cancel()
            for address, carry in slow.items():
                self._begin(self._see_through(carry), work, [address], slow=True)
            settled += [(address, work) for address in addresses if address not in slow]
        return settled

    def _hand_over(self, address: Address) -> bool:
        """Have a slow operation outlast the round, if its intent is on record, or wait for one that does."""
        carry = self._slow.get(address)
        if self._services.under_way is None or carry is None or carry.task.done():
            return False
        if not carry.begun and self._deciding.waits_for_lock(carry.unit):
            carry.task.cancel()
            del self._slow[address]
            return True
        if not carry.intended:
            return False
        del self._slow[address]
        run, preimage = self._journal.hand_over(address)
        instance = self._lane.instances[address]
        self._services.under_way.put(
            LongOperation(instance, carry.unit, carry.owed, run, preimage, carry.task)
        )
        self._verdicts.under_way(carry.unit)
        return True

    async def _see_through(self, slow: Slow) -> Mapping[Address, Slow]:
        """Carry out what is slow, and conclude what came of it, unless it outlasts the round."""
        unit = slow.unit
        if unit.action is not Action.REFRESH and not await self.carrying.keep_preimages({unit.address: unit}):
            return {}
        carry = Slow(unit, slow.owed)
        carry.task = asyncio.create_task(self.carrying.carry_alone(carry), name="froyo-slow")
        self._slow[unit.address] = carry
        carried = await asyncio.shield(carry.task)
        del self._slow[unit.address]
        await self.carrying.conclude(unit, slow.owed, carried)
        return {}

    async def _step(self, addresses: Collection[Address]) -> Mapping[Address, Slow]:
        """Do what is to be done about `addresses` of one package, none of which depends on another of them.

        Returns:
            What is still to be done, since it is slow.
        """
        await self._looks.refresh(addresses)
        unseen = [
            a
            for a in addresses
            if a not in self._looks
            and (a in self._later or self._lane.refreshes.of(a))
            and self._deciding.may_look(a)
        ]
        if unseen:
            self._lane.unsettled.add(unseen)
            looks = await self._looks.look(unseen, tell=True)
            self._expect(looks)
        seen = {address: self._looks[address] for address in addresses if address in self._looks}
        self._looks.settle_owed(seen)
        units = {address: self._deciding.decide(address, look) for address, look in seen.items()}
        todo = {
            address: unit
            for address, unit in units.items()
            if unit is not None and not self._obstructed(unit) and not self._deciding.waits_for_lock(unit)
        }
        # What has to wait for others is nobody's round to wait for.
        slow = {
            address: Slow(unit)
            for address, unit in todo.items()
            if unit.operation.slow or self._lane.instances[address].lock
        }
        quick = {address: unit for address, unit in todo.items() if address not in slow}
        if quick:
            await self.carrying.apply(quick)
        return slow

    def _expect(self, looks: Mapping[Address, Look]) -> None:
        """Have the journal know why something will be changed."""
        self._causes |= {unit.cause for seen in looks.values() if (unit := seen.change) is not None}
        self._journal.expect(self._causes)

    def _obstructed(self, unit: PlanUnit) -> bool:
        """Whether something is in the way of a unit, so that it need not be tried to know what comes of it."""
        if not unit.operation.obstacles:
            return False
        self._failures.fail(unit.address, unit.operation.obstacles[0].fault)
        self.obstructed.append(unit.address)
        return True

    # --- Refreshes ----------------------------------------------------------------------------------------------------

    def _may_refresh(self, address: Address) -> bool:
        """Whether an instance is as declared, and is owed a refresh now."""
        seen = self._looks.get(address)
        return (
            seen is not None
            and isinstance(seen.unit, PlanUnit)
            and seen.unit.action is Action.NONE
            and self._deciding.owes(address)
        )

    async def _refresh(self, addresses: Collection[Address]) -> Mapping[Address, Slow]:
        """What refreshing `addresses` takes, each once for all that it is owed for; nobody knows how long that is."""
        todo = {}
        for address in addresses:
            owed = self._lane.refreshes.of(address)
            unit = refreshing(self._lane, self._looks[address].observed, owed)
            if not self._failures.is_vain(unit) and not self._deciding.waits_for_lock(unit):
                todo[address] = Slow(unit, owed)
        return todo

    # --- Order --------------------------------------------------------------------------------------------------------

    def _wait_for(self, blocked: Mapping[Address, Address]) -> None:
        """Conclude about instances that come after a failure: what differs waits, of the rest holds what was seen."""
        for address, culprit in blocked.items():
            if address not in self._looks:
                continue  # it was to be refreshed at most
            if self._deciding.decide(address, self._looks[address]) is not None:
                self._failures.waits(address, culprit)
