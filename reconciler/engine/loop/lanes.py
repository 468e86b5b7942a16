"""What is held in memory about all targets: their lanes, and what is on record for those that have none yet.

Invariant: a lane takes in what was submitted only between two rounds of its target. What is known of an instance is in
one place: in its target's lane, or, before there is one, among what was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from reconciler.core import inventory
from reconciler.core.contest import Contests
from reconciler.engine.intake.parting import Parted, is_another
from reconciler.engine.intake.wanted import Wanted
from reconciler.engine.keeping import store_report
from reconciler.engine.lane.lane import Lane, orphaned
from reconciler.engine.lane.unclaimed import Unclaimed
from reconciler.engine.report import Report
from reconciler.engine.settings import EngineSettings
from reconciler.model.names import Address, SourceName, TargetName, split_address
from reconciler.model.owed import Owed
from reconciler.model.resource import Instance
from reconciler.model.scope import EVERYTHING, NOTHING, Scope
from reconciler.model.state import ResourceState
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
        self._incoming: dict[TargetName, Wanted] = {}
        self._sources: frozenset[SourceName] = frozenset()
        self._left: dict[Address, str] = {}
        self._stored: dict[Address, ResourceState] = {}
        self._unclaimed = Unclaimed()
        self._owed: list[Owed] = []

    async def load(self, ours: Callable[[TargetName], bool]) -> None:
        """Take up what an earlier controller left, or another one.

        Args:
            ours: whether a target is; only of those anything is held in memory.
        """
        found, owed = await self._store.load_states(), await self._store.load_owed()
        unclaimed = await self._store.unclaimed_preimages()
        self.leave(
            lambda name: not ours(name)
        )  # what an attempt to do so has left that did not come to its end
        self._stored |= {a: state for a, state in found.items() if ours(split_address(a)[0])}
        self._unclaimed.learn({a: each for a, each in unclaimed.items() if ours(split_address(a)[0])})
        self._owed += [one for one in owed if ours(split_address(one.address)[0])]

    def leave(self, ours: Callable[[TargetName], bool]) -> None:
        """Hold nothing in memory of targets that are not ours any more, and have been dropped."""
        self._stored = {a: state for a, state in self._stored.items() if ours(split_address(a)[0])}
        self._owed = [one for one in self._owed if ours(split_address(one.address)[0])]
        self._unclaimed.leave(ours)

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
        self, wanted: Wanted, sources: Collection[SourceName], left: Mapping[Address, str]
    ) -> Scope[Address]:
        """From its next round on, this is how a target should be.

        Args:
            wanted: what is declared on it, and what is to go.
            sources: all that are in force: what they declared and no longer do is not looked at any more.
            left: of that, why it stays as it is.

        Returns:
            What that round has to look at.
        """
        name = wanted.target.name
        self.serve(sources)
        self._left.update(left)
        self._incoming[name] = wanted
        lane = self._lanes.get(name)
        if lane is None:
            return EVERYTHING
        moved = [
            a for a, source in wanted.sources.items() if a in lane.states and lane.states[a].source != source
        ]
        changes = inventory.changes(
            {address: instance.digest for address, instance in lane.instances.items()},
            {address: instance.digest for address, instance in wanted.instances.items()},
        )
        if not changes and not moved and not wanted.moved:
            return NOTHING
        # Where something is only gone or moved, a round has to take that in all the same.
        return Scope.of((*changes.added, *changes.changed, *moved)) or EVERYTHING

    def serve(self, sources: Collection[SourceName]) -> None:
        """These are in force: what others declared is left as it is, and stays on record."""
        self._sources = frozenset(sources)

    def reassign(self, declared: Iterable[tuple[SourceName, Address]]) -> None:
        """These are known to be what other sources declared last, whatever had been put on record until then."""
        for source, address in declared:
            if (state := self._stored.get(address)) is not None:
                self._stored[address] = replace(state, source=source)

    def parting(self, name: TargetName) -> Mapping[Address, Instance]:
        """How a target should be from its next round on, if any of it is about another thing than its name was."""
        wanted, lane = self._incoming.get(name), self._lanes.get(name)
        if wanted is None:
            return {}
        before = {} if lane is None else lane.instances
        # What the last round has made ours was not on record when that was submitted.
        since = (is_another(one, before[a]) for a, one in wanted.instances.items() if a in before)
        return wanted.instances if wanted.parted or any(since) else {}

    def overlooked(self, name: TargetName) -> bool:
        """Whether what was submitted leaves out what the last round has made ours, which was not on record then."""
        wanted, lane = self._incoming.get(name), self._lanes.get(name)
        if wanted is None or lane is None:
            return False
        left = (
            a for a, why in self._left.items() if not why and a in lane.states and a not in wanted.instances
        )
        return any(lane.states[address].owned for address in left)

    def leaving(self) -> list[Instance]:
        """What is worked by until the next round, and declared no longer: it may be made until then."""
        return [
            one
            for name, wanted in self._incoming.items()
            if (lane := self._lanes.get(name)) is not None
            for address, one in lane.instances.items()
            if address not in wanted.instances and not self._left.get(address)
        ]

    def part(self, parted: Parted) -> None:
        """Take note of what is known now of things that have parted from their names."""
        for address, state in parted.states.items():
            lane = self._lanes.get(split_address(address)[0])
            (self._stored if lane is None else lane.states)[address] = state

    def take_in(self, name: TargetName) -> Lane | None:
        """The lane of a target, with what was submitted since its last round."""
        wanted = self._incoming.pop(name, None)
        lane = self._lanes.get(name)
        if wanted is None:
            return lane
        # Of what else is on record, what sources declare that are not in force stays as it is.
        renamed = {entry.instance.address for entry in wanted.moved.values()}
        speaking = self._sources.difference(wanted.waiting)
        known = {
            a: state
            for a, state in self._stored.items()
            if a in wanted.instances
            or a in renamed
            or (split_address(a)[0] == name and state.source in speaking)
        }
        if lane is not None:
            known |= lane.states
        contests = lane.contests if lane else Contests[Address](self._settings.contest)
        contests.expire(self._time())
        fresh = Lane.make(wanted, known.get, contests=contests, own_paths=self._settings.own_paths)
        if lane is not None:
            fresh.carry_over(lane)
        owed = [
            one
            for one in self._owed
            if split_address(one.address)[0] == name
            and (one.address in known or one.address not in self._stored)
        ]
        fresh.take_up(owed)
        self._owed = [one for one in self._owed if one not in owed]
        fresh.take_over(wanted.moved, now=self._runtime.now)
        fresh.hold_back(now=self._runtime.now)
        others = {a: state for a, state in known.items() if a not in wanted.instances and a not in renamed}
        gone = {a: others.pop(a) for a, state in list(others.items()) if state.source in speaking}
        fresh.orphan(gone, self._left, now=self._runtime.now)
        if gone.keys() - ({} if lane is None else lane.instances).keys():
            # Where these were is not known any more: it may have been in any container.
            fresh.manage_anew(a for a, instance in wanted.instances.items() if instance.contains)
        for address in known:
            self._stored.pop(address, None)
            self._left.pop(address, None)
        self._stored |= others
        self._unclaimed.tell(fresh.preimages, name, fresh.instances, known)
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
            self._owed += lane.refreshes

    def withdraw(self, name: TargetName) -> None:
        """Take back what was submitted for a target and not taken in yet."""
        self._incoming.pop(name, None)

    def shared(self) -> set[TargetName]:
        """The targets on which sources that are not in force have something on record."""
        return {split_address(a)[0] for a, state in self._stored.items() if state.source not in self._sources}

    def on_record(self, sources: Collection[SourceName]) -> set[TargetName]:
        """The targets on which these sources have something on record."""
        return {split_address(a)[0] for a, state in self._stored.items() if state.source in sources}

    async def forget(self, targets: Collection[TargetName]) -> None:
        """Forget what the sources in force declared on other targets than these, and say which of it was ours."""
        gone = {
            address: state
            for address, state in self._stored.items()
            if state.source in self._sources and split_address(address)[0] not in targets
        }
        report = Report(self._runtime.now, {})
        for state in gone.values():
            orphaned(report, state, self._left.pop(state.address, ""))
        await store_report(self._store, report, forget=gone)
        for address in gone:
            self._stored.pop(address, None)
