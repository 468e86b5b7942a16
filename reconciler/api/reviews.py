"""What an API server of Kubernetes asks over HTTP, and is answered: one document each, at `/validate`.

This module must not know what is asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

MOST = 4 << 20
"""Bytes of a question: of an object, twice, which may have a megabyte and a half."""


def reviews(answered: Callable[[Any], Awaitable[dict[str, Any]]]) -> web.AppRunner:
    """What is served.

    Args:
        answered: gives the answer to a question; raises ValueError, KeyError or TypeError where it is none.
    """

    async def validate(request: web.Request) -> web.Response:
        try:
            return web.json_response(await answered(await request.json()))
        except (ValueError, KeyError, TypeError) as error:
            raise web.HTTPBadRequest(text=f"that is no AdmissionReview: {error}\n") from error

    app = web.Application(client_max_size=MOST)
    app.add_routes([web.post("/validate", validate)])
    return web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
