"""One round of one target: read → plan → apply → read again.

A round is given a lane and a session, and concludes something about every instance that it looks at. It raises only
what ends the session (`TransportError`, `ProtocolError`), or the store; all else is a verdict on an instance.

Invariants: before a side effect its intent is in the store. An instance is called in sync only after it was seen so,
never because an operation said that it went well. What could not be looked at keeps its last verdict.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from reconciler.engine.lane.lane import Lane
from reconciler.engine.lane.recording import Recording
from reconciler.engine.report import Report
from reconciler.engine.round.advice import told
from reconciler.engine.round.carrying import Carrying
from reconciler.engine.round.concluding import Conclusions
from reconciler.engine.round.deciding import Deciding
from reconciler.engine.round.failures import Failures
from reconciler.engine.round.foretelling import foretold
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.judging import Judging
from reconciler.engine.round.looking import look
from reconciler.engine.round.looks import Looks
from reconciler.engine.round.outcome import RoundOutcome
from reconciler.engine.round.performing import ReadingPerformer
from reconciler.engine.round.planning import with_listings
from reconciler.engine.round.prefetch import Prefetch
from reconciler.engine.round.probing import Probing
from reconciler.engine.round.refreshing import foreseen
from reconciler.engine.round.resuming import resume
from reconciler.engine.round.services import Services
from reconciler.engine.round.steps import Steps
from reconciler.engine.round.verdicts import Verdicts
from reconciler.engine.round.walk import Walk
from reconciler.errors import FrameTooLarge, ProviderError, RunnerError
from reconciler.model.names import Address
from reconciler.model.plan import Action, Plan, PlanUnit
from reconciler.model.resource import Policy
from reconciler.model.scope import EVERYTHING, Scope
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
        self.outcome = RoundOutcome()
        self.in_doubt: list[Address] = []
        self.id = services.runtime.new_id()
        self.report = Report(services.runtime.now, lane.states, instances=lane.instances, reconcile=self.id)
        self._lane = lane
        self._session = session
        self._services = services
        self._journal = Journal(services, lane=lane, id_=self.id)
        conclusions = Conclusions(lane, self.report, self.outcome, services)
        failures = Failures(lane, self.report, conclusions, self.outcome, services, uid=session.ready.uid)
        verdicts = Verdicts(lane, self.report, self._journal, conclusions, self.outcome, services)
        self._judging = Judging(lane, services)
        self._deciding = Deciding(
            lane,
            services,
            self.outcome,
            conclusions=conclusions,
            verdicts=verdicts,
            failures=failures,
            judging=self._judging,
            only=only,
        )
        self._probing = Probing(lane, session, services, conclusions=conclusions, failures=failures)
        looks = Looks(lane, session, services, self._probing)
        self._carrying = Carrying(
            lane,
            session,
            services,
            journal=self._journal,
            conclusions=conclusions,
            verdicts=verdicts,
            failures=failures,
            looks=looks,
        )
        self._walk = Walk(
            lane,
            journal=self._journal,
            conclusions=conclusions,
            failures=failures,
            deciding=self._deciding,
            carrying=self._carrying,
            looks=looks,
            steps=Steps(
                lane,
                services,
                journal=self._journal,
                verdicts=verdicts,
                deciding=self._deciding,
                carrying=self._carrying,
            ),
        )

    async def run(self, dirty: Scope[Address]) -> RoundOutcome:
        """Look at the `dirty` instances, and put right what is not as declared.

        Raises:
            TransportError, ProtocolError: the session is of no use any more.
            StoreError: nothing could be kept; nothing was done without an intent on record.
        """
        try:
            self._judging.binding = True
            tracer, target = self._services.runtime.tracer, self._lane.target.name
            with tracer.span("round", reconcile=self.id, target=target):
                await self._go_round(dirty)
        except Exception as error:
            self.in_doubt = self._journal.under_way
            # What was concluded until now holds; what was not stays unsettled, and is looked at again.
            self._lane.release(self.outcome.gone)
            await self._journal.cut_off(self.report, error)
            raise
        finally:
            under_way = self._services.under_way
            if under_way is None or not under_way.works_on(self._lane.target.name):
                self._services.at_work.end(self._lane.target.name)
        for address in [one for one in self._walk.left if one in self._lane.instances]:
            self.outcome.look_again(address, 0.0)
        self._lane.release(self.outcome.gone)
        await self._journal.close(self.report)
        if self._services.under_way is None or not self._services.under_way.disrupts(self._lane.target.name):
            now = self._services.runtime.now()
            await self._services.disruptions.settle(self._lane, self._services.store, now)
        # Not before what came of them is on record: until then their results are all that says so.
        if self._carrying.lasting:
            await self._session.command("exec.forget", [{"id": one} for one in self._carrying.lasting])
        return self.outcome

    async def _go_round(self, dirty: Scope[Address]) -> None:
        known: Recording | None = None
        whole = dirty.everything
        self._probing.begin()
        self._lane.sightings.look()
        concluded = await self._resume()
        if whole:
            dirty, known = await self._rescan()
        dirty |= Scope.of(self._lane.declared.notified_by(concluded))
        addresses = [a for a in self._in_order(dirty) if a not in concluded and self._deciding.may_look(a)]
        if addresses:
            prefetch = None if whole else self._prefetch(addresses)
            performer = ReadingPerformer(
                self._session, self._services.settings, known=known, prefetch=prefetch
            )
            # Until there is a verdict: the recording may know the difference before anything was done about it.
            self._lane.unsettled.add(addresses)
            later = self._deciding.in_turn(addresses)
            first = self._probing.readable(address for address in addresses if address not in later)
            try:
                if prefetch is not None:
                    await prefetch.sent()
                seen = await look(
                    self._services,
                    self._lane,
                    first,
                    performer,
                    texts=any(address in self._lane.sightings for address in addresses),
                    tell=True,
                )
            finally:
                if prefetch is not None:
                    await prefetch.end()
            everything = whole and not self.outcome.unchanged and len(addresses) == len(self._lane.instances)
            self._lane.record(performer.seen, everything=everything)
            self.outcome.looked_at += seen
            observed = await self._walk.run(seen, performer, later)
            self.outcome.looked_at += [address for address in later if address in observed]
            self._deciding.settle(observed)
            if self.outcome.changed:  # which may have taken away what was in the way of others
                for address in self._walk.obstructed:
                    self.outcome.look_again(address, 0.0)
                self.outcome.shared |= self._lane.declared.overtaken(self.outcome.changed)
                for address in self.outcome.shared:
                    self.outcome.look_again(address, self._services.settings.sharing_poll)

    async def _resume(self) -> Collection[Address]:
        """Conclude what came of operations that outlasted their rounds and have ended."""
        under_way = self._services.under_way
        ended = under_way.take_ended(self._lane.target.name) if under_way is not None else []
        if under_way is None or not ended:
            return ()
        concluded = await resume(
            ended, self._lane, journal=self._journal, carrying=self._carrying, under_way=under_way
        )
        self.outcome.looked_at += concluded
        self._deciding.settle(concluded)
        for address in concluded:
            # Something else has changed since, or was heard of while nobody could look.
            if self._deciding.owes(address) or address in self._lane.sightings:
                self.outcome.look_again(address, 0.0)
        return concluded

    async def abandon(self) -> list[Address]:
        """Keep on record what was under way when the round was cancelled; returns it."""
        self._lane.release(self.outcome.gone)
        return await self._journal.abandon(self.report)

    async def plan(self, *, texts: bool = True) -> Plan:
        """What a round over all of the target would change, and what could not be planned and why. Changes nothing."""
        addresses = [
            address
            for address in self._lane.graph.order
            if self._lane.instances[address].common.policy is not Policy.PAUSED
        ]
        performer = ReadingPerformer(self._session, self._services.settings)
        probed = await self._probing.once(addresses)
        seen = await look(
            self._services, self._lane, addresses, performer, texts=texts, tell=True, probed=probed
        )
        # What is read together is of one package; people read what comes first at first.
        planned = {address: seen[address].unit for address in addresses if address in seen}
        listed = await self._services.runtime.offload(
            "listings", partial(with_listings, planned, self._services.find_blob)
        )
        await self._judging.judge(listed)
        units = [self._deciding.permit(one) for one in listed]
        errors = {a: one for a, one in planned.items() if isinstance(one, ProviderError)}
        return Plan(
            target=self._lane.target.name,
            revision=self._services.revision(self._lane.target.name),
            units=tuple(await self._foreseen(units, errors)),
            observed_at=self._services.runtime.now(),
            errors={
                str(address): told(error, self._lane.target, uid=self._session.ready.uid)
                for address, error in errors.items()
            },
            decisions=tuple(self._judging.decisions.values()),
        )

    async def _foreseen(self, units: Collection[PlanUnit], broken: Collection[Address]) -> list[PlanUnit]:
        """The units, with what is refreshed because of them, and why those that would fail do."""
        uid = self._session.ready.uid
        found = foreseen(self._lane, foretold(self._lane, units, broken, uid=uid))
        if self._judging.needed:
            refreshed = {one.address for one in found if one.action is Action.REFRESH}
            await self._judging.judge(one for one in found if one.address in refreshed)
            found = tuple(self._deciding.permit(one) if one.address in refreshed else one for one in found)
        return foretold(self._lane, found, broken, uid=uid)

    # --- Looking ------------------------------------------------------------------------------------------------------

    async def _rescan(self) -> tuple[Scope[Address], Recording | None]:
        """What to look at one by one: everything, or only what is unsettled if nothing on the target has moved."""
        recording = self._lane.recording
        if recording is None:
            return EVERYTHING, None
        try:
            seen = await self._session.observe(recording.key, recording.batch(), recording.digest)
        except (RunnerError, FrameTooLarge):
            return EVERYTHING, None
        if seen.unchanged:
            self.outcome.unchanged = True
            return Scope.of(self._lane.unsettled.due(self._services.loop_time())), None
        return EVERYTHING, None if seen.replies is None else recording.replace(seen.replies)

    def _prefetch(self, addresses: Collection[Address]) -> Prefetch | None:
        """Ask about what was reported to have changed, if that is little, before a provider does."""
        lane = self._lane
        changed = [address for address in addresses if address in lane.sightings]
        if lane.recording is None or not 0 < len(changed) <= self._services.settings.prefetch_max:
            return None
        subjects = {one: None for address in changed for one in lane.watched.of(address)}
        return Prefetch(
            self._session, lane.recording, subjects, patience=self._services.settings.rescan_patience
        )

    def _in_order(self, scope: Scope[Address]) -> list[Address]:
        """Those that are still declared, each after what it depends on."""
        graph = self._lane.graph
        return list(graph.order) if scope.everything else graph.in_order(scope.named)
