"""The clock by which evaluations are stopped that take too long. It stands still while there is none.

WebAssembly that runs can only be stopped by raising its engine's epoch, from another thread. Invariant: it is raised
all the time that something runs, and never else, so that a process that waits is not woken a hundred times a second.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TICK = 0.01
"""Seconds between two ticks."""


class EpochClock:
    """The clock of one engine.

    Args:
        tick: raises its epoch. Called on a thread of this clock's own.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._lock = threading.Lock()
        self._running = 0
        self._needed = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def deadline_ticks(self, seconds: float) -> int:
        """How many ticks so many seconds are; one more, since the one under way may end at once."""
        return math.ceil(seconds / TICK) + 1

    def ensure_running(self) -> None:
        """An instance has been made; that alone needs no ticks."""

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Tick for as long as what is inside of this runs."""
        with self._lock:
            self._running += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="froyo-policy-clock", daemon=True)
                self._thread.start()
            self._needed.set()
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    self._needed.clear()

    def close(self) -> None:
        """End the thread. Nothing may run any more."""
        self._closed.set()
        self._needed.set()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._needed.wait()
            self._closed.wait(TICK)
            self._tick()
