"""What the store costs.

A drift round waits for two commits, so each of them stands beside the bare way to the writer's thread and
back; a start waits for the import, the opening and the loading.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.event import Event, EventType
from reconciler.model.evidence import Evidence
from reconciler.model.names import Address, Digest, SourceName, TargetName
from reconciler.model.plan import Action, Cause, FieldDiff, Operation, PlanUnit
from reconciler.model.source import Snapshot, SnapshotFile
from reconciler.model.state import HistoryEntry, ResourceState
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.store.batch import Batch
from reconciler.store.blobs import digest_of
from reconciler.store.records import LeaseHolder, Retention, Run, UnitOutcome
from reconciler.store.store import Store
from tests.bench.rows import Row, median, percentile

WEB = TargetName("web-1")
MOTD = Address("web-1/File/motd")
SHA = Digest("sha256:" + "0" * 64)
ROUNDS = 1_000


def _state(number: int) -> ResourceState:
    return ResourceState(
        address=Address(f"web-{number % 100}/File/file-{number}"),
        digest=SHA,
        observed_generation=1,
        observed=SHA,
        observed_at=1.5,
        owned=True,
        conditions=(Condition(ConditionType.READY, True, Reason.IN_SYNC, "in sync", 1.5, 1),),
        history=(
            HistoryEntry(at=1.5, generation=1, cause="drift", outcome="Applied", message="", duration=0.004),
        ),
    )


def _intent(run: str) -> Batch:
    body = {"digest": SHA, "size": 12}
    unit = PlanUnit(
        address=MOTD,
        action=Action.UPDATE,
        cause=Cause.DRIFT,
        diffs=(FieldDiff("content", body, body, "--- a\n+++ b\n"),),
        operation=Operation(MOTD, Action.UPDATE),
        desired=SHA,
        observed=SHA,
    )
    begun = Run(id=run, target=WEB, cause="drift", revision="abc", started_at=1.0)
    return Batch().begin_run(begun).intend(run, [unit])


def _outcome(run: str) -> Batch:
    event = Event(
        at=time.time(),
        type=EventType.NORMAL,
        reason="Repaired",
        object=MOTD,
        message="put back after 4 ms",
        cause="drift",
        evidence=Evidence(command="vim /etc/motd", pid=4711, user="root", login="alice"),
        duration=0.004,
        data={"run": run},
    )
    batch = Batch().put_states([_state(1)]).settle(run, [UnitOutcome(MOTD, "Applied")])
    return batch.finish_run(run, at=2.0, outcome="Applied").add_events([event]).dequeue(WEB)


async def _times(work: Callable[[int], Awaitable[object]], count: int) -> list[float]:
    taken = []
    for number in range(count):
        begin = time.perf_counter()
        await work(number)
        taken.append((time.perf_counter() - begin) * 1e3)
    return taken


async def _once(work: Awaitable[object]) -> float:
    begin = time.perf_counter()
    await work
    return (time.perf_counter() - begin) * 1e3


def _row(what: str, measured: float, *, limit: float | None = None, note: str = "") -> Row:
    return Row(what=f"store: {what}", measured=measured, unit="ms", limit=limit, note=note)


async def _housekeeping(directory: Path) -> list[Row]:
    """How long a commit may have to wait for it, and all of it takes: with 20,000 runs too many, and with nothing."""
    clock = [time.time()]

    async def at_once(_lane: str, function: Callable[[], object]) -> object:
        return function()

    runtime = Runtime(connect=None, offload=at_once, now=lambda: clock[0])  # type: ignore[arg-type] # nobody connects
    store = await Store.open(directory, runtime=runtime, retention=Retention(events=1_000, runs=1_000))
    for start in range(0, 20_000, 1_000):
        ids = [f"{number:022x}" for number in range(start, start + 1_000)]
        await asyncio.gather(*(store.write(batch(run)) for run in ids for batch in (_intent, _outcome)))
    housekeeping, connection = store._housekeeping, store._writer._database  # type: ignore[union-attr] # it is open
    rows = []
    for name in ("of 40,000 rows", "with nothing to do"):
        clock[0] += Retention().interval + 1
        taken = []
        while housekeeping.are_due():
            begin = time.perf_counter()
            housekeeping.run(connection)
            taken.append((time.perf_counter() - begin) * 1e3)
        rows.append(_row(f"housekeeping {name}: slowest slice", max(taken), note=f"{len(taken)} slices"))
        rows.append(_row(f"housekeeping {name}: all of it", sum(taken)))
    await store.close()
    return rows


async def _measure(directory: Path) -> list[Row]:
    lanes = ThreadLanes()

    async def connect(_target: object) -> object:
        raise AssertionError

    runtime = Runtime(connect=connect, offload=lanes)  # type: ignore[arg-type] # nobody connects
    path = directory / "froyo.db"
    rows: list[Row] = []
    begin = time.perf_counter()
    store = await Store.open(path, runtime=runtime)
    rows.append(_row("make", (time.perf_counter() - begin) * 1e3))
    await store.acquire_lease(LeaseHolder.of_this_process(runtime.now()), ttl=3_600)

    hops = await _times(lambda _: lanes("store", lambda: None), ROUNDS)
    hop = median(hops)
    ids = [runtime.new_id() for _ in range(ROUNDS)]
    for name, batch in (("an intent", _intent), ("an outcome", _outcome)):
        taken = await _times(lambda number, batch=batch: store.write(batch(ids[number])), ROUNDS)
        note = "limit: to the writer's thread and back"
        rows.append(_row(f"commit {name}: p50", median(taken), limit=hop, note=note))
        rows.append(_row(f"commit {name}: p99", percentile(taken, 0.99), limit=percentile(hops, 0.99)))

    thousand = Batch().put_states(_state(number) for number in range(1_000))
    rows.append(_row("save 1,000 states", await _once(store.write(thousand))))
    await store.write(Batch().put_states(_state(number) for number in range(10_000)))
    rows.append(_row("load 10,000 states", await _once(store.load_states())))

    contents = {f"site/{number}.yaml": b"content: %d\n" % number for number in range(1_000)}
    files = {
        name: SnapshotFile(name, digest_of(data), len(data), lambda data=data: data)
        for name, data in contents.items()
    }
    snapshot = Snapshot(SourceName("here"), "r1", SHA, files)
    rows.append(_row("save a snapshot of 1,000 files", await _once(store.save_snapshot(snapshot))))
    rows += await _housekeeping(directory / "old")
    await store.write(Batch().put_warm(bytes(100_000)))
    rows.append(_row("close", await _once(store.close())))
    begin = time.perf_counter()
    store = await Store.open(path, runtime=runtime)
    rows.append(_row("open", (time.perf_counter() - begin) * 1e3))
    await store.close()
    lanes.close()
    return rows


def _in_a_new_process(code: str, *arguments: str) -> float:
    """Milliseconds that `code` says it took; the median of five."""
    timed = f"import sys, time; begin = time.perf_counter(); {code}; print(time.perf_counter() - begin)"
    command = [sys.executable, "-c", timed, *arguments]
    said = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(5)]
    return median([float(one) for one in said]) * 1e3


def rows() -> Iterator[Row]:
    """What a round and a start wait for."""
    with tempfile.TemporaryDirectory() as directory:
        yield from asyncio.run(_measure(Path(directory)))
        warm = "from reconciler.store.warm import load_warm; assert load_warm(sys.argv[1])"
        database = str(Path(directory) / "froyo.db")
        yield _row("warm document, imports included", _in_a_new_process(warm, database))
    spared = _in_a_new_process("import sqlalchemy")
    yield _row(
        "import", _in_a_new_process("import reconciler.store.store"), note=f"SQLAlchemy: {spared:.0f} ms"
    )
