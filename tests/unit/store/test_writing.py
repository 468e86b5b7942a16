"""One writer: all or nothing, together with whoever waits, and never undone by who asked for it."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace

import pytest

from reconciler.errors import StoreError
from reconciler.model.plan import Cause
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.store.batch import Batch
from reconciler.store.records import Retention, UnitOutcome
from reconciler.store.sqlite.maintenance import wal_bytes
from reconciler.store.store import Store
from tests.unit.store.conftest import driver, of_files
from tests.unit.store.values import event, file_address, run, state, unit

BOTH = True


class Trace:
    """The statements that a store's writer executes, without their values."""

    def __init__(self, store) -> None:
        self.statements: list[str] = []
        driver(store).set_trace_callback(self.statements.append)

    def count(self, start: str) -> int:
        return sum(statement.startswith(start) for statement in self.statements)


def impossible() -> Batch:
    """A batch that the database refuses, after its first write was fine."""
    return Batch().put_states([state("never")]).intend("no such run", [unit()])


async def test_an_empty_batch_costs_nothing(store, world):
    before = list(world.calls)
    receipt = await store.write(Batch().put_states([]).add_events([]).settle("r", []))
    assert receipt.events == ()
    assert world.calls == before


async def test_a_batch_that_changes_nothing_is_none(store):
    assert not Batch()
    assert Batch().forget_warm()
    assert Batch().add_events([event()])


async def test_a_batch_is_written_as_a_whole_or_not_at_all(store):
    with pytest.raises(
        StoreError, match=r"the database refuses it .*(?i:foreign key).*; this is a defect of froyo"
    ):
        await store.write(impossible().add_events([event()]))
    assert await store.load_states() == {}
    assert await store.events() == []
    await store.write(Batch().put_states([state()]))
    assert list(await store.load_states()) == [state().address]


@of_files
async def test_a_refused_batch_leaves_nothing_in_the_log(store, path):
    await store.write(Batch().put_states([state()]))
    before = wal_bytes(path)
    with pytest.raises(StoreError):
        await store.write(impossible())
    assert wal_bytes(path) == before


@of_files
async def test_batches_that_wait_together_share_one_transaction(store):
    trace = Trace(store)
    receipts = await asyncio.gather(
        *(store.write(Batch().add_events([event(str(i)), event(str(i))])) for i in range(20))
    )
    assert trace.count("BEGIN IMMEDIATE") == trace.count("COMMIT") == 1
    assert [e.id for receipt in receipts for e in receipt.events] == list(range(1, 41))


@of_files
async def test_who_comes_while_a_group_is_written_is_in_the_next_one(store, world):
    later = []

    def arrive(_lane):
        if not later:
            later.extend(
                asyncio.ensure_future(store.write(Batch().put_states([state(str(i))]))) for i in range(3)
            )

    trace = Trace(store)
    world.before = arrive
    await store.write(Batch().put_states([state()]))
    await asyncio.gather(*later)
    assert trace.count("BEGIN IMMEDIATE") == 2


async def test_a_batch_that_fails_does_not_take_its_group_with_it(store):
    results = await asyncio.gather(
        store.write(Batch().put_states([state("a")])),
        store.write(impossible()),
        store.write(Batch().add_events([event()])),
        return_exceptions=True,
    )
    assert [type(result).__name__ for result in results] == ["Receipt", "StoreError", "Receipt"]
    assert list(await store.load_states()) == [file_address("a")]
    assert [e.id for e in await store.events()] == [1]


async def test_a_caller_that_is_cancelled_does_not_cancel_what_it_wrote(store):
    caller = asyncio.create_task(store.write(Batch().put_states([state()])))
    await asyncio.sleep(0)  # it has submitted, and the writer has not begun
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await store.write(Batch().put_states([state("other")]))
    assert set(await store.load_states()) == {state().address, state("other").address}


async def test_a_cancelled_caller_whose_batch_is_refused_is_not_heard_of_again(store):
    caller = asyncio.create_task(store.write(impossible()))
    await asyncio.sleep(0)
    caller.cancel()
    await store.write(Batch().put_states([state()]))
    assert list(await store.load_states()) == [state().address]


async def test_closing_writes_what_waits(world, path, open_store):
    store = await Store.open(path, runtime=world.runtime)
    waiting = asyncio.create_task(store.write(Batch().put_states([state()])))
    await asyncio.sleep(0)
    await store.close()
    await waiting
    assert await (await open_store(read_only=True)).load_states()


async def test_the_end_of_the_loop_leaves_nobody_waiting(path):
    """Only the end of the loop cancels the writer's task; whoever waits for it has to hear of it."""
    lanes = ThreadLanes()
    store = await Store.open(path, runtime=Runtime(connect=None, offload=lanes))
    first = asyncio.create_task(store.write(Batch().put_states([state()])))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.create_task(store.write(Batch().put_states([state()])))
    await asyncio.sleep(0)
    store._writer._task.cancel()
    await asyncio.wait([first, second])
    assert first.cancelled()
    assert second.cancelled()
    await lanes("store", lambda: None)
    store.abandon()
    lanes.close()


class Crash(BaseException):
    """The controller's process ends here."""


