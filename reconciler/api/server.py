"""The HTTP server on the daemon's unix socket. Whoever may open the socket (0600) may do what the daemon's owner may.

Invariants: whatever is asked wrongly is answered with a sentence and a status, and nobody else notices. A socket is
only ever taken over from a daemon that has died. Knows no engine: what it tells and takes goes through `Backend`.

What requests ask for is held to its shape by pydantic, whose 10 MB a daemon takes only once it is asked for something.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.api import answers, observing, queries, views
from reconciler.api.answers import NotFound
from reconciler.api.backend import Backend
from reconciler.api.following import changes, events, stream
from reconciler.api.listening import identity, listen
from reconciler.errors import FroyoError, UsageError, in_words
from reconciler.model.alert import AlertName
from reconciler.model.names import Address, TargetName
from reconciler.runtime import tick
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    from aiohttp import web

LOOK = 1.0
"""Seconds between two looks whether the socket is still there."""

BODY = 1 << 20
"""Bytes that a request may have."""

log = get_logger("froyo")


async def serve(backend: Backend, path: Path) -> None:
    """Serve until cancelled. A socket that somebody removes is made again: without it, nobody finds the daemon.

    Raises:
        UsageError: another daemon listens there, or nobody can.
    """
    from aiohttp import web

    listening = listen(path)
    ours, home = identity(path), identity(path.parent)
    # Nothing is unpacked: on a socket of this machine packing gains nothing, and a little can become a lot.
    runner = web.AppRunner(application(backend), access_log=None, shutdown_timeout=1.0, auto_decompress=False)
    try:
        await runner.setup()
        site = web.SockSite(runner, listening)
        await site.start()
        while True:
            await tick(LOOK)
            # Where the directory is not the one that it was, somebody else may listen, and this daemon is to end.
            if identity(path) == ours or identity(path.parent) != home:
                continue
            log.warning("the socket was removed or replaced, and is made again", path=str(path))
            await site.stop()  # connections stay
            listening = listen(path)
            ours = identity(path)
            site = web.SockSite(runner, listening)
            await site.start()
    finally:
        await runner.cleanup()
        listening.close()
        # The directory may have been moved away, and this be another daemon's.
        if identity(path) == ours:
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - one system call, at the end


def application(backend: Backend) -> web.Application:
    """All routes."""
    from aiohttp import web

    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return _failure(400, "the body has to be JSON as it is, not packed: leave Content-Encoding out")
        try:
            return await handler(request)
        except web.RequestPayloadError as error:
            return _failure(400, f"the body cannot be read: {error}")
        except web.HTTPException as error:
            return _failure(error.status, error.reason)
        except NotFound as error:
            return _failure(404, str(error))
        except UsageError as error:
            return _failure(400, str(error))
        except FroyoError as error:
            return _failure(503, str(error))
        except ConnectionError:
            raise  # whoever asked is gone
        except Exception as error:
            log.exception("a request failed; this is a defect", path=request.path)
            return _failure(
                500, f"the daemon failed, which is a defect of froyo: {in_words(error)}; its log says where"
            )

    handlers = _Handlers(backend)
    app = web.Application(middlewares=[web.middleware(guard)], client_max_size=BODY)
    app.add_routes(observing.routes(backend))
    app.add_routes(
        [
            web.get("/v1/healthz", handlers.healthz),
            web.get("/v1/openapi.json", handlers.openapi),
            web.get("/v1/events", handlers.events),
            web.get("/v1/changes", handlers.changes),
            web.get("/{path:.*}", handlers.answer),
            web.post("/v1/alerts/test", handlers.test_alert),
            web.post("/v1/facts", handlers.gather_facts),
            web.post("/v1/plan", handlers.plan),
            web.post("/v1/reconcile", handlers.reconcile),
            web.post("/v1/suspend", handlers.suspend),
            web.post("/v1/resume", handlers.resume),
            web.post("/v1/approve", handlers.approve),
            web.post("/v1/forget", handlers.forget),
            web.post("/v1/restore", handlers.restore),
            web.post("/v1/restore/plan", handlers.foresee_restore),
            web.post("/v1/rollouts", handlers.steer_rollout),
            web.post("/v1/rollback", handlers.rollback),
            web.post("/v1/rollback/end", handlers.end_rollback),
        ]
    )
    return app


def _json(value: Any, *, status: int = 200) -> web.Response:
    from aiohttp import web

    # What is not UTF-8 travels as an escape.
    return web.json_response(value, status=status, dumps=lambda found: json.dumps(found, ensure_ascii=True))


def _failure(status: int, message: str) -> web.Response:
    return _json(views.document("Error", status=status, message=message), status=status)


class _Handlers:
    """One method a route."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def answer(self, request: web.Request) -> web.Response:
        return _json(await answers.answer(self._backend, request.path, request.query))

    async def events(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("follow") != "1":
            return await self.answer(request)
        # What is asked wrongly is answered before the stream begins.
        query = dict(request.query)
        queries.event_filter(query)
        if query.get("limit") != "0":
            queries.limit(query, 1)
        return await stream(request, events(self._backend, query), views.event)

    async def changes(self, request: web.Request) -> web.StreamResponse:
        # From before the answer begins: who has got that can look, and misses nothing that comes after the look.
        with self._backend.subscribe() as following:
            return await stream(request, changes(following), views.change)

    async def healthz(self, _request: web.Request) -> web.Response:
        wrong = self._backend.health()
        document = views.document("Health", healthy=not wrong, problems=dict(wrong), pid=os.getpid())
        return _json(document, status=503 if wrong else 200)

    async def openapi(self, _request: web.Request) -> web.Response:
        from aiohttp import web

        from reconciler.api.openapi import text

        return web.Response(text=text(), content_type="application/json")

    async def plan(self, _request: web.Request) -> web.Response:
        plans, declared = await self._backend.plan(), await self._backend.instances()
        return _json(views.items("PlanList", (views.plan(plan, declared) for plan in plans)))

    async def test_alert(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.body(requests.ProveAlert, await request.read())
        sent = await self._backend.test_alert(AlertName(wanted.name), by=wanted.by)
        return _json(views.document("Accepted", id=sent))

    async def gather_facts(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.body(requests.GatherFacts, await request.read())
        await self._backend.gather_facts(TargetName(wanted.target))
        return _json(await answers.answer(self._backend, "/v1/facts", {"target": wanted.target}))

    async def reconcile(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        concerned = await self._backend.reconcile(requests.scope(await request.read()))
        return _json(views.document("Accepted", instances=concerned))

    async def suspend(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        suspension = requests.suspension(await request.read(), now=self._backend.now())
        return _json(views.document("Accepted", instances=await self._backend.suspend(suspension)))

    async def resume(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.body(requests.Resume, await request.read())
        found = await self._backend.resume(wanted.object, by=wanted.by)
        return _json(views.document("Accepted", found=found))

    async def approve(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.body(requests.Approve, await request.read())
        addresses = [Address(one) for one in wanted.addresses]
        approved, already = await self._backend.approve(addresses, by=wanted.by, reason=wanted.reason)
        return _json(views.document("Accepted", addresses=approved, already=already))

    async def forget(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.body(requests.Forget, await request.read())
        addresses = [Address(one) for one in wanted.addresses]
        forgotten = await self._backend.forget(addresses, wanted.source, by=wanted.by)
        return _json(views.document("Accepted", objects=forgotten))

    async def restore(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.body(requests.Restore, await request.read())
        address = Address(wanted.address)
        await self._backend.restore(address, by=wanted.by, reason=wanted.reason)
        return _json(views.document("Accepted", addresses=[address]))

    async def foresee_restore(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.body(requests.ForeseeRestore, await request.read())
        plan = await self._backend.foresee_restore(Address(wanted.address))
        return _json(views.items("PlanList", [views.plan(plan, await self._backend.instances())]))

    async def rollback(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.rollback(await request.read(), now=self._backend.now())
        found = await self._backend.roll_back(
            wanted.revision, wanted.source, by=wanted.by, reason=wanted.reason, until=wanted.until
        )
        instances = (await self._backend.instances()).values()
        waiting = [one.address for one in instances if one.removal is not None and one.removal.hold]
        view = views.document("RolledBack", source=found.source, rollback=views.rollback(found))
        return _json({**view, "waiting": waiting})

    async def steer_rollout(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.body(requests.SteerRollout, await request.read())
        found = await self._backend.steer_rollout(
            wanted.action,
            wanted.name,
            wanted.source,
            by=wanted.by,
            reason=wanted.reason,
            full=wanted.full,
        )
        return _json({**views.document("Rollout"), **views.rollout(found)})

    async def end_rollback(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.body(requests.EndRollback, await request.read())
        ended = await self._backend.end_rollback(wanted.source, by=wanted.by)
        return _json(views.document("RollbackEnded", source=ended.source, rollback=views.rollback(ended)))
