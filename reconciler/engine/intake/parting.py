"""What is declared about another thing than before, under the name that it had: the two part.

The thing that was meant until now gets an address of its own, which nobody can declare, and is from then on something
that is declared no longer. Invariant: what is on record of a thing, whose it is and what was there before us, stays
with that thing. It is never said of another one because that has come to have its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.engine.report import Report
from reconciler.model.names import Address, former, split_address
from reconciler.model.resource import Instance
from reconciler.model.state import ResourceState
from reconciler.store.batch import Batch
from reconciler.store.records import InventoryEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """What becomes of what is on record.

    Attributes:
        entries: what is ours and its name means something else by now: by that name, with the address that it has
            from then on.
        states: what is known from then on of both.
    """

    entries: Mapping[Address, InventoryEntry] = field(default_factory=dict)
    states: Mapping[Address, ResourceState] = field(default_factory=dict)

    def batch(self, declared: Mapping[Address, Instance], now: Callable[[], float]) -> Batch:
        """The same on record, with what is said of it.

        Args:
            declared: what has the names by now.
            now: gives the wall time.
        """
        report, batch = Report(now, {}), Batch().forget_inventory(self.entries).forget_approvals(self.entries)
        for address, entry in self.entries.items():
            name, about = split_address(address)[1], declared[address].subject.removeprefix("path:")
            message = f"was {name}, which is about {about} by now"
            report.event(entry.instance.address, "Moved", message)
        batch.put_inventory(self.entries.values()).put_states(self.states.values())
        return batch.add_events(report.events)


def is_another(one: Instance, then: Instance) -> bool:
    """Whether two declarations under one name are about two things; what is about none is the same by its name."""
    return bool(then.provides and one.provides) and then.provides[0] not in one.provides


def part(
    declared: Mapping[Address, Instance],
    states: Mapping[Address, ResourceState],
    inventory: Mapping[Address, InventoryEntry],
) -> Parted:
    """What of the inventory has a name that is declared about another thing.

    Args:
        declared: what is declared; what is to go has no other thing.
        states: what is known of each instance.
        inventory: what is ours.
    """
    entries: dict[Address, InventoryEntry] = {}
    known: dict[Address, ResourceState] = {}
    for address, entry in inventory.items():
        one = declared.get(address)
        if one is None or one.removal is not None or not is_another(one, entry.instance):
            continue
        entries[address] = _renamed(entry)
        if (state := states.get(address)) is not None:
            known[address] = replace(state, owned=False, observed=None, held=None)
            earlier = entries[address].instance.address
            known[earlier] = replace(state, address=earlier).at(entries[address].instance, state.source)
    return Parted(entries=entries, states=known)


def _renamed(entry: InventoryEntry) -> InventoryEntry:
    """An entry under the address that its thing has when its name is another one's."""
    one = entry.instance
    address = former(one.address, str(one.provides[0]))
    name = one.metadata.name + address.removeprefix(one.address)
    instance = replace(
        one,
        address=address,
        ref=split_address(address)[1],
        metadata=replace(one.metadata, name=name),
    )
    return replace(entry, instance=instance)
