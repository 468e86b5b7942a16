"""What is in force: what all sources declare, target by target, and what is ours and none of them declares any more.

One place for the loop and for a single run. Invariants: a source speaks for what it declared itself: what others
declare is none of its business, and of two that claim one thing, the one that has it keeps it. What is declared no
longer is an instance like any other until it is gone (`removals.py`).

Whatever asks what is declared asks here, and so it is longer than a module should be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from reconciler.core import prune
from reconciler.core.graph import build_graph
from reconciler.engine.intake.claims import Had, clashes, exchange, still_wanted, subjects
from reconciler.engine.intake.doubt import NO_DOUBT, Doubt
from reconciler.engine.intake.removals import Removals
from reconciler.engine.intake.unknown import kept_while_waiting
from reconciler.engine.intake.wanted import Record, Taken, Wanted
from reconciler.errors import ConfigError, Problem
from reconciler.model.blob import Blob
from reconciler.model.desired import Desired
from reconciler.model.graph import NOTHING, Graph
from reconciler.model.names import Address, Digest, SourceName, TargetName, split_address
from reconciler.model.resource import Instance
from reconciler.model.source import SnapshotGone
from reconciler.model.subjects import PATH
from reconciler.model.target import Target
from reconciler.model.target_lock import TargetLock
from reconciler.store.records import InventoryEntry


class InForce:
    """See the module. Empty, and false, until a first source is taken in.

    Args:
        budget: how much may go at once without a person being asked.
        own_paths: what is never touched on this machine.

    Attributes:
        removals: what is declared no longer, and goes or waits for a person.
    """

    def __init__(
        self,
        *,
        budget: prune.Budget = prune.Budget(),  # noqa: B008 - frozen
        own_paths: Collection[str] = (),
    ) -> None:
        self._sources: dict[SourceName, Desired] = {}
        self.removals = Removals(self._sources, budget=budget, own_paths=own_paths)
        self._doubts: dict[SourceName, Doubt] = {}
        self._waiting: dict[SourceName, tuple[Desired, Doubt]] = {}
        self._earlier: dict[SourceName, Desired] = {}
        self._moved: dict[Address, InventoryEntry] = {}
        self._parted: Collection[Address] = ()
        self._others: dict[TargetName, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._sources)

    def of(self, source: SourceName) -> Desired | None:
        """What one source declares; None before it was taken in."""
        return self._sources.get(source)

    def has(self, desired: Desired) -> bool:
        """Whether this is what its source declares, be it with what is kept where that is not known."""
        return (one := self._sources.get(desired.source)) is not None and one.digest == desired.digest

    @property
    def earlier(self) -> Mapping[SourceName, Desired]:
        """What sources that are not in force declared when they last were, as far as that is known."""
        return self._earlier

    def recall(self, earlier: Iterable[Desired]) -> None:
        """This is what sources that are not in force declared when they last were: nobody else's to remove."""
        self._earlier = {one.source: one for one in earlier if one.source not in self._sources}

    def may_declare(self, address: Address) -> bool:
        """Whether an instance may be declared by a source that is not in force yet, or waits for facts of a target."""
        target, _ = split_address(address)
        return any(target in one.waiting for one in self._sources.values()) or any(
            address in one.instances for one in self._earlier.values()
        )

    @property
    def sources(self) -> Mapping[SourceName, Desired]:
        """What each source declares."""
        return self._sources

    def doubt_of(self, source: SourceName) -> Doubt:
        """Why a source may not mean what it leaves out, as it was said when that was taken in."""
        return self._doubts.get(source, NO_DOUBT)

    @property
    def revision(self) -> str:
        """Of what is in force: that of the one source, or of each, joined."""
        return "+".join(desired.revision for desired in self._sources.values())

    def revision_on(self, target: TargetName) -> str:
        """The same on one target, which another one may not have reached yet."""
        return "+".join(filter(None, (desired.revision_on(target) for desired in self._sources.values())))

    def revision_of(self, source: SourceName, target: TargetName) -> str:
        """Of what is in force of one source on a target; "" where nothing is."""
        return one.revision_on(target) if (one := self._sources.get(source)) is not None else ""

    @property
    def targets(self) -> Mapping[TargetName, Target]:
        """Those on which anything is declared or is to go."""
        declared = {name: one for desired in self._sources.values() for name, one in desired.targets.items()}
        return {**self.removals.targets, **declared}

    @property
    def locks(self) -> list[TargetLock]:
        """How many targets may be disrupted at once, as all sources say."""
        return [one for desired in self._sources.values() for one in desired.locks.values()]

    @property
    def instances(self) -> Mapping[Address, Instance]:
        """All that is declared, and all that is to go."""
        found: dict[Address, Instance] = {}
        for desired in self._sources.values():
            found.update(desired.instances)
        return found | self.removals.instances

    @property
    def restored(self) -> Collection[Address]:
        """What is declared, and is to be what it was before us, since a person has asked for that."""
        return self.removals.restored.keys()

    def find_blob(self, digest: Digest) -> Blob:
        """A body that some source declares.

        Raises:
            SnapshotGone: none does any more.
        """
        for desired in self._sources.values():
            if digest in desired.blobs:
                return desired.blobs[digest]
        raise SnapshotGone("a content that it had is no part of the source any more")

    def take(self, desired: Desired, record: Record, *, doubt: Doubt = NO_DOUBT) -> Taken:
        """From now on, this is what one source declares.

        What it has come to declare since, and waits for others with, goes on waiting.

        Args:
            desired: all of it.
            record: what is on record.
            doubt: why the source may not mean what it leaves out.

        Raises:
            ConfigError: it claims what another source has. Nothing has changed then.
        """
        if problems := self.conflicts(desired):
            raise ConfigError(problems)
        taking = [
            (kept_while_waiting(one, self._sources.get(one.source) or self._earlier.get(one.source)), why)
            for one, why in ((desired, doubt), *(self._waiting[one.source] for one in self.along(desired)))
        ]
        for one, why in taking:
            if one.source in self._waiting and self._waiting[one.source][0].digest == one.digest:
                del self._waiting[one.source]
            self._earlier.pop(one.source, None)
            self._sources[one.source] = one
            self._doubts[one.source] = why
        self._moved = self._renamed([one for one, _ in taking], record)
        self._parted = record.parted.keys()
        self._others = self._of_others(record)
        left = self.removals.take(
            taking,
            record,
            moved={entry.instance.address for entry in self._moved.values()},
            waiting=[one for one, _ in self._waiting.values()],
        )
        return Taken(
            wanted=self.wanted(),
            left=left,
            removals={address: one for address, (one, _) in self.removals.going.items()},
            moved=len(self._moved),
        )

    def waits(self, source: SourceName, name: TargetName) -> bool:
        """Whether nothing can be said yet of what a source declares on a target: its facts are not known."""
        return source in self._sources and name in self._sources[source].waiting

    def drop(self, source: SourceName) -> None:
        """A source is served no longer: what it declared is on record, and nobody else's to remove."""
        self._waiting.pop(source, None)
        self._doubts.pop(source, None)
        desired = self._sources.pop(source, None)
        if desired is not None:
            self._earlier[source] = desired
            going = [address for address, (_, whose) in self.removals.going.items() if whose == source]
            self.gone([*going, *(self.restored & desired.instances.keys())])

    def gone(self, addresses: Collection[Address]) -> None:
        """These were to go, and have gone; or they are to stay, after all."""
        self.removals.over(addresses)
        for address in addresses:
            self._moved.pop(address, None)

    def wanted(self) -> dict[TargetName, Wanted]:
        """How each target should be."""
        instances: dict[TargetName, dict[Address, Instance]] = {name: {} for name in self.targets}
        sources: dict[TargetName, dict[Address, SourceName]] = {name: {} for name in self.targets}
        for source, desired in self._sources.items():
            for address, one in desired.instances.items():
                instances[one.target][address] = self.removals.restored.get(address, one)
                sources[one.target][address] = source
        for address, (one, source) in self.removals.going.items():
            instances[one.target][address] = one
            sources[one.target][address] = source
        return {
            name: Wanted(
                target=target,
                instances=instances[name],
                sources=sources[name],
                moved={a: entry for a, entry in self._moved.items() if a in instances[name]},
                graph=self._graph(name, instances[name]),
                parted=[address for address in self._parted if address in instances[name]],
                others=self._others.get(name, ()),
                waiting=[source for source in self._sources if self.waits(source, name)],
            )
            for name, target in self.targets.items()
        }

    def _graph(self, name: TargetName, instances: Mapping[Address, Instance]) -> Graph:
        """What comes before what on a target: as it was loaded, where one source alone speaks of it."""
        if not instances:
            return NOTHING
        graphs = [one.graphs[name] for one in self._sources.values() if name in one.graphs]
        if len(graphs) == 1 and len(graphs[0].order) == len(instances):
            return graphs[0]
        return build_graph([*instances.values()])

    # --- Conflicts ----------------------------------------------------------------------------------------------------

    def conflicts(self, desired: Desired, theirs: Collection[Had] = ()) -> list[Problem]:
        """What a source claims and another one has, unless that one waits to give it up.

        Args:
            desired: what the source declares.
            theirs: what others had that have not been taken in yet.
        """
        problems = [
            problem for one in theirs for problem in clashes(desired, one.source, one.instances, one.targets)
        ]
        along = self.along(desired)
        for source, other in self._sources.items():
            if source != desired.source and not along:
                problems += clashes(desired, source, other.instances.values(), other.targets)
        return problems

    def along(self, desired: Desired) -> Collection[Desired]:
        """What others wait for and could not have until now: it has to be taken in together with `desired`."""
        waiting = {source: one for source, (one, _) in self._waiting.items()}
        return exchange(desired, self._sources, waiting)

    def wait(self, desired: Desired, *, doubt: Doubt = NO_DOUBT) -> None:
        """A source has come to declare this, and cannot have it before others give up what it claims of them.

        Args:
            desired: all of it.
            doubt: why the source may not mean what it leaves out.
        """
        self._waiting[desired.source] = desired, doubt

    def kept(self, had: Had) -> Had:
        """What a source that is not in force keeps of what it had: all of it, or what it still wants while it waits."""
        if had.source not in self._waiting:
            return had
        wanted, _ = self._waiting[had.source]
        return still_wanted(had, wanted)

    def withdraw(self, source: SourceName) -> None:
        """A source does not say any more what it waits for others with."""
        self._waiting.pop(source, None)

    # --- What is on record --------------------------------------------------------------------------------------------

    def _of_others(self, record: Record) -> dict[TargetName, list[str]]:
        """The paths on each target of sources that are not in force, on record or declared: nobody else's to remove."""
        theirs = [one for earlier in self._earlier.values() for one in earlier.instances.values()]
        for address, entry in record.inventory.items():
            state = record.states.get(address)
            waits = state is not None and self.waits(state.source, entry.instance.target)
            if state is not None and (waits or state.source not in self._sources):
                theirs.append(entry.instance)
        found: dict[TargetName, list[str]] = {}
        for one in theirs:
            paths = [subject.name for subject in (*one.present, *one.shares) if subject.scheme == PATH]
            found.setdefault(one.target, []).extend(paths)
        return found

    def _renamed(self, taking: Collection[Desired], record: Record) -> dict[Address, InventoryEntry]:
        """What is declared under another address than before: by the new one, what is on record under the earlier.

        Earlier is what is ours and nobody in force declares any more, be it that another source did, which is served by
        nobody now; and it stays so until a round has taken note of it.
        """
        declared = {address for one in self._sources.values() for address in one.instances}
        moved = {a: e for a, e in self._moved.items() if a in declared and a not in record.states}
        earlier = {
            claim: entry
            for address, entry in record.inventory.items()
            if address not in declared
            for claim in subjects(entry.instance)
        }
        instances = (item for one in taking for item in one.instances.items())
        for address, one in instances if earlier else ():
            entry = next((earlier[claim] for claim in subjects(one) if claim in earlier), None)
            if entry is None or address in record.inventory or entry.instance.package != one.package:
                continue
            if entry not in moved.values():
                moved[address] = entry
        return moved
