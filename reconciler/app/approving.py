"""What a person approves or wants forgotten, as what the store keeps: one way for the daemon and for commands without.

Invariant: an approval names what was shown. Nothing is approved that does not wait, and nothing forgotten that is
declared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.core.conditions import summarize
from reconciler.core.reasons import ASKS
from reconciler.engine.report import Report
from reconciler.errors import UsageError
from reconciler.model.names import Address, SourceName, source_object
from reconciler.model.state import Approval, ResourceState
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.records import AuditRecord, InventoryEntry
from reconciler.store.store import Store


def approvals(
    addresses: Collection[Address],
    *,
    states: Mapping[Address, ResourceState],
    inventory: Mapping[Address, InventoryEntry],
    given: Mapping[Address, Approval],
    by: str,
    reason: str,
    at: float,
) -> tuple[list[Approval], list[Address]]:
    """The approvals of what waits at `addresses`, or is there and declared by nobody; and what is approved already.

    What has not been looked at since it began to wait is left out: there is nothing yet that could be approved.

    Args:
        addresses: what a person approves.
        states: what is known of every instance.
        inventory: what is ours.
        given: what was approved before, and is not done yet: of just what is shown now it is not approved once more.
        by: who approves.
        reason: why.
        at: seconds since the epoch.

    Raises:
        UsageError: something of it waits for nobody, or nothing of it has been looked at.
    """
    found, unseen, already = [], [], []
    for address in addresses:
        state, entry = states.get(address), inventory.get(address)
        if state is not None and state.held is not None:
            shown = state.held
        elif state is not None and summarize(state.conditions).reason in ASKS:
            unseen.append(address)
            continue
        elif state is None and entry is not None:
            shown = entry.instance.digest
        else:
            raise UsageError(f"{address} waits for nobody's approval; see: froyo get")
        if (before := given.get(address)) is not None and before.shown == shown:
            already.append(address)
        else:
            found.append(Approval(address=address, shown=shown, by=by, reason=reason, at=at))
    if unseen and not found and not already:
        raise UsageError(
            f"{unseen[0]} has not been looked at since it was dropped; approve it once its target can be reached"
        )
    return found, already


def audited(found: Collection[Approval]) -> Batch:
    """The approvals, in the audit log."""
    return Batch().add_audit(
        AuditRecord(
            at=one.at,
            actor=one.by,
            action="approve",
            object=one.address,
            data={"reason": one.reason, "shown": one.shown},
        )
        for one in found
    )


async def of_source(name: str, store: Store) -> tuple[SourceName, list[Address]]:
    """A source, and what it declared last.

    Raises:
        UsageError: nothing is known of it.
    """
    source = SourceName(name)
    mine = [address for address, state in (await store.load_states()).items() if state.source == source]
    # Of one that was only ever applied there are its revisions alone, where another one has all of it by now.
    kept = {one.source for one in await store.revisions()} | (await store.load_source_states()).keys()
    if source not in kept and not mine:
        raise UsageError(f"nothing is known of a source {name}; see: froyo get sources")
    return source, mine


def forgetting(
    addresses: Collection[Address], source: SourceName | None, *, by: str, runtime: Runtime
) -> Batch:
    """What is written when a person wants these, or a source with what it declared, left as they are for good."""
    report = Report(runtime.now, {})
    for address in addresses:
        report.event(address, "Forgotten", f"left as it is for good, by {by}; it is not ours any more")
    batch = Batch().forget_inventory(addresses).forget_approvals(addresses).forget_states(addresses)
    objects: list[str] = list(addresses)
    if source is not None:
        report.event(source_object(source), "Forgotten", f"by {by}, with what it declared")
        batch.forget_source(source)
        objects.append(source)
    batch.add_events(report.events).forget_warm()
    return batch.add_audit(
        AuditRecord(at=runtime.now(), actor=by, action="forget", object=one) for one in objects
    )
