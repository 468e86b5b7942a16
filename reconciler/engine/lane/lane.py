"""What the loop holds in memory about one target: how it should be, and what is known of how it is.

Only the round that works on the target, and the controller between rounds, change it; the work queue sees to it that
there is never more than one round.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.conditions import next_generation
from reconciler.core.contest import Contests
from reconciler.core.flood import Floods
from reconciler.core.graph import Graph
from reconciler.core.refreshes import Refreshes
from reconciler.engine import wording
from reconciler.engine.intake.in_force import Wanted
from reconciler.engine.lane.backlog import Backlog
from reconciler.engine.lane.preimages import Preimages
from reconciler.engine.lane.recording import Recording
from reconciler.engine.report import Report, Verdict
from reconciler.model.conditions import Reason
from reconciler.model.event import Evidence
from reconciler.model.names import Address, Digest, split_address
from reconciler.model.owed import Owed
from reconciler.model.resource import Instance
from reconciler.model.state import ResourceState
from reconciler.model.subjects import PATH
from reconciler.model.target import LocalTransport, Target
from reconciler.store.records import InventoryEntry
from reconciler.targets.session import Session


@dataclass(frozen=True, slots=True)
class Sighting:
    """A change that a target reported.

    Attributes:
        evidence: who did it, as far as the target could tell.
        at: loop time at which it became known here.
        latest: the same for the last change, where there were several.
    """

    evidence: Evidence
    at: float
    latest: float


@dataclass(frozen=True, slots=True)
class Vain:
    """An apply after which an instance still differed.

    Attributes:
        begun: loop time.
        attempts: how many in a row, this one included, that left the difference which was there before, and nobody
            was seen to have done it.
    """

    begun: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """An apply that failed for good. It is on record for as long as nothing else was concluded about the instance.

    Attributes:
        desired: what was declared.
        observed: what was there.
        begun: loop time of the apply.
        failures: how many in a row, this one included.
        pause_until: loop time before which it is not tried again, whoever touches it.
        until: loop time from which the same is worth another try though nobody has.
    """

    desired: Digest
    observed: Digest
    begun: float
    failures: int
    pause_until: float
    until: float


@dataclass(slots=True)
class Lane:
    """One target.

    Attributes:
        target: how to reach it.
        instances: how it should be, in order of declaration.
        graph: what comes before what.
        states: what is known of each instance.
        recording: what reading all of it takes and gave; None until all was read at this desired state.
        watched: subjects that concern an instance, as its provider named them when it last read, such as
            "path:/etc/motd"; with a slash at its end a path stands for what is directly in it, too.
        sightings: changes reported and not yet looked at.
        watch_moved: whether these are others than the session was told.
        watched_by: the session that was told what to watch.
        watch_refused: whether that session cannot watch at all.
        watch_works: whether that session reports every change.
        unsettled: instances that a rescan must look at although nothing on the target moved.
        not_before: loop times before which a rescan need not look at an unsettled instance on which nothing has moved.
        stalled: instances of which the last that happened is an apply that failed for good.
        vain: the last apply of each instance that still differed after it.
        contests: who else keeps changing what.
        floods: what is put right too often for each time to be told.
        changes: the same for what is left alone, and slowed down by nobody.
        managed: for each container with instances below its path, those paths.
        own_paths: what is left alone on this machine.
        backlog: what the store does not have yet.
        preimages: what was there before something that is not known to be ours yet.
        refreshes: what is to be refreshed because something else has changed, or may have.
    """

    target: Target
    instances: Mapping[Address, Instance]
    graph: Graph
    states: dict[Address, ResourceState]
    recording: Recording | None = None
    watched: dict[Address, tuple[str, ...]] = field(default_factory=dict)
    sightings: dict[Address, Sighting] = field(default_factory=dict)
    watch_moved: bool = False
    watched_by: Session | None = None
    watch_refused: bool = False
    watch_works: bool = False
    unsettled: set[Address] = field(default_factory=set)
    not_before: dict[Address, float] = field(default_factory=dict)
    stalled: dict[Address, Stalled] = field(default_factory=dict)
    vain: dict[Address, Vain] = field(default_factory=dict)
    contests: Contests[Address] = field(default_factory=Contests)
    floods: Floods[Address] = field(default_factory=Floods)
    changes: Floods[Address] = field(default_factory=lambda: Floods(most=10))
    managed: Mapping[Address, tuple[str, ...]] = field(default_factory=dict)
    own_paths: Collection[str] = ()
    backlog: Backlog = field(default_factory=Backlog)
    preimages: Preimages = field(default_factory=Preimages)
    refreshes: Refreshes = field(default_factory=Refreshes)
    _by_subject: dict[str, set[Address]] = field(default_factory=dict)

    @classmethod
    def make(
        cls,
        wanted: Wanted,
        known: Callable[[Address], ResourceState | None],
        *,
        contests: Contests[Address],
        own_paths: Collection[str] = (),
    ) -> Lane:
        """The lane of a target that is to be as it is `wanted`.

        Args:
            wanted: what is declared on it, and what is to go.
            known: what is on record about an instance.
            contests: who is known to fight about what.
            own_paths: what is left alone on this machine.
        """
        states, news, moved = {}, set(), set()
        for address, instance in wanted.instances.items():
            state, source = known(address), wanted.sources[address]
            if state is None and (entry := wanted.moved.get(address)) is not None:
                earlier = known(entry.instance.address)
                state = replace(earlier, address=address) if earlier else None
                moved.add(address)
            states[address] = (
                next_generation(state, instance.digest)
                if state
                else ResourceState(address=address, digest=instance.digest, source=source)
            )
            if states[address] is not state:
                news.add(address)
                contests.forget(address)
            if states[address].source != source:
                states[address] = replace(states[address], source=source)
                moved.add(address)
        local = isinstance(wanted.target.transport, LocalTransport)
        return cls(
            target=wanted.target,
            instances=wanted.instances,
            graph=wanted.graph,
            states=states,
            unsettled=news,
            contests=contests,
            managed=managed_below(wanted.instances, own_paths if local else ()),
            own_paths=own_paths,
            backlog=Backlog(states=moved),
        )

    def take_over(self, moved: Mapping[Address, InventoryEntry], *, now: Callable[[], float]) -> None:
        """Note that these have another address than they had: nothing about the target has changed."""
        report = Report(now, {})
        for address, entry in moved.items():
            earlier = entry.instance.address
            report.event(
                address, "Moved", f"was {split_address(earlier)[1]}; nothing is changed on the target"
            )
            self.states[address] = replace(self.states[address], owned=True)
            self.backlog.owned.append(replace(entry, instance=self.instances[address], recorded_at=now()))
            self.backlog.disowned.add(earlier)
            self.backlog.forgotten.add(earlier)
            self.contests.forget(earlier)
        self.backlog.add_events(report.events)

    def hold_back(self, *, now: Callable[[], float]) -> None:
        """Say of what is to go and waits for a person that it does, before anything else is known of it."""
        report = Report(now, self.states)
        for address, instance in self.instances.items():
            if instance.removal is not None and instance.removal.hold:
                message = instance.removal.hold + wording.to_approve(address, instance.removal)
                verdict = Verdict(reason=Reason.PRUNE_HELD, message=message)
                report.conclude(address, verdict)
        self.backlog.states |= report.changed.keys()

    def release(self, addresses: Collection[Address]) -> None:
        """These were to go, and have gone: nothing is known of them any more."""
        if not addresses:
            return
        self.instances = {a: one for a, one in self.instances.items() if a not in addresses}
        self.graph = Graph.build(self.instances.values())
        self.recording = None
        for address in addresses:
            self.watch(address, ())
            del self.watched[address]
            del self.states[address]
            self.unsettled.discard(address)
            self.sightings.pop(address, None)
            self.not_before.pop(address, None)
            self.contests.forget(address)
        local = isinstance(self.target.transport, LocalTransport)
        self.managed = managed_below(self.instances, self.own_paths if local else ())
        self.backlog.disowned |= set(addresses)
        self.backlog.forgotten |= set(addresses)

    def watch(self, address: Address, subjects: Iterable[str]) -> None:
        """Note which subjects concern `address`."""
        wanted = tuple(subjects)
        known = self.watched.get(address, ())
        if wanted == known:
            return
        self.watch_moved = True
        for subject in known:
            self._by_subject[subject].discard(address)
            if not self._by_subject[subject]:
                del self._by_subject[subject]
        self.watched[address] = wanted
        for subject in wanted:
            self._by_subject.setdefault(subject, set()).add(address)

    def orphan(
        self, gone: Mapping[Address, ResourceState], left: Mapping[Address, str], *, now: Callable[[], float]
    ) -> None:
        """Note that these are no longer declared: nothing is known of them any more, and nothing is done to them."""
        report = Report(now, {})
        for state in gone.values():
            orphaned(report, state, left.get(state.address, ""))
        self.backlog.add_events(report.events)
        self.backlog.forgotten |= gone.keys()
        for address in gone:
            self.contests.forget(address)

    def manage_anew(self, containers: Iterable[Address]) -> None:
        """What others manage in these is not what it was: a difference that this makes is nobody's drift."""
        for address in containers:
            self.states[address] = replace(self.states[address], observed=None)

    def sight(self, address: Address, sighting: Sighting) -> None:
        """Keep a reported change until a round has looked: the time of the first, and the best evidence."""
        known = self.sightings.get(address)
        if known is not None:
            better = (
                sighting.evidence if sighting.evidence.command or sighting.evidence.pid else known.evidence
            )
            sighting = Sighting(better, known.at, sighting.latest)
        self.sightings[address] = sighting

    def forget_verdicts(self, addresses: Iterable[Address]) -> None:
        """A person wants it looked at: what failed for good may be tried again, and everything is read anew."""
        self.recording = None
        for address in addresses:
            self.stalled.pop(address, None)
            self.not_before.pop(address, None)

    def take_up(self, owed: Iterable[Owed]) -> None:
        """Take up what is on record as owed, or as perhaps owed, on this target."""
        self.refreshes = Refreshes(owed)
        self.refreshes.keep_only(self.instances)
        self.unsettled |= {one.address for one in self.refreshes} | {one.cause for one in self.refreshes}
        self.unsettled &= self.instances.keys()

    def carry_over(self, older: Lane) -> None:
        """Keep what an earlier lane of the same target knew and that is still so."""
        self.watched_by, self.watch_works = older.watched_by, older.watch_works
        self.watch_refused = older.watch_refused
        for address in self.instances.keys() & older.watched.keys():
            self.watch(address, older.watched[address])
        self.watch_moved = older.watch_moved or not older.watched.keys() <= self.instances.keys()
        self.sightings = {a: s for a, s in older.sightings.items() if a in self.instances}
        self.stalled = {a: s for a, s in older.stalled.items() if a in self.instances}
        self.vain = {a: v for a, v in older.vain.items() if a in self.instances}
        self.unsettled |= older.unsettled & self.instances.keys()
        older.backlog.states |= self.backlog.states
        self.backlog = older.backlog
        self.floods, self.changes = older.floods, older.changes
        self.preimages = older.preimages
        self.preimages.keep_only(self.instances)
        self.refreshes = older.refreshes
        self.refreshes.keep_only(self.instances)
        self.manage_anew(
            a for a in self.instances if self.managed.get(a) != older.managed.get(a) and a in older.instances
        )
        if self.states == older.states:
            self.recording = older.recording

    def notified(self, address: Address) -> Iterator[Address]:
        """What a change of `address` owes a refresh."""
        for ref in self.instances[address].common.notify:
            notified = self.instances.get(Address(f"{self.target.name}/{ref}"))
            if notified is not None and notified.removal is None:  # what goes needs no refresh
                yield notified.address

    def notified_by(self, addresses: Iterable[Address]) -> set[Address]:
        """What may have to be refreshed when `addresses` change, directly or because of what is refreshed then."""
        found: set[Address] = set()
        stack = list(addresses)
        while stack:
            for address in self.notified(stack.pop()):
                if address not in found:
                    found.add(address)
                    stack.append(address)
        return found

    @property
    def subjects(self) -> Collection[str]:
        """Every subject that concerns an instance."""
        return self._by_subject.keys()

    def concerned(self, subject: str) -> Collection[Address]:
        """The instances that `subject` concerns."""
        return self._by_subject.get(subject, ())


