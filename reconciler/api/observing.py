"""What those ask who watch over a daemon: `/metrics`, `/healthz`, `/livez` and `/readyz`.

On the daemon's socket, and by choice on a TCP port, where there is nothing else: nothing can be changed there, and no
manifest, plan or event is told.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from reconciler.api.backend import Observable
from reconciler.api.health import HealthCheck, lives, report
from reconciler.api.ports import address, bound, served
from reconciler.core.visible import one_line
from reconciler.errors import in_words
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    import socket

    from aiohttp import web

log = get_logger("froyo")


def routes(backend: Observable) -> list[web.RouteDef]:
    """The paths, on whatever they are served."""
    from aiohttp import web

    async def metrics(request: web.Request) -> web.Response:
        text, content_type = await backend.metrics(request.headers.get("Accept", ""))
        return web.Response(body=text, headers={"Content-Type": content_type})

    def probe(title: str, chosen: Callable[[list[HealthCheck]], list[HealthCheck]]) -> list[web.RouteDef]:
        async def handler(request: web.Request) -> web.Response:
            checks, only = chosen(list(backend.checks())), request.match_info.get("check")
            if only is not None:
                checks = [check for check in checks if check.name == only]
                if not checks:
                    return web.Response(status=404, text=f"there is no such check: {one_line(only)}\n")
            excluded = request.query.getall("exclude", [])
            well, text = report(title, checks, verbose="verbose" in request.query, exclude=excluded)
            return web.Response(
                status=200 if well else 503, text=text, headers={"X-Content-Type-Options": "nosniff"}
            )

        return [web.get(f"/{title}", handler), web.get(f"/{title}/{{check:.+}}", handler)]

    return [
        web.get("/metrics", metrics),
        *probe("healthz", lives),
        *probe("livez", lives),
        *probe("readyz", list),
    ]


async def serve_observers(backend: Observable, listening: socket.socket) -> None:
    """Serve them alone on a socket until cancelled; the socket stays the caller's."""
    from aiohttp import web

    @web.middleware
    async def guard(request: web.Request, handler: Callable[..., object]) -> web.StreamResponse:
        try:
            return await handler(request)  # type: ignore[misc,no-any-return] # as aiohttp calls it
        except (web.HTTPException, ConnectionError):
            raise
        except Exception as error:
            log.exception("a request failed; this is a defect", path=request.path)
            return web.Response(status=500, text=f"froyo failed, which is a defect: {in_words(error)}\n")

    app = web.Application(middlewares=[guard], client_max_size=1 << 10)
    app.add_routes(routes(backend))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await served(runner, listening)


def listen_for_observers(text: str) -> socket.socket:
    """A socket that listens there, for whom nothing is secret that is told.

    Raises:
        UsageError: that is nowhere to listen, or it cannot be had.
    """
    listening = bound(text)
    if not ip_address(address(text)[0]).is_loopback:
        log.warning(
            "metrics and health are told to whoever reaches this address: there is no password and no TLS",
            listen=text,
        )
    return listening
