"""What is in force: what all sources declare, target by target, and what is ours and none of them declares any more.

One place for the loop and for a single run. Invariants: a source speaks for what it declared itself: what others
declare is none of its business, and of two that claim one thing, the one that has it keeps it. What is declared no
longer is an instance like any other until it is gone, with a `Removal`; on what terms it goes is `core/prune.py`. So is
what a person wants back as it was before us, in the place of what is declared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core import prune
from reconciler.core.conditions import summarize
from reconciler.core.graph import build_graph
from reconciler.engine import wording
from reconciler.engine.intake.claims import Had, claims, clashes, exchange, subjects
from reconciler.errors import ConfigError, Problem
from reconciler.model.blob import Blob
from reconciler.model.conditions import Reason
from reconciler.model.desired import Desired
from reconciler.model.graph import NOTHING, Graph
from reconciler.model.names import Address, Digest, SourceName, TargetName, split_address
from reconciler.model.resource import Deletion, Instance, Removal
from reconciler.model.source import SnapshotGone
from reconciler.model.state import Approval, ResourceState
from reconciler.model.subjects import PATH, within
from reconciler.model.target import LocalTransport, Target
from reconciler.store.records import InventoryEntry, Ownership


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is on record when a source is taken in.

    Attributes:
        states: of every instance, with the source that declared it last.
        inventory: what is ours.
        targets: as they were last declared.
        approvals: what people want done.
        sizes: of contents that were there before us and are kept, by digest.
        parted: of the inventory, what has an address of its own only since its name is declared about another thing;
            by that name. See `parting.py`.
    """

    states: Mapping[Address, ResourceState] = field(default_factory=dict)
    inventory: Mapping[Address, InventoryEntry] = field(default_factory=dict)
    targets: Mapping[TargetName, Target] = field(default_factory=dict)
    approvals: Mapping[Address, Approval] = field(default_factory=dict)
    sizes: Mapping[Digest, int] = field(default_factory=dict)
    parted: Mapping[Address, InventoryEntry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How one target should be.

    Attributes:
        target: how it is reached.
        instances: what is declared on it, in order of declaration, and then what is to go.
        sources: who declares each, or did last.
        moved: what has another address than on record, with its entry under the earlier one.
        parted: what is about another thing than what is on record by its name.
        graph: what comes before what.
        others: paths of sources that are not in force: on record, or declared when they last were.
    """

    target: Target
    instances: Mapping[Address, Instance]
    sources: Mapping[Address, SourceName]
    moved: Mapping[Address, InventoryEntry]
    graph: Graph
    parted: Collection[Address] = ()
    others: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What follows from a snapshot that was taken in.

    Attributes:
        wanted: every target on which anything is declared or is to go.
        left: what its source declares no longer and stays as it is, with the reason.
        removals: what is to go, on all targets.
        moved: how many have another address than before.
    """

    wanted: Mapping[TargetName, Wanted]
    left: Mapping[Address, str]
    removals: Mapping[Address, Instance]
    moved: int


class InForce:
    """See the module. Empty, and false, until a first source is taken in.

    Args:
        budget: how much may go at once without a person being asked.
        own_paths: what is never touched on this machine.
    """

    def __init__(
        self,
        *,
        budget: prune.Budget = prune.Budget(),  # noqa: B008 - frozen
        own_paths: Collection[str] = (),
    ) -> None:
        self._budget = budget
        self._own_paths = own_paths
        self._sources: dict[SourceName, Desired] = {}
        self._doubts: dict[SourceName, str] = {}
        self._waiting: dict[SourceName, tuple[Desired, str]] = {}
        self._earlier: dict[SourceName, Desired] = {}
        self._removals: dict[Address, tuple[Instance, SourceName]] = {}
        self._restored: dict[Address, Instance] = {}
        self._former: dict[TargetName, Target] = {}
        self._moved: dict[Address, InventoryEntry] = {}
        self._parted: Collection[Address] = ()
        self._others: dict[TargetName, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._sources)

    def of(self, source: SourceName) -> Desired | None:
        """What one source declares; None before it was taken in."""
        return self._sources.get(source)

    @property
    def earlier(self) -> Mapping[SourceName, Desired]:
        """What sources that are not in force declared when they last were, as far as that is known."""
        return self._earlier

    def recall(self, earlier: Iterable[Desired]) -> None:
        """This is what sources that are not in force declared when they last were: nobody else's to remove."""
        self._earlier = {one.source: one for one in earlier if one.source not in self._sources}

    @property
    def sources(self) -> Mapping[SourceName, Desired]:
        """What each source declares."""
        return self._sources

    def doubt_of(self, source: SourceName) -> str:
        """Why a source may not mean what it leaves out, as it was said when that was taken in, or ""."""
        return self._doubts.get(source, "")

    @property
    def revision(self) -> str:
        """Of what is in force: that of the one source, or of each, joined."""
        return "+".join(desired.revision for desired in self._sources.values())

    @property
    def targets(self) -> Mapping[TargetName, Target]:
        """Those on which anything is declared or is to go."""
        declared = {name: one for desired in self._sources.values() for name, one in desired.targets.items()}
        return {**self._former, **declared}

    @property
    def instances(self) -> Mapping[Address, Instance]:
        """All that is declared, and all that is to go."""
        found: dict[Address, Instance] = {}
        for desired in self._sources.values():
            found.update(desired.instances)
        return found | self._restored | {address: one for address, (one, _) in self._removals.items()}

    @property
    def restored(self) -> Collection[Address]:
        """What is declared, and is to be what it was before us, since a person has asked for that."""
        return self._restored.keys()

    def goes(self, address: Address) -> bool:
        """Whether something is to go."""
        return address in self._removals or address in self._restored

    def find_blob(self, digest: Digest) -> Blob:
        """A body that some source declares.

        Raises:
            SnapshotGone: none does any more.
        """
        for desired in self._sources.values():
            if digest in desired.blobs:
                return desired.blobs[digest]
        raise SnapshotGone("a content that it had is no part of the source any more")

    def take(self, desired: Desired, record: Record, *, doubt: str = "") -> Taken:
        """From now on, this is what one source declares.

        What it has come to declare since, and waits for others with, goes on waiting.

        Args:
            desired: all of it.
            record: what is on record.
            doubt: why the source may not mean what it leaves out, or "".

        Raises:
            ConfigError: it claims what another source has. Nothing has changed then.
        """
        if problems := self.conflicts(desired):
            raise ConfigError(problems)
        taking = [(desired, doubt), *(self._waiting[one.source] for one in self.along(desired))]
        for one, why in taking:
            if one.source in self._waiting and self._waiting[one.source][0].digest == one.digest:
                del self._waiting[one.source]
            self._earlier.pop(one.source, None)
            self._sources[one.source] = one
            self._doubts[one.source] = why
        self._moved = self._renamed([one for one, _ in taking], record)
        self._parted = record.parted.keys()
        self._others = self._of_others(record)
        moved = {entry.instance.address for entry in self._moved.values()}
        for address in moved:
            self._removals.pop(address, None)
        left: dict[Address, str] = {}
        for one, why in taking:
            dropped = self._dropped(one.source, record)
            left |= self._decide(one, {a: e for a, e in dropped.items() if a not in moved}, record, why)
        self._restored = self._wanted_back(record)
        return Taken(
            wanted=self.wanted(),
            left=left,
            removals={address: one for address, (one, _) in self._removals.items()},
            moved=len(self._moved),
        )

    def gone(self, addresses: Collection[Address]) -> None:
        """These were to go, and have gone; or they are to stay, after all."""
        for address in addresses:
            self._removals.pop(address, None)
            self._restored.pop(address, None)
            self._moved.pop(address, None)
        busy = {split_address(address)[0] for address in self._removals}
        self._former = {name: target for name, target in self._former.items() if name in busy}

    def wanted(self) -> dict[TargetName, Wanted]:
        """How each target should be."""
        instances: dict[TargetName, dict[Address, Instance]] = {name: {} for name in self.targets}
        sources: dict[TargetName, dict[Address, SourceName]] = {name: {} for name in self.targets}
        for source, desired in self._sources.items():
            for address, one in desired.instances.items():
                instances[one.target][address] = self._restored.get(address, one)
                sources[one.target][address] = source
        for address, (one, source) in self._removals.items():
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

    def wait(self, desired: Desired, *, doubt: str = "") -> None:
        """A source has come to declare this, and cannot have it before others give up what it claims of them.

        Args:
            desired: all of it.
            doubt: why the source may not mean what it leaves out, or "".
        """
        self._waiting[desired.source] = desired, doubt

    def withdraw(self, source: SourceName) -> None:
        """A source does not say any more what it waits for others with."""
        self._waiting.pop(source, None)

    # --- What is declared no longer -----------------------------------------------------------------------------------

    def _dropped(self, source: SourceName, record: Record) -> dict[Address, InventoryEntry | None]:
        """What `source` declared and no source declares now; with it, what a person wants removed that nobody has."""
        declared = {address for one in self._sources.values() for address in one.instances}
        orphans = (
            a
            for a, approval in record.approvals.items()
            if a not in record.states
            and (entry := record.inventory.get(a)) is not None
            and entry.instance.digest == approval.shown
        )
        mine = (address for address, state in record.states.items() if state.source == source)
        return {
            address: record.inventory.get(address) for address in (*mine, *orphans) if address not in declared
        }

    def _of_others(self, record: Record) -> dict[TargetName, list[str]]:
        """The paths on each target of sources that are not in force, on record or declared: nobody else's to remove."""
        theirs = [one for earlier in self._earlier.values() for one in earlier.instances.values()]
        for address, entry in record.inventory.items():
            state = record.states.get(address)
            if state is not None and state.source not in self._sources:
                theirs.append(entry.instance)
        found: dict[TargetName, list[str]] = {}
        for one in theirs:
            paths = [subject.name for subject in one.present if subject.scheme == PATH]
            found.setdefault(one.target, []).extend(paths)
        return found

    def _renamed(self, taking: Collection[Desired], record: Record) -> dict[Address, InventoryEntry]:
        """What is declared under another address than before: by the new one, what is on record under the earlier.

        Earlier is what is ours and nobody declares any more, be it that another source did; and it stays so until a
        round has taken note of it.
        """
        declared = {address for one in self._sources.values() for address in one.instances}
        moved = {a: e for a, e in self._moved.items() if a in declared and a not in record.states}
        earlier = {
            claim: entry
            for address, entry in record.inventory.items()
            if address not in declared
            and ((state := record.states.get(address)) is None or state.source in self._sources)
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

    def _decide(
        self,
        desired: Desired,
        dropped: Mapping[Address, InventoryEntry | None],
        record: Record,
        doubt: str,
    ) -> dict[Address, str]:
        """What of `dropped` is to go, on what terms; returns what stays, and why."""
        targets = {**record.targets, **self.targets}
        claimed = {
            claim
            for waiting, _ in self._waiting.values()
            for one in waiting.instances.values()
            for claim in claims(one)
        }
        left: dict[Address, str] = {}
        going: dict[Address, tuple[InventoryEntry, Mapping[str, object] | None]] = {}
        for address, entry in dropped.items():
            if entry is None:
                left[address] = ""
                continue
            why, restores = self._fate(entry, targets, record)
            if why is None and not claimed.isdisjoint(claims(entry.instance)):
                why = "another source declares it by now"
            if why is None:
                going[address] = entry, restores
            else:
                left[address] = why
        held = {
            address: ready.message.partition(wording.ADVICE)[0]
            for address in going
            if (state := record.states.get(address)) is not None
            and (ready := summarize(state.conditions)).reason is Reason.PRUNE_HELD
        }
        waits = prune.holds(
            {
                address: entry.instance.common.deletion
                for address, (entry, _) in going.items()
                if entry.instance.common.deletion is not Deletion.ORPHAN
            },
            declared=len(desired.instances),
            budget=self._budget,
            held=held,
            doubt=doubt,
        )
        self.gone([a for a, (_, source) in self._removals.items() if source == desired.source])
        for address, (entry, restores) in going.items():
            one = removed(entry.instance, Removal(hold=waits.get(address, ""), restores=restores))
            self._removals[address] = one, desired.source
            self._former.setdefault(one.target, targets[one.target])
        for address in [
            a for a in self._removals if any(a in one.instances for one in self._sources.values())
        ]:
            del self._removals[address]
        return left

    def _wanted_back(self, record: Record) -> dict[Address, Instance]:
        """What is declared, and is to be what it was before us: as it was shown to who approved just that."""
        found: dict[Address, Instance] = {}
        for address, approval in record.approvals.items():
            entry = record.inventory.get(address)
            if entry is None or not any(address in one.instances for one in self._sources.values()):
                continue
            one = restoration(entry, record.sizes)
            if one is not None and one.digest == approval.shown:
                found[address] = one
        return found

    def _fate(
        self, entry: InventoryEntry, targets: Mapping[TargetName, Target], record: Record
    ) -> tuple[str | None, Mapping[str, object] | None]:
        """Why something stays, or None; and the body that comes back in its place, or None."""
        one = entry.instance
        target = targets.get(one.target)
        if target is None:
            return "how its target was reached is not on record", None
        created = entry.ownership is Ownership.CREATED
        restores = body_before(entry, record.sizes)
        if one.address in record.approvals and one.common.deletion is Deletion.ORPHAN:
            one = replace(one, common=replace(one.common, deletion=Deletion.DELETE))
        local = isinstance(target.transport, LocalTransport)
        why = prune.why_left(
            one,
            created=created,
            replaced=restores is not None,
            own_paths=(*self._own_paths, *self._sources) if local else (),
        )
        if why is None and (below := next(self._below(one), None)) is not None:
            why = f"{below} is still declared, and lies in it"
        return why, restores

    def _below(self, one: Instance) -> Iterator[Address]:
        """What is declared within something that is to go."""
        for desired in self._sources.values() if one.contains else ():
            for other in desired.instances.values():
                if other.target == one.target and any(
                    within(inner, outer) for inner in other.provides for outer in one.contains
                ):
                    yield other.address


def redeclared(desired: Desired, inventory: Mapping[Address, InventoryEntry]) -> Iterator[InventoryEntry]:
    """What is ours and declared otherwise only in what makes no generation of it, as it is declared now.

    Labels, annotations and the place in a file are no part of an instance's digest: no round has anything to do when
    they change, and whoever asks the store wants them as they are now all the same.
    """
    for address, entry in inventory.items():
        now, then = desired.instances.get(address), entry.instance
        if now is None or now.digest != then.digest:
            continue
        if (now.metadata, now.origin) != (then.metadata, then.origin):
            yield replace(entry, instance=now)


def body_before(entry: InventoryEntry, sizes: Mapping[Digest, int]) -> Mapping[str, object] | None:
    """The body that was there before us, if there was one and it is still kept."""
    if entry.preimage is None or entry.ownership is Ownership.CREATED or entry.preimage not in sizes:
        return None
    return {"digest": entry.preimage, "size": sizes[entry.preimage]}


def restoration(entry: InventoryEntry, sizes: Mapping[Digest, int]) -> Instance | None:
    """Something that is ours, as what it was before us; None where that is not kept."""
    restores = body_before(entry, sizes)
    return None if restores is None else removed(entry.instance, Removal(restores=restores, asked=True))


def removed(instance: Instance, removal: Removal) -> Instance:
    """An instance that is to go: another declaration than the one that stood."""
    said = f"removed {instance.digest} {removal.restores}"
    return replace(
        instance, removal=removal, digest=Digest("sha256:" + hashlib.sha256(said.encode()).hexdigest())
    )
