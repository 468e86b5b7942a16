"""The two halves of a stream that callbacks feed: what asyncio's and asyncssh's transports have in common.

Invariants: what has arrived before the end is read before the end is told; a transport is paused while more
than a bounded amount waits to be read; of the runner's diagnostics only the end is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from reconciler.errors import TransportError
from reconciler.targets.bucket import TokenBucket

HIGH_WATER = 1024 * 1024
"""Bytes waiting to be read above which the transport is paused."""
TAIL = 4096
"""Bytes of diagnostics that are kept."""
MOST, RATE = 1024 * 1024, 16 * 1024
"""Bytes of diagnostics that may come at once, and each second for ever: far more than login shells and runners say."""

_QUOTED = 200
"""Characters of them that an error repeats."""


class Inbox:
    """Bytes that have arrived and were not read yet.

    Args:
        pause: asks the transport to read no further.
        resume: asks it to carry on.
    """

    def __init__(self, *, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._buffer = bytearray()
        self._paused = False
        self._arrived = asyncio.Event()
        self._ended = False
        self._error: TransportError | None = None

    def feed(self, data: bytes) -> None:
        """Something has arrived."""
        self._buffer += data
        self._arrived.set()
        if len(self._buffer) > HIGH_WATER and not self._paused:
            self._paused = True
            self._pause()

    def end(self, error: TransportError | None = None) -> None:
        """Nothing more will arrive; `error` says why, where it was not meant to be. The first call counts."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._arrived.set()

    @property
    def ended(self) -> bool:
        """Nothing more will arrive."""
        return self._ended

    async def read(self, limit: int) -> bytes:
        """Up to `limit` bytes; b"" at the end.

        Raises:
            TransportError: what `end` was given.
        """
        while not self._buffer:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        data = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        if self._paused and len(self._buffer) <= HIGH_WATER // 2:
            self._paused = False
            self._resume()
        return data


class WriteGate:
    """Closed while the peer is slow; whoever writes waits here."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def close(self) -> None:
        """The transport has enough (`pause_writing`)."""
        self._open.clear()

    def open(self) -> None:
        """The transport wants more, or will never want any (`resume_writing`, and the end)."""
        self._open.set()

    async def wait(self) -> None:
        """Until it is open."""
        await self._open.wait()


class Tail:
    """The end of what was written to stderr."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._patience = TokenBucket(rate=RATE, burst=MOST)

    def feed(self, data: bytes) -> None:
        """Something was written."""
        self._kept += data
        del self._kept[:-TAIL]

    def hear(self, data: bytes, now: float) -> TransportError | None:
        """Something was written, at `now`; gives what there is to say once it is too much."""
        self.feed(data)
        if not self._patience.take(len(data), now):
            return None
        return TransportError(
            "it sends more than anybody asked for: over 1 MiB on its standard error, the end of which is: "
            + " / ".join(self.lines())[-_QUOTED:]
        )

    def __str__(self) -> str:
        text = self._kept.decode("utf-8", "replace").strip()
        return "".join(
            letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}"
            for letter in text
        )

    def lines(self) -> list[str]:
        """Its lines, without the empty ones."""
        return [line.strip() for line in str(self).splitlines() if line.strip()]
