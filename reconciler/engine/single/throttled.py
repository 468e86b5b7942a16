"""What is told to wait, such as by a package manager that somebody else has locked, and how long one apply does.

Invariant: an apply ends, whoever keeps it waiting. This module must not know for what is waited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from reconciler.core.conditions import summarize
from reconciler.engine.lane.lane import Lane
from reconciler.model.conditions import Reason
from reconciler.model.names import Address
from reconciler.model.scope import Scope

PATIENCE = 120.0
"""Seconds that one apply waits in all on a target: as long as apt does for its lock where froyo runs it."""


class Throttled:
    """What of one target is waited for in one apply.

    Args:
        lane: the target, as it is held in memory.
        loop_time: gives the time.
    """

    def __init__(self, lane: Lane, loop_time: Callable[[], float]) -> None:
        self._lane = lane
        self._loop_time = loop_time
        self._until = loop_time() + PATIENCE

    async def wait(self, again: Mapping[Address, float]) -> Scope[Address]:
        """Wait until something that was told to can be tried again; nothing where it is too long for that.

        Args:
            again: what is to be looked at again, and in how many seconds.
        """
        pauses = {
            address: pause
            for address, pause in again.items()
            if summarize(self._lane.states[address].conditions).reason is Reason.THROTTLED
        }
        if not pauses or self._loop_time() + min(pauses.values()) > self._until:
            return Scope.of(())
        await asyncio.sleep(min(pauses.values()))
        return Scope.of(pauses)
