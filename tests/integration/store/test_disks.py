"""Disks that are full, or may not be written."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.errors import ErrorClass, StoreError
from reconciler.store.batch import Batch
from reconciler.store.blobs import INLINE
from reconciler.store.warm import load_warm
from tests.unit.store.values import event, state

pytestmark = pytest.mark.root


def many(number: int) -> Batch:
    batch = Batch().put_states([state(f"{number}-{i}") for i in range(50)])
    return batch.add_events([event(f"{number}")] * 50)


async def fill_with_writes(store) -> int:
    """Write until it is refused; returns how many batches were acknowledged."""
    for number in range(10_000):
        (refused,) = await asyncio.gather(store.write(many(number)), return_exceptions=True)
        if isinstance(refused, StoreError):
            assert "the disk is full" in str(refused)
            assert "free some space; nothing was half-written" in str(refused)
            assert refused.error_class is ErrorClass.TRANSIENT
            return number
    raise AssertionError("a disk without an end")


async def test_a_full_disk_loses_nothing_and_heals(disk, open_store):
    small = disk(16)
    store = await open_store(small.path / "state" / "froyo.db")
    await store.write(many(-1))
    ballast = small.fill(leave=2 << 20)
    written = await fill_with_writes(store)

    assert await store.damages() == []
    assert len(await store.load_states()) == (written + 1) * 50
    with pytest.raises(StoreError, match="the disk is full"):
        await store.blobs.put(bytes(4 << 20))
    assert not list((small.path / "state" / "blobs").glob("tmp-*"))

    ballast.unlink()
    await store.write(many(written))
    assert await store.blobs.read(await store.blobs.put(bytes(4 << 20))) == bytes(4 << 20)
    assert len(await store.events()) == min(1_000, (written + 2) * 50)
    await store.close()


async def test_a_store_can_be_read_and_ended_on_a_full_disk(disk, open_store):
    small = disk(16)
    path = small.path / "state" / "froyo.db"
    store = await open_store(path)
    small.fill(leave=1 << 20)
    written = await fill_with_writes(store)
    await store.close()
    again = await open_store(path, read_only=True)
    assert len(await again.load_states()) == written * 50
    await again.close()


async def test_a_store_cannot_be_made_on_a_full_disk_and_says_so(disk, open_store):
    small = disk(8)
    small.fill()
    with pytest.raises(StoreError, match="the disk is full"):
        await open_store(small.path / "state" / "froyo.db")


async def test_a_store_can_be_read_where_there_is_no_room_at_all_and_it_is_said_that_it_cannot_be_written(
    disk, open_store
):
    """It was an error of the disk, to be looked for in the kernel's log; and nothing could be asked any more."""
    small = disk(16)
    path = small.path / "state" / "froyo.db"
    store = await open_store(path)
    await store.write(many(0))
    await store.close()
    small.fill()
    for _ in range(2):
        with pytest.raises(StoreError, match="the disk is full"):
            await open_store(path)
        reader = await open_store(path, read_only=True)
        assert len(await reader.load_states()) == 50
        await reader.close()


async def test_a_read_only_file_system_is_said_to_be_one_and_can_be_read(disk, open_store):
    small = disk(16)
    path = small.path / "state" / "froyo.db"
    store = await open_store(path)
    await store.write(many(0).put_warm(b"{}"))
    large = await store.blobs.put(bytes(INLINE + 1))
    await store.close()
    small.remount("ro")
    with pytest.raises(
        StoreError, match=r"may not be written .*; check that the file system is mounted read-write"
    ):
        await open_store(path)
    with pytest.raises(StoreError, match="may not be written"):
        await open_store(small.path / "other" / "froyo.db")

    reader = await open_store(path, read_only=True)
    assert len(await reader.load_states()) == 50
    assert await reader.blobs.read(large) == bytes(INLINE + 1)
    await reader.close()
    assert load_warm(str(path)) is None  # the long way it is then
