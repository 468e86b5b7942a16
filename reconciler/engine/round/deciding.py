"""What may be done about an instance now, and what has to be: after a look at it, before anything is done.

Invariant: whatever a round does was decided here, by what was seen just before. What a person, a policy, an operation
that is still under way or a saved plan forbids is concluded here, and nothing comes of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from reconciler.core import reasons
from reconciler.engine import wording
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.concluding import Conclusions
from reconciler.engine.round.failures import Failures
from reconciler.engine.round.judging import Judging
from reconciler.engine.round.looking import Look
from reconciler.engine.round.observing import Observed
from reconciler.engine.round.outcome import RoundOutcome
from reconciler.engine.round.permitting import Permitting
from reconciler.engine.round.refreshing import refreshing
from reconciler.engine.round.services import Services
from reconciler.engine.round.verdicts import Verdicts
from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.conditions import Reason, Verdict
from reconciler.model.names import Address
from reconciler.model.plan import Action, FieldDiff, PlanUnit
from reconciler.model.resource import Policy


class Deciding:
    """The decisions of one round.

    Args:
        lane: the target, as it is held in memory.
        services: what the round works with.
        outcome: what the round leads to.
        conclusions: concludes.
        verdicts: concludes where nothing is to be done.
        failures: concludes where nothing can be.
        judging: has policies decide.
        only: the units of a saved plan: what is not in it is left alone, and what has moved since is refused.
    """

    def __init__(
        self,
        lane: Lane,
        services: Services,
        outcome: RoundOutcome,
        *,
        conclusions: Conclusions,
        verdicts: Verdicts,
        failures: Failures,
        judging: Judging,
        only: Mapping[Address, PlanUnit] | None,
    ) -> None:
        self._lane = lane
        self._services = services
        self._outcome = outcome
        self._conclusions = conclusions
        self._verdicts = verdicts
        self._failures = failures
        self._judging = judging
        self._permitting = Permitting(lane, services, outcome, judging, at_once=only is not None)
        self._only = only

    def in_turn(self, addresses: Collection[Address]) -> set[Address]:
        """Those of `addresses`, in order, that come after something which is not ready: that is about to change.

        What they are shows when it is their turn; looked at before, they would be looked at twice. A saved plan has
        seen all of it before anything changed, and is compared with that.
        """
        later: set[Address] = set()
        if self._only is None:
            unready = {address for address in addresses if not self._conclusions.summary(address).ready}
            for address in addresses:
                above = (edge.dependency for edge in self._lane.graph.dependencies.get(address, ()))
                if any(one in unready or one in later for one in above):
                    later.add(address)
        return later

    def may_look(self, address: Address) -> bool:
        """Whether an instance may be looked at; concludes about those that may not."""
        if self._only is not None and address not in self._only:
            return False
        writer = self._writer(address)
        if writer == address:
            return False
        if self._lane.instances[address].common.policy is Policy.PAUSED:
            self._conclusions.conclude(
                address, Verdict(reason=Reason.PAUSED, message="policy: paused; not looked at")
            )
            self._lane.unsettled.settle(address)
            self._lane.sightings.take(address)
            return False
        if suspension := self._permitting.suspended(address):
            message = wording.suspended(suspension)
            self._conclusions.conclude(address, Verdict(reason=Reason.SUSPENDED, message=message))
            # Its time passes without anybody saying so: each rescan asks again. Who changes it meanwhile is told then.
            self._lane.unsettled.add([address])
            return False
        if writer is not None:
            self._failures.waits_for(address, writer)
            self._lane.unsettled.add([address])
            return False
        return True

    def _writer(self, address: Address) -> Address | None:
        """The instance whose operation outlasts its round and is at what `address` is about; None if nobody is."""
        under_way, instances = self._services.under_way, self._lane.instances
        if under_way is None or (writer := under_way.writer(instances[address], declared=instances)) is None:
            return None
        if writer != address:
            under_way.wait(address, writer=writer)
        return writer

    def decide(self, address: Address, seen: Look) -> PlanUnit | None:
        """What is to be done about an instance now; None where nothing is, and then what holds of it is concluded."""
        unit = seen.unit
        if isinstance(unit, ProviderError):
            self._failures.fail(address, unit)
        elif unit.action is Action.NONE:
            self._judging.settle([address])
            if held := self._held_refresh(seen.observed):
                self._verdicts.hold(held)
            elif not self.owes(address):  # else nothing is concluded before that is done
                self._verdicts.in_sync(seen.observed)
        elif self._lane.instances[address].removal is not None and not self._services.goes(address):
            pass  # it has come to be declared again, be it by another source or by another name
        elif (unit := self._permitting.permit(unit)).held:
            self._verdicts.hold(unit)
        elif self._only is not None and (moved := self._moved(unit)):
            self._failures.fail(address, ProviderError(moved, error_class=ErrorClass.PERMANENT))
        elif not self._failures.is_vain(unit):
            return unit
        return None

    def owes(self, address: Address) -> bool:
        """Whether an instance is owed a refresh that it may be given now.

        What causes it may be changing again just now: then it is owed for that, too, as soon as that has ended.
        """
        return (
            self._is_owed(address)
            and self._services.suspended(address) is None
            and self._permitting.may_refresh(address)
            and not any(self._is_under_way(one.cause) for one in self._lane.refreshes.of(address))
        )

    def _held_refresh(self, observed: Observed) -> PlanUnit | None:
        """The refresh that an instance is owed and is not to be given yet."""
        address = observed.address
        if not self._is_owed(address) or self._services.suspended(address) is not None:
            return None
        owed = self._lane.refreshes.of(address)
        unit = self._permitting.permit(refreshing(self._lane, observed, owed))
        if not unit.held:
            return None
        causes = ", ".join(sorted(one.cause.split("/", 1)[1] for one in owed))
        return replace(unit, diffs=(FieldDiff("refresh", None, causes),))

    def may_be_refreshed(self, observed: Observed) -> bool:
        """Whether an instance, as it is, is owed a refresh that it may be given now."""
        return self.owes(observed.address) and self._held_refresh(observed) is None

    def _is_owed(self, address: Address) -> bool:
        """Whether an instance is owed a refresh, now or later."""
        enforced = self._lane.instances[address].common.policy is Policy.ENFORCE
        return enforced and bool(self._lane.refreshes.of(address))

    def _is_under_way(self, address: Address) -> bool:
        return self._services.under_way is not None and address in self._services.under_way

    def _moved(self, unit: PlanUnit) -> str:
        """Why a unit is not the one of the saved plan, or ""."""
        if self._lane.instances[unit.address].probe is not None:
            return ""  # it is to be otherwise than it was: that is what the rest of the plan is for
        saved = (self._only or {})[unit.address]
        if saved.desired != unit.desired:
            return "what is declared has changed since the plan was saved; plan again"
        if saved.observed != (unit.itself or unit.observed):
            return "what is on the target has changed since the plan was saved; plan again"
        return ""

    def settle(self, observed: Iterable[Address]) -> None:
        """Keep the account of which instances a rescan must look at although nothing has moved.

        One that failed for good is looked at all the same, unless it was an apply that failed: what made its reading
        or its plan fail may have been about another instance of the same provider.
        """
        for address in observed:
            if address in self._outcome.gone:
                continue
            summary = self._conclusions.summary(address)
            settled = summary.ready or summary.reason in reasons.SETTLED
            if (settled and not self._is_owed(address)) or self._lane.attempts.has_stalled(address):
                self._lane.unsettled.settle(address)
            else:
                self._lane.unsettled.add([address])

    def waits_for_lock(self, unit: PlanUnit) -> bool:
        """Whether an operation that outlasts its round holds what this one needs; then it is its turn later."""
        under_way, address = self._services.under_way, unit.address
        holder = under_way.holder(self._lane.instances[address]) if under_way is not None else None
        if under_way is None or holder is None:
            return False
        under_way.wait(address, writer=holder)
        self._failures.waits_for(address, holder, lock=self._lane.instances[address].lock)
        self._lane.unsettled.add([address])
        return True

    def begin(self, addresses: Iterable[Address]) -> None:
        """These are about to be done: whoever is asked from now on knows of it. Nothing may be awaited in between."""
        for address in addresses:
            if self._lane.instances[address].disruptive:
                self._services.disruptions.take(address, self._services.runtime.now())

    async def judge(self, seen: Iterable[Look]) -> None:
        """Have policies decide about what `seen` shows is to be done, refreshes included; costs nothing without any."""
        if self._judging.needed:
            await self._judging.judge(unit for one in seen if (unit := self._to_judge(one)) is not None)

    def _to_judge(self, seen: Look) -> PlanUnit | None:
        """What may be done next about what was looked at."""
        unit = seen.change
        if unit is None and isinstance(seen.unit, PlanUnit) and self._is_owed(seen.unit.address):
            unit = refreshing(self._lane, seen.observed, self._lane.refreshes.of(seen.unit.address))
        return unit

    def permit(self, unit: PlanUnit) -> PlanUnit:
        """The unit, with the reason for which it must wait, if there is one."""
        return self._permitting.permit(unit)
