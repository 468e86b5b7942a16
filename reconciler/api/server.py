"""The HTTP server on the daemon's unix socket. Whoever may open the socket (0600) may do what the daemon's owner may.

Invariants: whatever is asked wrongly is answered with a sentence and a status, and nobody else notices. A socket is
only ever taken over from a daemon that has died. Knows no engine: what it tells and takes goes through `Backend`.

What requests ask for is held to its shape by pydantic, whose 10 MB a daemon takes only once it is asked for something.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.api import answers, queries, views
from reconciler.api.answers import NotFound
from reconciler.api.backend import Followed
from reconciler.api.following import changes, events, stream
from reconciler.errors import FroyoError, UsageError, in_words, why
from reconciler.model.names import Address
from reconciler.model.plan import Plan
from reconciler.model.scope import Scope
from reconciler.model.state import Rollback, Suspension
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    from aiohttp import web

LOOK = 1.0
"""Seconds between two looks whether the socket is still there."""

BODY = 1 << 20
"""Bytes that a request may have."""

log = get_logger("froyo")


class Backend(Followed, Protocol):
    """What the server needs of a daemon."""

    def now(self) -> float:
        """The wall clock."""

    async def reconcile(self, scope: Scope[Address]) -> int:
        """Look at these instances now; returns how many are concerned."""

    async def suspend(self, suspension: Suspension) -> int:
        """Leave something alone; returns how many instances are concerned."""

    async def resume(self, suspended: str, *, by: str) -> bool:
        """End a suspension; whether there was one."""

    async def approve(self, addresses: Sequence[Address], *, by: str, reason: str) -> list[Address]:
        """Have done what waits for a person; returns what that is."""

    async def forget(self, addresses: Sequence[Address], source: str, *, by: str) -> list[str]:
        """Leave these, or all of a source, as they are for good; returns what that is."""

    async def restore(self, address: Address, *, by: str, reason: str) -> None:
        """Have what was there before us put back, and what is declared left alone from then on."""

    async def foresee_restore(self, address: Address) -> Plan:
        """What that would change now."""

    async def roll_back(
        self, revision: str, source: str, *, by: str, reason: str, until: float | None
    ) -> Rollback:
        """Put an earlier revision of a source in force, until its end has come."""

    async def end_rollback(self, source: str, *, by: str) -> Rollback:
        """Put the newest good revision of a source in force again; returns what was ended."""

    async def plan(self) -> Sequence[Plan]:
        """What would be changed now."""

    def health(self) -> dict[str, str]:
        """What is wrong with the daemon itself, by task."""


async def serve(backend: Backend, path: Path) -> None:
    """Serve until cancelled. A socket that somebody removes is made again: without it, nobody finds the daemon.

    Raises:
        UsageError: another daemon listens there, or nobody can.
    """
    from aiohttp import web

    listening = listen(path)
    ours, home = _identity(path), _identity(path.parent)
    # Nothing is unpacked: on a socket of this machine packing gains nothing, and a little can become a lot.
    runner = web.AppRunner(application(backend), access_log=None, shutdown_timeout=1.0, auto_decompress=False)
    try:
        await runner.setup()
        site = web.SockSite(runner, listening)
        await site.start()
        while True:
            await asyncio.sleep(LOOK)
            # Where the directory is not the one that it was, somebody else may listen, and this daemon is to end.
            if _identity(path) == ours or _identity(path.parent) != home:
                continue
            log.warning("the socket was removed or replaced, and is made again", path=str(path))
            await site.stop()  # connections stay
            listening = listen(path)
            ours = _identity(path)
            site = web.SockSite(runner, listening)
            await site.start()
    finally:
        await runner.cleanup()
        listening.close()
        # The directory may have been moved away, and this be another daemon's.
        if _identity(path) == ours:
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - one system call, at the end


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a socket from another one of the same name; None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def listen(path: Path) -> socket.socket:
    """The socket, taken over from a daemon that has died, never from one that lives.

    Raises:
        UsageError: another daemon listens there, or nobody can.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.connect(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError):
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_listen(path, error) from error
    else:
        raise UsageError(f"{path}: another froyo listens there already; end it first, or use another --state")
    finally:
        probe.close()
    listening = socket.socket(socket.AF_UNIX)
    # It gets its name when somebody listens: whoever finds it between the two would take the daemon for dead.
    unnamed = path.with_name(".froyo")  # as the kernel will show it, for ever
    unnamed.unlink(missing_ok=True)
    try:
        # There is no moment at which others could connect: Linux gives the name the mode that the socket has by then.
        # The umask would do it too, but is the whole process's: what other threads create meanwhile would get it.
        os.fchmod(listening.fileno(), 0o600)
        listening.bind(os.fspath(unnamed))
        listening.listen()
        unnamed.replace(path)
    except OSError as error:
        listening.close()
        raise _cannot_listen(path, error) from error
    listening.setblocking(False)  # noqa: FBT003 - its one argument
    return listening


def _cannot_listen(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{path}: cannot listen there: {why(error)}; a socket's path may have 107 characters: "
        "choose a shorter --state directory"
    )


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
    app.add_routes(
        [
            web.get("/v1/healthz", handlers.healthz),
            web.get("/v1/events", handlers.events),
            web.get("/v1/changes", handlers.changes),
            web.get("/{path:.*}", handlers.answer),
            web.post("/v1/plan", handlers.plan),
            web.post("/v1/reconcile", handlers.reconcile),
            web.post("/v1/suspend", handlers.suspend),
            web.post("/v1/resume", handlers.resume),
            web.post("/v1/approve", handlers.approve),
            web.post("/v1/forget", handlers.forget),
            web.post("/v1/restore", handlers.restore),
            web.post("/v1/restore/plan", handlers.foresee_restore),
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
        document = views.document("Health", healthy=not wrong, problems=wrong, pid=os.getpid())
        return _json(document, status=503 if wrong else 200)

    async def plan(self, _request: web.Request) -> web.Response:
        plans, declared = await self._backend.plan(), await self._backend.instances()
        return _json(views.items("PlanList", (views.plan(plan, declared) for plan in plans)))

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
        approved = await self._backend.approve(addresses, by=wanted.by, reason=wanted.reason)
        return _json(views.document("Accepted", addresses=approved))

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

    async def end_rollback(self, request: web.Request) -> web.Response:
        from reconciler.api import requests

        wanted = requests.body(requests.EndRollback, await request.read())
        ended = await self._backend.end_rollback(wanted.source, by=wanted.by)
        return _json(views.document("RollbackEnded", source=ended.source, rollback=views.rollback(ended)))
