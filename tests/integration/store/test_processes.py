"""Several processes on one store."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from reconciler.errors import LeaseHeld, LeaseLost
from reconciler.model.scope import EVERYTHING
from reconciler.store.batch import Batch
from reconciler.store.records import LeaseHolder, QueuedKey
from tests.integration.store.conftest import WRITER, python

COMPETE = """
import asyncio, sys
from pathlib import Path
from reconciler.errors import StoreError
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.records import LeaseHolder
from reconciler.store.store import Store

async def main():
    runtime = Runtime(connect=None)
    sys.stdin.readline()  # everybody starts at once
    store = await Store.open(Path(sys.argv[1]), runtime=runtime)
    try:
        await store.acquire_lease(LeaseHolder.of_this_process(0.0), ttl=3600)
    except StoreError as error:
        print("refused", error, flush=True)
    else:
        await store.write(Batch().put_warm(b"won"))
        print("won", flush=True)
        sys.stdin.readline()  # keep it until all have tried
    await store.close()

asyncio.run(main())
"""


def test_of_many_processes_that_make_a_store_at_once_exactly_one_gets_its_lease(tmp_path):
    path = tmp_path / "state" / "froyo.db"
    with ExitStack() as stack:
        racers = [stack.enter_context(python("-c", COMPETE, path)) for _ in range(6)]
        for racer in racers:
            racer.stdin.write("go\n")
            racer.stdin.flush()
        said = [racer.stdout.readline().strip() for racer in racers]
        for racer in racers:
            racer.communicate("done\n")
        assert [racer.returncode for racer in racers] == [0] * 6
    assert said.count("won") == 1
    winner = racers[said.index("won")]
    refused = [line for line in said if line != "won"]
    told = f"(pid {winner.pid}, since 1970-01-01 00:00:00 UTC) holds the store"
    assert [told in line for line in refused] == [True] * 5


@pytest.fixture
def child(tmp_path):
    with python(*WRITER, tmp_path / "state" / "froyo.db") as process:
        assert process.stdout.readline() == "ready\n"
        yield process


async def test_a_living_controller_keeps_others_out_and_a_dead_one_does_not(
    tmp_path, open_store, child, runtime
):
    store = await open_store(tmp_path / "state")
    before = (await store.lease()).token
    me = LeaseHolder.of_this_process(runtime.now())
    with pytest.raises(LeaseHeld, match=rf"\(pid {child.pid}, since .*\) holds the store"):
        await store.acquire_lease(me, ttl=30)
    child.kill()
    child.wait()
    assert await store.acquire_lease(me, ttl=30) > before


async def test_a_reader_gets_on_beside_a_busy_writer(tmp_path, open_store, child):
    reader = await open_store(tmp_path / "state", read_only=True)
    seen = set()
    while len(seen) < 5:
        child.stdout.readline()
        seen.add((await reader.load_states())["web-1/File/motd"].generation)
        assert await reader.damages() == []


def wish(number):
    return QueuedKey(target=f"db-{number}", priority=10, scope=EVERYTHING, added_at=0.0)


async def test_a_wish_can_be_left_beside_a_busy_writer(tmp_path, open_store, child):
    person = await open_store(tmp_path / "state")
    await asyncio.gather(*(person.write(Batch().enqueue(wish(n))) for n in range(50)))
    assert {wish(n).target for n in range(50)} <= {key.target for key in await person.load_queue()}
    assert child.poll() is None


async def test_a_controller_whose_lease_was_taken_ends_without_writing(tmp_path, open_store, child):
    """As after a pause, without a lock: another one has taken over, and the first learns it from its next write."""
    other = await open_store(tmp_path / "state")
    connection = other._writer._database.driver
    connection.execute("UPDATE lease SET expires = 0, locked = 0")
    await other.acquire_lease(LeaseHolder("other", 1, "boot", 0.0), ttl=30)
    child.communicate()
    assert child.returncode == 1
    generation = (await other.load_states()).get("web-1/File/motd")
    audited = (await other.verify_audit()).records
    assert audited == (generation.generation if generation else 0)
    await other.write(Batch().put_warm(b"x"))
    other.token = 1
    with pytest.raises(LeaseLost):
        await other.write(Batch().put_warm(b"y"))
