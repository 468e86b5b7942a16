"""The store as somebody reads it who has no other business with it: a daemon may have it open meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reconciler.app.places import Places
from reconciler.runtime import Runtime, ThreadLanes, connect_nothing
from reconciler.store.store import Store


@asynccontextmanager
async def reading(places: Places) -> AsyncIterator[tuple[Store, Runtime]]:
    """The store, read only, and the runtime that it works with.

    Raises:
        StoreError: it cannot be read.
    """
    lanes = ThreadLanes()
    runtime = Runtime(connect=connect_nothing, offload=lanes)
    try:
        store = await Store.open(places.database, runtime=runtime, read_only=True)
        try:
            yield store, runtime
        finally:
            await store.close()
    finally:
        lanes.close()
