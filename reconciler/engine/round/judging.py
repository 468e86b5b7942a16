"""What policies decide about the changes of one round: asked once for all of them, and again right before each is made.

All that is planned is decided about together when a round begins: a rule may be about how much it is. What was denied
before and still waits is a part of that, though the round does not look at it: it must not come to pass bit by bit.
Right before something is done it is decided about again, unless that was just now.

Invariants: a change that policies govern and have not decided about is denied. Who only wants to know moves nobody's
place among those that wait. This module must not know what those are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from reconciler.core.rulings import rulings
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.services import Services
from reconciler.model.conditions import Reason
from reconciler.model.decisions import NO_RULING, PolicyDecision, Ruling
from reconciler.model.names import Address
from reconciler.model.plan import Action, PlanUnit
from reconciler.model.policy import PlannedChange

_UNDECIDED = Ruling(deny=("nothing has been decided about it",))
_Known = tuple[PlanUnit, Ruling, float]


class Judging:
    """See the module.

    Args:
        lane: the target, as it is held in memory.
        services: what the round works with.

    Attributes:
        decisions: all that were made, by id.
        binding: whether what is allowed is done; else somebody only wants to know.
    """

    def __init__(self, lane: Lane, services: Services) -> None:
        self.decisions: dict[str, PolicyDecision] = {}
        self.binding = False
        self._lane = lane
        self._services = services
        self._known: dict[Address, _Known] = {}

    @property
    def needed(self) -> bool:
        """Whether anybody decides about anything."""
        return self._services.policies is not None

    def of(self, unit: PlanUnit) -> Ruling:
        """What was decided about a change."""
        if not self._governed(unit):
            return NO_RULING
        known = self._known.get(unit.address)
        return known[1] if known is not None and _same(known[0], unit) else _UNDECIDED

    async def judge(self, units: Iterable[PlanUnit]) -> None:
        """Have decided what has not been, or not just now."""
        policies, services = self._services.policies, self._services
        if policies is None:
            return
        asked = {unit.address: unit for unit in units if self._governed(unit) and not self._is_fresh(unit)}
        if not asked:
            return
        lane, at_work = self._lane, services.at_work
        await policies.prepare(lane.target.name)
        async with at_work.deciding:
            others = at_work.others(lane.target.name)
            changes = [*asked.values(), *lane.denied.beside(asked, lane.instances)]
            planned = [
                PlannedChange(unit, lane.instances[unit.address], lane.states[unit.address].source)
                for unit in changes
            ]
            decisions = await policies.decide(lane.target, planned, others, binding=self.binding)
            found = rulings(decisions, [unit.address for unit in changes])
            self.decisions |= {one.id: one for one in decisions}
            now = services.loop_time()
            for address, unit in asked.items():
                self._known[address] = unit, found[address], now
            if self.binding:
                for address in asked:
                    if not found[address].deny:
                        at_work.settle(address)
                    elif others:
                        at_work.wait(address)
                lane.denied.note(unit for address, unit in asked.items() if found[address].deny)
                lane.denied.settle(address for address in asked if not found[address].deny)
                if any(self._goes_on(address, found[address]) for address in asked):
                    at_work.begin(lane.target, services.runtime.now())

    def settle(self, addresses: Collection[Address]) -> None:
        """Nothing is to be done about these any more."""
        if self.needed and self.binding:
            self._lane.denied.settle(addresses)
            for address in addresses:
                self._services.at_work.settle(address)

    def _goes_on(self, address: Address, ruling: Ruling) -> bool:
        return not ruling.deny and (not ruling.ask or self._services.approved(address) is not None)

    def _governed(self, unit: PlanUnit) -> bool:
        """Whether somebody decides about a change; about what is left alone anyhow nobody has to."""
        policies = self._services.policies
        return (
            policies is not None
            and unit.action is not Action.NONE
            and unit.held in {None, Reason.HELD}
            and policies.govern(self._lane.states[unit.address].source, self._lane.target.name)
        )

    def _is_fresh(self, unit: PlanUnit) -> bool:
        known = self._known.get(unit.address)
        if known is None or not _same(known[0], unit):
            return False
        # What was denied as a part of all that was planned is not allowed as a part of less.
        trust = self._services.settings.policy_trust
        return bool(known[1].deny) or self._services.loop_time() - known[2] <= trust


def _same(one: PlanUnit, other: PlanUnit) -> bool:
    """Whether two plans of an instance are the same change, whatever was said about them."""
    return one is other or (one.action, one.cause, one.desired, one.observed, one.diffs) == (
        other.action,
        other.cause,
        other.desired,
        other.observed,
        other.diffs,
    )
