"""The third step of a round: carries out what was planned, each instance as soon as it is ready by itself.

What is ready at the same moment goes to its provider together. What depends on something that has changed in this round
is read and planned again right before its own step: what was planned for it before that is of another world. So one
round is enough from nothing to everything.

What is slow is carried out by itself. When nothing else is left to wait for, the round goes on without it
(`engine/round/steps.py`), and what depends on it waits.

Invariants: nothing is done to a target before its intent is on record. What was applied is looked at before anything
that depends on it is begun, and what comes after something that is not ready waits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

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
from reconciler.engine.round.steps import Steps
from reconciler.engine.round.under_way import Slow, slow_of
from reconciler.model.names import Address
from reconciler.model.plan import Action, Cause, PlanUnit


class Walk:
    """The applies of one round.

    Args:
        lane: the target, as it is held in memory.
        journal: keeps intents and outcomes.
        conclusions: concludes.
        failures: concludes where it did not go well.
        deciding: says what is to be done.
        carrying: does it.
        looks: what is seen of each instance.
        steps: those that are under way; none yet.

    Attributes:
        obstructed: what was not done, since something is in its way.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        journal: Journal,
        conclusions: Conclusions,
        failures: Failures,
        deciding: Deciding,
        carrying: Carrying,
        looks: Looks,
        steps: Steps,
    ) -> None:
        self._lane = lane
        self._journal = journal
        self._conclusions = conclusions
        self._failures = failures
        self._deciding = deciding
        self._carrying = carrying
        self._looks = looks
        self._probing = looks.probing
        self._steps = steps
        self._later: Collection[Address] = ()
        self._causes: set[Cause] = set()
        self.obstructed: list[Address] = []

    @property
    def left(self) -> list[Address]:
        """What this has made worth a look, and has not looked at since."""
        # What notifies that has changed before this round, and nobody had seen what came of it.
        return [*self._carrying.doubtful, *(a for a in self._looks.owed if a not in self._looks)]

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
        await self._deciding.judge(looks.values())
        self._expect(looks)
        changing = [a for a, seen in looks.items() if seen.change or self._lane.refreshes.of(a)]
        members = {*looks, *later, *self._lane.declared.notified_by([*changing, *later])}
        members |= self._probing.below([*changing, *later])
        frontier = Frontier(self._lane.graph, members, failed=self._conclusions.broken_above(members))
        try:
            while True:
                ready = frontier.take()
                for work, do in ((StepKind.APPLY, self._step), (StepKind.REFRESH, self._refresh)):
                    mine = [step.address for step in ready if step.work is work]
                    for addresses in by_package(self._lane, mine).values():
                        self._steps.begin(do(addresses), work, addresses)
                if not self._steps:
                    break
                for address, work in await self._steps.some_end():
                    if work is StepKind.APPLY and address in self._looks:
                        await self._deciding.judge([self._looks[address]])
                    if work is StepKind.APPLY and self._may_refresh(address):
                        self._deciding.begin([address])
                        frontier.refresh(address)
                    elif self._conclusions.passes(address):
                        frontier.done(address)
                    else:
                        frontier.fail(address)
        finally:
            await self._steps.close()
        unseen = [
            a
            for a in frontier.blocked
            if a in later
            and a not in self._looks
            and not self._probing.is_new(a)
            and self._deciding.may_look(a)
        ]
        # A probe that was answered is concluded from that, whatever it comes after.
        if unseen := self._probing.readable(unseen):
            await self._looks.look(unseen)
        await self._wait_for(frontier.blocked)
        return self._looks.keys()

    # --- Steps --------------------------------------------------------------------------------------------------------

    async def _step(self, addresses: Collection[Address]) -> list[Slow]:
        """Do what is to be done about `addresses` of one package, none of which depends on another of them.

        Returns:
            The operations that are still to be done, since they are slow.
        """
        await self._looks.refresh(addresses)
        unseen = [
            a
            for a in addresses
            if a not in self._looks
            and (a in self._later or self._lane.refreshes.of(a) or self._probing.is_new(a))
            and self._deciding.may_look(a)
        ]
        self._lane.unsettled.add(unseen)
        if unseen := self._probing.readable(unseen):
            looks = await self._looks.look(unseen, tell=True)
            self._expect(looks)
        seen = {address: self._looks[address] for address in addresses if address in self._looks}
        self._looks.settle_owed(seen)
        await self._deciding.judge(seen.values())
        units = {address: self._deciding.decide(address, look) for address, look in seen.items()}
        todo = {
            address: unit
            for address, unit in units.items()
            if unit is not None and not self._obstructed(unit) and not self._deciding.waits_for_lock(unit)
        }
        self._deciding.begin(todo)
        slow = slow_of(self._lane, todo)
        later = {address for one in slow for address in one.units}
        if quick := {address: unit for address, unit in todo.items() if address not in later}:
            await self._carrying.apply(quick)
        return slow

    def _expect(self, looks: Mapping[Address, Look]) -> None:
        """Have the journal know why something will be changed."""
        self._causes |= {unit.cause for seen in looks.values() if (unit := seen.change) is not None}
        self._journal.expect(self._causes)

    def _obstructed(self, unit: PlanUnit) -> bool:
        """Whether something is in the way of a unit, so that it need not be tried to know what comes of it."""
        if not unit.operation.obstacles:
            return False
        if self._probing.is_probe(unit.address):
            self._failures.unhealthy(unit)
        else:
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
            and self._deciding.may_be_refreshed(seen.observed)
        )

    async def _refresh(self, addresses: Collection[Address]) -> list[Slow]:
        """What refreshing `addresses` takes, each once for all that it is owed for; nobody knows how long that is."""
        todo = []
        for address in addresses:
            owed = self._lane.refreshes.of(address)
            unit = refreshing(self._lane, self._looks[address].observed, owed)
            if not self._failures.is_vain(unit) and not self._deciding.waits_for_lock(unit):
                covered = self._lane.refreshes.covered(address)
                todo.append(Slow({address: unit}, self._lane.instances[address].lock, (*owed, *covered)))
        return todo

    # --- Order --------------------------------------------------------------------------------------------------------

    async def _wait_for(self, blocked: Mapping[Address, Address]) -> None:
        """Conclude about instances that come after a failure: what differs or is owed a refresh waits."""
        seen = {address: self._looks[address] for address in blocked if address in self._looks}
        self._looks.settle_owed(seen)
        await self._deciding.judge(seen.values())
        for address, culprit in blocked.items():
            unit = self._deciding.decide(address, seen[address]) if address in seen else None
            if unit is not None and self._probing.is_probe(address):
                self._obstructed(unit)  # whatever it comes after: how it is, is known
            elif unit is not None or self._deciding.owes(address) or self._probing.is_new(address):
                self._failures.waits(address, culprit)
