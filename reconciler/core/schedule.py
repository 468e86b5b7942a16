"""When to look again at what is in sync, although nobody asked and nothing was heard.

Events only make it fast; these looks make it right, so there is always a next one. How soon depends on what
there is to go by: with a watch that works, rarely; without one, often; and after a change of ours, once
more when things have settled, because what was written while we repaired may have been told by the very
event that we answered. This module must not know how looking is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.backoff import jittered

if TYPE_CHECKING:
    from reconciler.core.backoff import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """The intervals between looks, in seconds.

    Attributes:
        watched: while events are pushed to us.
        unwatched: while they are not, or only some.
        settle: after a change of ours.
        jitter: the part by which intervals are made longer or shorter, so that looks spread out.
    """

    watched: float = 600.0
    unwatched: float = 30.0
    settle: float = 1.0
    jitter: float = 0.1

    def delay(self, random: Random, *, interval: float | None = None, watched: bool = False) -> float:
        """Seconds until the next look.

        Args:
            random: gives numbers in [0, 1).
            interval: what the manifest says.
            watched: whether events are pushed to us.
        """
        if interval is None:
            interval = self.watched if watched else self.unwatched
        return jittered(interval, self.jitter, random)
