"""Becoming the one controller of a store: at once, or as soon as the one that is has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from reconciler.app.places import Places
from reconciler.errors import LeaseHeld
from reconciler.runtime import Runtime
from reconciler.store.records import LeaseHolder
from reconciler.store.store import Store

LEASE = 30.0
"""Seconds for which the lease on the store is taken; a daemon renews it three times within them."""

AGAIN = 1.0
"""Seconds between two attempts of one that stands by; on PostgreSQL each of them waits at the server, too."""


async def take_lease(store: Store, runtime: Runtime, places: Places) -> None:
    """Take the store for this process.

    Raises:
        LeaseHeld: another one has it; says which, and what to do.
    """
    us = LeaseHolder.of_this_process(runtime.now())
    try:
        await store.acquire_lease(us, LEASE)
    except LeaseHeld as error:
        # It asks the one that has it, which takes more than anything does where the lease is free.
        from reconciler.app.holding import held_by

        found = await store.lease()
        raise LeaseHeld(held_by(found.holder, us, places) if found else str(error)) from error


async def stand_by(store: Store, runtime: Runtime, places: Places, notice: Callable[[str], None]) -> None:
    """Take the store for this process as soon as nobody else has it.

    Args:
        store: the store.
        runtime: clock and lanes.
        places: of this process.
        notice: told who has it, once for each.
    """
    told = None
    while True:
        us = LeaseHolder.of_this_process(runtime.now())
        try:
            await store.acquire_lease(us, LEASE)
        except LeaseHeld:
            found = await store.lease()
            if found is not None and found.holder != told:
                told = found.holder
                notice(
                    f"standing by: froyo on {told.host} (pid {told.pid}) works with {places.kept_in}; this one takes "
                    "over as soon as that one has ended"
                )
            await asyncio.sleep(AGAIN)
        else:
            if told is not None:
                notice(f"taking over: froyo on {told.host} (pid {told.pid}) has ended")
            return
