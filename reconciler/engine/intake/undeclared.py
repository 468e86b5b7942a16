"""Whose what is on record is, and what follows when it is no longer declared: one rule for the loop and a single run.

Invariant: what a source declared when it was last in force and no longer does is orphaned. What other sources declare
is none of its business: it stays on record as it is. The one that declared something last is the one that has it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from reconciler.errors import ConfigError
from reconciler.model.desired import Desired
from reconciler.model.names import Address, SourceName, TargetName, split_address
from reconciler.model.source import Snapshot, SnapshotGone
from reconciler.model.state import ResourceState
from reconciler.store.store import Store


def undeclared(known: Mapping[Address, ResourceState], desired: Desired) -> dict[Address, ResourceState]:
    """Of what is on record, what the source of `desired` declared and no longer does."""
    return {
        address: state
        for address, state in known.items()
        if state.source == desired.source and address not in desired.instances
    }


def targets_of_others(known: Mapping[Address, ResourceState], source: SourceName) -> set[TargetName]:
    """The targets on which other sources than `source` have something."""
    return {split_address(address)[0] for address, state in known.items() if state.source != source}


async def was_declared(
    store: Store, source: SourceName, evaluate: Callable[[Snapshot], Awaitable[Desired]]
) -> bool:
    """Whether a source declared anything when it was last in force, as far as that can still be told.

    Args:
        store: where its last good snapshot is.
        source: which.
        evaluate: gives what a snapshot declares.
    """
    before = await store.last_snapshot(source)
    if before is None:
        return False
    try:
        return bool((await evaluate(before)).targets)
    except (ConfigError, SnapshotGone):
        return False  # it could not be kept in force anyhow
