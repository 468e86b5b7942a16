"""At which targets changes are being made, as policies want to know of the others.

Invariant: who is allowed something because few others are at work is at work itself before anybody else is asked about:
to ask and to begin is one step, which the lock sees to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.policy import AtWork
from reconciler.model.target import Target

WOKEN = 32
"""How many of those that wait are asked about again when a target has ended: many more could not go anyhow."""


class TargetsAtWork:
    """Those of one process.

    Attributes:
        deciding: is held by who asks and begins.
    """

    def __init__(self) -> None:
        self.deciding = asyncio.Lock()
        self._at_work: dict[TargetName, AtWork] = {}
        self._waiting: dict[Address, None] = {}
        self._woken: Callable[[Collection[Address]], None] | None = None
        self._moved = asyncio.Event()

    def notify(self, woken: Callable[[Collection[Address]], None]) -> None:
        """From now on, `woken` is told what was denied while others were at work, when one of them has ended."""
        self._woken = woken

    def others(self, name: TargetName) -> list[AtWork]:
        """Those beside this one."""
        return [one for one in self._at_work.values() if one.target.name != name]

    def begin(self, target: Target, now: float) -> None:
        """Changes are about to be made at a target."""
        self._at_work.setdefault(target.name, AtWork(target, now))

    def wait(self, address: Address) -> None:
        """Something was denied while others were at work, which may be why."""
        self._waiting[address] = None

    def settle(self, address: Address) -> None:
        """Something is not denied any more."""
        self._waiting.pop(address, None)

    def end(self, name: TargetName) -> None:
        """No change is being made at a target any more."""
        if self._at_work.pop(name, None) is None:
            return
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        if self._woken is None:
            return  # who waits does so by himself
        woken = list(self._waiting)[:WOKEN]
        for address in woken:
            del self._waiting[address]
        if woken:
            self._woken(woken)

    async def turn(self, name: TargetName) -> list[Address]:
        """What was denied on a target while others were at work, to be asked about again when one of them has ended.

        In a single run, where nobody else would. It ends: whoever waits is at work nowhere.
        """
        waiting = [address for address in self._waiting if split_address(address)[0] == name]
        if waiting and self.others(name):
            await self._moved.wait()
        for address in waiting:
            self._waiting.pop(address, None)
        return waiting
