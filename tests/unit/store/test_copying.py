"""A whole store in another database: all of it arrives, or nothing does, and it goes on there where it stopped."""

from __future__ import annotations

import pytest

from reconciler.errors import LeaseHeld, StoreError
from reconciler.model.state import Rollback
from reconciler.store import copying
from reconciler.store.batch import Batch
from reconciler.store.blobs import INLINE
from reconciler.store.copying import copy
from reconciler.store.opening import connecting
from reconciler.store.records import AuditRecord, UnitOutcome
from tests.unit.store.conftest import holder
from tests.unit.store.values import SOURCE, entry, event, run, snapshot, state, unit

BOTH = True

LARGE = b"\0\xff" * INLINE


@pytest.fixture
def destination(request, tmp_path, database_kind):
    """A place of the other sort."""
    if database_kind == "postgresql":
        return tmp_path / "other" / "froyo.db"
    return request.getfixturevalue("shared_server").place()


async def filled(store) -> None:
    """Something of everything, and a past of which some has gone."""
    await store.acquire_lease(holder(1), ttl=30)
    await store.save_snapshot(snapshot({"a": b"1", "b": LARGE}, revision="r1"))
    await store.save_snapshot(snapshot({"a": b"2"}, revision="r2"))
    kept = await store.blobs.put(LARGE + b"before us")
    batch = Batch().put_states([state(), state("ü")]).put_inventory([entry(preimage=kept)])
    batch.begin_run(run()).intend(run().id, [unit()], {unit().address: kept})
    batch.settle(run().id, [UnitOutcome(unit().address, "Applied", "a\0b")])
    [first, _] = await store.revisions()
    words = {"by": "alice", "reason": "ü", "since": 1.0, "until": None}
    batch.roll_back(
        Rollback(source=SOURCE, snapshot=first.number, revision="r1", digest=first.digest, **words)
    )
    batch.add_events([event("first"), event("ü \udcff")])
    batch.add_audit(AuditRecord(at=1.5 + n, actor="alice", action="x", object="ü") for n in range(3))
    await store.write(batch.put_warm(b"only here"))


async def everything(store) -> list:
    found = [
        await store.load_states(),
        await store.load_inventory(),
        await store.runs(),
        await store.run_units(run().id),
    ]
    found += [await store.events(), await store.audit(), await store.verify_audit(), await store.revisions()]
    found += [await store.load_rollbacks(), await store.in_doubt()]
    for number in (1, 2):
        kept = await store.snapshot(number)
        found.append({name: file.read() for name, file in kept.files.items()})
    return found


async def test_all_of_it_arrives_and_goes_on_where_it_stopped(store, path, destination, open_store):
    await filled(store)
    before = await everything(store)
    await store.close()
    copied = copy(connecting(path), connecting(destination))
    assert (copied.rows["events"], copied.audit, copied.contents) == (2, 3, 4)
    assert copied.bytes == 2 + len(LARGE) + len(LARGE + b"before us")
    assert "warm" not in copied.rows

    other = await open_store(destination)
    assert await everything(other) == before
    # Nobody holds it, and who takes it is newer than all before.
    assert await other.acquire_lease(holder(2), ttl=30) == 1_800_000_001
    one = AuditRecord(at=0.0, actor="", action="", object="")
    receipt = await other.write(Batch().add_events([event()]).add_audit([one]))
    assert (receipt.events[0].id, receipt.audit[0].id) == (3, 4)
    await other.save_snapshot(snapshot({"a": b"3"}, revision="r3"))
    assert [one.number for one in await other.revisions()] == [1, 2, 3]


async def test_a_number_is_given_once_also_when_its_row_had_gone(store, path, destination, open_store):
    await store.write(Batch().add_events([event(), event()]))
    store._writer._database.driver.execute("DELETE FROM events")
    await store.close()
    copy(connecting(path), connecting(destination))
    other = await open_store(destination)
    assert (await other.write(Batch().add_events([event()]))).events[0].id == 3


async def test_nothing_is_put_where_something_is(store, path, destination, open_store):
    await filled(store)
    await store.close()
    there = await open_store(destination)
    await there.write(Batch().put_states([state("theirs")]))
    with pytest.raises(StoreError, match="a store is there already; name another place"):
        copy(connecting(path), connecting(destination))
    assert list(await there.load_states()) == [state("theirs").address]


async def test_nothing_is_copied_while_somebody_works_with_it(store, path, destination):
    await filled(store)
    with pytest.raises(LeaseHeld, match=r"froyo on here \(pid 1\) works with it; end that first"):
        copy(connecting(path), connecting(destination))


async def test_what_did_not_arrive_as_it_was_is_not_kept(store, path, destination, open_store, monkeypatch):
    await filled(store)
    await store.close()
    taken = copying._taken

    def forgetful(side, table, given):
        row = taken(side, table, given)
        return row | {"message": ""} if table.name == "plan_units" else row

    with monkeypatch.context() as patch:
        patch.setattr(copying, "_taken", forgetful)
        with pytest.raises(StoreError, match=r"plan_units did not arrive as it was \(1 of 1 rows\)"):
            copy(connecting(path), connecting(destination))
    other = await open_store(destination)
    assert await other.load_states() == {}
    other.abandon()
