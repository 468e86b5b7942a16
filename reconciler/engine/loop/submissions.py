"""What sources declare, on its way to the lanes of their targets.

Invariants: a source claims nothing that another one has, be it that it has not been read since the start. Between the
moment at which something is in force and the moment at which the lanes have it nothing is awaited: a round in between
would remove what is declared again. What follows from what is in force is seen anew whenever that may be another thing:
with what is on record, with what goes, and with what a name is about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

from reconciler.core.workqueue import Priority
from reconciler.engine.intake.claims import Had
from reconciler.engine.intake.doubt import NO_DOUBT, Doubt
from reconciler.engine.intake.parting import part
from reconciler.engine.intake.recall import record
from reconciler.engine.intake.wanted import Taken
from reconciler.engine.loop.approvals import Approvals
from reconciler.engine.loop.background import Background
from reconciler.engine.loop.holdings import Holdings
from reconciler.engine.loop.letting_go import LettingGo
from reconciler.engine.loop.suspending import Suspending
from reconciler.errors import ConfigError
from reconciler.model.desired import Desired
from reconciler.model.names import Address, SourceName, TargetName
from reconciler.model.state import ResourceState
from reconciler.store.batch import Batch
from reconciler.store.sharing import Decided
from reconciler.store.store import Store


class Submissions:
    """See the module.

    Args:
        store: where everything is kept.
        now: the wall clock.
        holdings: all that the loop has of targets.
        letting_go: ends it of those on which nothing is declared any more.
        suspending: leaves alone what manifests want left alone.
        approvals: what people want done that waited for them.
        background: has done what nobody waits for.

    Attributes:
        in_force: what all sources declare, and what is to go.
        expected: the sources that will be taken in; what one of them had before stays its own until then.
        held: of what each source declares no longer, what waits for a person because the controller that leads says so;
            empty where this one is alone.
        taking: is held by who takes a source in.
    """

    def __init__(
        self,
        store: Store,
        holdings: Holdings,
        *,
        now: Callable[[], float],
        letting_go: LettingGo,
        suspending: Suspending,
        approvals: Approvals,
        background: Background,
    ) -> None:
        self.in_force = holdings.in_force
        self.expected: set[SourceName] = set()
        self.held: Mapping[SourceName, Mapping[Address, str]] = {}
        self.taking = asyncio.Lock()
        self._store = store
        self._now = now
        self._share = holdings.share
        self._lanes = holdings.lanes
        self._sessions = holdings.sessions
        self._workers = holdings.workers
        self._reachability = holdings.reachability
        self._letting_go = letting_go
        self._suspending = suspending
        self._approvals = approvals
        self._background = background

    @property
    def unread(self) -> set[SourceName]:
        """The sources that have not been taken in since the start, and will be."""
        return self.expected - self.in_force.sources.keys()

    # --- Whether it may be in force -----------------------------------------------------------------------------------

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
        unread = self.unread - {desired.source}
        earlier = [one for source, one in self.in_force.earlier.items() if source in unread]
        self._lanes.reassign((one.source, address) for one in earlier for address in one.instances)
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

    async def _known(self) -> dict[Address, ResourceState]:
        """What is known of every instance, also of those that others work on."""
        mine = self._lanes.states()
        return mine if self._share.alone else {**await self._store.load_states(), **mine}

    # --- From now on --------------------------------------------------------------------------------------------------

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
            if not self._share.has(name):
                continue
            if self._sessions.want(wanted.target):
                self._reachability.forget(name)
            changed = self._lanes.submit(wanted, self.in_force.sources, taken.left)
            self._workers.add(name, priority=Priority.SPEC, scope=changed)
        self._suspending.declare()
        await self._store.write(self._decided([desired, *along]))
        await self._letting_go.undeclared()
        return taken

    def _decided(self, taken: Collection[Desired]) -> Batch:
        """What goes on record with what has been taken in, by who decides that."""
        batch = Batch()
        if not self._share.leads:
            return batch
        for one in taken:
            batch.put_targets(one.targets.values())
            if not self._share.alone:
                doubt = self.in_force.doubt_of(one.source)
                held = self.in_force.removals.held_of(one.source)
                self.held = {**self.held, one.source: held}
                batch.decide(Decided(one.source, one.digest, doubt.why, frozenset(doubt.certain), held))
        return batch

    async def drop(self, source: SourceName) -> None:
        """A source is served no longer: what it declared is left as it is and stays on record, as after a restart."""
        self.expected.discard(source)
        self.in_force.drop(source)
        self._lanes.serve(self.in_force.sources)
        await self.take_again()
        await self._letting_go.undeclared()

    # --- Once more ----------------------------------------------------------------------------------------------------

    async def take_again(self) -> None:
        """What is on record has been changed, or what is ours: see what follows from what is in force."""
        for source in list(self.in_force.sources):
            await self.submit(self.in_force.sources[source], doubt=self.in_force.doubt_of(source))

    def gone(self, addresses: Collection[Address]) -> None:
        """What was to go has gone: nothing waits for it any more, be it its target."""
        self._approvals.spent(addresses)
        before = self.in_force.targets.keys()
        restored = any(address in self.in_force.restored for address in addresses)
        self.in_force.gone(addresses)
        if restored:  # what is declared there is left alone, and that is to be seen
            self._background.begin(self.take_again(), name="take again")
        if before != self.in_force.targets.keys():
            self._background.begin(self._letting_go.undeclared(), name="drop targets")

    async def before_round(self, name: TargetName) -> None:
        """Put on record what the last round of a target has left to be, now that none is under way; see what follows.

        Raises:
            StoreError: it cannot be. It is to be tried again.
        """
        await self._part(name)
        lane = self._lanes.get(name)
        if lane is not None and self._lanes.overlooked(name):
            await lane.backlog.keep(self._store, lane.states)
            await self.take_again()

    async def _part(self, name: TargetName) -> None:
        """Put on record what parts from its name on a target, now that no round is under way that goes by that name."""
        declared = self._lanes.parting(name)
        if not declared:
            return
        if (lane := self._lanes.get(name)) is not None:
            await lane.backlog.keep(self._store, lane.states)
        parted = part(declared, self._lanes.states(), await self._store.load_inventory(name))
        if not parted.entries:
            return
        await self._store.write(parted.batch(declared, self._now))
        self._lanes.part(parted)
        await self.take_again()
