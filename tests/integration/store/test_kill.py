"""Killed with -9 at any instant, a store has lost nothing that was acknowledged, and holds nothing half."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from reconciler.model.event import EventFilter
from reconciler.store.batch import Batch
from reconciler.store.records import UnitOutcome
from tests.integration.store.conftest import WRITER, python

ADDRESS = "web-1/File/motd"


def write_and_be_killed(path: Path, rounds: int) -> int:
    """Let a process write until it has acknowledged so many rounds, then kill it in mid-flight.

    Returns:
        The last round that it acknowledged.
    """
    with python(*WRITER, path) as child:
        assert child.stdout.readline() == "ready\n"
        for _ in range(rounds):
            assert child.stdout.readline().strip().isdigit()
        child.kill()
        rest = child.stdout.read().split()
    # The last line may be cut off in the middle, like everything else.
    return int(rest[-2]) if len(rest) > 1 else 0


@pytest.mark.slow
async def test_twenty_kills_lose_nothing_and_tear_nothing(tmp_path, open_store):
    path = tmp_path / "state" / "froyo.db"
    chance = random.Random(20)
    audited = 0
    for _ in range(20):
        acknowledged = write_and_be_killed(path, chance.randrange(1, 60))
        store = await open_store(path)

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
        audited = generation
        await store.close()
    assert audited > 20
