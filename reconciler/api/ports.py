"""TCP ports that are opened by choice: where one listens, and what is served there until it is cancelled.

This module must not know what is served. Invariant: whoever connects, and however often, takes no more from the daemon
than `AT_ONCE` descriptors, and none for ever without a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, cast

from reconciler.errors import UsageError, why

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from aiohttp import web

LOOPBACK = "127.0.0.1"

AT_ONCE = 64
"""Connections that are accepted at a time, since each has a descriptor of those of the daemon. Others wait."""
IDLE = 30.0
"""Seconds without a word after which a connection is ended."""
HANDSHAKE = 10.0
"""Seconds that TLS may take to begin."""
AGAIN = 0.2
"""Seconds until the next is accepted where one could not be."""


def address(text: str) -> tuple[str, int]:
    """Where to listen: `PORT`, which is on loopback, `HOST:PORT` or `[HOST]:PORT`, where HOST is an address.

    Raises:
        UsageError: it is none of these.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or LOOPBACK
    with contextlib.suppress(ValueError):
        ip_address(host)
        if port.isascii() and port.isdecimal() and int(port) < 1 << 16:
            return host, int(port)
    raise UsageError(
        f"{text!r} is nowhere to listen: give a port, which is then one of {LOOPBACK}, or an address and a port, "
        f"such as {LOOPBACK}:9469 or [::1]:9469"
    )


def bound(text: str) -> socket.socket:
    """A socket that listens there.

    Raises:
        UsageError: that is nowhere to listen, or it cannot be had.
    """
    host, port = address(text)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise UsageError(
            f"{text}: cannot listen there: {why(error)}; see who does: ss -ltnp, or choose another port"
        ) from error
    listening.setblocking(False)  # noqa: FBT003 - its one argument
    return listening


async def served(
    runner: web.AppRunner, listening: socket.socket, context: ssl.SSLContext | None = None
) -> None:
    """Serve on a socket until cancelled; the socket stays the caller's. With a context it is TLS."""
    places = asyncio.Semaphore(AT_ONCE)
    beginning: set[asyncio.Task[None]] = set()
    await runner.setup()
    try:
        while True:
            await places.acquire()
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(listening)
            except OSError:  # whoever came is gone again, or there are no descriptors left
                places.release()
                await asyncio.sleep(AGAIN)
                continue
            guest = _Guest(cast("web.Server", runner.server)(), places.release)
            task = asyncio.create_task(_begin(guest, connection, context), name="connection")
            beginning.add(task)
            task.add_done_callback(beginning.discard)
    finally:
        for task in beginning:
            task.cancel()
        await asyncio.gather(*beginning, return_exceptions=True)
        await runner.cleanup()


async def _begin(guest: _Guest, connection: socket.socket, context: ssl.SSLContext | None) -> None:
    try:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: guest, connection, ssl=context, ssl_handshake_timeout=HANDSHAKE if context else None
        )
    except BaseException as error:
        guest.leave()
        if not isinstance(error, OSError):  # it is no TLS that is spoken there, or nothing is said at all
            raise


class _Guest(asyncio.Protocol):
    """A connection, from when it was accepted until it is lost: aiohttp waits for a request for ever.

    Args:
        handler: of aiohttp.
        leave: called once, at the end.
    """

    def __init__(self, handler: asyncio.Protocol, leave: Callable[[], None]) -> None:
        self._handler = handler
        self._leave = leave
        self._here = True
        self._idle: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def leave(self) -> None:
        """It is over. May be called twice."""
        if self._idle is not None:
            self._idle.cancel()
        if self._here:
            self._here = False
            self._leave()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._handler.connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        self._handler.data_received(data)
        self._wait()

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self.leave()
        self._handler.connection_lost(exc)

    def _wait(self) -> None:
        """Somebody is there: for so long nothing else has to come."""
        if self._idle is not None:
            self._idle.cancel()
        if self._transport is not None and self._here:
            self._idle = asyncio.get_running_loop().call_later(IDLE, self._transport.abort)
