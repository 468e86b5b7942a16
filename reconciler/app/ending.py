"""Being told to end: what works until then hears it from its first moment, so that nobody cuts it off.

Invariant: from before anything is taken (the store, a Lease) what a signal ends, it ends in order: it is waited for, or
it cancels what is being got ready, which gives back what it has.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What tells a process that works until it is told to end."""

T = TypeVar("T")


class EndSignal:
    """Whether this process has been told to end.

    Args:
        work: is cancelled by the word, but where it waits for it.

    Attributes:
        told: set from then on.
    """

    def __init__(self, work: asyncio.Task[object] | None) -> None:
        self.told = asyncio.Event()
        self._work = work

    def tell(self) -> None:
        """It is to end. Told once more it changes nothing: what ends, ends in order."""
        if self.told.is_set():
            return
        self.told.set()
        if self._work is not None:
            self._work.cancel()

    @contextlib.contextmanager
    def awaited(self) -> Iterator[asyncio.Event]:
        """Here the work waits for the word by itself, as `told`, and is not cancelled."""
        work, self._work = self._work, None
        try:
            yield self.told
        finally:
            self._work = work


def run_until_told(work: Callable[[EndSignal], Awaitable[T]]) -> T | None:
    """Run what works until it is told to end, in an event loop of its own.

    Args:
        work: what; it is given what tells it.

    Returns:
        What came of it; None where it was told to end before it had begun.
    """

    async def run() -> T | None:
        ending = EndSignal(asyncio.current_task())
        loop = asyncio.get_running_loop()
        # A terminal that is closed says SIGHUP, unless nohup has it ignored.
        heard = [number for number in ENDS if signal.getsignal(number) is not signal.SIG_IGN]
        for number in heard:
            loop.add_signal_handler(number, ending.tell)
        try:
            return await work(ending)
        except asyncio.CancelledError:
            if not ending.told.is_set():
                raise
            return None
        finally:
            for number in heard:
                loop.remove_signal_handler(number)

    return asyncio.run(run())
