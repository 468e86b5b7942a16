"""The past is bounded; what is in force, owned, pinned or in doubt is kept."""

from __future__ import annotations

import os

import pytest

from reconciler.store.batch import Batch
from reconciler.store.blobs import INLINE
from reconciler.store.garbage import GRACE
from reconciler.store.records import Outcome, Retention
from tests.unit.store.test_blobs import files
from tests.unit.store.test_writing import settled
from tests.unit.store.values import SOURCE, digest, entry, event, run, snapshot, unit

DAY = 86_400.0


@pytest.fixture
def housekeep(world):
    """Let an interval pass, and have the store keep house."""

    async def pass_and_keep(store, seconds: float = 3_600.0) -> None:
        world.time += seconds
        await store.write(Batch().forget_warm())
        await settled(store)
        assert (await store.stats()).housekeeping == ""

    return pass_and_keep


async def test_only_so_many_events_are_kept(open_store, housekeep):
    store = await open_store(retention=Retention(events=3, event_age=1e12))
    await store.write(Batch().add_events(event(str(i)) for i in range(10)))
    await housekeep(store)
    assert [e.message for e in await store.events()] == ["7", "8", "9"]


async def test_events_grow_old(open_store, housekeep, world):
    store = await open_store(retention=Retention(event_age=DAY))
    await store.write(Batch().add_events([event("old", at=world.time - DAY), event("new", at=world.time)]))
    await housekeep(store)
    assert [e.message for e in await store.events()] == ["new"]


async def test_nothing_is_dropped_before_the_interval_is_over(open_store, housekeep, world):
    store = await open_store(retention=Retention(events=1, event_age=1e12, interval=100.0))
    await store.write(Batch().add_events(event(str(i)) for i in range(5)))
    await housekeep(store, 99.0)
    assert len(await store.events()) == 5
    await housekeep(store, 1.0)
    assert len(await store.events()) == 1


async def test_one_shot_runs_share_the_interval(open_store, housekeep, world):
    for _ in range(3):
        store = await open_store(retention=Retention(events=1, event_age=1e12, interval=100.0))
        await store.write(Batch().add_events([event()]))
        await housekeep(store, 40.0)
        store.abandon()
    assert len(await (await open_store()).events()) == 1


async def test_a_clock_that_was_put_back_far_does_not_stop_housekeeping(open_store, housekeep):
    store = await open_store(retention=Retention(events=1, event_age=1e12))
    await store.write(Batch().add_events([event(), event()]))
    await housekeep(store, -1_000_000.0)
    assert len(await store.events()) == 1


async def test_only_so_many_runs_are_kept_but_those_in_doubt_always(open_store, housekeep, world):
    store = await open_store(retention=Retention(runs=2, run_age=10 * DAY))
    batch = Batch()
    for number in range(1, 7):
        batch.begin_run(run(number, started_at=world.time)).intend(run(number).id, [unit()])
    for number in range(2, 7):  # 1 is in doubt
        batch.settle(run(number).id, [Outcome(unit().address, "Applied")])
    for number in (1, 3, 4, 5, 6):  # 2 is not finished
        batch.finish_run(run(number).id, at=world.time, outcome="Applied")
    await store.write(batch)
    await housekeep(store)
    assert [r.id for r in await store.runs()] == [run(n).id for n in (6, 5, 2, 1)]
    await housekeep(store, 10 * DAY)
    assert [r.id for r in await store.runs()] == [run(n).id for n in (2, 1)]
    assert await store.run_units(run(6).id) == []


async def test_only_so_many_snapshots_of_each_source_are_kept(open_store, housekeep):
    store = await open_store(retention=Retention(snapshots=2))
    for number in range(5):
        await store.save_snapshot(snapshot({"a": b"%d" % number}, revision=f"r{number}"))
    await housekeep(store)
    assert (await store.stats()).rows["snapshots"] == 2
    assert (await store.last_snapshot(SOURCE)).revision == "r4"


async def test_the_snapshot_in_force_is_kept_whatever_is_asked_for(open_store, housekeep):
    store = await open_store(retention=Retention(snapshots=0))
    await store.save_snapshot(snapshot({"a": b"1"}))
    await housekeep(store)
    assert (await store.last_snapshot(SOURCE)).files["a"].read() == b"1"


# --- The digest store -----------------------------------------------------------------------------------


def large(number: int) -> bytes:
    return bytes([number]) * (INLINE + 1)


