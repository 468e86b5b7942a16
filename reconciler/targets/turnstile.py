"""Lets few at a time through what is heavy for this machine: a handshake, and the shipping of a runner.

A hundred targets that begin together are ready together, late; one after the other the first of them are at work while
the last log in. Invariant: whoever takes longer than a healthy target does no longer counts, so that a host which
answers and then says no more keeps nobody waiting for long.
"""

from __future__ import annotations

import asyncio


class Turnstile:
    """See the module.

    Args:
        places: how many at a time.
        patience: seconds after which one does not count any more.
    """

    def __init__(self, places: int, patience: float) -> None:
        self._places = asyncio.Semaphore(places)
        self._patience = patience

    def turn(self) -> Turn:
        """For one who wants through; see `Turn`."""
        return Turn(self._places, self._patience)


class Turn:
    """One way through: `enter` before what is heavy, and `leave` in any case."""

    def __init__(self, places: asyncio.Semaphore, patience: float) -> None:
        self._places = places
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self) -> None:
        """Wait for a place. Does nothing for one who has it."""
        if self._timer is None:
            await self._places.acquire()
            self._timer = asyncio.get_running_loop().call_later(self._patience, self.leave)

    def leave(self) -> None:
        """Make room. Does nothing for one who has no place."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._places.release()
