"""A connection to a modelled runner: bytes in order, late, held up, or cut off at any byte.

The controller's end is a `Channel`. Its other end is told what arrives by callbacks, so that nothing of a target is in
a task of the controller's process and dies with it.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from reconciler.errors import ErrorClass, RunnerError, TransportError


class Pipe:
    """One direction: what is put in comes out later, in order."""

    def __init__(
        self, *, delay: Callable[[], float], held: Callable[[], float], deliver: Callable[[Any], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay = delay
        self._held = held
        self._deliver = deliver
        self._under_way: deque[tuple[float, Any]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, what: Any) -> None:
        """Send it."""
        last = self._under_way[-1][0] if self._under_way else 0.0
        self._under_way.append((max(last, self._loop.time() + self._delay()), what))
        if self._timer is None:
            self._next()

    def stop(self) -> None:
        """Whatever is under way never arrives."""
        self._under_way.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self) -> None:
        self._timer = None
        if self._under_way:
            due = max(self._under_way[0][0], self._held())
            self._timer = self._loop.call_at(due, self._arrive)

    def _arrive(self) -> None:
        self._timer = None
        if self._held() > self._loop.time():
            self._next()
            return
        _, what = self._under_way.popleft()
        self._deliver(what)
        if self._timer is None:
            self._next()


class Wire:
    """Both directions, and the controller's end of it, which is a `Channel`.

    Args:
        delay: seconds that something takes to arrive.
        held: until when nothing arrives.
        heard: told of each piece that arrives at the target; b"" for the end.
        said: told of each piece that the controller sends.
    """

    def __init__(
        self,
        *,
        delay: Callable[[], float],
        held: Callable[[], float],
        heard: Callable[[bytes], None],
        said: Callable[[bytes], None],
    ) -> None:
        self._down = Pipe(delay=delay, held=held, deliver=heard)
        self._up = Pipe(delay=delay, held=held, deliver=self._arrived)
        self._said = said
        self._inbox: deque[bytes | TransportError] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._severed = False
        self._lost: TransportError | None = None
        self.closed = False
        self.diagnosis = ""

    # --- the controller's end -----------------------------------------------------------------------------------

    async def read(self, limit: int) -> bytes:
        while not self._inbox:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        data = self._inbox[0]
        if isinstance(data, TransportError):
            raise data
        if data:
            self._inbox.popleft()
        if len(data) > limit:
            self._inbox.appendleft(data[limit:])
            data = data[:limit]
        return data

    async def write(self, data: bytes) -> None:
        if self._lost is not None:
            raise self._lost
        if not self._severed and not self.closed:
            self._said(data)
            self._down.put(data)

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._down.put(b"")
            self._arrived(b"")

    async def reach(self, host: str, port: int) -> socket.socket:
        raise RunnerError(
            f"{host}:{port}: nobody answers", error_class=ErrorClass.TRANSIENT, code="no_connection"
        )

    def sever(self) -> None:
        """The controller's process is gone, and the kernel closes what it had open."""
        if not self._severed:
            self._severed = True
            if not self.closed:
                self._down.put(b"")

    # --- the target's end ---------------------------------------------------------------------------------------

    def say(self, data: bytes | TransportError) -> None:
        """Send something to the controller; b"" is the end."""
        self._up.put(data)

    def cut(self, error: TransportError) -> None:
        """The connection is gone, at once, for both."""
        if self._lost is None:
            self._lost = error
            self._up.stop()
            self._arrived(error)
            self._down.put(b"")

    def _arrived(self, data: bytes | TransportError) -> None:
        if self._severed:
            return
        self._inbox.append(data)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
