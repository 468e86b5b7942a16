"""The past is bounded; what is in force, owned or in doubt is kept."""

from __future__ import annotations

import asyncio
import errno
import os

import pytest

from reconciler.store import garbage, writer
from reconciler.store.batch import Batch
from reconciler.store.blobs import INLINE, BlobFiles
from reconciler.store.garbage import GRACE, SLICE
from reconciler.store.records import Retention, UnitOutcome
from tests.unit.store.conftest import driver, of_files
from tests.unit.store.test_blobs import files
from tests.unit.store.test_writing import settled
from tests.unit.store.values import SOURCE, digest, entry, event, run, snapshot, state, unit

BOTH = True

DAY = 86_400.0


@pytest.fixture
def housekeep(world):
    """Let an interval pass, and have the store keep house."""

    async def pass_and_keep(store, seconds: float = 3_600.0) -> None:
        world.time += seconds
        await store.write(Batch().forget_warm())
        await settled(store)
        assert store.trouble == ""

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
        batch.settle(run(number).id, [UnitOutcome(unit().address, "Applied")])
    for number in (1, 3, 4, 5, 6):  # 2 is not finished
        batch.finish_run(run(number).id, at=world.time, outcome="Applied")
    await store.write(batch)
    await housekeep(store)
    assert [r.id for r in await store.runs()] == [run(n).id for n in (6, 5, 2, 1)]
    await housekeep(store, 10 * DAY)
    assert [r.id for r in await store.runs()] == [run(n).id for n in (2, 1)]
    assert await store.run_units(run(6).id) == []


async def test_only_so_many_units_are_kept_but_all_of_the_newest_run(open_store, housekeep, world):
    store = await open_store(retention=Retention(units=5))
    for number, size in enumerate((2, 2, 2, 7), start=1):
        units = [unit(f"f{n}") for n in range(size)]
        batch = Batch().begin_run(run(number, started_at=world.time)).intend(run(number).id, units)
        batch.settle(run(number).id, [UnitOutcome(one.address, "Applied") for one in units])
        await store.write(batch.finish_run(run(number).id, at=world.time, outcome="Applied"))
        if number == 3:
            await housekeep(store)
            assert [r.id for r in await store.runs()] == [run(n).id for n in (3, 2)]
    await housekeep(store)
    assert [(r.id, r.units) for r in await store.runs()] == [(run(4).id, 7)]


@pytest.mark.parametrize("outcome", ["Abandoned", "Unreachable", "Pending"])
async def test_a_run_is_kept_while_only_it_knows_what_was_there_before_us(
    open_store, housekeep, world, outcome
):
    """Killed at first contact, with what was there already overwritten: that content exists nowhere else."""
    store = await open_store(retention=Retention(runs=1, run_age=DAY, blob_bytes=0))
    original = await store.blobs.put(b"what was there before us")
    for number, kept in ((1, {unit().address: original}), (2, {})):
        batch = Batch().begin_run(run(number, started_at=world.time)).intend(run(number).id, [unit()], kept)
        batch.settle(run(number).id, [UnitOutcome(unit().address, outcome if number == 1 else "Applied")])
        await store.write(batch.finish_run(run(number).id, at=world.time, outcome=outcome))
    await housekeep(store, 10 * DAY)
    assert [r.id for r in await store.runs()] == [run(1).id]
    assert await store.unclaimed_preimages() == {unit().address: [(original, "")]}
    assert await store.blobs.read(original) == b"what was there before us"

    # Now the inventory knows it.
    await store.write(Batch().put_inventory([entry(preimage=original)]))
    await housekeep(store, 10 * DAY)
    assert await store.runs() == []
    assert await store.blobs.read(original) == b"what was there before us"


async def test_only_so_many_snapshots_of_each_source_are_kept(open_store, housekeep):
    store = await open_store(retention=Retention(snapshots=2))
    for number in range(5):
        await store.save_snapshot(snapshot({"a": b"%d" % number}, revision=f"r{number}"))
    await housekeep(store)
    assert (await store.stats()).rows["snapshots"] == 2
    assert (await store.snapshot_in_force(SOURCE)).revision == "r4"


async def test_the_snapshot_in_force_is_kept_whatever_is_asked_for(open_store, housekeep):
    store = await open_store(retention=Retention(snapshots=0))
    await store.save_snapshot(snapshot({"a": b"1"}))
    await housekeep(store)
    assert (await store.snapshot_in_force(SOURCE)).files["a"].read() == b"1"


