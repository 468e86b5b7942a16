"""Stores that are opened by tests, and ended with them."""

from __future__ import annotations

import pytest

from reconciler.runtime import Runtime, ThreadLanes
from reconciler.store.store import Store


@pytest.fixture
def runtime():
    lanes = ThreadLanes()
    yield Runtime(connect=None, offload=lanes)
    lanes.close()


@pytest.fixture
async def open_store(runtime):
    opened = []

    async def open_(address, **options):
        opened.append(await Store.open(address, runtime=runtime, **options))
        return opened[-1]

    yield open_
    for store in opened:
        store.abandon()