@pytest.mark.parametrize(("when", "written"), [("before", False), ("after", True)])
async def test_a_crash_around_a_commit_loses_all_of_it_or_nothing(world, path, open_store, when, written):
    store = await Store.open(path, runtime=world.runtime)
    await store.write(Batch().begin_run(run()))

    def crash(lane):
        if lane == "store":
            raise Crash

    setattr(world, when, crash)
    batches = (Batch().intend(run().id, [unit()]), Batch().add_events([event()]))
    told = await asyncio.gather(*map(store.write, batches), return_exceptions=True)
    assert [type(error) for error in told] == [Crash, Crash]
    store.abandon()
    setattr(world, when, lambda _lane: None)

    again = await open_store()
    assert bool(await again.in_doubt()) is written
    assert bool(await again.events()) is written


@of_files
async def test_the_same_history_gives_the_same_database(world, tmp_path, open_store):
    dumps = []
    for name in ("one", "two"):
        store = await open_store(tmp_path / name / "froyo.db")
        await asyncio.gather(
            *(
                store.write(Batch().put_states([state(str(i % 3))]).add_events([event(str(i))]))
                for i in range(9)
            )
        )
        dumps.append(list(driver(store).iterdump()))
    assert dumps[0] == dumps[1]


async def test_writing_and_reading_on_real_threads(path):
    lanes = ThreadLanes()
    store = await Store.open(path, runtime=Runtime(connect=None, offload=lanes))

    async def round_(number: int) -> None:
        mine = run(number)
        await store.write(Batch().begin_run(mine).intend(mine.id, [unit()]))
        await store.load_states()
        await store.write(
            Batch().settle(mine.id, [UnitOutcome(unit().address, "Applied")]).put_states([state(str(number))])
        )

    await asyncio.gather(*map(round_, range(50)))
    assert len(await store.load_states()) == 50
    assert await store.in_doubt() == []
    await store.close()
    lanes.close()


@of_files
async def test_the_log_is_cut_back_when_it_has_grown(store, path, monkeypatch):
    monkeypatch.setattr("reconciler.store.sqlite.maintenance.WAL_LIMIT", 100_000)
    for number in range(40):
        await store.write(Batch().put_states([state(f"{number}-{i}") for i in range(20)]))
    await settled(store)
    assert wal_bytes(path) < 200_000
    assert store.trouble == ""


async def settled(store) -> None:
    """Wait until the writer has nothing more to do."""
    while (task := store._writer._task) is not None:
        await asyncio.wait([task])


@of_files
async def test_a_reader_that_stays_does_not_keep_the_writer_waiting(store, path, monkeypatch):
    """A reader in the middle of the log forbids to cut it back; nobody may wait for that."""
    monkeypatch.setattr("reconciler.store.sqlite.maintenance.WAL_LIMIT", 100_000)
    await store.write(Batch().put_states([state()]))
    staying = sqlite3.connect(path, isolation_level=None)
    staying.execute("BEGIN")
    staying.execute("SELECT * FROM resource_state").fetchone()
    trace = Trace(store)
    for number in range(20):
        await store.write(Batch().put_states([state(f"{number}-{i}") for i in range(20)]))
    await settled(store)
    assert wal_bytes(path) > 200_000
    cutting = [s for s in trace.statements if s.startswith(("PRAGMA busy_timeout", "PRAGMA wal"))]
    assert cutting[:3] == [
        "PRAGMA busy_timeout = 0",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA busy_timeout = 5000",
    ]
    staying.close()
    await store.write(Batch().put_states([state("last")]))
    await settled(store)
    assert wal_bytes(path) < 200_000


@of_files
async def test_housekeeping_that_fails_is_told_by_doctor_and_hurts_nobody(open_store, world, monkeypatch):
    store = await open_store(retention=Retention(interval=1.0))
    world.time += 2

    def fail(_connection):
        raise sqlite3.OperationalError("no luck today")

    monkeypatch.setattr(store._housekeeping, "run", fail)
    await store.write(Batch().put_states([state()]))
    await settled(store)
    assert "no luck today" in store.trouble
    monkeypatch.undo()
    await store.write(Batch().put_states([state()]))
    await settled(store)
    assert store.trouble == ""


@of_files
async def test_only_what_cannot_be_observed_again_is_synced_to_the_disk(store):
    trace = Trace(store)
    await store.write(Batch().begin_run(run()).intend(run().id, [unit()]))
    assert trace.count("PRAGMA synchronous") == 0
    kept = await store.blobs.put(b"what was there before us")
    await store.write(Batch().begin_run(run(2)).intend(run(2).id, [unit()], {unit().address: kept}))
    assert trace.count("PRAGMA synchronous") == 0, "somebody's change of what is ours already"
    adopted = replace(unit(), cause=Cause.ADOPT)
    await store.write(Batch().begin_run(run(3)).intend(run(3).id, [adopted], {unit().address: kept}))
    assert [s for s in trace.statements if "synchronous" in s] == [
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = NORMAL",
    ]
    assert [u.preimage for u in await store.in_doubt()] == [None, kept, kept]


@of_files
async def test_stats_count_what_is_there(store, path):
    await store.write(Batch().put_states([state()]).add_events([event(), event()]))
    await store.blobs.put(b"12345")
    stats = await store.stats()
    assert (stats.path, stats.blob_bytes, stats.lease) == (str(path), 5, None)
    assert stats.wal_bytes > 0
    assert stats.database_bytes > 0
    assert {name: count for name, count in stats.rows.items() if count} == {
        "resource_state": 1,
        "events": 2,
        "blobs": 1,
        "housekeeping": 1,
    }
