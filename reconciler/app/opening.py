"""The store without targets: to read it, or to write a person's request into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reconciler.app.leading import take_lease
from reconciler.app.places import Places, must_be_ours
from reconciler.app.retention import retention
from reconciler.runtime import Runtime, ThreadLanes, connect_nothing
from reconciler.store.records import Retention
from reconciler.store.store import Store


@asynccontextmanager
async def reading(places: Places) -> AsyncIterator[tuple[Store, Runtime]]:
    """The store, read only, and the runtime that it works with; a daemon may have it open meanwhile.

    Raises:
        StoreError: it cannot be read.
    """
    async with _opened(places, None) as opened:
        yield opened


@asynccontextmanager
async def writing(places: Places) -> AsyncIterator[tuple[Store, Runtime]]:
    """The store, where no daemon has it, and the runtime that it works with.

    Raises:
        UsageError: others can write to the state directory: what is put on record there, they could have said.
        LeaseHeld: a daemon has it, on whatever machine.
        StoreError: it cannot be opened.
        ConfigError: the operator's `retention.json` is not as it should be.
    """
    for path in (places.state, places.database, places.retention):
        must_be_ours(path)
    async with _opened(places, retention(places.retention)) as (store, runtime):
        # A daemon on another machine would not hear of what is written beside it.
        if places.address is not None:
            await take_lease(store, runtime, places)
        yield store, runtime


@asynccontextmanager
async def _opened(places: Places, kept: Retention | None) -> AsyncIterator[tuple[Store, Runtime]]:
    """To be written with what is kept of the past, or to be read."""
    lanes = ThreadLanes()
    runtime = Runtime(connect=connect_nothing, offload=lanes)
    try:
        store = await Store.open(places.store, runtime=runtime, retention=kept, read_only=kept is None)
        try:
            yield store, runtime
        finally:
            await store.close()
    finally:
        lanes.close()
