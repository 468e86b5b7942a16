"""What is on record, as far as what follows from a snapshot depends on it, and the record that one is in force."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from reconciler.engine import wording
from reconciler.engine.intake.doubt import NO_DOUBT, Doubt
from reconciler.engine.intake.parting import part
from reconciler.engine.intake.unknown import kept_while_waiting
from reconciler.engine.intake.wanted import Record
from reconciler.engine.rollouts.beginning import Current
from reconciler.engine.rollouts.composing import SourceComposing
from reconciler.errors import ConfigError, StoreError
from reconciler.model.cluster import namespace_of
from reconciler.model.desired import Desired
from reconciler.model.manifests import declares
from reconciler.model.names import Address, Digest, SourceName
from reconciler.model.resource import Deletion
from reconciler.model.source import Snapshot, SnapshotGone, being_deleted
from reconciler.model.state import ResourceState, Rollback
from reconciler.store.batch import Batch
from reconciler.store.records import InventoryEntry, Ownership
from reconciler.store.store import Store

_NOTHING: Mapping[SourceName, Desired] = MappingProxyType({})


async def record(
    store: Store,
    states: Mapping[Address, ResourceState],
    taking: Collection[Desired],
    in_force: Mapping[SourceName, Desired] = _NOTHING,
    *,
    held: Mapping[Address, str] = MappingProxyType({}),
) -> Record:
    """What is on record when `taking` is taken in.

    Args:
        store: where it is.
        states: what is known of every instance, which may be newer than the store.
        taking: what sources declare; where they declare just what they did, hardly anything has to be read.
        in_force: what sources declare that have been taken in.
        held: what waits for a person because another controller has said so.

    Raises:
        StoreError: it cannot be read.
    """
    approvals = await store.load_approvals()
    declared = {address for one in taking for address in one.instances}
    every = {**in_force, **{one.source: one for one in taking}}
    instances = {address: one for desired in every.values() for address, one in desired.instances.items()}
    same = all(a in states and states[a].digest == one.digest for a, one in instances.items())
    sources = {one.source for one in taking}
    waiting = {source for source, one in in_force.items() if one.waiting}
    # What they do not declare any more, or sources have that are not in force, or do not know yet what they declare.
    else_ = any(
        (state.source in sources and address not in declared)
        or (state.source not in sources and state.source not in in_force)
        or (state.source in waiting and address not in instances)
        for address, state in states.items()
    )
    if not approvals and not else_ and same:
        return Record(states=states)
    inventory = await store.load_inventory()
    parted = part(instances, states, inventory)
    inventory = {address: entry for address, entry in inventory.items() if address not in parted.entries}
    inventory |= {entry.instance.address: entry for entry in parted.entries.values()}
    return Record(
        states={**states, **parted.states},
        inventory=inventory,
        targets=await store.load_targets(),
        approvals=approvals,
        sizes=await sizes_before(store, inventory.values(), approvals.keys()),
        held=held,
        parted=parted.entries,
    )


async def sizes_before(
    store: Store, entries: Iterable[InventoryEntry], approved: Iterable[Address]
) -> dict[Digest, int]:
    """Of the contents that would come back, those that are still kept, with their sizes."""
    sizes: dict[Digest, int] = {}
    wanted = set(approved)
    for entry in entries:
        one, digest = entry.instance, entry.preimage
        if digest is None or entry.ownership is Ownership.CREATED:
            continue
        if one.common.deletion is Deletion.ORPHAN and one.address not in wanted:
            continue
        try:
            with await store.blobs.open(digest) as content:
                sizes[digest] = content.seek(0, os.SEEK_END)
        except StoreError:
            continue
    return sizes


Follows = Callable[[str, str], Awaitable[str]]
"""Says why a revision may not mean what it leaves out compared with an earlier one of its source, or ""."""


async def doubt_of(store: Store, snapshot: Snapshot, follows: Follows | None = None) -> Doubt:
    """Why a source may not mean what this snapshot leaves out.

    Args:
        store: where the snapshots before it are.
        snapshot: that is in force, or is about to be.
        follows: asks the source itself, where it knows more of its revisions than what is in them.
    """
    unread = sorted(path for path in snapshot.left_out.keys() - being_deleted(snapshot) if declares(path))
    if unread:
        why = snapshot.left_out[unread[0]]
        return Doubt(f"{unread[0]} is no part of the source ({why}), so it was not read in full")
    rollback = (await store.load_rollbacks()).get(snapshot.source)
    if rollback is not None and rollback.digest == snapshot.digest:
        return Doubt(wording.lacking(rollback))
    if namespace_of(snapshot.source):
        # An object is deleted by its name, and is there until that has been seen: what is gone unseen went otherwise.
        return Doubt(wording.VANISHED, certain=snapshot.files.keys() | being_deleted(snapshot))
    if await store.has_returned(snapshot):
        return Doubt(f"an earlier revision, {snapshot.revision}, came back, and it does not have this")
    if follows is not None:
        mine = [one for one in await store.revisions() if one.source == snapshot.source]
        before = mine[:-1] if mine and mine[-1].digest == snapshot.digest else mine
        if before:
            return Doubt(await follows(before[-1].revision, snapshot.revision))
    return NO_DOUBT


async def put_in_force(
    store: Store, snapshot: Snapshot, desired: Desired, *, rollouts: Batch | None = None
) -> Rollback | None:
    """Put on record that a snapshot is in force, and with it how what is ours is declared in it.

    Args:
        store: where the snapshot before it is. If that is the same, nothing about what is ours can be new.
        snapshot: the new one.
        desired: what it declares, wherever it is in force.
        rollouts: where it is not yet.

    Returns:
        What its source was rolled back to until now.

    Raises:
        SnapshotGone: a content has moved on before it was read.
        StoreError: the store cannot be read or written.
    """
    await _redeclare(store, snapshot, desired)
    # Together: at no instant may it be in force where it is not to be.
    await store.save_snapshot(snapshot, with_=rollouts)
    over = (await store.load_rollbacks()).get(snapshot.source)
    if over is not None:
        await store.write(Batch().forget_rollback(over.source))
    return over


async def put_back(store: Store, rollback: Rollback, snapshot: Snapshot, desired: Desired) -> None:
    """Put on record that an earlier snapshot is in force in the place of the newest, and what goes with it.

    Raises:
        StoreError: the store cannot be read or written.
    """
    await _redeclare(store, snapshot, desired)
    await store.write(Batch().roll_back(rollback))


async def _redeclare(store: Store, snapshot: Snapshot, desired: Desired) -> None:
    before = await store.snapshot_in_force(snapshot.source)
    if before is None or before.digest != snapshot.digest:  # what a new one declares may have been another's
        await store.write(Batch().put_inventory(redeclared(desired, await store.load_inventory())))


async def current(
    store: Store,
    source: SourceName,
    evaluate: Callable[[Snapshot], Awaitable[Desired]],
    in_force: Desired | None = None,
) -> Current:
    """What is in force of a source.

    Args:
        store: where its snapshots are.
        source: which.
        evaluate: gives what a snapshot declares.
        in_force: what it declares, where that is known.
    """
    rollback = (await store.load_rollbacks()).get(source)
    numbers = [one for one in await store.revisions() if one.source == source]
    if rollback is not None:
        numbers = [one for one in numbers if one.number == rollback.snapshot]
    if not numbers:
        return Current()
    desired = in_force or await declared_by(store, source, evaluate)
    return Current(numbers[-1].number, numbers[-1].digest, numbers[-1].revision, desired)


async def declared_by(
    store: Store,
    source: SourceName,
    evaluate: Callable[[Snapshot], Awaitable[Desired]],
    earlier: Desired | None = None,
) -> Desired | None:
    """What a source declared when it was last in force; None where that cannot be told any more.

    Args:
        store: where its last good snapshot is.
        source: which.
        evaluate: gives what a snapshot declares.
        earlier: what was found the last time.
    """
    before = await store.snapshot_in_force(source)
    if before is None:
        return None
    same = earlier if earlier is not None and earlier.digest == before.digest else None
    if same is not None and not same.facts_read:
        return same
    try:
        # What targets are may be known by now, or not be known any more.
        desired = await SourceComposing(store, evaluate).composed(await evaluate(before))
        return kept_while_waiting(desired, same)
    except (ConfigError, SnapshotGone):
        return same  # None: it could not be kept in force anyhow


async def declared_elsewhere(
    store: Store,
    in_force: Collection[SourceName],
    evaluate: Callable[[Snapshot], Awaitable[Desired]],
    earlier: Mapping[SourceName, Desired],
) -> list[Desired]:
    """What each source on record declared when it was last in force, as far as that can still be told.

    Args:
        store: where their last good snapshots are.
        in_force: the sources that are left out.
        evaluate: gives what a snapshot declares.
        earlier: what was found the last time, which need not be evaluated again where it is still so, and depends on
            no facts.
    """
    found: list[Desired] = []
    for source in sorted({one.source for one in await store.revisions()}.difference(in_force)):
        one = await declared_by(store, source, evaluate, earlier.get(source))
        if one is not None:
            found.append(one)
    return found


async def was_declared(
    store: Store, source: SourceName, evaluate: Callable[[Snapshot], Awaitable[Desired]]
) -> bool:
    """Whether a source declared anything when it was last in force, as far as that can still be told.

    Args:
        store: where the snapshot is that was in force.
        source: which.
        evaluate: gives what a snapshot declares.
    """
    before = await declared_by(store, source, evaluate)
    return before is not None and bool(before.targets)


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
