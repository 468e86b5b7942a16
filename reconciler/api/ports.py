"""TCP ports that are opened by choice: where one listens, and what is served there until it is cancelled.

This module must not know what is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from reconciler.errors import UsageError, why

if TYPE_CHECKING:
    import ssl

    from aiohttp import web

LOOPBACK = "127.0.0.1"


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
    from aiohttp import web

    try:
        await runner.setup()
        await web.SockSite(runner, listening.dup(), ssl_context=context).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
