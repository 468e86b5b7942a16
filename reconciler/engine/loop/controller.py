"""The controller: takes in what is declared, has rounds done, and keeps everything going.

Invariants: waiting, for a session, a retry or a person, holds no round. Nothing is concluded from an event's absence:
every target is looked at again at intervals whatever was heard from it.

It is where all parts of the loop meet, and so longer than a module should be; whatever can be done without another part
is in that part's own module.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeAlias

from reconciler.core.backoff import Backoff
from reconciler.core.conditions import summarize
from reconciler.core.contest import Contests
from reconciler.core.echoes import Echoes
from reconciler.core.reasons import GOVERNED, result_of
from reconciler.core.sharing import shard_of
from reconciler.core.workqueue import Priority, Work
from reconciler.engine import wording
from reconciler.engine.at_work import TargetsAtWork
from reconciler.engine.disruptions import Disruptions
from reconciler.engine.facts import TargetFacts
from reconciler.engine.host import ProviderHost
from reconciler.engine.intake.claims import Had
from reconciler.engine.intake.doubt import NO_DOUBT, Doubt
from reconciler.engine.intake.in_force import InForce
from reconciler.engine.intake.parting import part
from reconciler.engine.intake.recall import record
from reconciler.engine.intake.wanted import Taken, Wanted
from reconciler.engine.keeping import settle_in_doubt
from reconciler.engine.lane.lane import Lane
from reconciler.engine.loop.approvals import Approvals
from reconciler.engine.loop.background import Background
from reconciler.engine.loop.lanes import Lanes
from reconciler.engine.loop.others import Others
from reconciler.engine.loop.reachability import Reachability
from reconciler.engine.loop.reminders import Reminders
from reconciler.engine.loop.requests import Requests
from reconciler.engine.loop.sessions import OpenSession, Sessions
from reconciler.engine.loop.suspensions import Suspensions
from reconciler.engine.loop.watching import Watching
from reconciler.engine.loop.workers import Workers, Workload
from reconciler.engine.report import Report
from reconciler.engine.round.outcome import RoundOutcome
from reconciler.engine.round.planning import unplanned
from reconciler.engine.round.probes import Probes
from reconciler.engine.round.reconcile import Round
from reconciler.engine.round.services import Services
from reconciler.engine.round.under_way import UnderWay
from reconciler.engine.settings import EngineSettings
from reconciler.engine.share import Share
from reconciler.errors import ConfigError, ProtocolError, RunnerError, StoreError, TransportError
from reconciler.model import metrics
from reconciler.model.desired import Desired
from reconciler.model.facts import SECTIONS, Section
from reconciler.model.names import Address, SourceName, TargetName, split_address
from reconciler.model.plan import Plan
from reconciler.model.policy import Policies
from reconciler.model.scope import EVERYTHING, Scope
from reconciler.model.state import Approval, ResourceState, Suspension, TargetState, covers
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.sharing import Decided
from reconciler.store.store import Store
from reconciler.targets.session import Session
from reconciler.targets.watch import WatchEvent
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

FactsChanged: TypeAlias = Callable[[TargetName, Collection[Section]], Awaitable[None]]


async def _nobody(_name: TargetName, _sections: Collection[Section]) -> None:
    """Nothing depends on facts."""


NO_SESSION = "there is no session to the target right now; see: froyo status"
"""Why nothing can be planned."""
ANOTHERS = "another controller that shares the store works on it; ask there: froyo status says where"
"""The same, where there is none because it is not ours."""


class Controller:
    """One engine on one store.

    Args:
        store: where everything is kept; this controller holds its lease, or is a member of those who share it.
        host: runs the providers.
        runtime: the world.
        open_session: opens a session to a target.
        settings: the numbers.
        facts: what is known of targets themselves.
        share: the targets that it works on.
        policies: decide what may be done; None where there are none.

    Attributes:
        share: the targets that it works on.
        others: what others that share the store know.
        in_force: what all sources declare, and what is to go.
        lanes: what is known of each target.
        suspensions: what people want left alone.
        approvals: what people want done that waited for them.
        looked_at: when all of a target was last looked at, in seconds since the epoch.
        next_tries: when the targets that cannot be reached are tried again, in seconds since the epoch.
        expected: the sources that will be taken in; what one of them had before stays its own until then.
        held: of what each source declares no longer, what waits for a person because the controller that leads says so;
            empty where this one is alone.
        taking: is held by who takes a source in.
        facts: what is known of targets themselves.
        facts_changed: is told which sections of a target's facts say something else than before.
    """

    def __init__(
        self,
        *,
        store: Store,
        host: ProviderHost,
        runtime: Runtime,
        open_session: OpenSession,
        settings: EngineSettings = EngineSettings(),  # noqa: B008 - frozen
        facts: TargetFacts | None = None,
        share: Share | None = None,
        policies: Policies | None = None,
    ) -> None:
        self.share = share or Share()
        self.others = Others(store, self.share)
        self.facts = facts or TargetFacts(store, now=runtime.now, ttl=settings.facts_ttl)
        self.facts_changed: FactsChanged = _nobody
        self.in_force = InForce(budget=settings.prune, own_paths=settings.own_paths)
        self.lanes = Lanes(store, runtime, settings=settings, loop_time=self._time)
        self.suspensions = Suspensions(store, now=runtime.now)
        self.expected: set[SourceName] = set()
        self.held: Mapping[SourceName, Mapping[Address, str]] = {}
        self.taking = asyncio.Lock()
        self.approvals = Approvals(store)
        self._store = store
        self._runtime = runtime
        self._settings = settings
        self.next_tries: dict[TargetName, float] = {}
        self.looked_at: dict[TargetName, float] = {}
        self._abandoned: set[Address] = set()
        self._background = Background()
        self._echoes = Echoes[TargetName]()
        self._requests = Requests(store, now=runtime.now)
        backoff = Backoff(base=settings.retry_base, cap=settings.retry_cap)
        self._reachability = Reachability(store, runtime, backoff=backoff)
        self._workers = Workers(
            self._reconcile,
            random=runtime.random.random,
            most=settings.concurrent_rounds,
            meter=runtime.meter,
        )
        self._watching = Watching(self.lanes, self._workers, self._reachability, loop_time=self._time)
        self._reminders = Reminders(self.suspensions, now=runtime.now, ended=self._suspension_ended)
        self._sessions = Sessions(open_session=open_session, runtime=runtime, listener=self, backoff=backoff)
        self._under_way = UnderWay(self._operation_ended)
        self._probes = Probes(settings, loop_time=self._time, news=self._operation_ended)
        self._disruptions = Disruptions(
            settings.max_disrupted,
            self.share,
            undecided=self.in_force.may_declare,
            locks=lambda: self.in_force.locks,
        )
        self._disruptions.notify(self._freed)
        at_work = TargetsAtWork()
        at_work.notify(self._freed)
        self._services = Services(
            host=host,
            store=store,
            runtime=runtime,
            settings=settings,
            find_blob=self.in_force.find_blob,
            revision=self.in_force.revision_on,
            revision_of=self.in_force.revision_of,
            suspended=self.suspensions.holding,
            approved=self.approvals.of,
            loop_time=self._time,
            probes=self._probes,
            under_way=self._under_way,
            goes=self.in_force.removals.__contains__,
            disruptions=self._disruptions,
            policies=policies,
            at_work=at_work,
        )

    # --- Life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what an earlier controller left: states, suspensions, requests, and operations in doubt."""
        await self.suspensions.load()
        await self.approvals.load()
        self._reminders.set(self.suspensions.all())
        await self.facts.load()
        await self._load(self.share.has)

    async def _load(self, ours: Callable[[TargetName], bool]) -> None:
        """Take up what an earlier controller left of targets that are ours, or another one."""
        await self._settle_in_doubt(ours)
        await self.lanes.load(ours)
        await self._reachability.load(ours)
        await self._requests.load(ours)
        self._disruptions.recall(await self._store.load_disruptions())

    async def _settle_in_doubt(self, ours: Callable[[TargetName], bool]) -> None:
        await settle_in_doubt(
            self._store,
            Report(self._runtime.now, {}),
            transactions=self._services.host.transactions,
            ours=ours,
        )

    async def run(self) -> None:
        """Hand out rounds until `stop`, or until cancelled."""
        try:
            await self._workers.run()
        finally:
            await self._probes.close()
            await self._under_way.close()
            await self._sessions.close()
            await self._reachability.close()

    async def stop(self, *, grace: float) -> list[Address]:
        """Hand out no more rounds, wait for those under way, and abandon what has not ended within `grace` seconds.

        Returns:
            What was abandoned in the middle of an apply; it is observed again at the next start.
        """
        self._reminders.close()
        await self._workers.stop(grace=grace)
        if left := await self._under_way.close():
            self._abandoned.update(left)
            try:
                await self._settle_in_doubt(self.share.has)
            except StoreError as error:
                log.info("what was left in doubt is settled at the next start", why=str(error))
        return sorted(filter(self.share.covers, self._abandoned))

    # --- Its share ----------------------------------------------------------------------------------------------------

    async def take_up(self, shards: Collection[int]) -> None:
        """Work on these parts of the targets, too, from what others left on record, who do not any more.

        What is in force says by the next `take_again` what is to be done on them.
        """
        await self._load(lambda name: shard_of(name) in shards)
        self.share.gain(shards)

    async def give_up(self, shards: Collection[int], *, grace: float) -> None:
        """Work on these parts of the targets no more: when this returns, nothing is under way on any of them.

        Rounds that have not ended within `grace` seconds are cut short; what that leaves in doubt is on record.

        Raises:
            StoreError: something is not on record yet that has to be. It is to be tried again.
        """
        self.share.lose(shards)
        names = [name for name in self.lanes.undeclared(()) if not self.share.has(name)]
        await asyncio.gather(*(self._workers.leave(name, grace=grace) for name in names))
        for name in names:
            await self._under_way.close(name)
            await self._sessions.drop(name)
            self._let_be(name)
            await self.lanes.drop(name)
        self.lanes.leave(self.share.has)
        self._requests.leave(self.share.has)
        await self._reachability.leave(self.share.has)

    def _let_be(self, name: TargetName) -> None:
        """Ask nothing of a target any more, and expect nothing of it."""
        self.lanes.withdraw(name)
        self.next_tries.pop(name, None)
        self.looked_at.pop(name, None)
        self._probes.keep_only(name, ())

    async def catch_up(self) -> None:
        """Take note of what others that share the store have put on record."""
        before = self.suspensions.on_record
        await self.suspensions.load()
        if before != self.suspensions.on_record:
            for object_ in before:
                self._reminders.cancel(object_)
            self._reminders.set(self.suspensions.all())
        approved = self.approvals.on_record
        await self.approvals.load()
        if approved != self.approvals.on_record:
            await self.take_again()
        self._disruptions.hear(await self._store.load_disruptions())
        for name, sections in (await self.facts.hear(self.share.has)).items():
            await self.facts_changed(name, sections)
        for name in await self._requests.load(self.share.has):
            self._sessions.hurry(name)
            self._workers.add(name, priority=Priority.USER)

    async def look_at_others(self) -> set[str]:
        """See what others know of their targets by now; the objects of which something else is on record."""
        moved = await self.others.look()
        going = (address for address in self.in_force.removals.going if not self.share.covers(address))
        if gone := [address for address in going if address not in self.others.states]:
            self._let_go(gone)
        return moved

    # --- What is in force ---------------------------------------------------------------------------------------------

    def unread(self, source: SourceName) -> Collection[SourceName]:
        """The sources beside this one that have not been read since the start."""
        return self.expected - self.in_force.sources.keys() - {source}

    async def refuse_conflicts(self, desired: Desired, *, doubt: Doubt = NO_DOUBT) -> None:
        """See that a source claims nothing that another one has, be it that it has not been read since the start.

        Args:
            desired: what it declares.
            doubt: why the source may not mean what it leaves out.

        Raises:
            ConfigError: with everything that it claims so; it waits for that from now on.
        """
        try:
            await self.must_not_conflict(desired)
        except ConfigError:
            self.in_force.wait(desired, doubt=doubt)
            raise

    async def must_not_conflict(self, desired: Desired) -> None:
        """The same for what is not to be taken in as soon as others let go of it.

        Raises:
            ConfigError: with everything that it claims so; it waits for nothing.
        """
        if problems := self.in_force.conflicts(desired, await self._theirs(desired)):
            raise ConfigError(problems)

    async def _theirs(self, desired: Desired) -> list[Had]:
        """What other sources had that have not been read since the start."""
        unread = self.unread(desired.source)
        earlier = [one for source, one in self.in_force.earlier.items() if source in unread]
        self.lanes.reassign((one.source, address) for one in earlier for address in one.instances)
        theirs = [Had(one.source, one.instances.values(), one.targets) for one in earlier]
        if unread:
            states = await self._known()
            told = {(had.source, one.address, one.provides) for had in theirs for one in had.instances}
            for address, entry in (await self._store.load_inventory()).items():
                state, one = states.get(address), entry.instance
                if state is None or state.source not in unread:
                    continue
                if (state.source, address, one.provides) not in told:
                    theirs.append(Had(state.source, [one]))
        return [self.in_force.kept(one) for one in theirs]

    async def submit(self, desired: Desired, *, doubt: Doubt = NO_DOUBT) -> Taken | None:
        """From now on, this is what one source declares.

        What it declared and no longer does goes, or waits for a person, or stays, as `core/prune.py` says. A controller
        that has been told to end takes nothing in: it would open sessions that nobody closes.

        Args:
            desired: all of it.
            doubt: why the source may not mean what it leaves out.

        Raises:
            ConfigError: it claims what another source has; nothing has changed.
        """
        if self._workers.stopping:
            return None
        if problems := self.in_force.conflicts(desired):
            raise ConfigError(problems)
        along = self.in_force.along(desired)
        before = self.in_force.of(desired.source)
        held = {address: why for each in self.held.values() for address, why in each.items()}
        known = await record(
            self._store, await self._known(), [desired, *along], self.in_force.sources, held=held
        )
        if before is desired and self.in_force.of(desired.source) is not desired:
            return None  # it was only to be seen once more, and its source has moved on meanwhile
        taken = self.in_force.take(desired, known, doubt=doubt)
        # Nothing may be awaited before the lanes have it: a round in between would remove what is declared again.
        for name, wanted in taken.wanted.items():
            if not self.share.has(name):
                continue
            if self._sessions.want(wanted.target):
                self._reachability.forget(name)
                self.next_tries.pop(name, None)
            changed = self.lanes.submit(wanted, self.in_force.sources, taken.left)
            self._workers.add(name, priority=Priority.SPEC, scope=changed)
        self._suspend_declared()
        await self._store.write(self._decided([desired, *along]))
        await self._drop_targets()
        return taken

    async def _known(self) -> dict[Address, ResourceState]:
        """What is known of every instance, also of those that others work on."""
        mine = self.lanes.states()
        return mine if self.share.alone else {**await self._store.load_states(), **mine}

    def _decided(self, taken: Collection[Desired]) -> Batch:
        """What goes on record with what has been taken in, by who decides that."""
        batch = Batch()
        if not self.share.leads:
            return batch
        for one in taken:
            batch.put_targets(one.targets.values())
            if not self.share.alone:
                doubt, held = self.in_force.doubt_of(one.source), self.in_force.removals.held_of(one.source)
                self.held = {**self.held, one.source: held}
                batch.decide(Decided(one.source, one.digest, doubt.why, frozenset(doubt.certain), held))
        return batch

    def _suspend_declared(self) -> None:
        """Leave alone what manifests want left alone, and look at what they do not any more."""
        for name in self.suspensions.declare(self.in_force.instances.values()):
            self._suspension_ended(name)

    async def drop(self, source: SourceName) -> None:
        """A source is served no longer: what it declared is left as it is and stays on record, as after a restart."""
        self.expected.discard(source)
        self.in_force.drop(source)
        self.lanes.serve(self.in_force.sources)
        await self.take_again()
        await self._drop_targets()

    async def _drop_targets(self) -> None:
        """Forget the targets on which nothing is declared or to go; what other sources have on record stays there."""
        wanted = self.in_force.targets
        for name in self.lanes.undeclared(wanted):
            await self._sessions.drop(name)
            self._let_be(name)
            await self._workers.drop(name)
            await self.lanes.drop(name)
        others = self.lanes.shared()
        others |= {
            name for name in {*self.facts.known, *self._disruptions.targets} if not self.share.has(name)
        }
        self.facts.keep_only(wanted.keys() | others)
        self._echoes.keep_only(wanted)
        self._reachability.keep_only(wanted, others)
        self._disruptions.keep_only(wanted.keys() | others)
        await self._requests.keep_only(wanted.keys() | others)
        await self.lanes.forget(wanted)

    def _let_go(self, gone: Collection[Address]) -> None:
        """What was to go has gone: nothing waits for it any more, be it its target."""
        self.approvals.spent(gone)
        before = self.in_force.targets.keys()
        restored = any(address in self.in_force.restored for address in gone)
        self.in_force.gone(gone)
        if restored:  # what is declared there is left alone, and that is to be seen
            self._background.begin(self.take_again(), name="take again")
        if before != self.in_force.targets.keys():
            self._background.begin(self._drop_targets(), name="drop targets")

    async def approve(self, approvals: Collection[Approval]) -> None:
        """Have done what waits for a person, or remove what nobody declares any more."""
        await self.approvals.put(approvals)
        await self.take_again()
        await self.request(Scope.of(approval.address for approval in approvals))

    async def restore(self, approval: Approval, suspension: Suspension | None) -> None:
        """Have what was there before us put back, and what is declared left alone from then on.

        Both are on record before this returns, together, and outlive the controller.
        """
        if suspension is None:
            await self.approvals.put([approval])
        else:
            await self.suspensions.put(suspension, Batch().approve([approval]))
            self.approvals.note(approval)
        await self.take_again()
        await self.request(Scope.of([approval.address]))

    async def forget(self, addresses: Collection[Address]) -> None:
        """These are not ours any more: they stay as they are, and nothing is known of them."""
        await self._store.write(Batch().forget_inventory(addresses).forget_approvals(addresses))
        self.approvals.spent(addresses)
        await self.take_again()

    async def take_again(self) -> None:
        """What is on record has been changed, or what is ours: see what follows from what is in force."""
        for source in list(self.in_force.sources):
            await self.submit(self.in_force.sources[source], doubt=self.in_force.doubt_of(source))

    async def _part(self, name: TargetName) -> None:
        """Put on record what parts from its name on a target, now that no round is under way that goes by that name."""
        declared = self.lanes.parting(name)
        if not declared:
            return
        if (lane := self.lanes.get(name)) is not None:
            await lane.backlog.keep(self._store, lane.states)
        parted = part(declared, self.lanes.states(), await self._store.load_inventory(name))
        if not parted.entries:
            return
        await self._store.write(parted.batch(declared, self._runtime.now))
        self.lanes.part(parted)
        await self.take_again()

    async def _look_back(self, name: TargetName) -> None:
        """See once more what follows from what is in force, where a round had not put all on record by then."""
        lane = self.lanes.get(name)
        if lane is not None and self.lanes.overlooked(name):
            await lane.backlog.keep(self._store, lane.states)
            await self.take_again()

    # --- Rounds -------------------------------------------------------------------------------------------------------

    async def _reconcile(self, work: Work[TargetName, Address]) -> bool:
        """One round, and what follows from it; whether there was one."""
        name = work.key
        if not self.share.has(name):
            return False
        session = self._sessions.get(name)
        await self._part(name)
        await self._look_back(name)
        lane = self.lanes.take_in(name)
        if lane is None or name not in self.in_force.targets:
            return False
        lane.unsettled.add(address for address in work.items if address in lane.instances)
        if session is None:
            await lane.backlog.keep(self._store, lane.states)
            return False  # looked at when there is one: see `connected`
        dirty = work.scope
        if (request := self._requests.get(name)) is not None:
            dirty |= request.scope
        asked = request is not None or work.priority is Priority.USER
        if asked:
            lane.forget_verdicts(dirty.among(lane.instances))
            self._probes.expire(dirty.among(lane.instances))
        overdue = dirty.everything and self._time() - session.remembers_since >= self._settings.full_look
        try:
            # Who asks does not ask what was remembered.
            await self._round(lane, session, dirty, afresh=asked or overdue)
        except (TransportError, ProtocolError) as error:
            log.info("the session was lost in the middle of a round", target=name, why=str(error))
            if not session.closed:
                # A runner that owes an answer is of no use any more. Another one is looked at everything with.
                self._background.begin(session.close(), name=f"close session {name}")
            return False
        if request is not None:
            await self._requests.grant(name, request)
        return True

    async def _round(
        self, lane: Lane, session: Session, dirty: Scope[Address], *, afresh: bool
    ) -> RoundOutcome:
        work = Round(lane, session, self._services)
        try:
            if afresh:
                await session.forget_digests()
            await work.run(dirty)
        except asyncio.CancelledError:
            self._abandoned.update(await asyncio.shield(work.abandon()))
            raise
        finally:
            # Whatever else fails, such as the store or the watch: what has been concluded has its next look.
            self._schedule(lane, work.outcome, whole=dirty.everything)
            self._measure(lane, work.outcome)
            if work.outcome.gone:
                self._let_go(work.outcome.gone)
        if dirty.everything:
            self.looked_at[lane.target.name] = self._runtime.now()
        if work.outcome.touched or dirty.everything:
            gathering = self._gather(session, work.outcome.touched or None)
            self._background.begin(gathering, name="gather facts")
        await self._watching.keep(lane, session)
        return work.outcome

    def _measure(self, lane: Lane, outcome: RoundOutcome) -> None:
        meter = self._runtime.meter
        for address in outcome.looked_at:
            if (instance := lane.instances.get(address)) is not None:
                reason = summarize(lane.states[address].conditions).reason
                meter.count(metrics.RESOURCE_RECONCILE, instance.kind, result_of(reason))

    def _schedule(self, lane: Lane, outcome: RoundOutcome, *, whole: bool) -> None:
        """When to look again at what a round has looked at."""
        name, add_after = lane.target.name, self._workers.add_after
        for address, pause in outcome.again.items():
            priority = Priority.DRIFT if pause < 1.0 else Priority.RESYNC
            add_after(name, pause, priority=priority, scope=Scope.of([address]))
        add_after(name, 0.0, priority=Priority.SPEC, scope=Scope.of(outcome.woken))
        random, rhythm = self._runtime.random.random, self._settings.rhythm
        for address in outcome.looked_at:
            instance = lane.instances.get(address)
            if instance is None:
                continue
            interval = instance.common.interval
            if instance.probe is not None and interval is None:
                interval = self._settings.probe_interval
            if interval is not None:
                pause = rhythm.delay(random, interval=interval)
                add_after(name, pause, priority=Priority.RESYNC, scope=Scope.of([address]))
        if whole:
            pause = rhythm.delay(random, watched=lane.watched.works)
            add_after(name, pause, priority=Priority.RESYNC)

    # --- Sessions (Listener) ------------------------------------------------------------------------------------------

    def connected(self, name: TargetName, session: Session) -> None:
        """A session is ready: look at everything, since nothing was heard from the target until now."""
        self.next_tries.pop(name, None)
        self._reachability.say(
            name,
            ready=True,
            message=wording.connected(
                session.target, session.ready.uid, self._runtime.environ, session.passed_over
            ),
        )
        self._background.begin(self._gather(session), name="gather facts")
        self._workers.add(name, priority=Priority.USER if self._requests.get(name) else Priority.SPEC)

    def disconnected(self, name: TargetName, why: str, *, retry_in: float) -> None:
        """The session was lost, or could not be had."""
        self.next_tries[name] = self._runtime.now() + retry_in
        self._reachability.say(name, ready=False, message=why)

    def changed(self, name: TargetName, event: WatchEvent) -> None:
        """A target reports changes: look at what they concern."""
        self._watching.changed(name, event)

    def _operation_ended(self, address: Address) -> None:
        """What outlasted its round has ended, or a probe has news: the next round concludes what came of it."""
        name, _ = split_address(address)
        if not self._workers.stopping and self.lanes.get(name) is not None:
            self._workers.add(name, priority=Priority.DRIFT, scope=Scope.of([address]))

    def _freed(self, addresses: Collection[Address]) -> None:
        """What these have waited for is over, such as that another target was disrupted: they may be done."""
        for address in addresses:
            name, _ = split_address(address)
            self._workers.add(name, priority=Priority.SPEC, scope=Scope.of([address]))

    def decide_again(self) -> None:
        """Policies have changed, or what they go by: see what they say by now of what they have not let pass."""
        states = self.lanes.states().items()
        self._freed([address for address, one in states if summarize(one.conditions).reason in GOVERNED])

    async def gather_facts(self, name: TargetName) -> None:
        """Ask a target what it is, all of it, now.

        Raises:
            TransportError: there is no session, or it is lost.
            ProtocolError, RunnerError: it does not say.
        """
        session = self._sessions.get(name)
        if session is None:
            raise TransportError(f"{name}: {NO_SESSION if self.share.has(name) else ANOTHERS}")
        await self.facts.gather(session, SECTIONS)
        await self._gathered(name)

    async def _gathered(self, name: TargetName) -> None:
        await self.facts.keep()
        if changed := self.facts.untold(name):
            # What follows may be more than the store can be told just now: then it is told after the next look.
            await self.facts_changed(name, changed)
            self.facts.told(name, changed)

    async def _gather(self, session: Session, sections: Collection[Section] | None = None) -> None:
        """Ask a target what it is, where that is due or has been touched, and tell who depends on it."""
        try:
            moved = await self.facts.gather(session, sections)
        except (RunnerError, TransportError, ProtocolError) as error:
            if not session.closed:
                log.warning("facts could not be gathered", target=session.target.name, why=str(error))
            return
        name, now = session.target.name, self._time()
        known = self._echoes.pause(name, now=now)
        # What we have changed may be what we go by: that must not go on and on. A rescan comes here after the pause.
        if (
            sections
            and moved
            and self._echoes.heard(name, now=now)
            and not known
            and self._echoes.is_first(name)
        ):
            self._reachability.tell(name, "FactsKeepChanging", wording.echoing(name, moved))
        if not self._echoes.pause(name, now=now):
            await self._gathered(name)

    # --- People -------------------------------------------------------------------------------------------------------

    async def request(self, scope: Scope[Address] = EVERYTHING) -> None:
        """Look at as much now, before all else, and at what is stalled too.

        The request is on record before this returns, and outlives the controller. Of what a source has on record that
        is still to be read, it is granted once that is in force.
        """
        wanted: dict[TargetName, Scope[Address]] = {}
        known = self.in_force.targets
        unread = self.lanes.on_record(self.expected - self.in_force.sources.keys()) - known.keys()
        theirs = [name for name in known if not self.share.has(name)]
        for name in (*known, *sorted(unread)):
            mine = Scope((a for a in scope.named if split_address(a)[0] == name), everything=scope.everything)
            if not mine:
                continue
            wanted[name] = mine
            if name in known and name not in theirs:
                self._sessions.hurry(name)
                self._workers.add(name, priority=Priority.USER, scope=mine)
        await self._requests.put(wanted, theirs=theirs)

    @property
    def disrupted(self) -> Collection[TargetName]:
        """The targets that are disrupted by what was done to them."""
        return self._disruptions.targets

    def rolls(self, targets: Collection[TargetName]) -> None:
        """These have had their turn in a rollout and are not ready, and no others."""
        self._disruptions.roll(targets)

    def probe_again(self, addresses: Collection[Address]) -> None:
        """Have what is probed asked anew, as far as that is done here; what was well is not known to be so any more."""
        self._probes.expire([address for address in addresses if self.share.covers(address)])

    async def foresee(self, wanted: Wanted) -> Plan:
        """What would be changed on a target if it were to be so, right now; changes nothing."""
        name, known = wanted.target.name, self.lanes.states()
        session = self._sessions.get(name)
        if session is None:
            why = NO_SESSION if self.share.has(name) else ANOTHERS
            return unplanned(name, self._services, why)
        lane = Lane.make(wanted, known.get, contests=Contests(), own_paths=self._settings.own_paths)
        try:
            return await Round(lane, session, self._services).plan()
        except (TransportError, ProtocolError) as error:
            return unplanned(name, self._services, str(error))

    async def plan(self) -> list[Plan]:
        """What would be changed on each target right now; targets that cannot be reached say so."""

        async def one(name: TargetName) -> Plan:
            lane, session = self.lanes.get(name), self._sessions.get(name)
            if not self.share.has(name):
                return unplanned(name, self._services, ANOTHERS)
            if lane is None or session is None:
                return unplanned(name, self._services, NO_SESSION)
            try:
                await session.forget_digests()
                return await Round(lane, session, self._services).plan()
            except (TransportError, ProtocolError) as error:
                return unplanned(name, self._services, str(error))

        return list(await asyncio.gather(*(one(name) for name in self.in_force.targets)))

    async def suspend(self, suspension: Suspension) -> None:
        """Leave something alone for a while."""
        await self.suspensions.put(suspension)
        await self.request(Scope.of(self._covered(suspension.object)))
        self._reminders.set([suspension])

    def _suspension_ended(self, object_: str) -> None:
        """Look at what it covered. No request: one for the same instance that is granted before takes it along."""
        self._reminders.cancel(object_)
        self._reminders.set(self.suspensions.of(object_))  # there may be another of the same
        for address in self._covered(object_):
            name, _ = split_address(address)
            self._workers.add(name, priority=Priority.SPEC, scope=Scope.of([address]))

    async def resume(self, object_: str) -> bool:
        """End a suspension; whether there was one."""
        found = await self.suspensions.remove(object_)
        self._reminders.cancel(object_)
        self._reminders.set(self.suspensions.of(object_))
        if object_ in self.in_force.restored:
            # What was to be put back under it is not wanted any more.
            await self._store.write(Batch().forget_approvals([Address(object_)]))
            self.approvals.spent([Address(object_)])
            await self.take_again()
        await self.request(Scope.of(self._covered(object_)))
        return found

    def _covered(self, object_: str) -> list[Address]:
        """The instances that a suspension of `object_` concerns."""
        return [address for address in self.in_force.instances if covers(object_, address)]

    def hurry(self, name: TargetName) -> None:
        """Try at once to reach a target that waits to be tried again: what it is reached with is another one."""
        self._sessions.hurry(name)

    def retry(self) -> None:
        """The store has just taken something: what it had not taken is tried again now, not when its pause is over."""
        self._workers.retry()

    @property
    def load(self) -> Workload:
        """What there is to do right now."""
        return self._workers.load

    @property
    def stuck(self) -> str:
        """Why no rounds are handed out although there should be, or ""."""
        return self._workers.stuck

    @property
    def troubles(self) -> Mapping[TargetName, str]:
        """Targets whose last round could not be finished, and why."""
        return self._workers.troubles

    def doubtful(self) -> dict[Address, str]:
        """Instances about which something was heard that could not be looked at, and why."""
        return {
            address: why
            for name, why in self._workers.troubles.items()
            if (lane := self.lanes.get(name)) is not None
            for address in {*lane.unsettled, *lane.sightings}
        }

    @property
    def targets(self) -> Mapping[TargetName, TargetState]:
        """The conditions of each target."""
        return {**self.others.targets, **self._reachability.states}

    def states(self) -> dict[Address, ResourceState]:
        """What is known of every instance that is declared, or was when anything was last heard of a source."""
        known = {**self.others.states, **self.lanes.states()}
        if not self.in_force:
            return known
        wanted = self.in_force.instances
        return {address: state for address, state in known.items() if address in wanted}

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()
