"""What is held in memory about one target: how it should be, and what is known of how it is.

Only the round that works on the target, and the controller between rounds, change it; the work queue sees to it that
there is never more than one round. Each kind of knowledge is a value with a module of its own, which alone changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.conditions import next_generation
from reconciler.core.contest import Contests
from reconciler.core.contradictions import Contradictions
from reconciler.core.flood import Floods
from reconciler.core.refreshes import Refreshes
from reconciler.engine.intake.parting import is_another
from reconciler.engine.intake.wanted import Wanted
from reconciler.engine.lane.attempts import Attempts
from reconciler.engine.lane.backlog import Backlog
from reconciler.engine.lane.declared import Declared
from reconciler.engine.lane.denied import Denied
from reconciler.engine.lane.preimages import Preimages
from reconciler.engine.lane.recording import Recording
from reconciler.engine.lane.sightings import Sightings
from reconciler.engine.lane.unsettled import Unsettled
from reconciler.engine.lane.watched import Watched
from reconciler.engine.report import Report
from reconciler.model.conditions import Reason, Verdict
from reconciler.model.graph import Graph
from reconciler.model.names import Address, Digest, split_address
from reconciler.model.owed import Owed
from reconciler.model.resource import Instance
from reconciler.model.state import ResourceState
from reconciler.model.target import Target
from reconciler.store.records import InventoryEntry


@dataclass(slots=True)
class Lane:
    """One target.

    Attributes:
        declared: how it should be.
        states: what is known of each instance; reports write it.
        recording: what reading all of it takes and gave; None until all was read at this desired state.
        watched: which subjects concern an instance, and who watches them.
        sightings: changes reported and not yet looked at.
        unsettled: instances that a rescan must look at although nothing on the target moved.
        attempts: the last applies that led to nothing.
        contests: who else keeps changing what.
        contradictions: which of ours undo each other.
        floods: what is put right too often for each time to be told.
        changes: the same for what is left alone, and slowed down by nobody.
        backlog: what the store does not have yet.
        preimages: what was there before something that is not known to be ours yet.
        refreshes: what is to be refreshed because something else has changed, or may have.
        denied: what policies have denied.
    """

    declared: Declared
    states: dict[Address, ResourceState]
    recording: Recording | None = None
    watched: Watched = field(default_factory=Watched)
    sightings: Sightings = field(default_factory=Sightings)
    unsettled: Unsettled = field(default_factory=Unsettled)
    attempts: Attempts = field(default_factory=Attempts)
    contests: Contests[Address] = field(default_factory=Contests)
    contradictions: Contradictions[Address] = field(default_factory=Contradictions)
    floods: Floods[Address] = field(default_factory=Floods)
    changes: Floods[Address] = field(default_factory=lambda: Floods(most=10))
    backlog: Backlog = field(default_factory=Backlog)
    preimages: Preimages = field(default_factory=Preimages)
    refreshes: Refreshes = field(default_factory=Refreshes)
    denied: Denied = field(default_factory=Denied)

    @property
    def target(self) -> Target:
        """How to reach it."""
        return self.declared.target

    @property
    def instances(self) -> Mapping[Address, Instance]:
        """How it should be, in order of declaration."""
        return self.declared.instances

    @property
    def graph(self) -> Graph:
        """What comes before what."""
        return self.declared.graph

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
                next_generation(state, instance.digest) if state else ResourceState.unseen(instance, source)
            )
            if states[address] is not state:
                news.add(address)
                contests.forget(address)
            declared = states[address].at(instance, source)
            if declared != states[address]:
                states[address] = declared
                moved.add(address)
        made = cls(
            declared=Declared.of(wanted, own_paths=own_paths),
            states=states,
            unsettled=Unsettled(news),
            contests=contests,
        )
        made.backlog.move(moved)
        return made

    def take_over(self, moved: Mapping[Address, InventoryEntry], *, now: Callable[[], float]) -> None:
        """Note that these have another address than they had: nothing about the target has changed."""
        report = Report(now, {})
        for address, entry in moved.items():
            earlier = entry.instance.address
            report.event(
                address, "Moved", f"was {split_address(earlier)[1]}; nothing is changed on the target"
            )
            self.states[address] = replace(self.states[address], owned=True)
            self.backlog.own([replace(entry, instance=self.instances[address], recorded_at=now())])
            self.backlog.disown([earlier])
            self.contests.forget(earlier)
        self.backlog.move(moved)
        self.backlog.add(report)

    def hold_back(self, *, now: Callable[[], float]) -> None:
        """Say of what is to go and waits for a person that it does, before anything else is known of it."""
        report = Report(now, self.states)
        for address, instance in self.instances.items():
            if instance.removal is not None and instance.removal.hold:
                report.conclude(address, Verdict(reason=Reason.PRUNE_HELD, message=instance.removal.hold))
        self.backlog.add(report)

    def release(self, addresses: Collection[Address]) -> None:
        """These were to go, and have gone: nothing is known of them any more."""
        if not addresses:
            return
        before, self.declared = self.declared.managed, self.declared.without(addresses)
        # What was there before us and is back is nobody's where it lies; and what has gone may be missed there now.
        self.manage_anew(
            a for a in before.keys() & self.instances.keys() if before[a] != self.declared.managed.get(a)
        )
        self.recording = None
        for address in addresses:
            del self.states[address]
            self.watched.forget(address)
            self.sightings.take(address)
            self.unsettled.forget(address)
            self.attempts.forget(address)
            self.contests.forget(address)
        self.denied.settle(addresses)
        self.unsettled.add(self.contradictions.forget(addresses) - set(addresses))
        self.refreshes.keep_only(self.instances)
        self.backlog.disown(addresses)

    def orphan(
        self, gone: Mapping[Address, ResourceState], left: Mapping[Address, str], *, now: Callable[[], float]
    ) -> None:
        """Note that these are no longer declared: nothing is known of them any more, and nothing is done to them."""
        report = Report(now, {})
        for state in gone.values():
            orphaned(report, state, left.get(state.address, ""))
        self.backlog.add(report)
        self.backlog.forget(gone)
        for address in gone:
            self.contests.forget(address)

    def manage_anew(self, addresses: Iterable[Address]) -> None:
        """What others of ours have to do with these is not what it was: a difference that this makes is nobody's drift.

        Args:
            addresses: containers, in which others are managed, what something else may have brought along or taken, or
                what uses something else.
        """
        for address in addresses:
            if self.states[address].observed is not None:
                self.states[address] = replace(self.states[address], observed=None)
                # With what is forgotten: a later controller could not tell any more.
                self.backlog.move([address])

    def record(self, seen: Recording, *, everything: bool = False) -> None:
        """Keep what was asked and answered.

        Args:
            seen: of that.
            everything: whether it is all that reading the whole target takes.
        """
        if everything:
            self.recording = seen
        elif self.recording is not None:
            self.recording.merge(seen)

    def forget_verdicts(self, addresses: Iterable[Address]) -> None:
        """A person wants it looked at: what failed for good may be tried again, and everything is read anew."""
        self.recording = None
        addresses = list(addresses)
        self.contradictions.forget(addresses)
        for address in addresses:
            self.attempts.retry(address)
            self.unsettled.wait_no_more(address)

    def take_up(self, owed: Iterable[Owed]) -> None:
        """Take up what is on record as owed, or as perhaps owed, on this target."""
        self.refreshes.recall(owed)
        self.refreshes.keep_only(self.instances)
        self.unsettled.add(one.address for one in self.refreshes)
        self.unsettled.add(one.cause for one in self.refreshes)
        self.unsettled.keep_only(self.instances)

    def carry_over(self, older: Lane) -> None:
        """Keep what an earlier lane of the same target knew and that is still so."""
        declared = self.instances
        self.watched = older.watched.kept(declared)
        self.sightings = older.sightings.kept(declared)
        self.attempts = older.attempts.kept(declared)
        self.unsettled.add(address for address in older.unsettled if address in declared)
        older.backlog.move(self.backlog.moved)
        self.backlog = older.backlog
        self.floods, self.changes = older.floods, older.changes
        self.contradictions = older.contradictions
        anew = [
            address
            for address, then in older.states.items()
            if (now := self.states.get(address)) is None or now.generation != then.generation
        ]
        self.unsettled.add(one for one in self.contradictions.forget(anew) if one in declared)
        self.preimages, self.refreshes, self.denied = older.preimages, older.refreshes, older.denied
        self.preimages.rename(self._renamed(older))
        for known in (self.floods, self.changes, self.preimages, self.refreshes, self.denied):
            known.keep_only(declared)
        # What was there before another thing is nothing that was there before this one.
        self.preimages.keep_only(
            [
                a
                for a, one in declared.items()
                if a not in older.instances or not is_another(one, older.instances[a])
            ]
        )
        managed, before = self.declared.managed, older.declared.managed
        self.manage_anew(a for a in declared if managed.get(a) != before.get(a) and a in older.instances)
        if self.states == older.states:
            self.recording = older.recording

    def recall_preimages(self, then: Mapping[Address, Instance], digests: Mapping[Address, Digest]) -> None:
        """Know again what an attempt that has ended was to replace where it is declared, by whatever name.

        Args:
            then: what it was about, as it was declared when it began.
            digests: what it was to replace, of what was there before us.
        """
        for earlier, digest in digests.items():
            for address, one in self.instances.items():
                if _is_the_same(one, then[earlier]) and not self.states[address].owned:
                    self.preimages.recall(address, digest)

    def _renamed(self, older: Lane) -> dict[Address, Address]:
        """What may have been replaced, is not known to be ours, and is declared by another name since `older`."""
        return {
            earlier: address
            for earlier in older.preimages
            if earlier not in self.instances and (then := older.instances.get(earlier)) is not None
            for address, one in self.instances.items()
            if address not in older.instances and _is_the_same(one, then)
        }


def _is_the_same(one: Instance, then: Instance) -> bool:
    """Whether two instances are about one thing."""
    return then.provides[:1] == one.provides[:1] != () and one.package == then.package


def orphaned(report: Report, state: ResourceState, why: str) -> None:
    """Say of what is no longer declared that it stays, if it was ours, and why."""
    if state.owned:
        message = "no longer declared; left as it is on the target" + (f": {why}" if why else "")
        report.event(state.address, "Orphaned", message)
