"""What providers were refused is on record soon after, and once."""

import asyncio
import logging

import pytest

from reconciler.app.auditing import AGAIN, Auditor
from reconciler.errors import StoreError
from reconciler.runtime import Runtime

FACTS = {"package": "acme.user", "phase": "read", "reason": "may not"}


class Clock:
    time = 1_000_000.0

    def __call__(self):
        return self.time


class Store:
    """Keeps the audit records of what it is given; raises what it is told to, once."""

    def __init__(self):
        self.kept = []
        self.trouble = None
        self.changed = asyncio.Event()

    async def write(self, batch):
        await asyncio.sleep(0)
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            raise trouble
        self.kept += batch._audit
        self.changed.set()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def auditor(store, clock):
    return Auditor(store, Runtime(connect=None, offload=None, now=clock))


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


async def test_what_is_noted_is_written_while_the_process_goes_on(auditor, store):
    running = asyncio.create_task(auditor.run())
    for number in range(3):
        store.changed.clear()
        auditor.note("provider.refused", {**FACTS, "call": str(number)})
        await store.changed.wait()
    assert [(r.actor, r.action, r.data["call"]) for r in store.kept] == [
        ("acme.user", "provider.refused", str(number)) for number in range(3)
    ]
    running.cancel()


async def test_what_could_not_be_written_is_written_the_next_time(auditor, store):
    store.trouble = StoreError("the disk is full")
    auditor.note("provider.refused", FACTS)
    with pytest.raises(StoreError):
        await auditor.run()
    assert store.kept == []
    again = asyncio.create_task(auditor.run())
    await store.changed.wait()
    assert len(store.kept) == 1
    again.cancel()


async def test_what_is_left_is_written_at_the_end_as_far_as_possible(auditor, store):
    auditor.note("provider.refused", FACTS)
    await auditor.close()
    assert len(store.kept) == 1
    await auditor.close()
    assert len(store.kept) == 1
    auditor.note("provider.failed", FACTS)
    store.trouble = StoreError("the disk is full")
    await auditor.close()
    assert len(store.kept) == 1


async def test_a_provider_cannot_make_the_log_grow_with_every_look(auditor, store, clock):
    for _ in range(1000):
        auditor.note("provider.refused", FACTS)
        clock.time += 1
    auditor.note("provider.refused", {**FACTS, "reason": "may not either"})
    await auditor.close()
    assert [record.data["reason"] for record in store.kept] == ["may not", "may not either"]
    clock.time += AGAIN
    auditor.note("provider.refused", FACTS)
    await auditor.close()
    assert len(store.kept) == 3


async def test_what_is_remembered_of_it_is_bounded(auditor, monkeypatch):
    monkeypatch.setattr("reconciler.app.auditing.KNOWN", 10)
    for number in range(1000):
        auditor.note("provider.refused", {**FACTS, "reason": str(number)})
    assert len(auditor._recorded) <= 10
