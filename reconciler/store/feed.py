"""What has been written, told after each commit to whoever wants to follow: the API, the terminal, and what comes.

    with store.feed.subscribe() as following:
        ...                                # look at everything once
        while True:
            news = await following.heard()
            ...                            # look at what has changed

News say what to look at, never what is there: whoever hears them asks the store, or the controller. So of several
commits nothing need be kept but names, and who is slow finds them merged.

Invariants: nothing is told before it is on disk, and everything is that went through this process's writer; what went
through another's, where several share the store, is told when it was noticed. Nobody who
listens holds up the writer: what is kept for him is bounded, and where that did not suffice he is told so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Self

from reconciler.store.records import Receipt

MOST = 1_000
"""Names that are kept for one who does not listen. Who has missed more looks at everything: that costs less by then."""


@dataclass(frozen=True, slots=True)
class News:
    """What has changed since the last news.

    Attributes:
        event: the id of the newest event; 0 if there was none.
        objects: of what something else is on record: addresses, `Target/name`, `Source/name`, and what suspensions
            are of.
        missed: whether there was more than `objects` names.
    """

    event: int
    objects: frozenset[str]
    missed: bool


class Feed:
    """See the module. One of a store."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []

    def subscribe(self) -> Subscription:
        """Follow from now on, until what this returns is left or closed."""
        subscription = Subscription(self._subscriptions.remove)
        self._subscriptions.append(subscription)
        return subscription

    def hear(self, event: int, objects: Collection[str]) -> None:
        """Another process that shares the store has put something on record about these, up to that event."""
        for subscription in self._subscriptions:
            subscription.tell(event, objects)

    def committed(self, result: object) -> None:
        """A unit of work is on disk. Called on the loop, in the order of the commits."""
        if isinstance(result, Receipt) and (result.events or result.objects):
            newest = result.events[-1].id if result.events else 0
            for subscription in self._subscriptions:
                subscription.tell(newest, result.objects)


class Subscription:
    """One who follows.

    Args:
        closed: told when he does no longer.
    """

    def __init__(self, closed: Callable[[Subscription], None]) -> None:
        self._closed = closed
        self._waiting = asyncio.Event()
        self._event = 0
        self._objects: set[str] = set()
        self._missed = False

    def tell(self, event: int, objects: Iterable[str]) -> None:
        """Something has changed."""
        self._event = max(self._event, event)
        self._objects.update(objects)
        if len(self._objects) > MOST:
            self._objects.clear()
            self._missed = True
        self._waiting.set()

    async def heard(self) -> News:
        """What has changed since this was called last, as soon as anything has. One at a time may wait."""
        await self._waiting.wait()
        news = News(self._event, frozenset(self._objects), self._missed)
        self._waiting.clear()
        self._event, self._missed = 0, False
        self._objects.clear()
        return news

    def close(self) -> None:
        """Follow no longer."""
        self._closed(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
