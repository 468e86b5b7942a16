"""What a round concludes about an instance: condition, event, history, and when to look again.

One method a verdict. Invariant: an instance is called in sync only by `in_sync` and `converged`, which are given a
reading of it. This module must not know how anything is read or changed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from reconciler.core import conditions, reasons
from reconciler.core.backoff import Backoff
from reconciler.core.inventory import ours
from reconciler.core.retry import When, requeue, requeue_error
from reconciler.engine import wording
from reconciler.engine.lane.lane import Lane
from reconciler.engine.report import Report, Verdict
from reconciler.engine.round.advice import told
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.observing import Observed
from reconciler.engine.round.permitting import shown
from reconciler.engine.round.services import RoundOutcome, Services
from reconciler.errors import ErrorClass, FroyoError
from reconciler.model.conditions import Reason
from reconciler.model.evidence import Evidence
from reconciler.model.names import Address, split_address
from reconciler.model.owed import Owed
from reconciler.model.plan import Action, Cause, PlanUnit
from reconciler.model.state import HistoryEntry
from reconciler.store.records import Ownership

ATTEMPTS = 3
"""After so many in a row that left the same difference, an operation is said not to do what it promises."""


class Verdicts:
    """The verdicts of one round.

    Args:
        lane: the target, as it is held in memory.
        report: says what is concluded.
        journal: keeps it.
        outcome: what the round leads to; added to.
        services: what the round works with.
        uid: who acts on the target.
    """

    def __init__(
        self,
        lane: Lane,
        report: Report,
        journal: Journal,
        outcome: RoundOutcome,
        services: Services,
        *,
        uid: int,
    ) -> None:
        self._uid = uid
        self._lane = lane
        self._report = report
        self._journal = journal
        self._outcome = outcome
        self._services = services
        self._backoff = Backoff(base=services.settings.retry_base, cap=services.settings.retry_cap)
        self._stalled = Backoff(base=services.settings.stalled_base, cap=services.settings.stalled_cap)

    def conclude(self, address: Address, verdict: Verdict) -> bool:
        """Set the conditions of an instance, and note what follows; whether that is news."""
        state = self._lane.states[address]
        if state.held is not None and verdict.reason not in reasons.ASKS:
            self._report.put(replace(state, held=None))
        news = self._report.conclude(address, verdict)
        self._services.progress.ended(address)
        self._lane.attempts.concluded(address, ready=verdict.ready)
        if verdict.ready:
            self._lane.unsettled.wait_no_more(address)
        if verdict.ready and news:
            self._outcome.woken |= {
                edge.dependent
                for edge in self._lane.graph.dependents.get(address, ())
                if self.summary(edge.dependent).reason is Reason.DEPENDENCY_NOT_READY
            }
        return news

    def summary(self, address: Address) -> conditions.Summary:
        """What is known of an instance, in short."""
        return conditions.summarize(self._lane.states[address].conditions)

    def in_sync(self, reading: Observed) -> None:
        """It is as it is declared."""
        address = reading.address
        if self._lane.instances[address].removal is not None:
            self._gone(address, None)
            return
        self._lane.sightings.take(address)
        self._keep_observation(reading)
        was = self.summary(address)
        verdict = self._contested(address)
        if verdict is None:
            # What was applied stays Applied until something else happens to it: nothing to write.
            reason = Reason.APPLIED if was.ready and was.reason is Reason.APPLIED else Reason.IN_SYNC
            verdict = Verdict(reason=reason, message=_AS_DECLARED, ready=True)
        now = self._services.loop_time()
        if untold := self._lane.floods.rest(address, now=now):
            message, data = wording.untold(untold), {"times": untold}
            self._report.event(address, "Repaired", message, cause=Cause.DRIFT, data=data)
        if (untold := self._lane.changes.rest(address, now=now)) and was.reason in reasons.HELD:
            message, data = wording.untold(untold, "changed"), {"times": untold}
            self._report.event(address, was.reason.value, message, cause=Cause.DRIFT, data=data)
        if self.conclude(address, verdict) and was.reason in reasons.TROUBLE:
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
        if not contest.contested:
            return None
        self._outcome.look_again(address, contest.over_at - now + 0.001)
        message = f"as declared now, but {wording.CONTESTED}"
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
        self.conclude(address, Verdict(reason=Reason.APPLIED, message="removed", ready=True))
        removal = self._lane.instances[address].removal
        if unit is None:
            there = "was gone already" if removal and removal.restores is None else "is as it was before us"
            message = f"declared no longer, and {there}"
        elif unit.action is Action.DELETE:
            message = "declared no longer, and removed"
        else:
            message = f"declared no longer, and what was there before is back: {wording.fields(unit.diffs)}"
        if unit is not None:
            self._outcome.changed.append(address)
        self._outcome.gone.append(address)
        data = None if unit is None else _data(unit)
        self._report.event(address, "Removed", message, cause=Cause.PRUNE, data=data)

    def waits(self, address: Address, culprit: Address) -> str:
        """It depends on another one that is not ready; returns how that is said."""
        self._outcome.look_again(address, self._services.settings.dependency_poll)
        message = f"waits for {culprit}, which is not ready"
        verdict = Verdict(reason=Reason.DEPENDENCY_NOT_READY, message=message, reconciling=True)
        self.conclude(address, verdict)
        return message

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
        moved = sighting is not None or self.summary(unit.address).message != message
        news = self.conclude(
            unit.address,
            Verdict(
                reason=reason, message=message, drifted=differs, stalled=contested, reconciling=contested
            ),
        )
        if contested:
            if news and self._lane.contests.is_news(unit.address):
                self._warn(unit, reason, message, evidence)
        elif news or first:
            self._warn(unit, reason, message, evidence)
        elif moved:
            # Nobody puts it back, so that each change to it is news, and each has somebody who did it.
            untold = self._lane.changes.happened(unit.address, now=self._services.loop_time())
            if untold is not None:
                self._warn(unit, reason, message, evidence, untold=untold)

    def _warn(
        self, unit: PlanUnit, reason: Reason, message: str, evidence: Evidence | None, *, untold: int = 0
    ) -> None:
        """Say that something is left as somebody has made it."""
        who = wording.who(evidence)
        self._report.event(
            unit.address,
            reason.value,
            message
            + (f"; last changed {who}" if who else "")
            + (f"; {wording.untold(untold, 'changed')} before" if untold else ""),
            warning=True,
            cause=unit.cause,
            evidence=evidence,
            data={**_data(unit), **({"times": untold + 1} if untold else {})},
        )

    def under_way(self, unit: PlanUnit) -> None:
        """What is done about it takes long, and the round goes on without it."""
        verdict = Verdict(
            reason=Reason.APPLYING,
            message=f"being {wording.being(unit)}, which takes a while; looked at when that has ended",
            reconciling=True,
        )
        self.conclude(unit.address, verdict)

    def waits_for(self, address: Address, writer: Address, *, lock: str = "") -> None:
        """What was declared otherwise when it began is still being done to the same thing, or holds the lock."""
        name = split_address(writer)[1]
        message = f"waits until what was begun there as {name} has ended"
        if lock:
            message = f"waits for {name}, which holds the lock {lock}"
        self.conclude(address, Verdict(reason=Reason.APPLYING, message=message, reconciling=True))

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
        resumed = self.summary(address).reason is Reason.SUSPENDED
        now = services.runtime.now()
        self._keep_observation(reading, changed=unit.action)
        if drift:
            self._outcome.look_again(address, services.settings.rhythm.settle)
        contested = self._contested(address, _differing(unit)) if drift else None
        news = self.conclude(
            address, contested or Verdict(reason=Reason.APPLIED, message=_AS_DECLARED, ready=True)
        )
        # How long it was wrong because a person wanted it left alone says nothing about a repair.
        took = done_at - sighting.at if sighting and not resumed else None
        evidence = sighting.evidence if sighting else None
        if contested and news and self._lane.contests.is_news(address):
            self._warn(unit, Reason.CONTESTED, wording.CONTESTED, evidence)
        untold: int | None = 0
        if drift:
            reason, message = "Repaired", wording.repaired(unit, evidence, took, resumed=resumed)
            untold = self._lane.floods.happened(address, now=services.loop_time())
        else:
            reason, message = wording.REASONS[unit.action], wording.applied(unit)
        if lost := self._not_kept(unit):
            message += f"; {lost}"
        if untold is not None:
            self._report.event(
                address,
                reason,
                message + (f"; {wording.untold(untold)} before" if untold else ""),
                warning=bool(lost),
                cause=unit.cause,
                evidence=evidence if drift else None,
                duration=took if drift else None,
                data={
                    **_data(unit),
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
            ),
        )
        self._outcome.changed.append(address)

    def refreshed(self, unit: PlanUnit, reading: Observed, owed: Collection[Owed], output: str) -> None:
        """It was refreshed because others have changed; how it is otherwise, its own look tells."""
        address = unit.address
        self._keep_observation(reading)
        self.conclude(address, Verdict(reason=Reason.APPLIED, message=_AS_DECLARED, ready=True))
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
            ),
        )
        self._outcome.changed.append(address)

    def _not_kept(self, unit: PlanUnit) -> str:
        """That what was there at first contact was too large to be kept; "" where it was not."""
        preimage, limit = unit.operation.preimage, self._services.settings.preimage_limit
        if unit.cause is not Cause.ADOPT or preimage is None or preimage.size <= limit:
            return ""
        return wording.not_kept(preimage.size, limit)

    def not_converged(self, unit: PlanUnit, again: PlanUnit, begun: float) -> None:
        """It differs after its own apply: either the operation does not do what it promises, or somebody was quicker.

        Where nobody was, the same difference, again and again, is the operation's own doing. Even then it is tried
        again, with growing pauses: what undoes it may be what we cannot see, and may end.
        """
        address, differs = unit.address, wording.fields(again.diffs)
        attempts = self._lane.attempts.had_no_effect(
            address,
            begun=begun,
            moved=again.observed != unit.observed,
            touched=self._lane.sightings.latest(address),
        )
        if attempts == 0:
            self.overtaken(unit, f"changed again while it was applied: {differs}")
            return
        self._count_failure(address)
        pause = self._backoff.delay(attempts, self._services.runtime.random.random)
        self._outcome.look_again(address, pause)
        if attempts < ATTEMPTS:
            message = f"still differs after its own apply, and is tried again: {differs}"
            self.conclude(address, Verdict(reason=Reason.CONFLICT, message=message, reconciling=True))
            return
        news = self.conclude(
            address,
            Verdict(
                reason=Reason.DID_NOT_CONVERGE,
                message=f"still differs after {attempts} attempts: {differs}",
                stalled=True,
                reconciling=True,
                drifted=differs,
            ),
        )
        if news:
            message = f"still differs after its own apply: {differs}"
            self._report.event(
                address, "DidNotConverge", message, warning=True, cause=unit.cause, data=_data(again)
            )

    def stall(self, unit: PlanUnit, error: FroyoError, begun: float) -> None:
        """Its apply failed for good: the same is vain until something moves, and tried again with growing pauses.

        What made it fail may be something that nobody looks at, such as a user that does not exist yet.
        """
        runtime = self._services.runtime
        failures = self._lane.attempts.failures(unit) + 1
        self.fail(unit.address, error)
        now = self._services.loop_time()
        again = self._stalled.delay(failures, runtime.random.random)
        pause = self._backoff.delay(failures, runtime.random.random)
        self._lane.attempts.stall(
            unit, begun=begun, failures=failures, pause_until=now + pause, until=now + again
        )
        self._outcome.look_again(unit.address, again)

    def is_vain(self, unit: PlanUnit) -> bool:
        """Whether just this has failed for good, so that there is no reason yet to try it again."""
        now, touched = self._services.loop_time(), self._lane.sightings.latest(unit.address)
        at = self._lane.attempts.again_at(unit, touched=touched, now=now)
        if at <= now:
            return False
        # This look has taken the place of the one that was asked for when it failed.
        self._outcome.look_again(unit.address, at - now)
        return True

    def overtaken(self, unit: PlanUnit, why: str) -> None:
        """Somebody changed it while we were about to, or had just done so: look again at once, but do not spin."""
        address, now = unit.address, self._services.loop_time()
        contest = self._lane.contests.corrected(address, _differing(unit), now=now)
        failures = self._count_failure(address)
        decision = requeue(ErrorClass.CONFLICT, now=now, failures=failures)
        pause = 0.0
        if decision.when is When.BACKOFF:
            pause = self._backoff.delay(failures, self._services.runtime.random.random)
        self._outcome.look_again(address, max(pause, contest.not_before - now))
        if not contest.contested:
            self.conclude(address, Verdict(reason=Reason.CONFLICT, message=why, reconciling=True))
            return
        sighting = self._lane.sightings.of(address)
        verdict = Verdict(
            reason=Reason.CONTESTED,
            message=wording.CONTESTED,
            stalled=True,
            reconciling=True,
            drifted=wording.fields(unit.diffs),
        )
        if self.conclude(address, verdict) and self._lane.contests.is_news(address):
            self._warn(unit, Reason.CONTESTED, verdict.message, sighting.evidence if sighting else None)

    def _count_failure(self, address: Address) -> int:
        """One more attempt that has not ended well; how many there were in a row."""
        state = self._lane.states[address]
        self._report.put(replace(state, failures=state.failures + 1))
        return state.failures + 1

    def _wait(self, address: Address, pause: float) -> None:
        """Look again after `pause` seconds, and not before unless something moves."""
        self._lane.unsettled.wait(address, self._services.loop_time() + pause)
        self._outcome.look_again(address, pause)

    def fail(self, address: Address, error: FroyoError) -> None:
        """It could not be read, planned or applied; the error's class decides what comes next."""
        failures = self._lane.states[address].failures + 1
        now = self._services.loop_time()
        decision = requeue_error(error, now=now, failures=failures)
        if not decision.stalled:  # of what is not tried again, the number says nothing
            self._count_failure(address)
        match decision.when:
            case When.NOW:
                self._outcome.look_again(address, 0.0)
            case When.AT:
                self._wait(address, (decision.at or now) - now)
            case When.BACKOFF:
                self._wait(address, self._backoff.delay(failures, self._services.runtime.random.random))
            case When.NEVER:
                pass
        message = told(error, self._lane.target, uid=self._uid)
        verdict = Verdict(
            reason=decision.reason,
            message=message,
            stalled=decision.stalled,
            reconciling=not decision.stalled,
        )
        news = self.conclude(address, verdict)
        if news and verdict.reason is not Reason.CONFLICT:
            self._report.event(address, verdict.reason.value, message, warning=True)


def _differing(unit: PlanUnit) -> list[str]:
    return [diff.field for diff in unit.diffs if not diff.ignored]


_AS_DECLARED = "as declared"


def _data(unit: PlanUnit) -> dict[str, object]:
    """What an event keeps of a plan, for machines."""
    diffs = []
    for diff in unit.diffs:
        entry: dict[str, object] = {"field": diff.field, "before": diff.before, "after": diff.after}
        if diff.unified:
            entry["unified"] = diff.unified
        if diff.ignored:
            entry["ignored"] = True
        if diff.sensitive:
            entry["sensitive"] = True
        diffs.append(entry)
    return {"action": unit.action.value, "diffs": diffs}
