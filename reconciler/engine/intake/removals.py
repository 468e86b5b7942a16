"""What is ours and no source declares any more, and what a person wants back as it was before us.

Both are instances like any other until they have gone, with a `Removal`; on what terms they go is `core/prune.py`.
Invariant: what some source declares does not go, unless a person has asked for just that. This module must not know how
sources come by what they declare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from reconciler.core import prune
from reconciler.core.conditions import summarize
from reconciler.engine.intake.claims import claims
from reconciler.engine.intake.doubt import Doubt
from reconciler.engine.intake.wanted import Record
from reconciler.model.conditions import Reason
from reconciler.model.desired import Desired
from reconciler.model.names import Address, Digest, SourceName, TargetName, split_address
from reconciler.model.resource import Deletion, Instance, Removal
from reconciler.model.subjects import within
from reconciler.model.target import LocalTransport, Target
from reconciler.store.records import InventoryEntry, Ownership


class Removals:
    """See the module.

    Args:
        sources: what each source declares, as it is at any time.
        budget: how much may go at once without a person being asked.
        own_paths: what is never touched on this machine.

    Attributes:
        going: what is to go, with the source that declared it last.
        restored: what is declared, and is to be what it was before us, since a person has asked for that.
        targets: those on which something is to go, as they were last declared.
    """

    def __init__(
        self, sources: Mapping[SourceName, Desired], *, budget: prune.Budget, own_paths: Collection[str]
    ) -> None:
        self.going: dict[Address, tuple[Instance, SourceName]] = {}
        self.restored: dict[Address, Instance] = {}
        self.targets: dict[TargetName, Target] = {}
        self._sources = sources
        self._let_go: dict[SourceName, tuple[str, frozenset[Address]]] = {}
        self._budget = budget
        self._own_paths = own_paths

    def __contains__(self, address: Address) -> bool:
        return address in self.going or address in self.restored

    @property
    def instances(self) -> dict[Address, Instance]:
        """All of them, as they are to be."""
        return self.restored | {address: one for address, (one, _) in self.going.items()}

    def held_of(self, source: SourceName) -> dict[Address, str]:
        """What a source declares no longer and waits for a person, and why."""
        return {
            address: one.removal.hold
            for address, (one, whose) in self.going.items()
            if whose == source and one.removal is not None and one.removal.hold
        }

    def over(self, addresses: Collection[Address]) -> None:
        """These were to go, and have gone; or they are to stay, after all."""
        for address in addresses:
            self.going.pop(address, None)
            self.restored.pop(address, None)
        busy = {split_address(address)[0] for address in self.going}
        self.targets = {name: target for name, target in self.targets.items() if name in busy}

    def take(
        self,
        taking: Collection[tuple[Desired, Doubt]],
        record: Record,
        *,
        moved: Collection[Address],
        waiting: Collection[Desired],
    ) -> dict[Address, str]:
        """See what sources that have been taken in declare no longer.

        Args:
            taking: what they declare, each with why it may not mean what it leaves out.
            record: what is on record.
            moved: what has another address by now, by the one it had: it is declared.
            waiting: what others have come to declare and cannot have yet.

        Returns:
            What stays as it is, and why.
        """
        for address in moved:
            self.going.pop(address, None)
        left: dict[Address, str] = {}
        claimed = {claim for other in waiting for one in other.instances.values() for claim in claims(one)}
        for desired, doubt in taking:
            dropped = self._dropped(desired.source, record)
            mine = {address: entry for address, entry in dropped.items() if address not in moved}
            left |= self._decide(desired, mine, claimed, record, doubt)
        self.restored = self._wanted_back(record)
        return left

    def _dropped(self, source: SourceName, record: Record) -> dict[Address, InventoryEntry | None]:
        """What `source` declared and no source declares now; with it, what a person wants removed that nobody has.

        Of a target whose facts it waits for it is not known what it declares.
        """
        declared = {address for one in self._sources.values() for address in one.instances}
        orphans = (
            a
            for a, approval in record.approvals.items()
            if a not in record.states
            and (entry := record.inventory.get(a)) is not None
            and entry.instance.digest == approval.shown
        )
        waiting = self._sources[source].waiting
        mine = (
            address
            for address, state in record.states.items()
            if state.source == source and split_address(address)[0] not in waiting
        )
        return {
            address: record.inventory.get(address) for address in (*mine, *orphans) if address not in declared
        }

    def _decide(
        self,
        desired: Desired,
        dropped: Mapping[Address, InventoryEntry | None],
        claimed: Collection[object],
        record: Record,
        doubt: Doubt,
    ) -> dict[Address, str]:
        """What of `dropped` is to go, on what terms; returns what stays, and why."""
        targets = {**record.targets, **self.targets}
        targets |= {name: one for other in self._sources.values() for name, one in other.targets.items()}
        left: dict[Address, str] = {}
        going: dict[Address, tuple[InventoryEntry, Mapping[str, object] | None]] = {}
        for address, entry in dropped.items():
            if entry is None:
                left[address] = ""
                continue
            why, restores = self._fate(entry, targets, record)
            if why is None and any(claim in claimed for claim in claims(entry.instance)):
                why = "another source declares it by now"
            if why is None:
                going[address] = entry, restores
            else:
                left[address] = why
        held = {
            address: ready.message
            for address in going
            if (state := record.states.get(address)) is not None
            and (ready := summarize(state.conditions)).reason is Reason.PRUNE_HELD
        }
        # Where its target could not be reached since, no round has come to say so yet.
        for told in (self.held_of(desired.source), record.held):
            held |= {address: why for address, why in told.items() if address in going}
        deletions = {
            address: entry.instance.common.deletion
            for address, (entry, _) in going.items()
            if entry.instance.common.deletion is not Deletion.ORPHAN
        }
        earlier = self._gone_before(desired).difference(deletions, desired.instances)
        waits = prune.holds(
            deletions,
            declared=len(desired.instances),
            budget=self._budget,
            earlier=len(earlier),
            held=held,
            slips=prune.unselected(
                deletions, desired.instances, selecting=desired.selecting, targets=desired.targets
            ),
            doubts={
                address: why
                for address, (entry, _) in going.items()
                if (
                    why := doubt.about(entry.instance.origin.file)
                    or doubt.about(targets[entry.instance.target].origin.file)
                )
            },
        )
        self._let_go[desired.source] = desired.revision, earlier.union(deletions.keys() - waits.keys())
        self.over([a for a, (_, source) in self.going.items() if source == desired.source])
        for address, (entry, restores) in going.items():
            one = removed(entry.instance, Removal(hold=waits.get(address, ""), restores=restores))
            self.going[address] = one, desired.source
            self.targets.setdefault(one.target, targets[one.target])
        for address in [a for a in self.going if any(a in one.instances for one in self._sources.values())]:
            del self.going[address]
        return left

    def _gone_before(self, desired: Desired) -> frozenset[Address]:
        """What was let go of because of the same revision, which is taken once more as facts of targets come."""
        revision, let_go = self._let_go.get(desired.source, ("", frozenset[Address]()))
        return let_go if revision == desired.revision else frozenset()

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
        approval = record.approvals.get(one.address)
        # One that was about something else, and could not be put on record as spent, says nothing about this.
        asked = approval is not None and approval.shown == one.digest
        if asked and one.common.deletion is Deletion.ORPHAN:
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
        """What is declared within something that is to go; what that uses was there before it, and is not in it."""
        for desired in self._sources.values() if one.contains else ():
            for other in desired.instances.values():
                if other.target == one.target and any(
                    within(inner, outer) and inner not in one.uses
                    for inner in other.claimed
                    for outer in one.contains
                ):
                    yield other.address


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
    """An instance that is to go: another declaration than the one that stood.

    Its windows are for what disrupts a host: where its removal does not, that need not wait for them.
    """
    said = f"removed {instance.digest} {removal.restores}"
    if instance.disruptive and not instance.removal_disrupts:
        instance = replace(instance, disruptive=False, common=replace(instance.common, windows=()))
    return replace(
        instance, removal=removal, digest=Digest("sha256:" + hashlib.sha256(said.encode()).hexdigest())
    )
