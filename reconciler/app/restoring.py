"""What a person asks for who wants back what was there before us: one way for the daemon and for commands without.

Invariants: it is one thing, named by its whole address, and never guessed. What is put back is a content that is kept,
under the digest that it had; where nothing was there before, or it is not kept, that is said, and nothing is removed in
its place. What is declared there is left alone from then on, or the next round would undo it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.core import prune
from reconciler.core.conditions import summarize
from reconciler.core.graph import build_graph
from reconciler.engine.intake.recall import sizes_before
from reconciler.engine.intake.removals import restoration
from reconciler.engine.intake.wanted import Wanted
from reconciler.engine.settings import EngineSettings
from reconciler.errors import UsageError
from reconciler.model.conditions import Reason
from reconciler.model.event import EventFilter
from reconciler.model.names import Address, SourceName, TargetName
from reconciler.model.plan import Cause
from reconciler.model.resource import Deletion, Instance, Policy
from reconciler.model.state import Approval, ResourceState, Suspension, covers
from reconciler.model.target import Target
from reconciler.store.batch import Batch
from reconciler.store.records import AuditRecord, InventoryEntry, Ownership
from reconciler.store.store import Store

LIMIT = EngineSettings().preimage_limit
"""Bytes above which a content is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """What is put back, and on what terms.

    Attributes:
        removal: what is ours, as what it was before us.
        target: how it is reached.
        source: what declares it, or did last.
        approval: that a person wants just that.
        suspension: by which what is declared is left alone then; None for what nobody declares.
    """

    removal: Instance
    target: Target
    source: SourceName
    approval: Approval
    suspension: Suspension | None

    def wanted(self) -> Wanted:
        """Its target, as if there were nothing else on it."""
        address = self.removal.address
        return Wanted(
            target=self.target,
            instances={address: self.removal},
            sources={address: self.source},
            moved={},
            graph=build_graph([self.removal]),
        )

    def audited(self) -> Batch:
        """The act, in the audit log."""
        one = self.approval
        data = {"reason": one.reason, "shown": one.shown}
        record = AuditRecord(at=one.at, actor=one.by, action="restore", object=one.address, data=data)
        return Batch().add_audit([record])


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants what back, and why.

    Attributes:
        address: what.
        by: who.
        reason: why.
        at: seconds since the epoch.
    """

    address: Address
    by: str
    reason: str
    at: float


async def restoring(
    store: Store,
    wish: Wish,
    *,
    states: Mapping[Address, ResourceState],
    declared: Collection[Address],
    suspensions: Iterable[Suspension],
    own_paths: Collection[str],
) -> Restoration:
    """What it takes to have back what was there before us.

    Args:
        store: where what is ours is on record.
        wish: what is meant.
        states: what is known of every instance.
        declared: what is declared, and not to go.
        suspensions: those in force.
        own_paths: what is never touched on this machine.

    Raises:
        UsageError: it cannot be had back; says why, and what to do instead.
    """
    address, by, at = wish.address, wish.by, wish.at
    entry, state = (await store.load_inventory()).get(address), states.get(address)
    if entry is None:
        raise UsageError(_not_ours(address, known=state is not None))
    if state is not None and address not in declared:
        raise UsageError(
            f"{address} is to go already, which brings back what was there before; see: froyo get {address}"
        )
    sizes = await sizes_before(store, [entry], [address])
    removal = restoration(entry, sizes)
    if removal is None:
        raise UsageError(f"{address}: {await _nothing_kept(store, entry, declared=state is not None)}")
    _may_be_touched(entry.instance, suspensions, own_paths, declared=state is not None)
    target = (await store.load_targets()).get(TargetName(removal.target))
    if target is None:
        raise UsageError(f"{address}: how its target was reached is not on record; apply its directory first")
    shown = entry.instance.digest if state is None else removal.digest
    put_back = f"put back as it was before us, by froyo restore: {wish.reason}"
    return Restoration(
        removal=removal,
        target=target,
        source=SourceName("") if state is None else state.source,
        approval=Approval(address=address, shown=shown, by=by, reason=wish.reason, at=at),
        suspension=None if state is None else Suspension(object=address, by=by, reason=put_back, since=at),
    )


def _not_ours(address: Address, *, known: bool) -> str:
    if known:
        return f"{address} is not ours: nothing there was ever replaced, or what was there before is back already"
    return f"nothing is known of {address}; see: froyo get, froyo get orphans"


async def _nothing_kept(store: Store, entry: InventoryEntry, *, declared: bool) -> str:
    """Why nothing can be brought back, and what can be done."""
    if entry.ownership is Ownership.CREATED:
        gone = (
            "have it removed by taking its manifest away, with `deletion: delete` in it"
            if declared
            else f"have it removed with: froyo approve {entry.instance.address} --reason WHY"
        )
        return f"nothing was there before us, so there is nothing to bring back; {gone}"
    if entry.preimage is not None:
        return "what was there before us was kept, and is in the store no longer; a backup of the state may have it"
    if size := await _lost(store, entry.instance.address):
        return (
            f"what was there before us is not kept: it had {size:,} bytes, and up to {LIMIT:,} are; "
            "look for a copy of your own"
        )
    return (
        "no content from before us is kept: it was as declared when it was found, only its attributes were changed, it "
        f"was no regular file, or it had more than {LIMIT:,} bytes; see: froyo events --object {entry.instance.address}"
    )


async def _lost(store: Store, address: Address) -> int:
    """The size of a content that was too large to be kept at first contact, as far as that is on record; else 0."""
    for event in await store.events(EventFilter(object=address, cause=Cause.ADOPT)):
        for diff in event.data.get("diffs", ()) if event.object == address else ():
            before = diff.get("before")
            if isinstance(before, Mapping) and int(before.get("size", 0)) > LIMIT:
                return int(before["size"])
    return 0


def _may_be_touched(
    one: Instance, suspensions: Iterable[Suspension], own_paths: Collection[str], *, declared: bool
) -> None:
    """See that nobody has said that it is to be left alone.

    Raises:
        UsageError: somebody has.
    """
    for suspension in suspensions:
        if covers(suspension.object, one.address) and suspension.object != one.address:
            raise UsageError(
                f"{one.address} is left alone: suspended by {suspension.by}, {suspension.reason}; resume that first: "
                f"froyo resume {suspension.object.removeprefix('*/') if suspension.object != '*' else 'all'}"
            )
    if one.common.policy is not Policy.ENFORCE:
        raise UsageError(f"{one.address} has `policy: {one.common.policy}`, so nothing is done to it")
    if not declared:
        free = replace(one, common=replace(one.common, deletion=Deletion.DELETE))
        if why := prune.why_left(free, created=False, replaced=True, own_paths=own_paths):
            raise UsageError(f"{one.address} is declared by nobody, and stays: {why}")


async def given_up(store: Store, objects: Collection[str]) -> list[Address]:
    """What was to be put back under a suspension of just that, and is not any more once that ends."""
    approvals, inventory = await store.load_approvals(), await store.load_inventory()
    mine = [address for address in approvals if address in objects and address in inventory]
    sizes = await sizes_before(store, [inventory[address] for address in mine], mine)
    wanted = {address: restoration(inventory[address], sizes) for address in mine}
    return [a for a, one in wanted.items() if one is not None and one.digest == approvals[a].shown]


async def restoring_from_record(store: Store, wish: Wish, *, own_paths: Collection[str]) -> Restoration:
    """The same where no daemon runs: what is declared is what was when a directory was last applied.

    Raises:
        UsageError: see `restoring`.
    """
    states = await store.load_states()
    return await restoring(
        store,
        wish,
        states=states,
        declared=[
            a for a, one in states.items() if summarize(one.conditions).reason is not Reason.PRUNE_HELD
        ],
        suspensions=[s for s in await store.load_suspensions() if s.until is None or s.until > wish.at],
        own_paths=own_paths,
    )
