"""Intents come before deeds, and what has no outcome is in doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.errors import StoreError
from reconciler.model.names import TargetName
from reconciler.store.batch import Batch
from reconciler.store.records import RunUnit, UnitOutcome
from tests.unit.store.values import WEB, file_address, run, unit

BOTH = True


def as_recorded(name: str, number: int = 1) -> RunUnit:
    intended = unit(name)
    return RunUnit(
        run=run(number).id,
        address=intended.address,
        action=intended.action,
        cause=intended.cause,
        diffs=intended.diffs,
        desired=intended.desired,
        observed=intended.observed,
    )


async def test_an_intent_is_in_doubt_until_its_outcome_is_recorded(store):
    await store.write(Batch().begin_run(run()).intend(run().id, [unit("a"), unit("b")]))
    assert await store.in_doubt() == [as_recorded("a"), as_recorded("b")]
    assert await store.unfinished_runs() == [replace(run(), units=2)]

    await store.write(Batch().settle(run().id, [UnitOutcome(file_address("a"), "Applied", "mode \udcff")]))
    assert await store.in_doubt() == [as_recorded("b")]

    done = Batch().settle(run().id, [UnitOutcome(file_address("b"), "Abandoned")])
    await store.write(done.finish_run(run().id, at=2.0, outcome="Abandoned", message="cut off"))
    assert await store.in_doubt() == []
    assert await store.unfinished_runs() == []
    finished = replace(run(), units=2, finished_at=2.0, outcome="Abandoned", message="cut off")
    assert await store.runs() == [finished]
    assert await store.run_units(run().id) == [
        replace(as_recorded("a"), outcome="Applied", message="mode \\udcff"),
        replace(as_recorded("b"), outcome="Abandoned"),
    ]


async def test_doubts_survive_the_process(store, open_store):
    await store.write(Batch().begin_run(run()).intend(run().id, [unit("a")]))
    store.abandon()
    assert await (await open_store()).in_doubt() == [as_recorded("a")]


async def test_an_intent_needs_its_run(store):
    with pytest.raises(StoreError, match=r"(?i:foreign key)"):
        await store.write(Batch().intend("nobody's", [unit()]))


async def test_an_intent_for_the_same_instance_puts_it_in_doubt_again(store):
    begun = Batch().begin_run(run()).intend(run().id, [unit()])
    await store.write(begun.settle(run().id, [UnitOutcome(unit().address, "Conflict")]))
    assert await store.in_doubt() == []
    await store.write(Batch().intend(run().id, [unit()]))
    assert len(await store.in_doubt()) == 1


async def test_a_name_that_is_no_text_has_no_history(store):
    """The database was blamed for it."""
    assert await store.runs(target=TargetName("caf\udce9")) == []
    assert await store.run_units("\udce9") == []
    assert await store.load_states(TargetName("caf\udce9")) == {}


async def test_history_lists_the_newest_runs_first(store):
    other = TargetName("db")
    batch = Batch()
    for number in range(1, 5):
        batch.begin_run(run(number, target=WEB if number % 2 else other))
    await store.write(batch)
    assert [r.id for r in await store.runs()] == [run(n).id for n in (4, 3, 2, 1)]
    assert [r.id for r in await store.runs(limit=1)] == [run(4).id]
    assert [r.id for r in await store.runs(target=WEB)] == [run(n).id for n in (3, 1)]
