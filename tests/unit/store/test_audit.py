"""The audit log cannot be rewritten without showing it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.errors import StoreError
from reconciler.store import audit
from reconciler.store.batch import Batch
from reconciler.store.records import AuditRecord
from tests.unit.store.conftest import driver
from tests.unit.store.values import entry

BOTH = True


def record(number: int) -> AuditRecord:
    return AuditRecord(
        at=1.0 + number,
        actor="alice",
        action="suspend",
        object="web-1",
        data={"reason": f"\udcff {number}", "n": [number]},
    )


async def fill(store, count: int) -> None:
    await store.write(Batch().add_audit(record(n) for n in range(count)))


async def test_records_are_numbered_and_come_back(store):
    receipt = await store.write(Batch().add_audit([record(0), record(1)]))
    assert receipt.audit == (replace(record(0), id=1), replace(record(1), id=2))
    assert await store.audit() == list(receipt.audit)
    assert await store.audit(after=1) == [replace(record(1), id=2)]


async def test_an_unbroken_chain_has_a_head_that_vouches_for_all_of_it(store, monkeypatch):
    monkeypatch.setattr(audit, "_PAGE", 3)
    assert await store.verify_audit() == audit.ChainHead(0, audit.GENESIS)
    heads = []
    for _ in range(4):
        await fill(store, 2)
        heads.append(await store.verify_audit())
    assert [head.records for head in heads] == [2, 4, 6, 8]
    assert len({head.hash for head in heads}) == 4


FIFTH = "at, actor, action, object, data"


@pytest.mark.parametrize(
    ("tampering", "shown_at"),
    [
        ("UPDATE audit SET actor = 'bob' WHERE id = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE id = 2", 2),
        (f"UPDATE audit SET data = '{json.dumps({})}' WHERE id = 5", 5),
        ("UPDATE audit SET hash = 'x' WHERE id = 4", 4),
        ("DELETE FROM audit WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 3", 3),
        (
            f"INSERT INTO audit SELECT 6, {FIFTH}, previous, hash FROM audit WHERE id = 5",
            6,
        ),
        (
            f"INSERT INTO audit SELECT 6, {FIFTH}, hash, hash FROM audit WHERE id = 5",
            6,
        ),
    ],
    ids=["actor", "time", "data", "hash", "first", "middle", "copy", "forged"],
)
async def test_tampering_shows_and_is_located(store, database_kind, tampering, shown_at):
    await fill(store, 5)
    connection = driver(store)
    for trigger in ("audit_is_not_changed", "audit_is_not_shortened"):
        of_table = " ON audit" if database_kind == "postgresql" else ""
        connection.execute(f"DROP TRIGGER {trigger}{of_table}")
    connection.execute(tampering)
    with pytest.raises(StoreError, match=f"record {shown_at} is not what was written"):
        await store.verify_audit()


async def test_a_refused_batch_leaves_no_gap_in_the_chain(store):
    await fill(store, 1)
    with pytest.raises(StoreError):
        await store.write(Batch().add_audit([record(1)]).put_inventory([entry(preimage="sha256:nothing")]))
    await fill(store, 1)
    assert (await store.verify_audit()).records == 2
