"""Calls when a suspension ends by itself.

Invariant: it has ended when somebody is called, by the wall clock, however often that is put forward or back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from reconciler.engine.loop.suspensions import Suspensions
from reconciler.model.state import Suspension


class Reminders:
    """See the module. There is one of each suspended object at most.

    Args:
        suspensions: those in force.
        now: the wall clock.
        ended: is told which object is not suspended any more.
    """

    def __init__(
        self, suspensions: Suspensions, *, now: Callable[[], float], ended: Callable[[str], None]
    ) -> None:
        self._suspensions = suspensions
        self._now = now
        self._ended = ended
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def set(self, suspensions: Iterable[Suspension]) -> None:
        """Call when these end, where they do by themselves; one before it on the same object is over."""
        for suspension in suspensions:
            self.cancel(suspension.object)
            if suspension.until is not None:
                pause = max(0.0, suspension.until - self._now()) + 0.001
                timer = asyncio.get_running_loop().call_later(pause, self._due, suspension)
                self._timers[suspension.object] = timer

    def _due(self, suspension: Suspension) -> None:
        if suspension in self._suspensions.all():  # the wall clock has been put back meanwhile
            self.set([suspension])
        else:
            self._ended(suspension.object)

    def cancel(self, object_: str) -> None:
        """Do not call about an object."""
        if (timer := self._timers.pop(object_, None)) is not None:
            timer.cancel()

    def close(self) -> None:
        """Call no more."""
        for timer in self._timers.values():
            timer.cancel()
