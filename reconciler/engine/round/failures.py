"""What a round concludes where something is not as declared after it has tried, or cannot try: and when to try again.

One method a way to fail. Invariant: nothing is given up for ever. What fails is looked at again, at once, with growing
pauses, or when something moves.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.backoff import Backoff
from reconciler.core.conditions import summarize
from reconciler.core.reasons import HELD, TROUBLE
from reconciler.core.retry import When, requeue, requeue_error
from reconciler.engine import wording
from reconciler.engine.lane.lane import Lane
from reconciler.engine.report import Report
from reconciler.engine.round.advice import told
from reconciler.engine.round.concluding import Conclusions, details, differing
from reconciler.engine.round.outcome import RoundOutcome
from reconciler.engine.round.services import Services
from reconciler.errors import ErrorClass, FroyoError
from reconciler.model.conditions import Reason, Verdict
from reconciler.model.names import Address, split_address
from reconciler.model.plan import PlanUnit

ATTEMPTS = 3
"""After so many in a row that left the same difference, an operation is said not to do what it promises."""


class Failures:
    """Those of one round.

    Args:
        lane: the target, as it is held in memory.
        report: says what is concluded.
        conclusions: concludes.
        outcome: what the round leads to; added to.
        services: what the round works with.
        uid: who acts on the target.
    """

    def __init__(
        self,
        lane: Lane,
        report: Report,
        conclusions: Conclusions,
        outcome: RoundOutcome,
        services: Services,
        *,
        uid: int,
    ) -> None:
        self._lane = lane
        self._report = report
        self._conclusions = conclusions
        self._outcome = outcome
        self._services = services
        self._uid = uid
        self._backoff = Backoff(base=services.settings.retry_base, cap=services.settings.retry_cap)
        self._stalled = Backoff(base=services.settings.stalled_base, cap=services.settings.stalled_cap)

    def waits(self, address: Address, culprit: Address) -> str:
        """It depends on another one that is not ready; returns how that is said."""
        state, settings = self._lane.states[address], self._services.settings
        was_well = self._lane.instances[address].probe is not None and state.observed is not None
        # What was well is asked soon, be it that the other one stays as it is.
        self._outcome.look_again(address, settings.rhythm.settle if was_well else settings.dependency_poll)
        held = summarize(self._lane.states[culprit].conditions).reason in HELD
        message = f"waits for {culprit}, {wording.LEFT if held else 'which is not ready'}"
        # What is known to be wrong with a probe is so until it is asked.
        if not was_well or summarize(state.conditions).reason not in TROUBLE:
            verdict = Verdict(reason=Reason.DEPENDENCY_NOT_READY, message=message, reconciling=True)
            self._conclusions.conclude(address, verdict)
        return message

    def waits_for(self, address: Address, writer: Address, *, lock: str = "") -> None:
        """What was declared otherwise when it began is still being done to the same thing, or holds the lock."""
        name = split_address(writer)[1]
        message = f"waits until what was begun there as {name} has ended"
        if lock:
            message = f"waits for {name}, which holds the lock {lock}"
        self._conclusions.conclude(
            address, Verdict(reason=Reason.APPLYING, message=message, reconciling=True)
        )

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
            self._conclusions.conclude(
                address, Verdict(reason=Reason.CONFLICT, message=message, reconciling=True)
            )
            return
        news = self._conclusions.conclude(
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
                address, "DidNotConverge", message, warning=True, cause=unit.cause, data=details(again)
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
        contest = self._lane.contests.corrected(address, differing(unit), now=now)
        failures = self._count_failure(address)
        decision = requeue(ErrorClass.CONFLICT, now=now, failures=failures)
        pause = 0.0
        if decision.when is When.BACKOFF:
            pause = self._backoff.delay(failures, self._services.runtime.random.random)
        self._outcome.look_again(address, max(pause, contest.not_before - now))
        if not contest.contested:
            self._conclusions.conclude(
                address, Verdict(reason=Reason.CONFLICT, message=why, reconciling=True)
            )
            return
        sighting = self._lane.sightings.of(address)
        verdict = Verdict(
            reason=Reason.CONTESTED,
            message=wording.CONTESTED,
            stalled=True,
            reconciling=True,
            drifted=wording.fields(unit.diffs),
        )
        if self._conclusions.conclude(address, verdict) and self._lane.contests.is_news(address):
            self._conclusions.warn(
                unit, Reason.CONTESTED, verdict.message, sighting.evidence if sighting else None
            )

    def _count_failure(self, address: Address) -> int:
        """One more attempt that has not ended well; how many there were in a row."""
        state = self._lane.states[address]
        self._report.put(replace(state, failures=state.failures + 1))
        return state.failures + 1

    def _wait(self, address: Address, pause: float) -> None:
        """Look again after `pause` seconds, and not before unless something moves."""
        self._lane.unsettled.wait(address, self._services.loop_time() + pause)
        self._outcome.look_again(address, pause)

    def unhealthy(self, unit: PlanUnit) -> None:
        """What was probed is not as declared: nothing is done about it, and it is asked again with growing pauses."""
        address = unit.address
        failures = self._count_failure(address)
        interval = self._lane.instances[address].common.interval or self._services.settings.probe_interval
        self._wait(
            address, min(interval, self._backoff.delay(failures, self._services.runtime.random.random))
        )
        message = str(unit.operation.obstacles[0].fault)
        verdict = Verdict(reason=Reason.UNHEALTHY, message=message, reconciling=True)
        if self._conclusions.conclude(address, verdict):
            self._report.event(address, "Unhealthy", message, warning=True, data=details(unit))

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
        news = self._conclusions.conclude(address, verdict)
        if news and verdict.reason is not Reason.CONFLICT:
            self._report.event(address, verdict.reason.value, message, warning=True)
