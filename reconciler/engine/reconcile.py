"""One round of one target: read → plan → apply → read again.

A round is given a lane and a session, and concludes something about every instance that it looks at. It raises only
what ends the session (`TransportError`, `ProtocolError`), or the store; all else is a verdict on an instance.

Invariants: before a side effect its intent is in the store. An instance is called in sync only after it was seen so,
never because an operation said that it went well. What could not be looked at keeps its last verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from reconciler.core.frontier import Frontier
from reconciler.engine import wording
from reconciler.engine.advice import told
from reconciler.engine.ahead import Ahead
from reconciler.engine.applying import Applied, apply_wave, keep_preimages
from reconciler.engine.journal import Journal
from reconciler.engine.lane import Lane
from reconciler.engine.observing import Observed, observe
from reconciler.engine.performing import ReadingPerformer
from reconciler.engine.planning import plan
from reconciler.engine.recording import Recording
from reconciler.engine.report import Report, Verdict
from reconciler.engine.services import Outcome, Services
from reconciler.engine.verdicts import Verdicts
from reconciler.errors import ErrorClass, ProviderError, RunnerError
from reconciler.model.conditions import Reason
from reconciler.model.names import Address, TargetName
from reconciler.model.plan import Action, Plan, PlanUnit
from reconciler.model.resource import Policy
from reconciler.targets.session import Session


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
        self._verdicts = Verdicts(lane, self.report, self._journal, self.outcome, services)

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
            ahead = None if whole else self._ask_ahead(addresses)
            performer = self._reader(known, ahead)
            self._step("reading", addresses)
            # Until there is a verdict: the recording may know the difference before anything was done about it.
            self._lane.unsettled.update(addresses)
            try:
                if ahead is not None:
                    await ahead.sent()
                observed = await observe(self._services.host, self._lane, addresses, performer)
            finally:
                if ahead is not None:
                    await ahead.end()
            if whole and not self.outcome.unchanged and len(addresses) == len(self._lane.instances):
                self._lane.recording = performer.seen
            elif self._lane.recording is not None:
                self._lane.recording.merge(performer.seen)
            await self._work(observed)
            self._settle(observed)

    async def abandon(self) -> list[Address]:
        """Keep on record what was under way when the round was cancelled; returns it."""
        return await self._journal.abandon(self.report)

    async def plan(self, *, texts: bool = True) -> Plan:
        """What a round over all of the target would change, and what could not be planned and why. Changes nothing."""
        addresses = [
            address
            for address in self._in_order(self._lane.instances)
            if self._lane.instances[address].common.policy is not Policy.PAUSED
        ]
        self._step("reading", addresses)
        observed = await observe(self._services.host, self._lane, addresses, self._reader())
        self._step("planning", addresses)
        planned = await plan(
            self._services.host,
            self._lane,
            [reading for reading in observed.values() if isinstance(reading, Observed)],
            find_blob=self._services.find_blob,
            texts=texts,
        )
        units = [unit for address in addresses if isinstance(unit := planned.get(address), PlanUnit)]
        target = self._lane.target
        failures = {a: e for a, e in {**observed, **planned}.items() if isinstance(e, ProviderError)}
        return Plan(
            target=target.name,
            revision=self._services.revision(),
            units=tuple(self._held(unit) for unit in units),
            observed_at=self._services.runtime.now(),
            errors={str(address): told(error, target) for address, error in failures.items()},
        )

    def _step(self, step: str, instances: Collection[Address]) -> None:
        self._services.onlooker.step(self._lane.target.name, step, instances)

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
            now, not_before = self._services.loop_time(), self._lane.not_before
            return {address for address in self._lane.unsettled if not_before.get(address, 0.0) <= now}, None
        if seen.replies is None:
            return self._lane.instances, None
        return self._lane.instances, recording.replace(seen.replies)

    def _reader(self, known: Recording | None = None, ahead: Ahead | None = None) -> ReadingPerformer:
        settings = self._services.settings
        return ReadingPerformer(
            self._session, batch=settings.batch, patience=settings.rescan_patience, known=known, ahead=ahead
        )

    def _ask_ahead(self, addresses: Collection[Address]) -> Ahead | None:
        """Ask about what was reported to have changed, if that is little, before a provider does."""
        lane = self._lane
        changed = [address for address in addresses if address in lane.sightings]
        if lane.recording is None or not 0 < len(changed) <= self._services.settings.ahead_max:
            return None
        paths = {path: None for address in changed for path in lane.watched.get(address, ())}
        return Ahead(self._session, lane.recording, paths, patience=self._services.settings.rescan_patience)

    def _in_order(self, addresses: Collection[Address]) -> list[Address]:
        """Those that are still declared, each after what it depends on."""
        return [address for address in self._lane.graph.order if address in addresses]

    def _may_look(self, address: Address) -> bool:
        """Whether an instance may be looked at; concludes about those that may not."""
        if self._only is not None and address not in self._only:
            return False
        if self._lane.instances[address].common.policy is Policy.PAUSED:
            self._verdicts.conclude(
                address, Verdict(reason=Reason.PAUSED, message="policy: paused; not looked at")
            )
            self._lane.unsettled.discard(address)
            self._lane.sightings.pop(address, None)
            return False
        if suspension := self._services.suspended(address):
            message = f"suspended by {suspension.by}: {suspension.reason}"
            self._verdicts.conclude(address, Verdict(reason=Reason.SUSPENDED, message=message))
            # Its time passes without anybody saying so: each rescan asks again. Who changes it meanwhile is told then.
            self._lane.unsettled.add(address)
            return False
        return True

    # --- Planning -----------------------------------------------------------------------------------------------------

    async def _work(self, observed: Mapping[Address, Observed | ProviderError]) -> None:
        """Conclude about what was read, and apply what needs it."""
        self.outcome.looked_at += observed
        self._step("planning", observed)
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
                self._verdicts.fail(reading.address, unit)
            elif unit.action is Action.NONE:
                self._verdicts.in_sync(reading)
            elif (unit := self._held(unit)).held:
                self._verdicts.hold(unit)
            elif self._only is not None and (moved := self._moved(unit)):
                self._verdicts.fail(reading.address, ProviderError(moved, error_class=ErrorClass.PERMANENT))
            elif self._lane.stalled.get(unit.address) != (unit.desired, unit.observed):
                todo[unit.address] = unit
        if todo:
            await self._apply(todo)

    def _readings(self, observed: Mapping[Address, Observed | ProviderError]) -> list[Observed]:
        readings = []
        for address, reading in observed.items():
            if isinstance(reading, ProviderError):
                self._verdicts.fail(address, reading)
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
            self._verdicts.fail(address, error)
            del todo[address]
        if not todo:
            return
        # The providers compute while this is written, and act when it is.
        intending = asyncio.create_task(self._journal.intend(list(todo.values())), name="froyo-intend")
        try:
            await self._apply_waves(todo, intending)
        finally:
            # What was begun is on record before its end is.
            await asyncio.gather(intending, return_exceptions=True)
        await intending

    async def _apply_waves(self, todo: Mapping[Address, PlanUnit], intending: asyncio.Task[None]) -> None:
        services = self._services
        frontier = Frontier(self._lane.graph, todo, failed=self._broken_above(todo))
        while taken := frontier.take():
            wave = [address for address in taken if not self._suspended_meanwhile(address)]
            for address in set(taken).difference(wave):
                frontier.done(address)
            if not wave:
                continue
            self._step("applying", wave)
            begun = services.loop_time()
            applied = await apply_wave(
                services.host,
                self._session,
                self._lane,
                [todo[address] for address in wave],
                find_blob=services.find_blob,
                kept=services.store.blobs.read,
                settings=services.settings,
                intended=intending,
            )
            await asyncio.shield(intending)
            done_at = services.loop_time()
            self._step("verifying", wave)
            await self._look_after(todo, applied, begun, done_at)
            for address in wave:
                if self._verdicts.summary(address).ready:
                    frontier.done(address)
                else:
                    frontier.fail(address)
        self._wait_for(frontier.blocked)

    def _suspended_meanwhile(self, address: Address) -> bool:
        """Whether a person has suspended an instance since it was planned; concludes about it then."""
        if (suspension := self._services.suspended(address)) is None:
            return False
        message = f"suspended by {suspension.by}: {suspension.reason}"
        self._verdicts.conclude(address, Verdict(reason=Reason.SUSPENDED, message=message))
        self._journal.not_done(address)
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
            self._verdicts.conclude(address, verdict, failed=True)
            self._journal.not_done(address)
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
                summary = self._verdicts.summary(edge.dependency)
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
        succeeded = self._succeeded(wave, applied)
        if not succeeded:
            return
        performer = self._reader()
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
                self._verdicts.fail(reading.address, again)
            elif again.action is Action.NONE:
                self._verdicts.converged(unit, reading, done_at)
            else:
                self._verdicts.not_converged(unit, again, begun)
        for address, seen in observed.items():
            self._note_outcome(address, seen)

    def _note_outcome(self, address: Address, seen: Observed | ProviderError) -> None:
        """What became of an operation that is said to have gone well."""
        if isinstance(seen, ProviderError):
            self._journal.outcome(address, Reason.PENDING, f"applied, and not seen since: {seen}")
        else:
            self._journal.outcome(address, self._verdicts.summary(address).reason)

    def _succeeded(
        self, wave: Mapping[Address, PlanUnit], applied: Mapping[Address, Applied]
    ) -> list[Address]:
        """What its provider says went well; concludes about the rest."""
        succeeded = []
        for address, result in applied.items():
            if result.fault is None:
                succeeded.append(address)
                continue
            self._journal.not_done(address)
            if result.fault.error_class is ErrorClass.CONFLICT:
                self._verdicts.overtaken(wave[address], str(result.fault))
            else:
                self._verdicts.fail(address, result.fault)
            if result.fault.error_class is ErrorClass.PERMANENT:
                self._lane.stalled[address] = (wave[address].desired, wave[address].observed)
            self._journal.outcome(address, self._verdicts.summary(address).reason, str(result.fault))
        return succeeded

    def _settle(self, observed: Iterable[Address]) -> None:
        """Keep the account of which instances a rescan must look at although nothing has moved.

        One that failed for good is looked at all the same, unless it was an apply that failed: what made its reading
        or its plan fail may have been about another instance of the same provider.
        """
        for address in observed:
            summary = self._verdicts.summary(address)
            if summary.ready or summary.reason in _SETTLED or address in self._lane.stalled:
                self._lane.unsettled.discard(address)
            else:
                self._lane.unsettled.add(address)


_SETTLED = frozenset({Reason.DIFFERS, Reason.HELD, Reason.DID_NOT_CONVERGE, Reason.CONTESTED})
"""Not as declared, and yet not looked at before it moves, or its own time has come."""


def unplanned(name: TargetName, services: Services, why: str) -> Plan:
    """The plan of a target about which nothing can be said."""
    return Plan(
        target=name,
        revision=services.revision(),
        units=(),
        observed_at=services.runtime.now(),
        errors={str(name): why},
    )
