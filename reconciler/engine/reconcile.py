"""One round of one target: read → plan → apply → read again.

A round is given a lane and a session, and concludes something about every instance that it looks at. It raises only
what ends the session (`TransportError`, `ProtocolError`), or the store; all else is a verdict on an instance.

Invariants: before a side effect its intent is in the store. An instance is called in sync only after it was seen so,
never because an operation said that it went well. What could not be looked at keeps its last verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core import conditions
from reconciler.core.backoff import Backoff
from reconciler.core.frontier import Frontier
from reconciler.core.retry import When, requeue, requeue_error
from reconciler.engine import wording
from reconciler.engine.applying import Applied, apply_wave, keep_preimages
from reconciler.engine.host import ProviderHost
from reconciler.engine.journal import Journal
from reconciler.engine.lane import Lane
from reconciler.engine.observing import Observed, observe
from reconciler.engine.performing import FindBlob, ReadingPerformer
from reconciler.engine.planning import plan
from reconciler.engine.recording import Recording
from reconciler.engine.report import Report, Verdict
from reconciler.engine.settings import EngineSettings
from reconciler.errors import ErrorClass, FroyoError, ProviderError, RunnerError
from reconciler.model.conditions import Reason
from reconciler.model.event import Evidence
from reconciler.model.names import Address, TargetName
from reconciler.model.plan import Action, Cause, PlanUnit
from reconciler.model.resource import Policy
from reconciler.model.state import Round as HistoryEntry
from reconciler.model.state import Suspension
from reconciler.runtime import Runtime
from reconciler.store.records import Ownership
from reconciler.store.store import Store
from reconciler.targets.session import Session

ATTEMPTS = 3
"""After so many in a row that left the same difference, an operation is said not to do what it promises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a round works with.

    Attributes:
        host: runs the providers.
        store: keeps intents, outcomes, states, events and preimages.
        runtime: the world.
        settings: the numbers.
        find_blob: gives a declared body.
        revision: of the snapshot in force.
        suspended: why an instance is to be left alone right now, or None.
        loop_time: the event loop's clock, in seconds.
        step: is told (target, step, instances) whenever a round goes on to something that may take a while.
    """

    host: ProviderHost
    store: Store
    runtime: Runtime
    settings: EngineSettings
    find_blob: FindBlob
    revision: Callable[[], str]
    suspended: Callable[[Address], Suspension | None]
    loop_time: Callable[[], float]
    step: Callable[[TargetName, str, int], None] = lambda _target, _step, _count: None


@dataclass(slots=True)
class Outcome:
    """What a round leads to.

    Attributes:
        looked_at: instances that were looked at one by one.
        unchanged: the target answered that nothing has moved since the last look.
        changed: instances that were changed and observed in sync.
        failed: instances that are not as declared, with the reason.
        again: instances to look at again, in so many seconds.
        woken: dependents of what has turned ready.
    """

    looked_at: list[Address] = field(default_factory=list)
    unchanged: bool = False
    changed: list[Address] = field(default_factory=list)
    failed: dict[Address, str] = field(default_factory=dict)
    again: dict[Address, float] = field(default_factory=dict)
    woken: set[Address] = field(default_factory=set)

    def look_again(self, address: Address, pause: float) -> None:
        """Look at `address` again after `pause` seconds, or earlier if that was asked for already."""
        self.again[address] = min(pause, self.again.get(address, pause))


class Round:
    """One round. Made for one use.

    Args:
        lane: the target, as it is held in memory.
        session: to it.
        services: what the round works with.
        only: the units of a saved plan: what is not in it is left alone, and what has moved since is refused.
    """

    def __init__(
        self,
        lane: Lane,
        session: Session,
        services: Services,
        *,
        only: Mapping[Address, PlanUnit] | None = None,
    ) -> None:
        self.outcome = Outcome()
        self.report = Report(services.runtime.now, lane.states)
        self._lane = lane
        self._session = session
        self._services = services
        self._only = only
        self._journal = Journal(
            services.store, lane=lane, revision=services.revision(), runtime=services.runtime
        )
        self._backoff = Backoff(base=services.settings.retry_base, cap=services.settings.retry_cap)

    async def run(self, dirty: Collection[Address] | None) -> Outcome:
        """Look at the `dirty` instances, or at all of the target, and put right what is not as declared.

        Raises:
            TransportError, ProtocolError: the session is of no use any more.
            StoreError: nothing could be kept; nothing was done without an intent on record.
        """
        try:
            await self._go_round(dirty)
        except Exception as error:
            # What was concluded until now holds; what was not stays unsettled, and is looked at again.
            await self._journal.cut_off(self.report, error)
            raise
        await self._journal.close(self.report)
        return self.outcome

    async def _go_round(self, dirty: Collection[Address] | None) -> None:
        known: Recording | None = None
        whole = dirty is None
        if dirty is None:
            dirty, known = await self._rescan()
        addresses = [address for address in self._in_order(dirty) if self._may_look(address)]
        if addresses:
            performer = self._reader(known)
            self._step("reading", len(addresses))
            # Until there is a verdict: the recording may know the difference before anything was done about it.
            self._lane.unsettled.update(addresses)
            observed = await observe(self._services.host, self._lane, addresses, performer)
            if whole and not self.outcome.unchanged and len(addresses) == len(self._lane.instances):
                self._lane.recording = performer.seen
            elif self._lane.recording is not None:
                self._lane.recording.merge(performer.seen)
            await self._work(observed)
            self._settle(observed)

    async def abandon(self) -> list[Address]:
        """Keep on record what was under way when the round was cancelled; returns it."""
        return await self._journal.abandon(self.report)

    async def plan(self, *, texts: bool = True) -> tuple[list[PlanUnit], dict[Address, str]]:
        """What a round over all of the target would change, and what could not be planned and why. Changes nothing."""
        addresses = [
            address
            for address in self._in_order(self._lane.instances)
            if self._lane.instances[address].common.policy is not Policy.PAUSED
        ]
        observed = await observe(self._services.host, self._lane, addresses, self._reader(None))
        planned = await plan(
            self._services.host,
            self._lane,
            [reading for reading in observed.values() if isinstance(reading, Observed)],
            find_blob=self._services.find_blob,
            texts=texts,
        )
        errors = {a: str(e) for a, e in {**observed, **planned}.items() if isinstance(e, ProviderError)}
        units = [unit for a in addresses if isinstance(unit := planned.get(a), PlanUnit)]
        return [self._held(unit) for unit in units], errors

    def _step(self, step: str, count: int) -> None:
        self._services.step(self._lane.target.name, step, count)

    # --- Looking ------------------------------------------------------------------------------------------------------

    async def _rescan(self) -> tuple[Collection[Address], Recording | None]:
        """What to look at one by one: everything, or only what is unsettled if nothing on the target has moved."""
        recording = self._lane.recording
        if recording is None:
            return self._lane.instances, None
        try:
            seen = await self._session.observe(recording.key, recording.batch(), recording.digest)
        except RunnerError:
            return self._lane.instances, None
        if seen.unchanged:
            self.outcome.unchanged = True
            return set(self._lane.unsettled), None
        if seen.replies is None:
            return self._lane.instances, None
        return self._lane.instances, recording.replace(seen.replies)

    def _reader(self, known: Recording | None) -> ReadingPerformer:
        settings = self._services.settings
        return ReadingPerformer(
            self._session, batch=settings.batch, patience=settings.rescan_patience, known=known
        )

    def _in_order(self, addresses: Collection[Address]) -> list[Address]:
        """Those that are still declared, each after what it depends on."""
        return [address for address in self._lane.graph.order if address in addresses]

    def _may_look(self, address: Address) -> bool:
        """Whether an instance may be looked at; concludes about those that may not."""
        if self._only is not None and address not in self._only:
            return False
        if self._lane.instances[address].common.policy is Policy.PAUSED:
            self._conclude(address, Verdict(reason=Reason.PAUSED, message="policy: paused; not looked at"))
            self._lane.unsettled.discard(address)
            self._lane.sightings.pop(address, None)
            return False
        if suspension := self._services.suspended(address):
            message = f"suspended by {suspension.by}: {suspension.reason}"
            self._conclude(address, Verdict(reason=Reason.SUSPENDED, message=message))
            # Its time passes without anybody saying so: each rescan asks again.
            self._lane.unsettled.add(address)
            self._lane.sightings.pop(address, None)
            return False
        return True

    # --- Planning -----------------------------------------------------------------------------------------------------

    async def _work(self, observed: Mapping[Address, Observed | ProviderError]) -> None:
        """Conclude about what was read, and apply what needs it."""
        self.outcome.looked_at += observed
        self._step("planning", len(observed))
        readings = self._readings(observed)
        planned = await plan(
            self._services.host,
            self._lane,
            readings,
            find_blob=self._services.find_blob,
            texts=any(address in self._lane.sightings for address in observed),
        )
        todo: dict[Address, PlanUnit] = {}
        for reading in readings:
            unit = planned[reading.address]
            if isinstance(unit, ProviderError):
                self._fail(reading.address, unit)
            elif unit.action is Action.NONE:
                self._in_sync(reading)
            elif (unit := self._held(unit)).held:
                self._hold(unit)
            elif self._only is not None and (moved := self._moved(unit)):
                self._fail(reading.address, ProviderError(moved, error_class=ErrorClass.PERMANENT))
            elif self._lane.stalled.get(unit.address) != (unit.desired, unit.observed):
                todo[unit.address] = unit
        if todo:
            await self._apply(todo)

    def _readings(self, observed: Mapping[Address, Observed | ProviderError]) -> list[Observed]:
        readings = []
        for address, reading in observed.items():
            if isinstance(reading, ProviderError):
                self._fail(address, reading)
                continue
            self._lane.watch(address, reading.watch)
            readings.append(reading)
        return readings

    def _held(self, unit: PlanUnit) -> PlanUnit:
        """The unit, with the reason for which it must wait, if there is one."""
        if unit.held or unit.action is Action.NONE:
            return unit
        if suspension := self._services.suspended(unit.address):
            why = f"suspended by {suspension.by}: {suspension.reason}"
            return replace(unit, held=Reason.SUSPENDED, held_because=why)
        verdict = self._lane.contests.verdict(unit.address, now=self._services.loop_time())
        if verdict.contested:
            pause = verdict.not_before - self._services.loop_time()
            if pause > 0 and self._only is None:
                self.outcome.look_again(unit.address, pause)
                why = f"someone keeps changing it back; next correction in {wording.duration(pause)}"
                return replace(unit, held=Reason.CONTESTED, held_because=why)
        return unit

    def _moved(self, unit: PlanUnit) -> str:
        """Why a unit is not the one of the saved plan, or ""."""
        saved = (self._only or {})[unit.address]
        if saved.desired != unit.desired:
            return "what is declared has changed since the plan was saved; plan again"
        if saved.observed != unit.observed:
            return "what is on the target has changed since the plan was saved; plan again"
        return ""

    # --- Applying -----------------------------------------------------------------------------------------------------

    async def _apply(self, todo: dict[Address, PlanUnit]) -> None:
        """Apply in the graph's order, each step's instances together, each followed by a look."""
        services = self._services
        # What cannot be begun is no intent: it would be one at each look for as long as it waits.
        waiting = Frontier(self._lane.graph, todo, failed=self._broken_above(todo)).blocked
        self._wait_for(waiting)
        todo = {address: unit for address, unit in todo.items() if address not in waiting}
        lost = await keep_preimages(
            self._session, self._journal, todo.values(), limit=services.settings.preimage_limit
        )
        for address, error in lost.items():
            self._fail(address, error)
            del todo[address]
        if not todo:
            return
        await self._journal.intend(list(todo.values()))
        frontier = Frontier(self._lane.graph, todo, failed=self._broken_above(todo))
        while taken := frontier.take():
            wave = [address for address in taken if not self._suspended_meanwhile(address)]
            for address in set(taken).difference(wave):
                frontier.done(address)
            if not wave:
                continue
            self._step("applying", len(wave))
            begun = services.loop_time()
            applied = await apply_wave(
                services.host,
                self._session,
                self._lane,
                [todo[address] for address in wave],
                find_blob=services.find_blob,
                kept=services.store.blobs.read,
                settings=services.settings,
            )
            done_at = services.loop_time()
            self._step("verifying", len(wave))
            await self._look_after(todo, applied, begun, done_at)
            for address in wave:
                if self._summary(address).ready:
                    frontier.done(address)
                else:
                    frontier.fail(address)
        self._wait_for(frontier.blocked)

    def _suspended_meanwhile(self, address: Address) -> bool:
        """Whether a person has suspended an instance since it was planned; concludes about it then."""
        if (suspension := self._services.suspended(address)) is None:
            return False
        message = f"suspended by {suspension.by}: {suspension.reason}"
        self._conclude(address, Verdict(reason=Reason.SUSPENDED, message=message))
        self._journal.outcome(address, Reason.SUSPENDED, message)
        return True

    def _wait_for(self, blocked: Mapping[Address, Address]) -> None:
        """Conclude about instances that wait for another one each."""
        for address, culprit in blocked.items():
            self.outcome.look_again(address, self._services.settings.dependency_poll)
            verdict = Verdict(
                reason=Reason.DEPENDENCY_NOT_READY,
                message=f"waits for {culprit}, which is not ready",
                reconciling=True,
            )
            self._conclude(address, verdict, failed=True)
            self._journal.outcome(address, Reason.DEPENDENCY_NOT_READY, verdict.message)

    def _broken_above(self, members: Collection[Address]) -> set[Address]:
        """What `members` depend on, is not among them, and is not in sync.

        What people have decided to leave alone (paused, suspended) holds nobody up.
        """
        broken: set[Address] = set()
        seen, stack = set(members), list(members)
        while stack:
            for edge in self._lane.graph.dependencies.get(stack.pop(), ()):
                if edge.dependency in seen:
                    continue
                seen.add(edge.dependency)
                stack.append(edge.dependency)
                summary = self._summary(edge.dependency)
                if not summary.ready and summary.reason not in (Reason.PAUSED, Reason.SUSPENDED):
                    broken.add(edge.dependency)
        return broken

    async def _look_after(
        self,
        wave: Mapping[Address, PlanUnit],
        applied: Mapping[Address, Applied],
        begun: float,
        done_at: float,
    ) -> None:
        """Read what was just applied, and conclude from what is there.

        Args:
            wave: what was to be done.
            applied: what the providers say of it.
            begun: loop time at which they were asked to.
            done_at: loop time at which they said so: if it turns out to be right, it has been since then.
        """
        succeeded = []
        for address, result in applied.items():
            if result.fault is not None:
                self._journal.failed(address)
                if result.fault.error_class is ErrorClass.CONFLICT:
                    self._overtaken(wave[address], str(result.fault))
                else:
                    self._fail(address, result.fault)
                if result.fault.error_class is ErrorClass.PERMANENT:
                    self._lane.stalled[address] = (wave[address].desired, wave[address].observed)
                self._journal.outcome(address, self._ready_reason(address), str(result.fault))
            else:
                succeeded.append(address)
        if not succeeded:
            return
        performer = self._reader(None)
        observed = await observe(self._services.host, self._lane, succeeded, performer)
        readings = self._readings(observed)
        planned = await plan(
            self._services.host, self._lane, readings, find_blob=self._services.find_blob, texts=False
        )
        if self._lane.recording is not None:
            self._lane.recording.merge(performer.seen)
        for reading in readings:
            unit, again = wave[reading.address], planned[reading.address]
            if isinstance(again, ProviderError):
                self._fail(reading.address, again)
            elif again.action is Action.NONE:
                self._converged(unit, reading, done_at)
            else:
                self._not_converged(unit, again, begun)
        for address in succeeded:
            self._journal.outcome(address, self._ready_reason(address))

    def _settle(self, observed: Iterable[Address]) -> None:
        """Keep the account of which instances a rescan must look at although nothing has moved.

        One that failed for good is looked at all the same, unless it was an apply that failed: what made its reading
        or its plan fail may have been about another instance of the same provider.
        """
        for address in observed:
            summary = self._summary(address)
            if summary.ready or summary.reason in _SETTLED or address in self._lane.stalled:
                self._lane.unsettled.discard(address)
            else:
                self._lane.unsettled.add(address)

    # --- Verdicts -----------------------------------------------------------------------------------------------------

    def _conclude(self, address: Address, verdict: Verdict, *, failed: bool = False) -> bool:
        news = self.report.conclude(address, verdict)
        if verdict.ready:
            self._lane.stalled.pop(address, None)
        if failed:
            self.outcome.failed[address] = f"{verdict.reason}: {verdict.message}"
        if verdict.ready and news:
            self.outcome.woken |= {
                edge.dependent
                for edge in self._lane.graph.dependents.get(address, ())
                if self._summary(edge.dependent).reason is Reason.DEPENDENCY_NOT_READY
            }
        return news

    def _summary(self, address: Address) -> conditions.Summary:
        return conditions.summarize(self._lane.states[address].conditions)

    def _ready_reason(self, address: Address) -> Reason:
        return self._summary(address).reason

    def _in_sync(self, reading: Observed) -> None:
        address = reading.address
        self._lane.sightings.pop(address, None)
        self._keep_observation(reading)
        was = self._summary(address)
        verdict = self._contested(address)
        if verdict is None:
            # What was applied stays Applied until something else happens to it: nothing to write.
            reason = Reason.APPLIED if was.ready and was.reason is Reason.APPLIED else Reason.IN_SYNC
            verdict = Verdict(reason=reason, message=_AS_DECLARED, ready=True)
        if self._conclude(address, verdict) and was.reason in _TROUBLE:
            self.report.event(address, "Recovered", f"as declared again, after {was.reason}")

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
        self.outcome.look_again(address, contest.over_at - now + 0.001)
        message = "as declared now, but someone keeps changing it back"
        return Verdict(reason=Reason.CONTESTED, message=message, ready=True, reconciling=True)

    def _keep_observation(self, reading: Observed, *, ownership: Ownership = Ownership.ADOPTED) -> None:
        """Put on record that an instance was seen as it is declared."""
        state = self._lane.states[reading.address]
        instance = self._lane.instances[reading.address]
        owned = state.owned or ownership is Ownership.CREATED or reading.exists
        if state.observed == reading.digest and state.owned == owned:
            return
        if owned and (not state.owned or state.observed is None):
            self._journal.own(instance, ownership)
        self.report.put(
            replace(state, observed=reading.digest, observed_at=self._services.runtime.now(), owned=owned)
        )

    def _hold(self, unit: PlanUnit) -> None:
        """It differs, and is left as it is for now."""
        differs = wording.fields(unit.diffs)
        reason = unit.held or Reason.HELD
        contested = reason is Reason.CONTESTED
        # Who did it is told with the repair, too, where there will be one.
        sighting = self._lane.sightings.get(unit.address)
        if not contested:
            self._lane.sightings.pop(unit.address, None)
        evidence = sighting.evidence if sighting else None
        message = f"{differs}: {unit.held_because or _HELD[reason]}"
        news = self._conclude(
            unit.address,
            Verdict(
                reason=reason, message=message, drifted=differs, stalled=contested, reconciling=contested
            ),
            failed=True,
        )
        if news:
            self._warn(unit, reason, message, evidence)

    def _warn(self, unit: PlanUnit, reason: Reason, message: str, evidence: Evidence | None) -> None:
        """Say that something is left as somebody has made it."""
        who = wording.who(evidence)
        self.report.event(
            unit.address,
            reason.value,
            f"{message}{f'; last changed {who}' if who else ''}",
            warning=True,
            cause=unit.cause,
            evidence=evidence,
            data=_data(unit),
        )

    def _converged(self, unit: PlanUnit, reading: Observed, done_at: float) -> None:
        """It was changed, and is as declared now."""
        address, services = unit.address, self._services
        sighting = self._lane.sightings.pop(address, None)
        if sighting is not None and sighting.latest >= done_at:
            # Reported after we were done: whose doing that is will be of interest at the next look.
            self._lane.sightings[address] = replace(sighting, at=sighting.latest)
        drift = unit.cause is Cause.DRIFT
        now = services.runtime.now()
        created = unit.action is Action.CREATE
        self._keep_observation(reading, ownership=Ownership.CREATED if created else Ownership.ADOPTED)
        if drift:
            self.outcome.look_again(address, services.settings.rhythm.settle)
        contested = self._contested(address, _differing(unit)) if drift else None
        self._conclude(address, contested or Verdict(reason=Reason.APPLIED, message=_AS_DECLARED, ready=True))
        took = done_at - sighting.at if sighting else None
        evidence = sighting.evidence if sighting else None
        if drift:
            reason, message = "Repaired", wording.repaired(unit, evidence, took)
        else:
            reason, message = wording.REASONS[unit.action], wording.applied(unit)
        self.report.event(
            address,
            reason,
            message,
            cause=unit.cause,
            evidence=evidence if drift else None,
            duration=took if drift else None,
            data=_data(unit),
        )
        self.report.remember(
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
        self.outcome.changed.append(address)

    def _not_converged(self, unit: PlanUnit, again: PlanUnit, begun: float) -> None:
        """It differs after its own apply: either the operation does not do what it promises, or somebody was quicker.

        Somebody was quicker if it differs in another way than before, or if the target reported a change since the
        apply began. Otherwise the same difference, again and again, is the operation's own doing. Even then it is
        tried again, with growing pauses: what undoes it may be what we cannot see, and may end.
        """
        address, differs = unit.address, wording.fields(again.diffs)
        sighting = self._lane.sightings.get(address)
        if again.observed != unit.observed or (sighting is not None and sighting.latest >= begun):
            self._overtaken(unit, f"changed again while it was applied: {differs}")
            return
        attempts = self._count_failure(address)
        pause = self._backoff.delay(attempts, self._services.runtime.random.random)
        self.outcome.look_again(address, pause)
        if attempts < ATTEMPTS:
            message = f"still differs after its own apply, and is tried again: {differs}"
            self._conclude(
                address, Verdict(reason=Reason.CONFLICT, message=message, reconciling=True), failed=True
            )
            return
        news = self._conclude(
            address,
            Verdict(
                reason=Reason.DID_NOT_CONVERGE,
                message=f"still differs after {attempts} attempts: {differs}",
                stalled=True,
                reconciling=True,
                drifted=differs,
            ),
            failed=True,
        )
        if news:
            message = f"still differs after its own apply: {differs}"
            self.report.event(
                address, "DidNotConverge", message, warning=True, cause=unit.cause, data=_data(again)
            )

    def _overtaken(self, unit: PlanUnit, why: str) -> None:
        """Somebody changed it while we were about to, or had just done so: look again at once, but do not spin."""
        address, now = unit.address, self._services.loop_time()
        contest = self._lane.contests.corrected(address, _differing(unit), now=now)
        failures = self._count_failure(address)
        decision = requeue(ErrorClass.CONFLICT, now=now, failures=failures)
        pause = 0.0
        if decision.when is When.BACKOFF:
            pause = self._backoff.delay(failures, self._services.runtime.random.random)
        self.outcome.look_again(address, max(pause, contest.not_before - now))
        if not contest.contested:
            self._conclude(
                address, Verdict(reason=Reason.CONFLICT, message=why, reconciling=True), failed=True
            )
            return
        sighting = self._lane.sightings.get(address)
        verdict = Verdict(
            reason=Reason.CONTESTED,
            message="someone keeps changing it back",
            stalled=True,
            reconciling=True,
            drifted=wording.fields(unit.diffs),
        )
        if self._conclude(address, verdict, failed=True):
            self._warn(unit, Reason.CONTESTED, verdict.message, sighting.evidence if sighting else None)

    def _count_failure(self, address: Address) -> int:
        """One more attempt that has not ended well; how many there were in a row."""
        state = self._lane.states[address]
        self.report.put(replace(state, failures=state.failures + 1))
        return state.failures + 1

    def _fail(self, address: Address, error: FroyoError) -> None:
        """It could not be read, planned or applied; the error's class decides what comes next."""
        failures = self._lane.states[address].failures + 1
        now = self._services.loop_time()
        decision = requeue_error(error, now=now, failures=failures)
        if not decision.stalled:  # of what is not tried again, the number says nothing
            self._count_failure(address)
        match decision.when:
            case When.NOW:
                self.outcome.look_again(address, 0.0)
            case When.AT:
                self.outcome.look_again(address, (decision.at or now) - now)
            case When.BACKOFF:
                self.outcome.look_again(
                    address, self._backoff.delay(failures, self._services.runtime.random.random)
                )
            case When.NEVER:
                pass
        verdict = Verdict(
            reason=decision.reason,
            message=str(error),
            stalled=decision.stalled,
            reconciling=not decision.stalled,
        )
        news = self._conclude(address, verdict, failed=True)
        if news and verdict.reason is not Reason.CONFLICT:
            self.report.event(address, verdict.reason.value, str(error), warning=True)


