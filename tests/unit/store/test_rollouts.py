"""How far rollouts are is on record, with what keeps the snapshots that they go back to."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.names import Digest, TargetName
from reconciler.model.rollout import RolloutName, RolloutPhase, RolloutRecord, RolloutTurn, TargetSeen
from reconciler.store.batch import Batch
from reconciler.store.records import Retention
from tests.unit.store.test_rollbacks import housekeep, rollback, taken
from tests.unit.store.values import SOURCE, snapshot

BOTH = True


def record(*turns, **words) -> RolloutRecord:
    return RolloutRecord(
        source=SOURCE,
        name=RolloutName("web"),
        revision="r2",
        digest=Digest("sha256:r2"),
        since=1.0,
        turns={turn.target: turn for turn in turns},
        **words,
    )


def turn(name, before=None, **words) -> RolloutTurn:
    return RolloutTurn(
        target=TargetName(name), wanted=Digest("sha256:w"), before=before, revision="r1", **words
    )


async def number(store, revision) -> int:
    return next(one.number for one in await store.revisions() if one.revision == revision)


async def test_what_is_on_record_is_read_as_it_was(store, open_store):
    await taken(store, 1)
    first = await number(store, "r1")
    kept = record(
        turn(
            "w1",
            first,
            wave=1,
            entry=1,
            begun=2.0,
            clock=3.0,
            seen=TargetSeen.FAILED,
            done=True,
            failed="ü \udcff",
        ),
        turn("w2"),
        phase=RolloutPhase.AWAITING_PROMOTION,
        message="waits",
        wave=1,
        waves=3,
        well_since=4.0,
        unwell_since=5.0,
        promoted=True,
        full=True,
        paused="alice",
    )
    await store.write(Batch().put_rollout(kept, None))
    assert await store.load_rollouts() == [kept]
    # What is new of it is written, and what is gone.
    after = replace(kept, phase=RolloutPhase.PROGRESSING, turns={"w2": replace(kept.turns["w2"], done=True)})
    await store.write(Batch().put_rollout(after, kept))
    assert await store.load_rollouts() == [after]
    store.abandon()
    store = await open_store()
    assert await store.load_rollouts() == [after]
    await store.write(Batch().forget_rollout(after))
    assert await store.load_rollouts() == []


async def test_a_snapshot_and_who_has_to_wait_for_it_are_on_record_together(store):
    await taken(store, 1)
    waits = record(turn("w1", await number(store, "r1")))
    await store.save_snapshot(snapshot({"a": b"2"}, revision="r2"), with_=Batch().put_rollout(waits, None))
    assert (await store.snapshot_in_force(SOURCE)).revision == "r2"
    assert await store.load_rollouts() == [waits]


async def test_what_a_target_has_still_is_kept_however_old_it_is(open_store, world):
    store = await open_store(retention=Retention(snapshots=2))
    await taken(store, 1)
    waits = record(turn("w1", await number(store, "r1")))
    await store.write(Batch().put_rollout(waits, None))
    await taken(store, 2, 3, 4, 5)
    await housekeep(store, world)
    assert [one.revision for one in await store.revisions()] == ["r1", "r4", "r5"]
    over = replace(waits, turns={n: replace(t, before=None) for n, t in waits.turns.items()})
    await store.write(Batch().put_rollout(over, waits))
    await housekeep(store, world)
    assert [one.revision for one in await store.revisions()] == ["r4", "r5"]


async def test_a_rollback_is_everywhere_at_once_and_a_forgotten_source_has_no_rollout(store):
    await taken(store, 1, 2)
    waits = record(turn("w1", await number(store, "r1")))
    await store.write(Batch().put_rollout(waits, None))
    await store.write(Batch().roll_back(await rollback(store, "r1")))
    assert await store.load_rollouts() == []
    await store.write(Batch().put_rollout(waits, None))
    await store.write(Batch().forget_source(SOURCE))
    assert (await store.load_rollouts(), await store.revisions()) == ([], [])
