"""Following what goes on: everything, in order, and nobody looks for it."""

import asyncio

import pytest

from reconciler.api import following
from reconciler.api.following import PORTION, changes, events
from reconciler.model.event import EventType
from reconciler.store.feed import Feed, News
from reconciler.store.records import Receipt
from tests.sim.loop import run
from tests.unit.api.known import Known, event


def happened(*numbers, **fields):
    return [event(number, **fields) for number in numbers]


async def ids(stream, count):
    return [(await anext(stream)).id for _ in range(count)]


@pytest.mark.parametrize(
    ("query", "found"), [({"limit": "2"}, [4, 5]), ({"after": "3"}, [4, 5]), ({}, [1, 2, 3, 4, 5])]
)
async def test_following_begins_with_the_newest_that_fit_or_behind_one(query, found):
    known = Known(known_events=happened(1, 2, 3, 4, 5))
    assert await ids(events(known, query), len(found)) == found


async def test_or_with_none():
    known = Known(known_events=happened(1, 2))
    later = asyncio.ensure_future(ids(events(known, {"limit": "0"}), 2))
    await asyncio.sleep(0)
    known.happen(event(3), event(4))
    assert await later == [3, 4]


async def test_there_may_be_none_at_first():
    known = Known()
    later = asyncio.ensure_future(ids(events(known, {}), 1))
    await asyncio.sleep(0)
    known.happen(event(1))
    assert await later == [1]


async def test_who_does_not_read_on_finds_everything_in_portions_later():
    known = Known()
    stream = events(known, {"after": "0"})
    known.happen(event(1))
    assert await ids(stream, 1) == [1]
    for number in range(2, 3 * PORTION):
        known.happen(event(number))
    assert await ids(stream, 3 * PORTION - 2) == list(range(2, 3 * PORTION))


async def test_what_does_not_match_is_not_looked_through_again():
    known, asked = Known(), []
    found = known.events

    async def watched(chosen, limit):
        asked.append(chosen.after)
        return await found(chosen, limit)

    known.events = watched
    later = asyncio.ensure_future(ids(events(known, {"after": "0", "object": "db-"}), 1))
    for number in range(1, 4):
        await asyncio.sleep(0)
        known.happen(event(number, object_="web-1/File/motd"))
    for _ in range(3):
        await asyncio.sleep(0)
    known.happen(event(4, object_="db-1/File/motd"))
    assert await later == [4]
    assert asked[-1] == 3


def test_who_follows_hears_something_now_and_then():
    async def quiet():
        stream = events(Known(), {})
        assert await anext(stream) is None
        assert asyncio.get_running_loop().time() == following.KEEPALIVE
        feed = Feed()
        with feed.subscribe() as subscription:
            assert await anext(changes(subscription)) is None

    run(quiet())


def test_changes_that_come_close_together_are_told_at_once():
    async def busy():
        feed = Feed()
        with feed.subscribe() as subscription:
            stream = changes(subscription)
            feed.committed(Receipt(objects=("a",)))
            assert await anext(stream) == News(0, frozenset("a"), missed=False)
            for name in "bcd":
                feed.committed(Receipt(objects=(name,)))
                asyncio.get_running_loop().call_later(
                    following.SETTLE / 2, feed.committed, Receipt(objects=("e",))
                )
            assert await anext(stream) == News(0, frozenset("bcde"), missed=False)

    run(busy())


async def test_who_leaves_follows_no_longer():
    known = Known(known_events=happened(1))
    stream = events(known, {})
    await ids(stream, 1)
    assert len(known.feed._subscriptions) == 1
    await stream.aclose()
    assert not known.feed._subscriptions


async def test_who_is_so_slow_that_events_were_dropped_is_told():
    """They were missing, and nothing said so."""
    known = Known(known_events=happened(1, 2))
    stream = events(known, {"after": "1"})
    assert await ids(stream, 1) == [2]
    known.happen(*happened(3, 4, 5, 6))
    del known.known_events[:4]
    told = await anext(stream)
    assert (told.id, told.reason, told.object, told.type) == (4, "EventsDropped", "Events", EventType.WARNING)
    assert told.message.startswith("2 events could not be told")
    assert await ids(stream, 2) == [5, 6]
    # Nothing is missing where nothing that was asked for is, nor before the first that there is.
    assert await ids(events(known, {"after": "0"}), 1) == [5]
    other = events(known, {"after": "5", "object": "elsewhere"})
    known.happen(event(7, object_="elsewhere"))
    assert await ids(other, 1) == [7]
