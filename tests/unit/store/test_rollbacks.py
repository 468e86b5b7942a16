"""What a source was rolled back to is in force, and kept, in the place of what is newer."""

from __future__ import annotations

import stat

import pytest

from reconciler.errors import StoreError
from reconciler.model.names import SourceName
from reconciler.model.state import Rollback
from reconciler.store.batch import Batch
from reconciler.store.blobs import INLINE
from reconciler.store.records import Retention
from tests.unit.store.conftest import of_files
from tests.unit.store.test_writing import settled
from tests.unit.store.values import SOURCE, snapshot

BOTH = True

DAY = 86_400.0


async def taken(store, *numbers):
    for number in numbers:
        await store.save_snapshot(snapshot({"a": b"%d" % number}, revision=f"r{number}"))


async def rollback(store, revision, *, source=SOURCE, until=None):
    found = next(one for one in await store.revisions() if one.revision == revision)
    return Rollback(
        source=source,
        snapshot=found.number,
        revision=found.revision,
        digest=found.digest,
        by="alice",
        reason="too soon ü \udcff",
        since=1.0,
        until=until,
    )


async def housekeep(store, world):
    world.time += DAY
    await store.write(Batch().forget_warm())
    await settled(store)
    assert store.trouble == ""


async def test_an_older_snapshot_is_in_force_for_as_long_as_that_is_on_record(store, open_store):
    await taken(store, 1, 2)
    await store.write(Batch().roll_back(await rollback(store, "r1", until=5.0)))
    store.abandon()
    store = await open_store()
    assert (await store.snapshot_in_force(SOURCE)).revision == "r1"
    assert (await store.newest_snapshot(SOURCE)).revision == "r2"
    [kept] = (await store.load_rollbacks()).values()
    assert (kept.revision, kept.by, kept.until) == ("r1", "alice", 5.0)
    assert kept.reason == "too soon ü \\udcff"
    assert (kept.holds(4.9), kept.holds(5.0)) == (True, False)
    # What comes meanwhile is the newest, and not in force.
    await taken(store, 3)
    assert (await store.snapshot_in_force(SOURCE)).revision == "r1"
    assert (await store.newest_snapshot(SOURCE)).revision == "r3"
    await store.write(Batch().forget_rollback(SOURCE))
    assert (await store.snapshot_in_force(SOURCE)).revision == "r3"


async def test_another_source_has_nothing_to_do_with_it(store):
    await taken(store, 1, 2)
    await store.write(Batch().roll_back(await rollback(store, "r1")))
    assert await store.snapshot_in_force(SourceName("other")) is None


async def test_what_is_kept_can_be_listed_and_had_by_its_number(store):
    await taken(store, 1, 2)
    first, second = await store.revisions()
    assert (first.revision, second.revision, first.files, first.source) == ("r1", "r2", 1, SOURCE)
    assert (await store.snapshot(first.number)).files["a"].read() == b"1"
    assert await store.snapshot(99) is None


async def test_a_snapshot_that_is_in_force_once_more_has_returned_for_as_long_as_it_is(store):
    one = snapshot({"a": b"1"}, revision="r1")
    await taken(store, 1)
    assert not await store.has_returned(one)
    await taken(store, 2)
    assert await store.has_returned(one)
    await taken(store, 1)
    assert await store.has_returned(one)


async def test_what_was_rolled_back_to_outlives_the_bounds_with_its_contents(open_store, world):
    store = await open_store(retention=Retention(snapshots=2, blob_bytes=0))
    for number in range(1, 7):
        files = {"small": b"%d" % number, "large": bytes([number]) * (INLINE + 1)}
        await store.save_snapshot(snapshot(files, revision=f"r{number}"))
        if number == 2:
            await store.write(Batch().roll_back(await rollback(store, "r2")))
    await housekeep(store, world)
    kept = [one.revision for one in await store.revisions()]
    assert (kept[0], kept[-1]) == ("r2", "r6")
    assert "r1" not in kept
    in_force = await store.snapshot_in_force(SOURCE)
    assert (in_force.files["small"].read(), in_force.files["large"].read()[:1]) == (b"2", b"\2")
    assert await store.damages() == []
    # Once that is over it goes like any other.
    await store.write(Batch().forget_rollback(SOURCE))
    await housekeep(store, world)
    assert "r2" not in [one.revision for one in await store.revisions()]


@of_files
async def test_the_contents_that_are_kept_are_their_owners_alone(store, path):
    await store.save_snapshot(snapshot({"key": bytes(INLINE + 1)}, revision="r1"))
    await taken(store, 2)
    await store.write(Batch().roll_back(await rollback(store, "r1")))
    [kept] = [entry for entry in (path.parent / "blobs").rglob("*") if entry.is_file()]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


async def test_a_snapshot_that_is_gone_cannot_be_rolled_back_to(store):
    await taken(store, 1)
    gone = await rollback(store, "r1")
    await store.write(Batch().forget_source(SOURCE))
    with pytest.raises(StoreError):
        await store.write(Batch().roll_back(gone))


async def test_a_source_that_is_forgotten_is_rolled_back_no_more(store):
    await taken(store, 1, 2)
    await store.write(Batch().roll_back(await rollback(store, "r1")))
    await store.write(Batch().forget_source(SOURCE))
    assert await store.load_rollbacks() == {}
    assert await store.revisions() == []
