"""What the sources' path ends in: how each target should be, and what that was made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from reconciler.model.graph import Graph
from reconciler.model.names import Address, Digest, SourceName, TargetName
from reconciler.model.resource import Instance
from reconciler.model.state import Approval, ResourceState
from reconciler.model.target import Target
from reconciler.store.records import InventoryEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is on record when a source is taken in.

    Attributes:
        states: of every instance, with the source that declared it last.
        inventory: what is ours.
        targets: as they were last declared.
        approvals: what people want done.
        sizes: of contents that were there before us and are kept, by digest.
        held: of what is declared no longer, what waits for a person because the controller that leads has said so.
        parted: of the inventory, what has an address of its own only since its name is declared about another thing;
            by that name. See `parting.py`.
    """

    states: Mapping[Address, ResourceState] = field(default_factory=dict)
    inventory: Mapping[Address, InventoryEntry] = field(default_factory=dict)
    targets: Mapping[TargetName, Target] = field(default_factory=dict)
    approvals: Mapping[Address, Approval] = field(default_factory=dict)
    sizes: Mapping[Digest, int] = field(default_factory=dict)
    held: Mapping[Address, str] = field(default_factory=dict)
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
        waiting: the sources of which it is not known yet what they declare here: what is on record of them stays.
    """

    target: Target
    instances: Mapping[Address, Instance]
    sources: Mapping[Address, SourceName]
    moved: Mapping[Address, InventoryEntry]
    graph: Graph
    parted: Collection[Address] = ()
    others: Collection[str] = ()
    waiting: Collection[SourceName] = ()


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
