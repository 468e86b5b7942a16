"""One round of one target: read → plan → apply → read again.

A round is given a lane and a session, and concludes something about every instance that it looks at. It raises only
what ends the session (`TransportError`, `ProtocolError`), or the store; all else is a verdict on an instance.

Invariants: before a side effect its intent is in the store. An instance is called in sync only after it was seen so,
never because an operation said that it went well. What could not be looked at keeps its last verdict.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from reconciler.core import reasons
from reconciler.core.obstacles import standing
from reconciler.engine import wording
from reconciler.engine.lane.lane import Lane
from reconciler.engine.lane.recording import Recording
from reconciler.engine.report import Report, Verdict
from reconciler.engine.round.advice import told
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.looking import Look, look
from reconciler.engine.round.performing import ReadingPerformer
from reconciler.engine.round.permitting import Permitting
from reconciler.engine.round.prefetch import Prefetch
from reconciler.engine.round.refreshing import foreseen
from reconciler.engine.round.services import RoundOutcome, Services
from reconciler.engine.round.verdicts import Verdicts
from reconciler.engine.round.walk import Walk
from reconciler.errors import ErrorClass, FrameTooLarge, ProviderError, RunnerError
from reconciler.model.conditions import Reason
from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.plan import Action, Obstacle, Plan, PlanUnit
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
        self.report = Report(services.runtime.now, lane.states, instances=lane.instances)
        self._lane = lane
        self._session = session
        self._services = services
        self._only = only
        self._journal = Journal(
            services.store, lane=lane, revision=services.revision(), runtime=services.runtime
        )
        self._verdicts = Verdicts(
            lane, self.report, self._journal, self.outcome, services, uid=session.ready.uid
        )
        self._permitting = Permitting(lane, services, self.outcome, at_once=only is not None)
        self._walk = Walk(
            lane,
            session,
            services,
            self._journal,
            self._verdicts,
            decide=self._decide,
            may_look=self._may_look,
            owes=self._owes,
        )

    async def run(self, dirty: Scope[Address]) -> RoundOutcome:
        """Look at the `dirty` instances, and put right what is not as declared.

        Raises:
            TransportError, ProtocolError: the session is of no use any more.
            StoreError: nothing could be kept; nothing was done without an intent on record.
        """
        try:
            await self._go_round(dirty)
        except Exception as error:
            # What was concluded until now holds; what was not stays unsettled, and is looked at again.
            self._lane.release(self.outcome.gone)
            await self._journal.cut_off(self.report, error)
            raise
        for address in self._walk.doubtful:
            if address in self._lane.instances:
                self.outcome.look_again(address, 0.0)
        self._lane.release(self.outcome.gone)
        await self._journal.close(self.report)
        # Not before what came of them is on record: until then their results are all that says so.
        if self._walk.lasting:
            await self._session.command("exec.forget", [{"id": one} for one in self._walk.lasting])
        return self.outcome

    async def _go_round(self, dirty: Scope[Address]) -> None:
        known: Recording | None = None
        whole = dirty.everything
        concluded = await self._resume()
        if whole:
            dirty, known = await self._rescan()
        dirty |= Scope.of(self._lane.declared.notified_by(concluded))
        addresses = [a for a in self._in_order(dirty) if a not in concluded and self._may_look(a)]
        if addresses:
            prefetch = None if whole else self._prefetch(addresses)
            performer = ReadingPerformer(
                self._session, self._services.settings, known=known, prefetch=prefetch
            )
            # Until there is a verdict: the recording may know the difference before anything was done about it.
            self._lane.unsettled.add(addresses)
            later = self._in_turn(addresses)
            first = [address for address in addresses if address not in later]
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
            self._settle(observed)
            if self.outcome.changed:  # which may have taken away what was in the way of others
                for address in self._walk.obstructed:
                    self.outcome.look_again(address, 0.0)

    async def _resume(self) -> Collection[Address]:
        """Conclude what came of operations that outlasted their rounds and have ended."""
        under_way = self._services.under_way
        ended = under_way.take_ended(self._lane.target.name) if under_way is not None else []
        concluded = await self._walk.resume(ended) if ended else ()
        self.outcome.looked_at += concluded
        self._settle(concluded)
        for address in concluded:
            # Something else has changed since, or was heard of while nobody could look.
            if self._owes(address) or address in self._lane.sightings:
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
        seen = await look(self._services, self._lane, addresses, performer, texts=texts, tell=True)
        target = self._lane.target
        units = [self._permitting.permit(one.unit) for one in seen.values() if isinstance(one.unit, PlanUnit)]
        errors = {a: one.unit for a, one in seen.items() if isinstance(one.unit, ProviderError)}
        return Plan(
            target=target.name,
            revision=self._services.revision(),
            units=foreseen(self._lane, self._foretold(units, errors)),
            observed_at=self._services.runtime.now(),
            errors={
                str(address): told(error, target, uid=self._session.ready.uid)
                for address, error in errors.items()
            },
        )

    def _foretold(self, units: Collection[PlanUnit], broken: Collection[Address]) -> list[PlanUnit]:
        """The units, with why those that would fail do."""
        changes = {
            unit.address: unit.operation.obstacles
            for unit in units
            if unit.action is not Action.NONE and unit.held is None
        }
        failing = standing(changes, self._lane.instances, self._lane.graph, broken=broken)
        return [replace(one, fails=self._why(failing.get(one.address))) for one in units]

    def _why(self, failing: Obstacle | Address | None) -> str:
        if failing is None:
            return ""
        if isinstance(failing, Obstacle):
            return told(failing.fault, self._lane.target, uid=self._session.ready.uid)
        return f"waits for {split_address(failing)[1]}, which would fail"

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
        return scope.among(self._lane.graph.order)

    def _in_turn(self, addresses: Collection[Address]) -> set[Address]:
        """Those of `addresses`, in order, that come after something which is not ready: that is about to change.

        What they are shows when it is their turn; looked at before, they would be looked at twice. A saved plan has
        seen all of it before anything changed, and is compared with that.
        """
        later: set[Address] = set()
        if self._only is None:
            unready = {address for address in addresses if not self._verdicts.summary(address).ready}
            for address in addresses:
                above = (edge.dependency for edge in self._lane.graph.dependencies.get(address, ()))
                if any(one in unready or one in later for one in above):
                    later.add(address)
        return later

    def _may_look(self, address: Address) -> bool:
        """Whether an instance may be looked at; concludes about those that may not."""
        if self._only is not None and address not in self._only:
            return False
        writer = self._writer(address)
        if writer == address:
            return False
        if self._lane.instances[address].common.policy is Policy.PAUSED:
            self._verdicts.conclude(
                address, Verdict(reason=Reason.PAUSED, message="policy: paused; not looked at")
            )
            self._lane.unsettled.settle(address)
            self._lane.sightings.take(address)
            return False
        if suspension := self._services.suspended(address):
            message = wording.suspended(suspension)
            self._verdicts.conclude(address, Verdict(reason=Reason.SUSPENDED, message=message))
            # Its time passes without anybody saying so: each rescan asks again. Who changes it meanwhile is told then.
            self._lane.unsettled.add([address])
            return False
        if writer is not None:
            self._verdicts.waits_for(address, writer)
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

    # --- Deciding -----------------------------------------------------------------------------------------------------

    def _decide(self, address: Address, seen: Look) -> PlanUnit | None:
        """What is to be done about an instance now; None where nothing is, and then what holds of it is concluded."""
        unit = seen.unit
        if isinstance(unit, ProviderError):
            self._verdicts.fail(address, unit)
        elif unit.action is Action.NONE:
            if not self._owes(address):  # else nothing is concluded before that is done
                self._verdicts.in_sync(seen.observed)
        elif self._lane.instances[address].removal is not None and not self._services.goes(address):
            pass  # it has come to be declared again, be it by another source or by another name
        elif (unit := self._permitting.permit(unit)).held:
            self._verdicts.hold(unit)
        elif self._only is not None and (moved := self._moved(unit)):
            self._verdicts.fail(address, ProviderError(moved, error_class=ErrorClass.PERMANENT))
        elif not self._verdicts.is_vain(unit):
            return unit
        return None

    def _owes(self, address: Address) -> bool:
        """Whether an instance is owed a refresh that it may be given now.

        What causes it may be changing again just now: then it is owed for that, too, as soon as that has ended.
        """
        return (
            self._is_owed(address)
            and self._services.suspended(address) is None
            and not any(self._is_under_way(one.cause) for one in self._lane.refreshes.of(address))
        )

    def _is_owed(self, address: Address) -> bool:
        """Whether an instance is owed a refresh, now or later."""
        enforced = self._lane.instances[address].common.policy is Policy.ENFORCE
        return enforced and bool(self._lane.refreshes.of(address))

    def _is_under_way(self, address: Address) -> bool:
        return self._services.under_way is not None and address in self._services.under_way

    def _moved(self, unit: PlanUnit) -> str:
        """Why a unit is not the one of the saved plan, or ""."""
        saved = (self._only or {})[unit.address]
        if saved.desired != unit.desired:
            return "what is declared has changed since the plan was saved; plan again"
        if saved.observed != unit.observed:
            return "what is on the target has changed since the plan was saved; plan again"
        return ""

    def _settle(self, observed: Iterable[Address]) -> None:
        """Keep the account of which instances a rescan must look at although nothing has moved.

        One that failed for good is looked at all the same, unless it was an apply that failed: what made its reading
        or its plan fail may have been about another instance of the same provider.
        """
        for address in observed:
            if address in self.outcome.gone:
                continue
            summary = self._verdicts.summary(address)
            settled = summary.ready or summary.reason in reasons.SETTLED
            if (settled and not self._is_owed(address)) or self._lane.attempts.has_stalled(address):
                self._lane.unsettled.settle(address)
            else:
                self._lane.unsettled.add([address])


def unplanned(name: TargetName, services: Services, why: str) -> Plan:
    """The plan of a target about which nothing can be said."""
    return Plan(
        target=name,
        revision=services.revision(),
        units=(),
        observed_at=services.runtime.now(),
        errors={str(name): why},
    )