# --- A little at a time -----------------------------------------------------------------------------------


async def fill(store, world) -> None:
    """Five slices of everything that grows."""
    count = 5 * SLICE
    names = [f"f{number}" for number in range(count)]
    batch = Batch().add_events(event(name) for name in names)
    batch.begin_run(run(1, started_at=world.time)).intend(run(1).id, map(unit, names))
    batch.settle(run(1).id, [UnitOutcome(unit(name).address, "Applied") for name in names])
    batch.finish_run(run(1).id, at=world.time, outcome="Applied")
    for number in range(2, count // 5):
        batch.begin_run(run(number, started_at=world.time))
        batch.finish_run(run(number).id, at=world.time, outcome="Applied")
    await store.write(batch)
    await store.save_snapshot(snapshot(dict.fromkeys(names, b"1"), revision="r1"))
    await store.save_snapshot(snapshot({"a": b"1"}, revision="r2"))
    for number in range(SLICE):
        await store.blobs.put(b"%d" % number)


LITTLE = Retention(events=1, event_age=1e12, runs=1, snapshots=1, blob_bytes=1)
KEPT = {"events": 1, "runs": 1, "plan_units": 0, "snapshots": 1, "snapshot_files": 1, "blobs": 1}


def counts(connection) -> dict[str, int]:
    return {name: connection.count(name) for name in KEPT}


@of_files
async def test_a_slice_removes_a_bounded_number_of_rows_and_the_last_one_leaves_nothing(open_store, world):
    store = await open_store(retention=LITTLE)
    await fill(store, world)
    world.time += GRACE + 1
    housekeeping, connection = store._housekeeping, store._writer._database
    there, slices = counts(connection), 0
    while housekeeping.are_due():
        housekeeping.run(connection)
        left = counts(connection)
        assert sum(there.values()) - sum(left.values()) < 2 * SLICE
        with connection.transaction():
            pass  # none is left open
        there, slices = left, slices + 1
    assert there == KEPT
    assert slices > 15
    assert await store.damages() == []


@of_files
async def test_commits_come_in_between(open_store, world, monkeypatch):
    """Who commits while there is much to remove waits for one slice, not for all of them."""
    store = await open_store(retention=LITTLE)
    await fill(store, world)
    world.time += GRACE + 1
    slices, seen = [], []
    run_, offload = store._housekeeping.run, store._writer._offload

    def count(connection):
        slices.append(None)
        run_(connection)

    async def let_others_run(lane, function):
        result = await offload(lane, function)
        await asyncio.sleep(0)
        return result

    monkeypatch.setattr(store._housekeeping, "run", count)
    monkeypatch.setattr(store._writer, "_offload", let_others_run)
    for number in range(5):
        await store.write(Batch().put_states([state(f"f{number}")]))
        seen.append(len(slices))
    assert seen == [1, 2, 3, 4, 5]
    await settled(store)
    assert len(slices) > 15
    assert counts(store._reader) == KEPT


async def test_housekeeping_goes_on_until_it_is_done_although_nothing_more_is_written(
    open_store, housekeep, world
):
    store = await open_store(retention=LITTLE)
    await fill(store, world)
    await housekeep(store, GRACE + 1)
    assert counts(store._reader) == KEPT
    assert not store._housekeeping.are_due()


@of_files
async def test_what_commands_that_end_at_once_do_not_get_done_is_left_to_the_next(
    open_store, world, monkeypatch
):
    monkeypatch.setattr(writer, "LAST_CHORES", 5)
    store = await open_store(retention=LITTLE)
    await fill(store, world)
    await store.close()
    world.time += GRACE + 1
    left = []
    for _ in range(12):
        store = await open_store(retention=LITTLE)
        left.append(sum(counts(store._reader).values()))
        await store.close()
    assert left[0] > left[1] > left[2] > left[-1] == sum(KEPT.values())


@of_files
async def test_a_slice_that_fails_is_no_reason_to_try_for_ever(open_store, world, monkeypatch):
    store = await open_store(retention=LITTLE)
    await fill(store, world)
    world.time += GRACE + 1
    failing = []

    def fail(self, *_):
        failing.append(None)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(BlobFiles, "directories", fail)
    await store.write(Batch().put_states([state()]))
    await settled(store)
    assert len(failing) == 1
    assert "the disk reported an error" in store.trouble
    monkeypatch.undo()
    world.time += Retention().interval
    await store.write(Batch().put_states([state()]))
    await settled(store)
    assert store.trouble == ""


# --- The digest store -----------------------------------------------------------------------------------


def large(number: int) -> bytes:
    return bytes([number]) * (INLINE + 1)


SIZE = len(large(0))


async def held(store) -> int:
    return (await store.stats()).blob_bytes


@of_files
async def test_the_least_recently_kept_goes_first_and_only_as_much_as_needed(
    open_store, housekeep, world, path
):
    store = await open_store(retention=Retention(blob_bytes=2 * SIZE, interval=GRACE))
    for number in range(4):
        await store.blobs.put(large(number))
        world.time += 10
    await store.blobs.put(large(0))  # used again
    await housekeep(store, GRACE + 1)
    assert await held(store) == 2 * SIZE
    assert await store.blobs.missing(map(digest, map(large, range(4)))) == {
        digest(large(1)),
        digest(large(2)),
    }
    assert len(files(path)) == 2


async def test_what_is_new_stays_for_a_while_although_nothing_refers_to_it(open_store, housekeep):
    """Between keeping a content and recording what refers to it, another one may exceed the quota."""
    store = await open_store(retention=Retention(blob_bytes=0, interval=2.0))
    await store.blobs.put(large(1))
    await housekeep(store, GRACE - 1)
    assert await held(store) == SIZE
    await housekeep(store, 2)
    assert await held(store) == 0


async def test_nothing_that_is_referred_to_goes(open_store, housekeep):
    store = await open_store(retention=Retention(blob_bytes=0))
    contents = {name: name.encode() * INLINE for name in ("snapshot", "body", "preimage", "intent", "spare")}
    await store.save_snapshot(snapshot({"a": contents["snapshot"]}))
    await store.blobs.put_all(contents.values())
    await store.write(
        Batch()
        .put_inventory([entry(body=digest(contents["body"]), preimage=digest(contents["preimage"]))])
        .begin_run(run())
        .intend(run().id, [unit()], {unit().address: digest(contents["intent"])})
    )
    await housekeep(store, GRACE + 1)
    assert await store.blobs.missing(map(digest, contents.values())) == {digest(contents["spare"])}
    assert await store.damages() == []


async def test_history_goes_before_the_quota_is_given_up(open_store, housekeep):
    contents = [large(number) for number in range(4)]
    store = await open_store(retention=Retention(blob_bytes=2 * SIZE))
    for number, content in enumerate(contents):
        await store.save_snapshot(snapshot({"a": content}, revision=f"r{number}"))
    await housekeep(store, GRACE + 1)
    assert await held(store) == 2 * SIZE
    assert await store.blobs.missing(map(digest, contents)) == set(map(digest, contents[:2]))
    assert (await store.stats()).rows["snapshots"] == 2
    store.abandon()
    store = await open_store(retention=Retention(blob_bytes=0))
    await housekeep(store, GRACE + 1)
    assert await held(store) == SIZE
    assert (await store.snapshot_in_force(SOURCE)).files["a"].read() == contents[3]


@of_files
async def test_files_that_a_crash_left_behind_are_swept(open_store, housekeep, world, path):
    store = await open_store(retention=Retention(interval=GRACE / 2))
    await store.blobs.put(large(1))
    blobs = path.parent / "blobs"
    leftovers = [blobs / "tmp-abc", blobs / "ab" / ("ab" + "0" * 62)]
    for leftover in leftovers:
        leftover.parent.mkdir(exist_ok=True)
        leftover.write_bytes(b"half")
        os.utime(leftover, (world.time, world.time))
    await housekeep(store, GRACE - 1)
    assert all(leftover.exists() for leftover in leftovers)  # they may still be on their way in
    await housekeep(store, GRACE - 1)
    assert not any(leftover.exists() for leftover in leftovers)
    assert await store.blobs.read(digest(large(1))) == large(1)


@of_files
async def test_a_content_that_comes_back_between_row_and_file_keeps_its_file(
    open_store, housekeep, monkeypatch
):
    """Another process keeps the same content just after its row was dropped, before its file is removed."""
    store = await open_store(retention=Retention(blob_bytes=0))
    await store.blobs.put(large(1))
    real = store._housekeeping.files.path
    row = driver(store).execute("SELECT * FROM blobs").fetchone()
    missing = garbage.blobs.missing

    def come_back(database, digests):
        database.driver.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?, ?, ?, ?)", row)
        return missing(database, digests)

    monkeypatch.setattr(garbage.blobs, "missing", come_back)
    await housekeep(store, GRACE + 1)
    assert real(digest(large(1))).exists()
