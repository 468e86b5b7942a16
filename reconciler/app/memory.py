"""Gives memory back to the machine that the allocator keeps.

Why: to evaluate a source of ten thousand documents takes some hundred megabytes for a second, from a thread of its own.
They are free afterwards, and yet the process keeps them: glibc gives back the end of each heap by itself, and seldom
what is free in its middle. A daemon that runs for months should not hold what it needed once.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

from reconciler.runtime import Offload

LANE = "memory"
LOOK = 10.0
"""Seconds between two looks at whether something new has been evaluated."""
EVERY = 30
"""Looks after which it is done all the same: it takes some milliseconds."""


def give_back() -> None:
    """Give back what is free. Does nothing with a C library that has no such call."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


async def keep_small(revision: Callable[[], str], offload: Offload) -> None:
    """Give memory back after each new revision, and now and then; a long task.

    Args:
        revision: says which one is in force.
        offload: does it beside the loop, which need not wait for it.
    """
    looks, seen = 0, ""
    while True:
        await asyncio.sleep(LOOK)
        looks += 1
        if revision() != seen or looks % EVERY == 0:
            seen = revision()
            await offload(LANE, give_back)
