"""Where a git server says that somebody has pushed: a port of its own, off unless it is asked for.

Invariant: whoever is heard there can do nothing but have the sources looked at sooner. What is sent is never read, only
held to a signature: GitHub's and Gitea's, GitLab's token, or an HMAC of anybody's. So many requests at a time, of so
many bytes, so often; the rest is turned away, and the next look comes by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from reconciler.api.ports import served
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    import socket

    from aiohttp import web

PATH = "/hook"

BODY = 4 << 20
"""Bytes that a request may have; more than a push of some thousand commits has."""

AT_ONCE = 4
"""Requests that are heard at a time."""

BURST = 10.0
PER_SECOND = 1.0
"""Requests that are heard in a row, and then."""

PATIENCE = 10.0
"""Seconds that a request may take to come."""

_SIGNED = ("X-Hub-Signature-256", "X-Gitea-Signature", "X-Forgejo-Signature", "X-Signature")

log = get_logger("froyo")


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Whether who knows the secret has sent this.

    Args:
        headers: of the request.
        body: all of it.
        secret: what is shared with the server.
    """
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    for name in _SIGNED:
        if (given := headers.get(name)) is not None:
            return _same(given.removeprefix("sha256="), expected)
    return _same(headers.get("X-Gitlab-Token", ""), secret)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


class HookLimit:
    """How often somebody is heard.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = BURST
        self._at = clock()

    def opens(self) -> bool:
        """Whether one more is heard."""
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._at) * PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


async def serve_webhooks(
    listening: socket.socket,
    secret: Callable[[], str | None],
    sooner: Callable[[], None],
    *,
    clock: Callable[[], float],
) -> None:
    """Hear it on a socket until cancelled; the socket stays the caller's.

    Args:
        listening: the socket.
        secret: gives what is shared with the server, as it is now; None if there is nothing.
        sooner: has the sources looked at.
        clock: seconds.
    """
    from aiohttp import web

    gate, places = HookLimit(clock), asyncio.Semaphore(AT_ONCE)

    async def hear(request: web.Request) -> web.Response:
        if places.locked() or not gate.opens():
            return web.Response(
                status=429, text="too often; it is looked at all the same\n", headers={"Retry-After": "5"}
            )
        async with places:
            try:
                async with asyncio.timeout(PATIENCE):
                    body = await request.read()
            except TimeoutError:
                return web.Response(status=408, text="too slow\n")
        shared = secret()
        if shared is None or not is_signed(request.headers, body, shared):
            log.warning(
                "a webhook that nobody signed who knows the secret was turned away", remote=request.remote
            )
            return web.Response(status=403, text="not signed with the secret that is shared\n")
        sooner()
        return web.Response(status=202, text="it is looked at soon\n")

    app = web.Application(client_max_size=BODY)
    app.router.add_post(PATH, hear)
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=1.0, auto_decompress=False, keepalive_timeout=PATIENCE
    )
    await served(runner, listening)