def orphaned(report: Report, state: ResourceState, why: str) -> None:
    """Say of what is no longer declared that it stays, if it was ours, and why."""
    if state.owned:
        message = "no longer declared; left as it is on the target" + (f": {why}" if why else "")
        report.event(state.address, "Orphaned", message)


def managed_below(
    instances: Mapping[Address, Instance], own_paths: Collection[str] = ()
) -> dict[Address, tuple[str, ...]]:
    """For each container of paths, what others own strictly below it; those with none are left out.

    That is the path of each instance, and whatever else it provides, such as that of its backup; and our own.
    """
    every = (subject for instance in instances.values() for subject in instance.present)
    paths = sorted({subject.name for subject in every if subject.scheme == PATH}.union(own_paths))
    below: dict[Address, tuple[str, ...]] = {}
    for address, instance in instances.items():
        path = next((subject.name for subject in instance.contains if subject.scheme == PATH), None)
        if path is None:
            continue
        prefix = path.rstrip("/") + "/"
        linked = _below_by_another_name(path, own_paths)
        start = bisect.bisect_left(paths, prefix)
        # Everything that starts with the prefix stands together, and "0" is the character after "/".
        end = bisect.bisect_left(paths, prefix[:-1] + "0")
        if end > start or linked:
            below[address] = (*paths[start:end], *linked)
    return below


def _below_by_another_name(path: str, own_paths: Collection[str]) -> list[str]:
    """Our own paths that are below `path` because of a link on the way to it, as seen from it."""
    if not own_paths:
        return []
    real = os.path.realpath(path)
    if real == path:
        return []
    return [path + own.removeprefix(real) for own in own_paths if own.startswith(real.rstrip("/") + "/")]
