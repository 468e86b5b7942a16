"""Which objects of a cluster have to stay until something has been removed: those that the finalizer is for.

Invariant: an object goes only after what is in force was made without it, and after all that was to be removed for it
has gone, or is to stay; where it is not known yet what is to be removed, none goes that may have to wait for it.
Nothing is removed here, and nothing is decided about that: it is read from what is in force, by the controller that
leads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from reconciler.errors import StoreError
from reconciler.model.resource import Deletion
from reconciler.runtime import first_of
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    from reconciler.app.daemon import Daemon
    from reconciler.app.watched import Finalizing
    from reconciler.model.desired import Desired
    from reconciler.model.names import SourceName, TargetName
    from reconciler.model.resource import Instance
    from reconciler.model.target import Target

QUIET = 0.1
"""Seconds that what happens together gets to do so."""
AGAIN = 5.0
"""Seconds until it is looked at again, unless anything happens before. It costs nothing but a look at what is known."""

log = get_logger("froyo")


def wanted(instances: Iterable[Instance], targets: Mapping[TargetName, Target]) -> set[str]:
    """The files that have to stay: those of what is to be removed after them, and of the targets on which that is.

    Args:
        instances: all that is declared, and all that is to go.
        targets: on which.
    """
    found = set()
    for one in instances:
        if one.removal is not None or one.common.deletion is not Deletion.ORPHAN:
            found.add(one.origin.file)
            if (target := targets.get(one.target)) is not None:
                found.add(target.origin.file)
    return found


async def finalize(name: SourceName, daemon: Daemon) -> None:
    """Keep the finalizers of a source's objects as they have to be, for ever."""
    finalizing = daemon.sources.watched[name].finalizing
    if finalizing is None:
        return
    controller = daemon.controller
    complained = ""
    with daemon.parts.store.feed.subscribe() as following:
        while True:
            finalizing.changed.clear()
            # Before anything is in force it is not known what an object has to wait for.
            desired = controller.in_force.of(name)
            why = await _once(desired, finalizing, daemon) if desired is not None else ""
            if why and why != complained:
                log.warning("finalizers cannot be changed", why=why)
            complained = why
            await first_of(following.heard(), finalizing.changed.wait(), within=AGAIN)
            await asyncio.sleep(QUIET)


async def _once(desired: Desired, finalizing: Finalizing, daemon: Daemon) -> str:
    """Do what is due; why that could not be done, or ""."""
    store, in_force = daemon.parts.store, daemon.controller.in_force
    try:
        # What is to go on a target is not known before its facts are: what is on record of it counts until then.
        waiting = [one for name in desired.waiting for one in (await store.load_inventory(name)).values()]
        known = [*in_force.instances.values(), *daemon.controller.lanes.leaving()]
        known += [one.instance for one in waiting]
        due = finalizing.due(wanted(known, in_force.targets))
        if not due:
            return ""
        if not await store.has_lease():
            return "another controller leads"
    except StoreError as error:
        return f"it cannot be told what is to stay: {error}"
    return next(iter((await finalizing.change(due)).values()), "")