def _differing(unit: PlanUnit) -> list[str]:
    return [diff.field for diff in unit.diffs if not diff.ignored]


_AS_DECLARED = "as declared"
_SETTLED = frozenset({Reason.DIFFERS, Reason.HELD, Reason.DID_NOT_CONVERGE, Reason.CONTESTED})
"""Not as declared, and yet not looked at before it moves, or its own time has come."""
_TROUBLE = frozenset(
    {
        Reason.TRANSIENT_ERROR,
        Reason.PERMANENT_ERROR,
        Reason.THROTTLED,
        Reason.DID_NOT_CONVERGE,
        Reason.CONTESTED,
        Reason.DIFFERS,
        Reason.HELD,
    }
)
_HELD = {
    Reason.DIFFERS: "left as it is by policy: observe",
    Reason.HELD: "was there before and differs; adopt: hold waits for approval",
}


def _data(unit: PlanUnit) -> dict[str, object]:
    """What an event keeps of a plan, for machines."""
    diffs = []
    for diff in unit.diffs:
        entry: dict[str, object] = {"field": diff.field, "before": diff.before, "after": diff.after}
        if diff.unified:
            entry["unified"] = diff.unified
        if diff.ignored:
            entry["ignored"] = True
        diffs.append(entry)
    return {"action": unit.action.value, "diffs": diffs}
