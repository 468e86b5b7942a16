"""What waits to be sent on a channel: whole frames, in order, never more than about `limit` bytes.

Invariant: `put` does not wait, so that an id is taken and its frame queued in one step; a caller that is
cancelled can therefore never leave half a frame, or an id that is missing, on the wire. Who has much to send
awaits `room` first.
"""

from __future__ import annotations

import asyncio

from reconciler.runtime import Channel

_AT_ONCE = 256 * 1024
"""Small frames that wait together go out together, up to so many bytes."""


class Outbox:
    """Frames on their way out.

    Args:
        limit: bytes above which `room` waits.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._frames: list[bytes] = []
        self._waiting = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False

    def put(self, data: bytes) -> None:
        """Queue a frame."""
        self._frames.append(data)
        self._waiting += len(data)
        self._filled.set()

    @property
    def empty(self) -> bool:
        """Nothing waits and nothing is being written."""
        return not self._waiting

    async def room(self) -> None:
        """Until there is room for another frame, or it does not matter any more."""
        while self._waiting >= self._limit and not self._closed:
            self._room.clear()
            await self._room.wait()

    def close(self) -> None:
        """Nothing will be sent any more; nobody needs to wait."""
        self._closed = True
        self._room.set()

    async def send_to(self, channel: Channel) -> None:
        """Send whatever is put in, for ever.

        Raises:
            TransportError: the channel is lost.
        """
        while True:
            await self._filled.wait()
            data = self._take()
            await channel.write(data)
            self._waiting -= len(data)
            self._room.set()

    def _take(self) -> bytes:
        size = count = 0
        for frame in self._frames:
            if count and size + len(frame) > _AT_ONCE:
                break
            size += len(frame)
            count += 1
        data = self._frames[0] if count == 1 else b"".join(self._frames[:count])
        del self._frames[:count]
        if not self._frames:
            self._filled.clear()
        return data
