"""The token bucket: how much may come at once, and how much goes on for ever. Pure: the time is given to it."""

from __future__ import annotations


class TokenBucket:
    """Full at first.

    Args:
        rate: tokens that are added each second.
        burst: tokens that it holds at most.
    """

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = self._level = burst
        self._filled: float | None = None

    def take(self, tokens: float, now: float) -> float:
        """Take so many, which may be more than there are.

        Returns:
            Seconds after which there would have been enough; 0 while there are.
        """
        if self._filled is not None:
            self._level = min(self._burst, self._level + (now - self._filled) * self._rate)
        self._filled = now
        self._level -= tokens
        return max(0.0, -self._level / self._rate)
