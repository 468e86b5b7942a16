"""How long to wait before the next try, and how to keep many waits from ending at the same moment.

Invariant: a delay never exceeds its cap, never goes below half of what it should be, and depends on its
arguments
only: randomness comes in as a function that gives numbers in [0, 1). This module must not know what is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Random = Callable[[], float]
"""Gives numbers in [0, 1), such as `runtime.random.random`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential backoff with jitter.

    Example:
        >>> [Backoff(base=1.0, cap=10.0).delay(n, lambda: 0.0) for n in (1, 2, 3, 4, 5)]
        [1.0, 2.0, 4.0, 8.0, 10.0]

    Attributes:
        base: seconds after the first failure.
        cap: seconds that no delay exceeds.
        factor: by how much each further failure stretches the delay.
        jitter: the part of a delay that is left to chance; delays are only ever shortened by it.
    """

    base: float = 0.5
    cap: float = 300.0
    factor: float = 2.0
    jitter: float = 0.5

    def delay(self, failures: int, random: Random) -> float:
        """Seconds to wait after `failures` consecutive failures, the latest included; 0 after none."""
        if failures <= 0:
            return 0.0
        try:
            full = min(self.cap, self.base * self.factor ** (failures - 1))
        except OverflowError:
            full = self.cap
        return full * (1.0 - self.jitter * random())


def jittered(interval: float, fraction: float, random: Random) -> float:
    """`interval`, longer or shorter by up to `fraction` of it.

    Example:
        >>> jittered(100.0, 0.1, lambda: 0.5)
        100.0
    """
    return interval * (1.0 + fraction * (2.0 * random() - 1.0))
