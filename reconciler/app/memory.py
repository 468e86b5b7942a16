"""Gives memory back to the machine that the allocator keeps.

Why: to evaluate a source of ten thousand documents takes some hundred megabytes for a second, from a thread of its own.
They are free afterwards, and yet the process keeps them: glibc gives back the end of each heap by itself, and seldom
what is free in its middle. A daemon that runs for months should not hold what it needed once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes

from reconciler.runtime import Offload
from reconciler.store.feed import Feed, News

LANE = "memory"
AFTER = 10.0
"""Seconds after a source has been evaluated: by then what that took is free."""
AGAIN = 45.0
"""Seconds after that: by then a large fleet has been looked at, too, however busy the machine was."""
EVERY = 300.0
"""Seconds after which it is done all the same: it takes some milliseconds."""


def give_back() -> None:
    """Give back what is free. Does nothing with a C library that has no such call."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


async def keep_small(feed: Feed, offload: Offload) -> None:
    """Give memory back after each new revision, and now and then; a long task.

    Args:
        feed: tells of sources that have been evaluated.
        offload: does it beside the loop, which need not wait for it.
    """
    with feed.subscribe() as following:
        pause = EVERY
        while True:
            evaluated = False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    while not (evaluated := _evaluated(await following.heard())):
                        pass
            if evaluated:
                await asyncio.sleep(AFTER)
            await offload(LANE, give_back)
            pause = AGAIN if evaluated else EVERY


def _evaluated(news: News) -> bool:
    """Whether something else is known of a source."""
    return news.missed or any(name.startswith("Source/") for name in news.objects)
