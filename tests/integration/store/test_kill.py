"""Killed with -9 at any instant, a store has lost nothing that was acknowledged, and holds nothing half."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable

import pytest

from reconciler.model.event import EventFilter
from reconciler.store.batch import Batch
from reconciler.store.database import Place
from reconciler.store.records import UnitOutcome
from tests.integration.store.conftest import WRITER, python

ADDRESS = "web-1/File/motd"


def write_and_be_killed(place: Place, rounds: int) -> int:
    """Let a process write until it has acknowledged so many rounds, then kill it in mid-flight.

    Returns:
        The last round that it acknowledged.
    """
    with python(*WRITER, place) as child:
        assert child.stdout.readline() == "ready\n"
        for _ in range(rounds):
            assert child.stdout.readline().strip().isdigit()
        child.kill()
        rest = child.stdout.read().split()
    # The last line may be cut off in the middle, like everything else.
    return int(rest[-2]) if len(rest) > 1 else 0


@pytest.mark.slow
async def test_twenty_kills_lose_nothing_and_tear_nothing(tmp_path, open_store):
    path, chance = tmp_path / "state" / "froyo.db", random.Random(20)
    audited = 0
    for _ in range(20):
        acknowledged = write_and_be_killed(path, chance.randrange(1, 60))
        audited = await whole(open_store, path, acknowledged)
    assert audited > 20


@pytest.mark.e2e
@pytest.mark.postgresql
async def test_nor_do_they_with_a_store_on_a_server(shared_server, open_store):
    place, chance = shared_server.place(), random.Random(21)
    audited = 0
    for _ in range(20):
        acknowledged = write_and_be_killed(place, chance.randrange(1, 40))
        audited = await whole(open_store, place, acknowledged)
    assert audited > 20


@pytest.mark.e2e
@pytest.mark.postgresql
@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT], ids=["crashed", "stopped"])
async def test_nor_does_a_server_that_ends_while_it_is_written_to(own_server, open_store, how):
    """And with it who writes there, who is no daemon."""
    place, chance = own_server.place(), random.Random(22)

    def restart():
        own_server.stop(how)
        own_server.start()

    audited = 0
    for _ in range(8):
        acknowledged = write_and_survive(place, chance.randrange(1, 40), restart)
        audited = await whole(open_store, place, acknowledged)
    assert audited > 8


def write_and_survive(place: Place, rounds: int, restart: Callable[[], object]) -> int:
    with python(*WRITER, place) as child:
        assert child.stdout.readline() == "ready\n"
        for _ in range(rounds):
            assert child.stdout.readline().strip().isdigit()
        restart()
        # Between two transactions it notices nothing; within one it may end, or have been too fast for that.
        seen = child.stdout.readline()
        child.kill()
        rest = [seen, *child.stdout.read().split()]
    return max([int(word) for word in rest[:-1] if word.strip()] or [0])


async def whole(open_store: Callable, place: Place, acknowledged: int) -> int:
    """See that what was acknowledged is there, and that nothing is there by half; settle what is in doubt.

    Returns:
        How many rounds there were.
    """
    store = await open_store(place)

    assert await store.damages() == []
    generation = (await store.load_states())[ADDRESS].generation
    assert generation >= acknowledged

    # A round's three events, its audit record, its state and its outcome came together or not at all.
    events = await store.events(EventFilter(after=0), limit=1_000_000)
    rounds = Counter(int(event.message) for event in events)
    assert rounds == dict.fromkeys(range(1, generation + 1), 3)
    assert (await store.verify_audit()).records == generation
    in_doubt = await store.in_doubt()
    assert len(in_doubt) <= 1
    assert len(await store.unfinished_runs()) == len(await store.load_queue()) == len(in_doubt)

    # Everything that was there before us can be read.
    for kept in (await store.load_inventory()).values():
        await store.blobs.read(kept.preimage)

    settled = Batch().dequeue("web-1")
    for unit in in_doubt:
        settled.settle(unit.run, [UnitOutcome(unit.address, "Abandoned")])
        settled.finish_run(unit.run, at=0.0, outcome="Abandoned")
    await store.write(settled)
    await store.close()
    return generation
