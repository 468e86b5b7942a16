"""What is held in memory about all targets: their lanes, and what is on record for those that have none yet.

Invariant: a lane takes in what was submitted only between two rounds of its target. What is known of an instance is in
one place: in its target's lane, or, before there is one, among what was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from reconciler.core import inventory
from reconciler.core.contest import Contests
from reconciler.engine.intake.undeclared import targets_of_others, undeclared
from reconciler.engine.loop.lane import Lane, orphaned
from reconciler.engine.round.journal import store_report
from reconciler.engine.round.report import Report
from reconciler.engine.settings import EngineSettings
from reconciler.model.desired import Desired
from reconciler.model.names import Address, Digest, SourceName, TargetName, split_address
from reconciler.model.resource import Instance
from reconciler.model.state import ResourceState
from reconciler.model.target import Target
from reconciler.runtime import Runtime
from reconciler.store.store import Store


class Lanes:
    """See the module.

    Args:
        store: where states and preimages are kept.
        runtime: gives the wall time.
        settings: the numbers.
        loop_time: the event loop's clock.
    """

    def __init__(
        self, store: Store, runtime: Runtime, *, settings: EngineSettings, loop_time: Callable[[], float]
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._settings = settings
        self._time = loop_time
        self._lanes: dict[TargetName, Lane] = {}
        self._incoming: dict[TargetName, tuple[Target, Mapping[Address, Instance], SourceName]] = {}
        self._stored: dict[Address, ResourceState] = {}
        self._preimages: dict[Address, Digest] = {}

    async def load(self) -> None:
        """Take up what an earlier controller left."""
        self._stored = await self._store.load_states()
        self._preimages = await self._store.unclaimed_preimages()

    def get(self, name: TargetName) -> Lane | None:
        """The lane of a target that had a round since it was declared."""
        return self._lanes.get(name)

    def states(self) -> dict[Address, ResourceState]:
        """What is known of every instance."""
        known = dict(self._stored)
        for lane in self._lanes.values():
            known.update(lane.states)
        return known

    # --- What is declared ---------------------------------------------------------------------------------------------

    def submit(
        self, target: Target, instances: Mapping[Address, Instance], source: SourceName
    ) -> Collection[Address] | None:
        """From its next round on, this is how a target should be, as `source` says.

        Returns:
            What that round has to look at; empty for everything, None if nothing has changed.
        """
        self._incoming[target.name] = (target, instances, source)
        lane = self._lanes.get(target.name)
        if lane is None:
            return ()
        changes = inventory.changes(
            {address: instance.digest for address, instance in lane.instances.items()},
            {address: instance.digest for address, instance in instances.items()},
        )
        return (*changes.added, *changes.changed) if changes else None

    def take_in(self, name: TargetName) -> Lane | None:
        """The lane of a target, with what was submitted since its last round."""
        incoming = self._incoming.pop(name, None)
        lane = self._lanes.get(name)
        if incoming is None:
            return lane
        target, instances, source = incoming
        if lane is None:
            # Of what else is on record, what other sources declare stays as it is.
            known = {
                a: state
                for a, state in self._stored.items()
                if a in instances or (split_address(a)[0] == name and state.source == source)
            }
        else:
            known = lane.states
        contests = lane.contests if lane else Contests[Address](self._settings.contest)
        contests.expire(self._time())
        fresh = Lane.make(
            target, instances, known.get, contests=contests, source=source, own_paths=self._settings.own_paths
        )
        if lane is not None:
            fresh.carry_over(lane)
        gone = {a: state for a, state in known.items() if a not in instances}
        fresh.orphan(gone, now=self._runtime.now)
        if gone and lane is None:
            # Where these were is not known any more: it may have been in any container.
            fresh.manage_anew(a for a, instance in instances.items() if instance.contains)
        for address in known:
            self._stored.pop(address, None)
        fresh.preimages.found({a: self._preimages.pop(a) for a in self._preimages.keys() & instances.keys()})
        self._lanes[name] = fresh
        return fresh

    # --- What is no longer declared -----------------------------------------------------------------------------------

    def undeclared(self, declared: Collection[TargetName]) -> list[TargetName]:
        """The targets that are not among `declared`."""
        return [name for name in {**self._incoming, **self._lanes} if name not in declared]

    async def drop(self, name: TargetName) -> None:
        """Forget a target on which no round is under way; what is known of its instances stays until `forget`."""
        self._incoming.pop(name, None)
        if (lane := self._lanes.get(name)) is not None:
            await lane.backlog.keep(self._store, lane.states)
            self._stored.update(self._lanes.pop(name).states)

    def withdraw(self, name: TargetName) -> None:
        """Take back what was submitted for a target and not taken in yet."""
        self._incoming.pop(name, None)

    def shared(self, source: SourceName) -> set[TargetName]:
        """The targets on which other sources than `source` have something on record."""
        return targets_of_others(self._stored, source)

    async def forget(self, desired: Desired) -> None:
        """Forget what its source declared on targets that it does not declare, and say which of it was ours."""
        gone = {
            address: state
            for address, state in undeclared(self._stored, desired).items()
            if split_address(address)[0] not in desired.targets
        }
        report = Report(self._runtime.now, {})
        for state in gone.values():
            orphaned(report, state)
        await store_report(self._store, report, forget=gone)
        for address in gone:
            self._stored.pop(address, None)
