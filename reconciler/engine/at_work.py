"""At which targets changes are being made, as policies want to know of the others.

Invariant: who is allowed something because few others are at work is at work itself before anybody else is asked about:
to ask and to begin is one step, which the lock sees to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from reconciler.model.names import Address, TargetName
from reconciler.model.policy import AtWork
from reconciler.model.target import Target

WOKEN = 32
"""How many of those that wait are asked about again when a target has ended: many more could not go anyhow."""


def _nobody(_addresses: Collection[Address]) -> None:
    """Nobody waits."""


class TargetsAtWork:
    """Those of one process.

    Attributes:
        deciding: is held by who asks and begins.
    """

    def __init__(self) -> None:
        self.deciding = asyncio.Lock()
        self._at_work: dict[TargetName, AtWork] = {}
        self._waiting: dict[Address, None] = {}
        self._woken: Callable[[Collection[Address]], None] = _nobody

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
        if self._at_work.pop(name, None) is None or not self._waiting:
            return
        woken = list(self._waiting)[:WOKEN]
        for address in woken:
            del self._waiting[address]
        self._woken(woken)
