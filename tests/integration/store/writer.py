"""A process that writes to a store without a pause, and says on its standard output what was committed.

    writer.py PLACE

Every round writes: an intent; then its outcome with a state, three events, an audit record and the removal of
a pending key, in one batch; now and then a large content that the inventory refers to. Whoever reads the store
can tell whether a batch was torn.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from reconciler.model.event import Event, EventType
from reconciler.model.names import TargetName
from reconciler.model.plan import Action, Cause, Operation, PlanUnit
from reconciler.model.scope import EVERYTHING
from reconciler.model.state import ResourceState
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.store.batch import Batch
from reconciler.store.blobs import INLINE
from reconciler.store.database import Place
from reconciler.store.records import AuditRecord, LeaseHolder, QueuedKey, Retention, Run, UnitOutcome
from reconciler.store.store import Store
from tests.unit.store.values import entry

TARGET = TargetName("web-1")
ADDRESS = f"{TARGET}/File/motd"
SHA = "sha256:" + "0" * 64


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def main(place: Place) -> None:
    async def connect(_target):
        raise AssertionError

    runtime = Runtime(connect=connect, offload=ThreadLanes())
    # Housekeeping many times a second, so that it is cut off half-way as well.
    store = await Store.open(place, runtime=runtime, retention=Retention(interval=0.05, blob_bytes=1 << 20))
    await store.acquire_lease(LeaseHolder.of_this_process(runtime.now()), ttl=3_600)
    known = await store.load_states()
    number = known[ADDRESS].generation if known else 0
    say("ready")
    while True:
        number += 1
        run = runtime.new_id()
        unit = PlanUnit(
            address=ADDRESS,
            action=Action.UPDATE,
            cause=Cause.DRIFT,
            diffs=(),
            operation=Operation(ADDRESS, Action.UPDATE),
            desired=SHA,
            observed=SHA,
        )
        key = QueuedKey(target=TARGET, priority=1, scope=EVERYTHING, added_at=runtime.now())
        begun = Run(id=run, target=TARGET, cause="drift", revision="r", started_at=runtime.now())
        await store.write(Batch().enqueue(key).begin_run(begun).intend(run, [unit]))
        done = Batch().settle(run, [UnitOutcome(ADDRESS, "Applied")])
        done.finish_run(run, at=runtime.now(), outcome="Applied").dequeue(TARGET)
        done.put_states([ResourceState(address=ADDRESS, generation=number, digest=SHA)])
        done.add_events(
            Event(
                at=runtime.now(), type=EventType.NORMAL, reason="Round", object=ADDRESS, message=str(number)
            )
            for _ in range(3)
        )
        done.add_audit([AuditRecord(at=0.0, actor="test", action="round", object=str(number))])
        if number % 10 == 0:
            content = os.urandom(8) * (INLINE // 8 + 1)
            kept = await store.blobs.put(content)
            done.put_inventory([entry(f"f{number}", preimage=kept)])
        await store.write(done)
        say(number)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if "://" in sys.argv[1] else Path(sys.argv[1])))
