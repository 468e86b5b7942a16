"""Sources that are wrong, looked at again every now and then, although nobody has changed them.

What was wrong may have been so for want of something on this machine: a process that evaluates was killed, the compiler
could not be begun, a policy did not come to an end in time. Nobody would think of changing a source for that.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.app.sources import Sources

EVERY = 300.0
"""Seconds: what never comes to an end takes some of them each time."""


async def look_again(sources: Sources) -> None:
    """Reconsider what is wrong, for ever."""
    while True:
        await asyncio.sleep(EVERY)
        await reconsider_what_is_wrong(sources)


async def reconsider_what_is_wrong(sources: Sources) -> None:
    """See once more what each source declares that is wrong."""
    for source, intake in list(sources.intakes.items()):
        mending = sources.mending.get(source)
        if mending is not None:
            if mending.wrong:
                mending.again()
        elif intake.state.problems:
            await intake.reconsider()
