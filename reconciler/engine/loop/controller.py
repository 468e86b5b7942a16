"""The controller: the parts of the loop put together, and what is asked of it as a whole.

Invariants: waiting, for a session, a retry or a person, holds no round. Nothing is concluded from an event's absence:
every target is looked at again at intervals whatever was heard from it.

What a part can do by itself is in its own module, with the invariant that it keeps. All of them are made here, and what
is asked of several at once is asked here, and so it is longer than a module should be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

from reconciler.core.backoff import Backoff
from reconciler.core.conditions import summarize
from reconciler.core.reasons import GOVERNED
from reconciler.core.sharing import shard_of
from reconciler.core.workqueue import Priority, Work
from reconciler.engine import wording
from reconciler.engine.at_work import TargetsAtWork
from reconciler.engine.disruptions import Disruptions
from reconciler.engine.facts import TargetFacts
from reconciler.engine.host import ProviderHost
from reconciler.engine.intake.doubt import NO_DOUBT, Doubt
from reconciler.engine.intake.in_force import InForce
from reconciler.engine.intake.wanted import Taken, Wanted
from reconciler.engine.keeping import settle_in_doubt
from reconciler.engine.loop.approvals import Approvals
from reconciler.engine.loop.background import Background
from reconciler.engine.loop.foreseeing import Foreseeing
from reconciler.engine.loop.gathering import Gathering
from reconciler.engine.loop.holdings import Holdings
from reconciler.engine.loop.lanes import Lanes
from reconciler.engine.loop.letting_go import LettingGo
from reconciler.engine.loop.others import Others
from reconciler.engine.loop.reachability import Reachability
from reconciler.engine.loop.requests import Requests
from reconciler.engine.loop.rounds import Rounds
from reconciler.engine.loop.sessions import OpenSession, Sessions
from reconciler.engine.loop.submissions import Submissions
from reconciler.engine.loop.suspending import Suspending
from reconciler.engine.loop.suspensions import Suspensions
from reconciler.engine.loop.watching import Watching
from reconciler.engine.loop.workers import Workers, Workload
from reconciler.engine.report import Report
from reconciler.engine.rollouts.away import away_on_record
from reconciler.engine.round.probes import Probes
from reconciler.engine.round.services import Services
from reconciler.engine.round.under_way import UnderWay
from reconciler.engine.settings import EngineSettings
from reconciler.engine.share import Share
from reconciler.errors import StoreError, TransportError
from reconciler.model.desired import Desired
from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.plan import Plan
from reconciler.model.policy import Policies
from reconciler.model.scope import EVERYTHING, Scope
from reconciler.model.state import Approval, ResourceState, Suspension, TargetState
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.store import Store
from reconciler.targets.session import Session
from reconciler.targets.watch import WatchEvent
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")


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
        facts: what is known of targets themselves.
        gathering: has them gathered, and tells who depends on them.
        submissions: take in what sources declare.
        disruptions: which targets are disrupted, and how many may be.
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
        self._store = store
        self._runtime = runtime
        self.share = share or Share()
        self.others = Others(store, self.share)
        self.facts = facts or TargetFacts(store, now=runtime.now, ttl=settings.facts_ttl)
        self.in_force = InForce(budget=settings.prune, own_paths=settings.own_paths)
        self.lanes = Lanes(store, runtime, settings=settings, loop_time=self._time)
        self.suspensions = Suspensions(store, now=runtime.now)
        self.approvals = Approvals(store)
        self._background = Background()
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
        self.gathering = Gathering(self.facts, self._reachability, self._background, loop_time=self._time)
        self._suspending = Suspending(self.suspensions, self.in_force, self._workers, now=runtime.now)
        self._sessions = Sessions(open_session=open_session, runtime=runtime, listener=self, backoff=backoff)
        self._under_way = UnderWay(self._operation_ended)
        self._probes = Probes(settings, loop_time=self._time, news=self._operation_ended)
        self.disruptions = Disruptions(
            settings.max_disrupted,
            self.share,
            undecided=self.in_force.may_declare,
            locks=lambda: self.in_force.locks,
        )
        self.disruptions.notify(self._freed)
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
            disruptions=self.disruptions,
            policies=policies,
            at_work=at_work,
        )
        self._foreseeing = Foreseeing(
            self._services, share=self.share, lanes=self.lanes, sessions=self._sessions
        )
        self._rounds = Rounds(
            self._services,
            self._workers,
            requests=self._requests,
            watching=self._watching,
            gathering=self.gathering,
            background=self._background,
            gone=lambda gone: self.submissions.gone(gone),  # noqa: PLW0108 - they are made below
        )
        holdings = Holdings(
            share=self.share,
            in_force=self.in_force,
            lanes=self.lanes,
            sessions=self._sessions,
            workers=self._workers,
            rounds=self._rounds,
            requests=self._requests,
            reachability=self._reachability,
            gathering=self.gathering,
            disruptions=self.disruptions,
            probes=self._probes,
            under_way=self._under_way,
        )
        self._letting_go = LettingGo(holdings)
        self.submissions = Submissions(
            store,
            holdings,
            now=runtime.now,
            letting_go=self._letting_go,
            suspending=self._suspending,
            approvals=self.approvals,
            background=self._background,
        )

    # --- Life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what an earlier controller left: states, suspensions, requests, and operations in doubt."""
        await self._suspending.load()
        await self.approvals.load()
        await self.facts.load()
        await self._load(self.share.has)

    async def _load(self, ours: Callable[[TargetName], bool]) -> None:
        """Take up what an earlier controller left of targets that are ours, or another one."""
        await self._settle_in_doubt(ours)
        await self.lanes.load(ours)
        await self._reachability.load(ours)
        await self._requests.load(ours)
        self.disruptions.recall(await self._store.load_disruptions())

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
        self._suspending.close()
        await self._workers.stop(grace=grace)
        if left := await self._under_way.close():
            self._rounds.abandoned.update(left)
            try:
                await self._settle_in_doubt(self.share.has)
            except StoreError as error:
                log.info("what was left in doubt is settled at the next start", why=str(error))
        return sorted(filter(self.share.covers, self._rounds.abandoned))

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
        await self._letting_go.of_others(grace=grace)

    async def catch_up(self) -> None:
        """Take note of what others that share the store have put on record."""
        await self._suspending.hear()
        approved = self.approvals.on_record
        await self.approvals.load()
        if approved != self.approvals.on_record:
            await self.submissions.take_again()
        self.disruptions.hear(await self._store.load_disruptions())
        if not self.share.leads:  # who leads looks at rollouts itself
            self.disruptions.roll(await away_on_record(self._store) if self.in_force.locks else ())
        await self.gathering.hear(self.share.has)
        for name in await self._requests.load(self.share.has):
            self._sessions.hurry(name)
            self._workers.add(name, priority=Priority.USER)

    async def look_at_others(self) -> set[str]:
        """See what others know of their targets by now; the objects of which something else is on record."""
        moved = await self.others.look()
        going = (address for address in self.in_force.removals.going if not self.share.covers(address))
        if gone := [address for address in going if address not in self.others.states]:
            self.submissions.gone(gone)
        return moved

    # --- What is in force ---------------------------------------------------------------------------------------------

    async def submit(self, desired: Desired, *, doubt: Doubt = NO_DOUBT) -> Taken | None:
        """From now on, this is what one source declares: see `Submissions.submit`."""
        return await self.submissions.submit(desired, doubt=doubt)

    # --- Rounds -------------------------------------------------------------------------------------------------------

    async def _reconcile(self, work: Work[TargetName, Address]) -> bool:
        """One round, with what was declared until now; whether there was one."""
        name = work.key
        if not self.share.has(name):
            return False
        session = self._sessions.get(name)
        await self.submissions.before_round(name)
        lane = self.lanes.take_in(name)
        if lane is None or name not in self.in_force.targets:
            return False
        lane.unsettled.add(address for address in work.items if address in lane.instances)
        if session is None:
            await lane.backlog.keep(self._store, lane.states)
            return False  # looked at when there is one: see `connected`
        return await self._rounds.run(lane, session, work)

    # --- Sessions (Listener) ------------------------------------------------------------------------------------------

    def connected(self, name: TargetName, session: Session) -> None:
        """A session is ready: look at everything, since nothing was heard from the target until now."""
        message = wording.connected(
            session.target, session.ready.uid, self._runtime.environ, session.passed_over
        )
        self._reachability.say(name, ready=True, message=message)
        self.gathering.begin(session)
        self._workers.add(name, priority=Priority.USER if self._requests.get(name) else Priority.SPEC)

    def disconnected(self, name: TargetName, why: str, *, retry_in: float) -> None:
        """The session was lost, or could not be had."""
        self._reachability.say(name, ready=False, message=why, retry_in=retry_in)

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
            raise TransportError(f"{name}: {self._foreseeing.silent(name)}")
        await self.gathering.all_of(session)

    # --- People -------------------------------------------------------------------------------------------------------

    async def request(self, scope: Scope[Address] = EVERYTHING) -> None:
        """Look at as much now, before all else, and at what is stalled too.

        The request is on record before this returns, and outlives the controller. Of what a source has on record that
        is still to be read, it is granted once that is in force.
        """
        wanted: dict[TargetName, Scope[Address]] = {}
        known = self.in_force.targets
        unread = self.lanes.on_record(self.submissions.unread) - known.keys()
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

    def probe_again(self, addresses: Collection[Address]) -> None:
        """Have what is probed asked anew, as far as that is done here; what was well is not known to be so any more."""
        self._probes.expire([address for address in addresses if self.share.covers(address)])

    async def foresee(self, wanted: Wanted) -> Plan:
        """What would be changed on a target if it were to be so, right now; changes nothing."""
        return await self._foreseeing.of(wanted)

    async def plan(self) -> list[Plan]:
        """What would be changed on each target right now; targets that cannot be reached say so."""
        return await self._foreseeing.plans(self.in_force.targets)

    async def suspend(self, suspension: Suspension) -> None:
        """Leave something alone for a while."""
        await self.suspensions.put(suspension)
        await self.request(Scope.of(self._suspending.covered(suspension.object)))
        self._suspending.remind(suspension)

    async def resume(self, object_: str) -> bool:
        """End a suspension; whether there was one."""
        found = await self._suspending.remove(object_)
        if object_ in self.in_force.restored:
            # What was to be put back under it is not wanted any more.
            await self._store.write(Batch().forget_approvals([Address(object_)]))
            self.approvals.spent([Address(object_)])
            await self.submissions.take_again()
        await self.request(Scope.of(self._suspending.covered(object_)))
        return found

    async def approve(self, approvals: Collection[Approval]) -> None:
        """Have done what waits for a person, or remove what nobody declares any more."""
        await self.approvals.put(approvals)
        await self.submissions.take_again()
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
        await self.submissions.take_again()
        await self.request(Scope.of([approval.address]))

    async def forget(self, addresses: Collection[Address]) -> None:
        """These are not ours any more: they stay as they are, and nothing is known of them."""
        await self._store.write(Batch().forget_inventory(addresses).forget_approvals(addresses))
        self.approvals.spent(addresses)
        await self.submissions.take_again()

    def hurry(self, name: TargetName) -> None:
        """Try at once to reach a target that waits to be tried again: what it is reached with is another one."""
        self._sessions.hurry(name)

    def retry(self) -> None:
        """The store has just taken something: what it had not taken is tried again now, not when its pause is over."""
        self._workers.retry()

    @property
    def next_tries(self) -> Mapping[TargetName, float]:
        """When the targets that cannot be reached are tried again, in seconds since the epoch."""
        return self._reachability.next_tries

    @property
    def looked_at(self) -> Mapping[TargetName, float]:
        """When all of each target was last looked at, in seconds since the epoch."""
        return self._rounds.looked_at

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
