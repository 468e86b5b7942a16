"""What is written into the store without a daemon: people's requests, which the next command or daemon heeds."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection

from reconciler.app.places import Places
from reconciler.app.retention import retention
from reconciler.model.state import Suspension
from reconciler.runtime import Runtime, ThreadLanes, connect_nothing
from reconciler.store.batch import Batch
from reconciler.store.records import AuditRecord
from reconciler.store.store import Store


async def suspend(
    where: Places, objects: Collection[str], *, by: str, reason: str, until: float | None
) -> None:
    """Put suspensions on record, and in the audit log."""
    async with _store(where) as (store, runtime):
        now = runtime.now()
        batch = Batch()
        for object_ in objects:
            batch.suspend(Suspension(object=object_, by=by, reason=reason, since=now, until=until))
        batch.add_audit(AuditRecord(at=now, actor=by, action="suspend", object=o) for o in objects)
        await store.write(batch)


async def resume(where: Places, objects: Collection[str], *, by: str) -> None:
    """Remove suspensions, and say so in the audit log."""
    async with _store(where) as (store, runtime):
        batch = Batch()
        for object_ in objects:
            batch.resume(object_)
        batch.add_audit(
            AuditRecord(at=runtime.now(), actor=by, action="resume", object=object_) for object_ in objects
        )
        await store.write(batch)


@contextlib.asynccontextmanager
async def _store(where: Places) -> AsyncIterator[tuple[Store, Runtime]]:
    lanes = ThreadLanes()
    runtime = Runtime(connect=connect_nothing, offload=lanes)
    try:
        store = await Store.open(where.database, runtime=runtime, retention=retention(where.retention))
        try:
            yield store, runtime
        finally:
            await store.close()
    finally:
        lanes.close()
