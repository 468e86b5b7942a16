"""What a runner says without being asked, and how much of that is borne.

A runner has no reason to beat often, so one that does is ended. Changes may come in floods, because somebody makes
them: then they are read more slowly, and a runner that cannot get rid of them puts them together.
"""

from __future__ import annotations

from reconciler.errors import RemoteProtocolError
from reconciler.targets.bucket import TokenBucket
from reconciler.targets.messages import CommandEvent

_KIB = 1024
_BEAT_RATE, _BEAT_BURST = 10.0, 1000.0
"""HEARTBEATs a second, or KiB of them. One in ten seconds is due; the burst is what waits for a machine that slept."""
_EVENT_RATE, _EVENT_BURST = 5000.0, 60_000.0
"""Changes a second, or KiB of events. Ten thousand files that are replaced at once are no more than a burst."""


class Unasked:
    """The account of one link."""

    def __init__(self) -> None:
        self._beats = TokenBucket(rate=_BEAT_RATE, burst=_BEAT_BURST)
        self._events = TokenBucket(rate=_EVENT_RATE, burst=_EVENT_BURST)

    def beat(self, *, size: int, now: float) -> None:
        """Take note of a HEARTBEAT.

        Args:
            size: of its frame, in bytes.
            now: loop time.

        Raises:
            RemoteProtocolError: there are far more of them than a runner has a reason for.
        """
        if self._beats.take(1 + size / _KIB, now):
            raise RemoteProtocolError(
                "it sends more than anybody asked for: HEARTBEATs without end, where one in ten seconds is due"
            )

    def event(self, message: CommandEvent, *, size: int, asked: bool, now: float) -> float:
        """Take note of an EVENT; gives the seconds by which the runner is ahead of what is taken in.

        Args:
            message: which.
            size: of its frame, in bytes.
            asked: whether it is about a call that is under way.
            now: loop time.
        """
        changes = message.data.get("changes")
        tokens = float(len(changes)) if isinstance(changes, list) and changes else 1.0
        if message.event != "chunk" or not asked:
            tokens += size / _KIB  # a piece of what was asked for may be large
        return self._events.take(tokens, now)
