"""Stops a guest that does not answer in time.

A guest that runs can only be stopped by raising the engine's epoch, from another thread. The epoch is not a
clock here: it is raised only to stop something, and everything that is entered later gets a deadline of its
own. So an idle process has no ticking thread, and what is entered and left within a tick costs two locks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil

TICK_SECONDS = 0.01


class Watchdog:
    """Watches over the one thread that runs guests.

    Args:
        bark: stops whatever runs. Called from the watchdog's own thread.
    """

    def __init__(self, bark: Callable[[], None]) -> None:
        self._bark = bark
        self._lock = threading.Lock()
        self._entered = threading.Event()
        self._closed = threading.Event()
        self._ticks_left = 0
        self._barked = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, seconds: float) -> Iterator[Callable[[], bool]]:
        """Stop what runs inside of this if it runs for longer.

        Yields:
            Tells, afterwards, whether it was stopped.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="froyo-watchdog", daemon=True)
            self._thread.start()
        with self._lock:
            # One more, since the tick under way may end at once.
            self._ticks_left = ceil(seconds / TICK_SECONDS) + 1
            self._barked = False
        if not self._entered.is_set():
            self._entered.set()
        try:
            yield lambda: self._barked
        finally:
            with self._lock:
                self._ticks_left = 0

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._entered.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _watch(self) -> None:
        idle_ticks = 0
        while not self._closed.is_set():
            self._entered.wait()
            self._closed.wait(TICK_SECONDS)
            with self._lock:
                if self._ticks_left == 0:
                    idle_ticks += 1
                    # Sleeping until the next entry costs that one a wake-up, so not between two of a burst.
                    if idle_ticks > 4 and not self._closed.is_set():
                        self._entered.clear()
                    continue
                idle_ticks = 0
                self._ticks_left -= 1
                if self._ticks_left == 0:
                    self._barked = True
                    self._bark()
