"""What a round concludes where it has seen an instance as it is declared, or leaves it alone for now.

One method a verdict, and so it is longer than a module should be. Invariant: an instance is called in sync only by
`in_sync` and `converged`, which are given a reading of it. This module must not know how anything is read or changed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from reconciler.core import reasons
from reconciler.core.inventory import ours
from reconciler.engine import ruling_words, wording
from reconciler.engine.lane.lane import Lane
from reconciler.engine.report import Report
from reconciler.engine.round.concluding import Conclusions, details, differing
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.observing import Observed
from reconciler.engine.round.outcome import RoundOutcome
from reconciler.engine.round.permitting import shown
from reconciler.engine.round.services import Services
from reconciler.model.conditions import Reason, Verdict
from reconciler.model.evidence import Evidence, by_whom
from reconciler.model.metrics import DRIFT, DRIFT_LATENCY
from reconciler.model.names import Address
from reconciler.model.owed import Owed
from reconciler.model.plan import Action, Cause, PlanUnit
from reconciler.model.resource import Removal
from reconciler.model.state import HistoryEntry
from reconciler.store.records import Ownership


class Verdicts:
    """The verdicts of one round.

    Args:
        lane: the target, as it is held in memory.
        report: says what is concluded.
        journal: keeps it.
        conclusions: concludes.
        outcome: what the round leads to; added to.
        services: what the round works with.
    """

    def __init__(
        self,
        lane: Lane,
        report: Report,
        journal: Journal,
        conclusions: Conclusions,
        outcome: RoundOutcome,
        services: Services,
    ) -> None:
        self._lane = lane
        self._report = report
        self._journal = journal
        self._conclusions = conclusions
        self._outcome = outcome
        self._services = services

    def in_sync(self, reading: Observed) -> None:
        """It is as it is declared."""
        address = reading.address
        if self._lane.instances[address].removal is not None:
            self._gone(address, None)
            return
        self._lane.sightings.settle(address)
        self._keep_observation(reading)
        was = self._conclusions.summary(address)
        verdict = self._contested(address)
        if verdict is None:
            # What was applied stays Applied until something else happens to it: nothing to write.
            reason = Reason.APPLIED if was.ready and was.reason is Reason.APPLIED else Reason.IN_SYNC
            verdict = Verdict(reason=reason, message=wording.as_declared(reading.remark), ready=True)
        now = self._services.loop_time()
        if untold := self._lane.floods.rest(address, now=now):
            message, data = wording.untold(untold), {"times": untold}
            self._report.event(address, "Repaired", message, cause=Cause.DRIFT, data=data)
        elif (told_at := self._lane.floods.told_at(address)) is not None:
            self._outcome.look_again(address, told_at - now + 0.001)
        if (untold := self._lane.changes.rest(address, now=now)) and was.reason in reasons.HELD:
            message, data = wording.untold(untold, "changed"), {"times": untold}
            self._report.event(address, was.reason.value, message, cause=Cause.DRIFT, data=data)
        if self._conclusions.conclude(address, verdict) and was.reason in reasons.TROUBLE:
            self._report.event(address, "Recovered", f"as declared again, after {was.reason}")

    def _contested(self, address: Address, differed: Collection[str] = ()) -> Verdict | None:
        """The verdict on what is as declared and yet fought about; None if nobody fights.

        Args:
            address: the instance.
            differed: the fields that were put right just now.
        """
        now = self._services.loop_time()
        if differed:
            contest = self._lane.contests.corrected(address, differed, now=now)
        else:
            contest = self._lane.contests.verdict(address, now=now)
        if contest.contested:
            self._outcome.look_again(address, contest.over_at - now + 0.001)
        if (other := self._lane.contradictions.of(address)) is not None:
            message = f"as declared now, but {wording.contradicted(other)}"
            return Verdict(reason=Reason.CONTESTED, message=message, ready=True, stalled=True)
        if not contest.contested:
            return None
        message = f"as declared now, but {wording.CONTESTED}; who: froyo events --reason Contested"
        return Verdict(reason=Reason.CONTESTED, message=message, ready=True, reconciling=True)

    def _keep_observation(self, reading: Observed, *, changed: Action = Action.NONE) -> None:
        """Put on record that an instance was seen as it is declared, after it was `changed` perhaps."""
        state = self._lane.states[reading.address]
        instance = self._lane.instances[reading.address]
        owned = ours(state, exists=reading.exists, changed=changed is not Action.NONE)
        ownership = Ownership.CREATED if changed is Action.CREATE else Ownership.ADOPTED
        if state.observed == reading.digest and state.owned == owned:
            return
        if owned and (not state.owned or state.observed is None):
            self._journal.own(instance, ownership)
        self._report.put(
            replace(state, observed=reading.digest, observed_at=self._services.runtime.now(), owned=owned)
        )

    def _gone(self, address: Address, unit: PlanUnit | None) -> None:
        """It was to go, and has gone: by what was done about it, or it was gone already."""
        self._lane.sightings.take(address)
        self._conclusions.conclude(address, Verdict(reason=Reason.APPLIED, message="removed", ready=True))
        removal = self._lane.instances[address].removal or Removal()
        if unit is None:
            message = "was gone already" if removal.restores is None else "is as it was before us"
        elif unit.action is Action.DELETE:
            message = "removed"
        else:
            message = f"what was there before is back: {wording.fields(unit.diffs)}"
        if unit is not None:
            self._outcome.has_changed(self._lane.instances[address])
        self._outcome.gone.append(address)
        data = None if unit is None else details(unit)
        if removal.asked:
            self._report.event(address, "Restored", message, cause=Cause.RESTORE, data=data)
        else:
            message = f"declared no longer, and {message}"
            self._report.event(address, "Removed", message, cause=Cause.PRUNE, data=data)

    def hold(self, unit: PlanUnit) -> None:
        """It differs, and is left as it is for now."""
        differs = wording.fields(unit.diffs)
        reason = unit.held or Reason.HELD
        contested = reason is Reason.CONTESTED
        # Who did it is told with the repair, too, where there will be one.
        sightings = self._lane.sightings
        sighting = sightings.of(unit.address) if contested else sightings.take(unit.address)
        evidence = sighting.evidence if sighting else None
        message = unit.held_because or reasons.HELD[reason]
        if reason is not Reason.PRUNE_HELD:  # that it is there and shall not be is all that differs
            message = f"{differs}: {message}"
        # That it waits may have been known before there was anything that could be approved.
        first = reason in reasons.ASKS and self._lane.states[unit.address].held is None
        if reason in reasons.ASKS:
            self._report.put(replace(self._lane.states[unit.address], held=shown(unit)))
        if unit.cause is Cause.DRIFT and sighting is not None:
            kind = self._lane.instances[unit.address].kind
            self._services.runtime.meter.count(DRIFT, kind, by_whom(evidence), "held")
        moved = sighting is not None or self._conclusions.summary(unit.address).message != message
        news = self._conclusions.conclude(
            unit.address,
            Verdict(
                reason=reason, message=message, drifted=differs, stalled=contested, reconciling=contested
            ),
        )
        if contested:
            if news and self._lane.contests.is_news(unit.address):
                self._conclusions.warn(unit, reason, message, evidence)
        elif news or first:
            self._conclusions.warn(unit, reason, message, evidence)
        elif moved:
            # Nobody puts it back, so that each change to it is news, and each has somebody who did it.
            untold = self._lane.changes.happened(unit.address, now=self._services.loop_time())
            if untold is not None:
                self._conclusions.warn(unit, reason, message, evidence, untold=untold)

    def under_way(self, unit: PlanUnit) -> None:
        """What is done about it takes long, and the round goes on without it."""
        verdict = Verdict(
            reason=Reason.APPLYING,
            message=f"being {wording.being(unit)}, which takes a while; looked at when that has ended",
            reconciling=True,
        )
        self._conclusions.conclude(unit.address, verdict)

    def converged(self, unit: PlanUnit, reading: Observed, done_at: float, output: str = "") -> None:
        """It was changed, and is as declared now; a program said `output` while it was."""
        address, services = unit.address, self._services
        if services.approved(address) is not None:
            self._journal.approved(address)
        if self._lane.instances[address].removal is not None:
            self._gone(address, unit)
            return
        # What was reported after we were done: whose doing that is will be of interest at the next look.
        sighting = self._lane.sightings.take(address, until=done_at)
        drift = unit.cause is Cause.DRIFT
        self._lane.contradictions.changed(address)
        for edge in self._lane.graph.dependents.get(address, ()):
            if self._lane.attempts.cause_changed(edge.dependent):
                self._outcome.woken.add(edge.dependent)
        resumed = self._conclusions.summary(address).reason is Reason.SUSPENDED
        now = services.runtime.now()
        self._keep_observation(reading, changed=unit.action)
        if drift:
            self._outcome.look_again(address, services.settings.rhythm.settle)
        contested = self._contested(address, differing(unit)) if drift else None
        news = self._conclusions.conclude(
            address,
            contested
            or Verdict(reason=Reason.APPLIED, message=wording.as_declared(reading.remark), ready=True),
        )
        # How long it was wrong because a person wanted it left alone says nothing about a repair.
        took = done_at - sighting.at if sighting and not resumed else None
        evidence = sighting.evidence if sighting else None
        if contested and news and self._lane.contests.is_news(address):
            self._conclusions.warn(unit, Reason.CONTESTED, wording.CONTESTED, evidence)
        untold: int | None = 0
        if drift:
            self._measure(address, evidence, took)
            reason, message = "Repaired", wording.repaired(unit, evidence, took, resumed=resumed)
            untold = self._lane.floods.happened(address, now=services.loop_time())
        else:
            reason, message = wording.REASONS[unit.action], wording.applied(unit)
        lost = self._not_kept(unit)
        message = "; ".join(filter(None, (message, lost, ruling_words.warned(unit.ruling))))
        if untold is not None:
            self._report.event(
                address,
                reason,
                message + (f"; {wording.untold(untold)} before" if untold else ""),
                warning=bool(lost or unit.ruling.warn),
                cause=unit.cause,
                evidence=evidence if drift else None,
                duration=took if drift else None,
                data={
                    **details(unit),
                    **({"times": untold + 1} if untold else {}),
                    **({"output": output} if output else {}),
                },
            )
        self._report.remember(
            address,
            HistoryEntry(
                at=now,
                generation=self._lane.states[address].generation,
                cause=unit.cause,
                outcome=reason,
                message=message,
                duration=took or 0.0,
                revision=self._services.revision_of(
                    self._lane.states[address].source, self._lane.target.name
                ),
            ),
        )
        self._outcome.has_changed(self._lane.instances[address])
        # What is made of it may be another one now, as an archive that lies at a path is: that is our doing.
        self._lane.manage_anew(self._lane.declared.users(address))

    def _measure(self, address: Address, evidence: Evidence | None, took: float | None) -> None:
        """It had drifted, and is right again; `took` seconds after that was heard of, None where it was found."""
        meter, kind = self._services.runtime.meter, self._lane.instances[address].kind
        meter.count(DRIFT, kind, by_whom(evidence), "corrected")
        if took is not None:
            meter.observe(DRIFT_LATENCY, took, kind)

    def refreshed(self, unit: PlanUnit, reading: Observed, owed: Collection[Owed], output: str) -> None:
        """It was refreshed because others have changed; how it is otherwise, its own look tells."""
        address = unit.address
        self._keep_observation(reading)
        self._conclusions.conclude(
            address, Verdict(reason=Reason.APPLIED, message=wording.as_declared(reading.remark), ready=True)
        )
        message = wording.refreshed(owed)
        data = {"output": output} if output else {}
        self._report.event(address, "Refreshed", message, cause=Cause.REFRESH, data=data)
        self._report.remember(
            address,
            HistoryEntry(
                at=self._services.runtime.now(),
                generation=self._lane.states[address].generation,
                cause=Cause.REFRESH,
                outcome="Refreshed",
                message=message,
                duration=0.0,
                revision=self._services.revision_of(
                    self._lane.states[address].source, self._lane.target.name
                ),
            ),
        )
        self._outcome.has_changed(self._lane.instances[address])

    def _not_kept(self, unit: PlanUnit) -> str:
        """That what was there at first contact was too large to be kept, or too much; "" where it was not."""
        preimage, limit = unit.operation.preimage, self._services.settings.preimage_limit
        if unit.cause is not Cause.ADOPT:
            return ""
        if preimage is None or preimage.size <= limit:
            return wording.lost(unit.operation.lost)
        return wording.not_kept(preimage.size, limit)