async def test_the_least_recently_kept_goes_first_and_only_as_much_as_needed(store, world, path):
    for number in range(4):
        await store.blobs.put(large(number))
        world.time += 10
    await store.blobs.put(large(0))  # used again
    world.time += GRACE + 1
    assert await store.collect_garbage(2 * len(large(0))) == 2 * len(large(0))
    assert await store.blobs.missing(map(digest, map(large, range(4)))) == {
        digest(large(1)),
        digest(large(2)),
    }
    assert len(files(path)) == 2


async def test_what_is_new_stays_for_a_while_although_nothing_refers_to_it(store, world):
    """Between keeping a content and recording what refers to it, another one may exceed the quota."""
    await store.blobs.put(large(1))
    world.time += GRACE - 1
    assert await store.collect_garbage(0) == len(large(1))
    world.time += 2
    assert await store.collect_garbage(0) == 0


async def test_the_quota_of_the_retention_is_the_default(open_store, world):
    store = await open_store(retention=Retention(blob_bytes=10))
    await store.blobs.put_all([b"123456", b"abcdef"])
    world.time += GRACE + 1
    assert await store.collect_garbage() == 6


async def test_nothing_that_is_referred_to_goes(store, world):
    contents = {
        name: name.encode() * INLINE for name in ("snapshot", "body", "preimage", "intent", "plan", "spare")
    }
    await store.save_snapshot(snapshot({"a": contents["snapshot"]}))
    await store.blobs.put_all(contents.values())
    await store.write(
        Batch()
        .put_inventory([entry(body=digest(contents["body"]), preimage=digest(contents["preimage"]))])
        .begin_run(run())
        .intend(run().id, [unit()], {unit().address: digest(contents["intent"])})
        .pin("plan:1", [digest(contents["plan"])])
        .pin("plan:1", [digest(contents["plan"])])
    )
    world.time += GRACE + 1
    await store.collect_garbage(0)
    assert await store.blobs.missing(map(digest, contents.values())) == {digest(contents["spare"])}
    await store.write(Batch().unpin("plan:1"))
    await store.collect_garbage(0)
    assert digest(contents["plan"]) in await store.blobs.missing(map(digest, contents.values()))
    assert await store.damages() == []


async def test_history_goes_before_the_quota_is_given_up(store, world):
    contents = [large(number) for number in range(4)]
    for number, content in enumerate(contents):
        await store.save_snapshot(snapshot({"a": content}, revision=f"r{number}"))
    world.time += GRACE + 1
    assert await store.collect_garbage(2 * len(contents[0])) == 2 * len(contents[0])
    assert await store.blobs.missing(map(digest, contents)) == set(map(digest, contents[:2]))
    assert (await store.stats()).rows["snapshots"] == 2
    assert await store.collect_garbage(0) == len(contents[0])
    assert (await store.last_snapshot(SOURCE)).files["a"].read() == contents[3]


async def test_files_that_a_crash_left_behind_are_swept(store, world, path):
    await store.blobs.put(large(1))
    blobs = path.parent / "blobs"
    leftovers = [blobs / "tmp-abc", blobs / "ab" / ("ab" + "0" * 62)]
    for leftover in leftovers:
        leftover.parent.mkdir(exist_ok=True)
        leftover.write_bytes(b"half")
        os.utime(leftover, (world.time, world.time))
    await store.collect_garbage()
    assert all(leftover.exists() for leftover in leftovers)  # they may still be on their way in
    world.time += GRACE + 1
    await store.collect_garbage()
    assert not any(leftover.exists() for leftover in leftovers)
    assert await store.blobs.read(digest(large(1))) == large(1)


async def test_without_a_directory_there_is_nothing_to_sweep(store):
    assert await store.collect_garbage(0) == 0


async def test_a_content_that_comes_back_between_row_and_file_keeps_its_file(store, world, path, monkeypatch):
    """Another process keeps the same content just after its row was dropped, before its file is removed."""
    await store.blobs.put(large(1))
    world.time += GRACE + 1
    housekeeping, connection = store._housekeeping, store._writer._connection
    real = housekeeping.files.path
    row = connection.execute("SELECT * FROM blobs").fetchone()

    from reconciler.store import garbage

    missing = garbage.blobs.missing

    def come_back(database, digests):
        database.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?, ?, ?, ?)", row)
        return missing(database, digests)

    monkeypatch.setattr(garbage.blobs, "missing", come_back)
    await store.collect_garbage(0)
    assert real(digest(large(1))).exists()
