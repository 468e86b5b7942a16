"""A limit on how long a command takes, for people who would rather hear of it than wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from reconciler.api import times
from reconciler.errors import UsageError


@contextlib.asynccontextmanager
async def deadline(timeout: str | None, what: str) -> AsyncIterator[None]:
    """Give up what is inside after `timeout`, as written on the command line; None for never.

    Raises:
        UsageError: the time was over.
    """
    limit = asyncio.timeout(times.parse_duration(timeout) if timeout else None)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise UsageError(
            f"{what} was not finished within {timeout}; what was under way is looked at again the next time"
        ) from None
