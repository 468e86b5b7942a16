"""Events are appended, numbered for good, and found again by what people look for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.event import Event, EventFilter, EventType
from reconciler.model.plan import Cause
from reconciler.store.batch import Batch
from tests.unit.store.conftest import driver
from tests.unit.store.values import event

BOTH = True


async def test_an_event_comes_back_with_its_number_and_its_evidence(store):
    receipt = await store.write(Batch().add_events([event("a"), event("ü \udcff")]))
    assert receipt.events == (replace(event("a"), id=1), replace(event("ü \udcff"), id=2))
    assert await store.events() == [replace(event("a"), id=1), replace(event("ü \\udcff"), id=2)]


async def test_a_bare_event_comes_back_bare(store):
    bare = Event(at=1.0, type=EventType.NORMAL, reason="Started", object="Controller", message="")
    await store.write(Batch().add_events([bare]))
    assert await store.events() == [replace(bare, id=1)]


@pytest.fixture
async def filled(store):
    await store.write(
        Batch().add_events(
            [
                event("0", of="web-1/File/motd", at=10.0),
                event("1", of="web-1/File/motd", at=20.0, reason="Drifted"),
                event("2", of="web-10/File/motd", at=30.0),
                replace(event("3", of="web-1/File/issue", at=40.0), cause="spec", type=EventType.NORMAL),
                event("4", of="Source/here", at=50.0),
            ]
        )
    )
    return store


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (EventFilter(), "01234"),
        (EventFilter(object="web-1/"), "013"),
        (EventFilter(object="web-1/File/motd"), "01"),
        (EventFilter(object="web-1"), "0123"),
        (EventFilter(object="nobody"), ""),
        (EventFilter(reason="Drifted"), "1"),
        (EventFilter(type=EventType.NORMAL), "3"),
        (EventFilter(cause=Cause.DRIFT), "0124"),
        (EventFilter(since=30.0), "234"),
        (EventFilter(after=0), "01234"),
        (EventFilter(after=3), "34"),
        (EventFilter(object="web-1/", after=1), "13"),
        (EventFilter(object="web-1/", reason="Repaired", since=15.0), "3"),
    ],
    ids=str,
)
async def test_events_are_found_by_what_people_look_for(filled, chosen, expected):
    assert "".join(e.message for e in await filled.events(chosen)) == expected


async def test_a_limit_keeps_the_newest_or_the_next(filled):
    assert [e.message for e in await filled.events(limit=2)] == ["3", "4"]
    assert [e.message for e in await filled.events(EventFilter(object="web-1/"), limit=2)] == ["1", "3"]
    assert [e.message for e in await filled.events(EventFilter(after=1), limit=2)] == ["1", "2"]


async def test_a_number_is_never_given_twice(store):
    """A follower asks for what came after the last number it saw; one given twice would hide an event."""
    await store.write(Batch().add_events([event("a"), event("b")]))
    driver(store).execute("DELETE FROM events")
    receipt = await store.write(Batch().add_events([event("c")]))
    assert [e.id for e in receipt.events] == [3]
