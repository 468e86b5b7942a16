"""Whether a unit may be done now: the one place that decides it, for a plan as for an apply.

In order: what policies deny; what waits for a person (`adopt: hold`, removals that are held, and what policies want
approved), unless they have approved exactly this; what a person wants left alone; what has to wait for its window,
unless they have approved it, too; what somebody else keeps changing back. This module must not know how anything is
done.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from reconciler.core import reasons
from reconciler.engine import ruling_words, windows, wording
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.judging import Judging
from reconciler.engine.round.outcome import RoundOutcome
from reconciler.engine.round.services import Services
from reconciler.model.conditions import Reason
from reconciler.model.names import Address, Digest
from reconciler.model.plan import Action, PlanUnit
from reconciler.model.resource import Instance
from reconciler.model.state import Suspension
from reconciler.model.target import LocalTransport


class Permitting:
    """See the module.

    Args:
        lane: the target, as it is held in memory.
        services: what the round works with.
        outcome: what the round leads to; added to.
        judging: has policies decide.
        at_once: whether a person asked for just this, so that no pause is kept.
    """

    def __init__(
        self, lane: Lane, services: Services, outcome: RoundOutcome, judging: Judging, *, at_once: bool
    ) -> None:
        self._lane = lane
        self._services = services
        self._outcome = outcome
        self._judging = judging
        self._at_once = at_once

    def permit(self, unit: PlanUnit) -> PlanUnit:
        """The unit, with the reason for which it must wait, if there is one."""
        if unit.action is Action.NONE:
            return unit
        unit = replace(unit, ruling=self._judging.of(unit))
        if unit.ruling.deny:
            self._outcome.look_again(unit.address, self._services.settings.policy_poll)
            why = ruling_words.denied(unit.ruling)
            return replace(unit, held=Reason.POLICY_DENIED, held_because=why)
        if warned := ruling_words.warned(unit.ruling):
            unit = replace(unit, remark="; ".join(filter(None, (unit.remark, warned))))
        unit = self._asked(unit)
        if unit.held:
            return unit
        if suspension := self.suspended(unit.address):
            why = wording.suspended(suspension)
            return replace(unit, held=Reason.SUSPENDED, held_because=why)
        other = self._lane.contradictions.of(unit.address)
        if other is not None and not self._at_once:
            return replace(unit, held=Reason.CONTESTED, held_because=wording.contradicted(other))
        if (held := self._closed(unit.address)) and not self._is_approved(unit):
            return replace(unit, held=Reason.HELD, held_because=held)
        now = self._services.loop_time()
        verdict = self._lane.contests.verdict(unit.address, now=now)
        pause = verdict.not_before - now
        if verdict.contested and pause > 0 and not self._at_once:
            self._outcome.look_again(unit.address, pause)
            why = f"{wording.CONTESTED}; next correction in {wording.duration(pause)}"
            return replace(unit, held=Reason.CONTESTED, held_because=why)
        return unit

    def suspended(self, address: Address) -> Suspension | None:
        """Why an instance is to be left alone; its own suspension says what is to follow on what a person asked for."""
        suspension, removal = self._services.suspended(address), self._lane.instances[address].removal
        if suspension is not None and suspension.object == address and removal is not None and removal.asked:
            return None
        return suspension

    def _closed(self, address: Address) -> str:
        """Why nothing may be done about an instance at this time, or ""; it is looked at again when that has passed."""
        one = self._lane.instances[address]
        if one.disruptive and isinstance(self._lane.target.transport, LocalTransport):
            return windows.DISRUPTS_US
        if not one.common.windows:
            return windows.DISRUPTS if one.disruptive else ""
        now = datetime.fromtimestamp(self._services.runtime.now(), UTC)
        begins = windows.opens(one.common.windows, now, windows.zone)
        if begins is None:
            return self._crowded(one)
        self._outcome.look_again(address, (begins - now).total_seconds())
        return windows.outside(begins)

    def _crowded(self, one: Instance) -> str:
        """Why it must not be done, of what disrupts its host, while others are disrupted, or ""."""
        why = self._services.disruptions.refusal(one.address) if one.disruptive else ""
        if why:
            # It is told when that has changed; this is the belt to those braces.
            self._outcome.look_again(one.address, self._services.settings.dependency_poll)
        return why

    def may_refresh(self, address: Address) -> bool:
        """Whether a refresh could be done at this time, if a person approves it at least."""
        return not self._closed(address) or self._services.approved(address) is not None

    def _is_approved(self, unit: PlanUnit) -> bool:
        approval = self._services.approved(unit.address)
        return approval is not None and approval.shown == shown(unit)

    def _asked(self, unit: PlanUnit) -> PlanUnit:
        """The unit, held if a person has to say yes first and has not."""
        removal, wanted = self._lane.instances[unit.address].removal, ruling_words.to_approve(unit.ruling)
        waits = unit.held is Reason.HELD or bool(removal and removal.hold)
        if not waits and not wanted:
            return unit
        if self._is_approved(unit):
            return replace(unit, held=None)
        if not waits:
            # Who approves it approves that it is done now: the one that is asked is told what else it waits for.
            why = "; ".join(filter(None, (wanted, self._closed(unit.address))))
            return replace(unit, held=Reason.POLICY_HELD, held_because=why)
        reason = Reason.PRUNE_HELD if removal else Reason.HELD
        why = removal.hold if removal else reasons.HELD[reason]
        return replace(unit, held=reason, held_because=f"{why}; {wanted}" if wanted else why)


def shown(unit: PlanUnit) -> Digest:
    """What tells one thing to approve from another: what is declared, and what it is to replace or remove.

    What is only in its way is none of that, such as what is in a directory and goes before it. Why policies want it
    approved is: who has approved it for one reason has not for another.
    """
    said = f"{unit.action} {unit.desired} {unit.itself or unit.observed}"
    if unit.ruling.ask:
        said += f" {sorted({*unit.ruling.ask})}"
    return Digest("sha256:" + hashlib.sha256(said.encode()).hexdigest())
