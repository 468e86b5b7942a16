"""The HTTP server on the daemon's unix socket. Whoever may open the socket (0600) may do what the daemon's owner may."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.api import backend, views
from reconciler.api.backend import Knowledge
from reconciler.api.views import Document
from reconciler.errors import FroyoError, UsageError
from reconciler.model.event import EventType
from reconciler.model.names import Address, TargetName
from reconciler.model.plan import Cause, Plan
from reconciler.model.state import Suspension
from reconciler.store.queries import EventFilter

if TYPE_CHECKING:
    from aiohttp import web

FOLLOW = 0.05
"""Seconds between two looks for new events, while somebody follows them."""


class Backend(Knowledge, Protocol):
    """What the server needs of a daemon."""

    async def reconcile(self, selected: Sequence[Address] | None) -> int:
        """Look at these instances, or all, now; returns how many are concerned."""

    async def suspend(self, suspension: Suspension) -> int:
        """Leave something alone; returns how many instances are concerned."""

    async def resume(self, suspended: str) -> bool:
        """End a suspension; whether there was one."""

    async def plan(self) -> Sequence[Plan]:
        """What would be changed now."""

    def health(self) -> dict[str, str]:
        """What is wrong with the daemon itself, by task."""


async def serve(backend_: Backend, path: Path) -> None:
    """Serve until cancelled.

    Raises:
        UsageError: another daemon listens there.
    """
    from aiohttp import web

    listening = _listen(path)
    runner = web.AppRunner(_application(backend_), access_log=None)
    try:
        await runner.setup()
        await web.SockSite(runner, listening, shutdown_timeout=1.0).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        listening.close()
        path.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket:
    """The socket, taken over from a daemon that has died, never from one that lives."""
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        path.unlink(missing_ok=True)
    else:
        raise UsageError(f"{path}: another froyo listens there already")
    finally:
        probe.close()
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot listen there: {error.strerror}; choose a shorter --state directory"
        ) from error
    finally:
        os.umask(before)
    listening.listen()
    listening.setblocking(False)
    return listening


def _application(backend_: Backend) -> web.Application:
    from aiohttp import web

    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except (UsageError, ValueError) as error:
            return _json({"error": str(error)}, status=400)
        except FroyoError as error:
            return _json({"error": str(error)}, status=503)

    handlers = _Handlers(backend_)
    application = web.Application(middlewares=[web.middleware(guard)])
    application.add_routes(
        [
            web.get("/v1/status", handlers.status),
            web.get("/v1/resources", handlers.resources),
            web.get("/v1/events", handlers.events),
            web.get("/v1/history", handlers.history),
            web.get("/v1/healthz", handlers.healthz),
            web.post("/v1/plan", handlers.plan),
            web.post("/v1/reconcile", handlers.reconcile),
            web.post("/v1/suspend", handlers.suspend),
            web.post("/v1/resume", handlers.resume),
        ]
    )
    return application


def _json(value: Any, *, status: int = 200) -> web.Response:
    from aiohttp import web

    return web.json_response(value, status=status, dumps=lambda found: json.dumps(found, ensure_ascii=True))


def event_filter(query: dict[str, str]) -> EventFilter:
    """The filter that a query string describes.

    Raises:
        ValueError: something in it is not what it should be.
    """
    return EventFilter(
        object=query.get("object", ""),
        reason=query.get("reason") or None,
        cause=Cause(query["cause"]) if query.get("cause") else None,
        type=EventType(query["type"]) if query.get("type") else None,
        since=float(query.get("since", 0)),
        after=int(query["after"]) if query.get("after") else None,
    )


class _Handlers:
    """One method a route."""

    def __init__(self, backend_: Backend) -> None:
        self._backend = backend_

    async def status(self, _request: web.Request) -> web.Response:
        return _json(await backend.status(self._backend))

    async def resources(self, request: web.Request) -> web.Response:
        found = await backend.resources(self._backend, specs=request.query.get("specs") == "1")
        wanted = request.query.get("address")
        if wanted:
            found = [view for view in found if view["address"] == wanted]
        return _json(views.items("ResourceList", found))

    async def events(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        query = dict(request.query)
        limit = int(query.get("limit", 1000))
        chosen = event_filter(query)
        found = list(await self._backend.events(chosen, limit))
        if query.get("follow") != "1":
            return _json(views.items("EventList", map(views.event, found)))
        response = web.StreamResponse(headers={"Content-Type": "application/jsonl"})
        await response.prepare(request)
        last = chosen.after or 0
        while True:
            for event in found:
                last = max(last, event.id)
                await response.write(json.dumps(views.event(event)).encode() + b"\n")
            await asyncio.sleep(FOLLOW)
            found = list(await self._backend.events(event_filter({**query, "after": str(last)}), limit))

    async def history(self, request: web.Request) -> web.Response:
        target = request.query.get("target")
        runs = await self._backend.runs(
            TargetName(target) if target else None, int(request.query.get("limit", 20))
        )
        entries = []
        for run in runs:
            entries.append(await backend.run(self._backend, run))
        return _json(views.items("RunList", entries))

    async def healthz(self, _request: web.Request) -> web.Response:
        wrong = self._backend.health()
        document: Document = views.document("Health", healthy=not wrong, problems=wrong)
        return _json(document, status=503 if wrong else 200)

    async def plan(self, _request: web.Request) -> web.Response:
        return _json(views.items("PlanList", map(views.plan, await self._backend.plan())))

    async def reconcile(self, request: web.Request) -> web.Response:
        wanted = (await request.json()).get("addresses")
        selected = None if wanted is None else [Address(address) for address in wanted]
        return _json(views.document("Accepted", instances=await self._backend.reconcile(selected)))

    async def suspend(self, request: web.Request) -> web.Response:
        asked = await request.json()
        suspension = Suspension(
            object=str(asked["object"]),
            by=str(asked["by"]),
            reason=str(asked["reason"]),
            since=float(asked["since"]),
            until=None if asked.get("until") is None else float(asked["until"]),
        )
        return _json(views.document("Accepted", instances=await self._backend.suspend(suspension)))

    async def resume(self, request: web.Request) -> web.Response:
        found = await self._backend.resume(str((await request.json())["object"]))
        return _json(views.document("Accepted", found=found))
