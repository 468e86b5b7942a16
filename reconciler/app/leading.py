"""Becoming the one controller of a store: at once, or as soon as the one that is has ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from reconciler.app.places import Places
from reconciler.errors import ErrorClass, LeaseHeld, StoreError
from reconciler.runtime import Runtime
from reconciler.store.records import LeaseHolder
from reconciler.store.sharing import Member
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

        # Of several that share it the error names each. The lease is held by one of them, perhaps not the one here.
        found = None if await store.load_controllers() else await store.lease()
        raise LeaseHeld(held_by(found.holder, us, places) if found else str(error)) from error


async def stand_by(
    store: Store,
    runtime: Runtime,
    places: Places,
    notice: Callable[[str], None],
    waiting: Callable[[str], None],
    *,
    share: bool = False,
) -> Member | None:
    """Take the store for this process as soon as nobody else has it, or join those who share it.

    Args:
        store: the store.
        runtime: clock and lanes.
        places: of this process.
        notice: told who has it, once for each, and what keeps it from being asked for.
        waiting: told the same again and again, for as long as it lasts.
        share: whether to share it with others.

    Returns:
        Which one this is of those who share it.

    Raises:
        StoreError: it cannot be had, and trying again would not help.
    """
    holder: LeaseHolder | None = None
    member: Member | None = None
    told = ""
    while True:
        us = LeaseHolder.of_this_process(runtime.now())
        try:
            if share:
                member = await store.membership.join(us)
            else:
                await store.acquire_lease(us, LEASE)
        except StoreError as error:
            if error.error_class is not ErrorClass.TRANSIENT:
                raise
            said = str(error)
            if isinstance(error, LeaseHeld) and (found := await _holder(store)) is not None:
                holder = found
                said = (
                    f"froyo on {holder.host} (pid {holder.pid}) works with {places.kept_in}; this one takes over as "
                    "soon as that one has ended"
                )
            said = f"standing by: {said}"
            waiting(said)
            if said != told:
                notice(said)
                told = said
            await asyncio.sleep(AGAIN)
        else:
            if holder is not None:
                here = LeaseHolder.of_this_process(0.0).host
                elsewhere = "" if holder.host == here else f"; a local target is {here} from now on"
                notice(f"taking over: froyo on {holder.host} (pid {holder.pid}) has ended{elsewhere}")
            return member


async def _holder(store: Store) -> LeaseHolder | None:
    """Who has the store, as far as that can be told just now."""
    with contextlib.suppress(StoreError):
        found = await store.lease()
        return found.holder if found is not None else None
    return None
