"""What goes on for ever: events, and what has changed, as lines of JSON to whoever follows.

Invariant: who follows is told of everything, in order, or that he was not, and costs no more than that: he is woken by
the feed of the store, nobody looks on his behalf, and what he does not read on is not kept for him.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, TypeVar

from reconciler.api import queries
from reconciler.api.backend import Followed, Knowledge
from reconciler.api.views import Document
from reconciler.model.event import Event, EventFilter, EventType

if TYPE_CHECKING:
    from aiohttp import web

    from reconciler.store.feed import News, Subscription

T = TypeVar("T")

PORTION = 50
"""Events that are read at once for who follows them."""

KEEPALIVE = 15.0
"""Seconds after which somebody who follows gets an empty line, so that either side notices when the other is gone."""

SETTLE = 0.05
"""Seconds for which changes are gathered before who follows them is told of more."""


async def stream(
    request: web.Request, items: AsyncGenerator[T | None, None], show: Callable[[T], Document]
) -> web.StreamResponse:
    """Answer with a line for each of `items`, an empty one for None, until whoever asked is gone."""
    from aiohttp import web

    response = web.StreamResponse(headers={"Content-Type": "application/jsonl"})
    await response.prepare(request)
    with suppress(ConnectionError):  # that is how following ends
        async with aclosing(items) as following:
            async for item in following:
                line = "" if item is None else json.dumps(show(item))
                await response.write(line.encode() + b"\n")
    return response


async def events(known: Followed, query: queries.Query) -> AsyncGenerator[Event | None, None]:
    """Events as they come, oldest first; None now and then when there are none.

    Without `after` in the query it begins with the newest ones, `limit` of them, which may be 0.
    """
    wanted = dict(query)
    with known.subscribe() as following:
        newest = await known.events(queries.event_filter({}), 1)
        last = int(wanted.get("after") or (newest[-1].id if newest else 0))
        if "after" not in wanted and wanted.get("limit") != "0":
            # They are read again in portions: who does not read on must not have a thousand of them kept for him.
            first = await known.events(queries.event_filter(wanted), queries.limit(wanted, 10))
            last = first[0].id - 1 if first else last
            del first
        told = last
        while True:
            wanted["after"] = str(last)
            found = await known.events(queries.event_filter(wanted), PORTION)
            if (not found or found[0].id > last + 1) and (lost := await dropped(known, last)) is not None:
                last = lost.id
                yield lost
            for event in found:
                last = event.id
                yield event
            if len(found) == PORTION:
                continue
            last = max(last, told)  # what came until then and was not found is not asked for
            while (news := await _heard(following)) is None or news.event <= last:
                if news is None:
                    yield None
            told = news.event


async def dropped(known: Knowledge, after: int) -> Event | None:
    """What is told in the place of events behind `after` that are not kept any more; None where all of them are.

    Args:
        known: gives events.
        after: the last one that was told of; 0 before any.
    """
    oldest = await known.events(EventFilter(after=0), 1)
    missing = oldest[0].id - after - 1 if oldest and after else 0
    if missing <= 0:
        return None
    message = f"{missing:,} events could not be told before they were dropped; retention.json says how many are kept"
    return Event(
        id=after + missing,
        at=oldest[0].at,
        type=EventType.WARNING,
        reason="EventsDropped",
        object="Events",
        message=message,
    )


async def changes(following: Subscription) -> AsyncGenerator[News | None, None]:
    """Of what something else is on record; None now and then when there is nothing."""
    while True:
        yield (news := await _heard(following))
        if news is not None:
            await asyncio.sleep(SETTLE)


async def _heard(following: Subscription) -> News | None:
    """News; None when there are none for a while."""
    try:
        async with asyncio.timeout(KEEPALIVE):
            return await following.heard()
    except TimeoutError:
        return None
