"""Keeping how what is ours is declared, where only what makes no generation of it has changed.

Labels, annotations and the place in a file are no part of an instance's digest: a round has nothing to do when they
change. Whoever asks the store, with no daemon there, wants them as they are declared now all the same.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.desired import Desired
from reconciler.model.source import Snapshot
from reconciler.store.batch import Batch
from reconciler.store.store import Store


async def keep_declared(store: Store, snapshot: Snapshot, desired: Desired) -> None:
    """Bring the inventory up to date with a snapshot that is about to be in force.

    Args:
        store: where the snapshot before is kept. If it is the same there is nothing to do.
        snapshot: the new one.
        desired: what it declares.

    Raises:
        StoreError: the store cannot be read or written.
    """
    before = await store.snapshot_in_force(snapshot.source)
    if before is None or before.digest == snapshot.digest:
        return
    moved = []
    for address, entry in (await store.load_inventory()).items():
        now, then = desired.instances.get(address), entry.instance
        if now is None or now.digest != then.digest:
            continue
        if (now.metadata, now.origin) != (then.metadata, then.origin):
            moved.append(replace(entry, instance=now))
    if moved:
        await store.write(Batch().put_inventory(moved))
