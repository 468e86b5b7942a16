"""Noticing that what is declared of a target changes what it was made of, over and over.

A name of a host that is made of the name of the host has no end: each change leads to another declaration, and that to
another change. The first few follow at once, since a declaration may well need more than one look at what it has
led to; then there are pauses, each twice the last, and whoever looks after one of them follows. A quiet time ends it.

This module must not know what facts are.
"""

from __future__ import annotations

from collections.abc import Container, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Echoes(Generic[K]):
    """Of targets.

    Args:
        free: how many follow at once.
        first: seconds of the first pause.
        longest: seconds of a pause at most.
        quiet: seconds without one, from the end of the last pause on, that end it.

    Example:
        >>> echoes = Echoes[str](free=2)
        >>> [echoes.heard("web-1", now=float(n)) for n in (0, 0, 0, 1, 3)]
        [0.0, 0.0, 1.0, 2.0, 4.0]
        >>> echoes.pause("web-1", now=5.0)
        2.0
    """

    def __init__(
        self, *, free: int = 5, first: float = 1.0, longest: float = 300.0, quiet: float = 600.0
    ) -> None:
        self._free = free
        self._first = first
        self._longest = longest
        self._quiet = quiet
        self._heard: dict[K, tuple[int, float]] = {}

    def heard(self, thing: K, *, now: float) -> float:
        """A change of ours has led to another one; seconds after which it may be followed."""
        number, until = self._heard.get(thing, (0, now))
        if until > now:
            return until - now
        number = 1 if now > until + self._quiet else number + 1
        over = number - self._free
        pause = min(self._longest, self._first * 2.0 ** min(over - 1, 30)) if over > 0 else 0.0
        self._heard[thing] = (number, now + pause)
        return pause

    def pause(self, thing: K, *, now: float) -> float:
        """Seconds that are left of a pause."""
        return max(0.0, self._heard.get(thing, (0, now))[1] - now)

    def is_first(self, thing: K) -> bool:
        """Whether this is the first pause, so that it is news."""
        return self._heard.get(thing, (0, 0.0))[0] == self._free + 1

    def keep_only(self, things: Container[K]) -> None:
        """Forget all others."""
        self._heard = {thing: heard for thing, heard in self._heard.items() if thing in things}
