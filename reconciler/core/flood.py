"""Telling what happens too often only now and then, so that it does not push everything else out of the record.

What is kept is limited, and a rival that is quick enough makes a hundred events a second: within minutes nothing else
would be left, whoever may have hoped for that. The first `most` within a window are told one by one. Those beyond it
are counted, and told as a number with the first after the window, or by themselves once it is over.

This module must not know what is told, nor how.
"""

from __future__ import annotations

from collections.abc import Container, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

MOST = 200
"""How many are told one by one."""
WINDOW = 60.0
"""Seconds in which they happen."""


@dataclass(slots=True)
class _Window:
    begun: float
    number: int = 0
    untold: int = 0


class Floods(Generic[K]):
    """What happens to many things. Remembers the window of each to which something has happened.

    Args:
        most: how many are told one by one in a window.
        window: seconds.

    Example:
        >>> floods = Floods[str](most=1, window=60.0)
        >>> [floods.happened("web-1/File/motd", now=now) for now in (0.0, 1.0, 2.0, 60.0)]
        [0, None, None, 2]
        >>> floods.happened("web-1/File/motd", now=61.0), floods.rest("web-1/File/motd", now=120.0)
        (None, 1)
    """

    def __init__(self, *, most: int = MOST, window: float = WINDOW) -> None:
        self._most = most
        self._window = window
        self._windows: dict[K, _Window] = {}

    def happened(self, thing: K, *, now: float) -> int | None:
        """It has happened again. How many before it were not told; None if this one is not to be told either."""
        untold = self.rest(thing, now=now)
        window = self._windows.setdefault(thing, _Window(now))
        window.number += 1
        if window.number > self._most:
            window.untold += 1
            return None
        return untold

    def rest(self, thing: K, *, now: float) -> int:
        """How many were not told in a window that is over. From now on they are."""
        window = self._windows.get(thing)
        if window is None or now < window.begun + self._window:
            return 0
        return self._windows.pop(thing).untold

    def told_at(self, thing: K) -> float | None:
        """When what is not told may be: its window is over then. None where all is told."""
        window = self._windows.get(thing)
        return window.begun + self._window if window is not None and window.untold else None

    def keep_only(self, things: Container[K]) -> None:
        """Nothing happens to others any more."""
        for thing in [thing for thing in self._windows if thing not in things]:
            del self._windows[thing]
