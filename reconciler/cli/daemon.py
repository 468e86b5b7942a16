"""`froyo up`: the always-on controller of one directory, put together and looked after until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.assembly import LEASE, Parts
from reconciler.engine.controller import Controller
from reconciler.engine.intake import Intake
from reconciler.engine.settings import EngineSettings
from reconciler.engine.supervisor import Supervisor
from reconciler.model.names import Address, SourceName
from reconciler.targets.session import Session
from reconciler.telemetry.log import get_logger
from watchers.directory import DirectorySource

GRACE = 10.0
"""Seconds that rounds under way get to end when the daemon is told to."""

log = get_logger("froyo")


@dataclass(frozen=True, slots=True)
class Daemon:
    """The running controller, as the API and the terminal see it.

    Attributes:
        parts: what it is made of.
        controller: the loop.
        intake: the path from the directory to the loop.
        supervisor: looks after the long tasks.
    """

    parts: Parts
    controller: Controller
    intake: Intake
    supervisor: Supervisor


Serve = Callable[[Daemon], Awaitable[None]]
"""A long task that shows the daemon to somebody: the API, or the terminal."""


async def run_daemon(
    parts: Parts, directory: Path, *, serve: dict[str, Serve], settings: EngineSettings | None = None
) -> list[Address]:
    """Keep everything as `directory` says, until SIGTERM or SIGINT.

    Args:
        parts: with the lease on the store.
        directory: the source.
        serve: further long tasks, by name.
        settings: the numbers of the loop.

    Returns:
        What was abandoned in the middle of an apply.

    Raises:
        LeaseLost: another controller has taken the store over.
    """
    controller = Controller(
        store=parts.store,
        host=parts.host,
        runtime=parts.runtime,
        open_session=Session.open,
        settings=settings or EngineSettings(),
    )
    source = DirectorySource(SourceName(str(directory)), directory, runtime=parts.runtime)
    intake = Intake(
        SourceName(str(directory)),
        load=parts.load,
        controller=controller,
        store=parts.store,
        runtime=parts.runtime,
    )
    supervisor = Supervisor(runtime=parts.runtime)
    daemon = Daemon(parts, controller, intake, supervisor)

    async def renew() -> None:
        while True:
            await asyncio.sleep(LEASE / 3)
            await parts.store.renew_lease(LEASE)

    supervisor.add("controller", controller.run)
    supervisor.add("source", lambda: intake.run(source.snapshots()))
    supervisor.add("lease", renew)
    supervisor.add("providers", lambda: _warm(parts))
    for name, task in serve.items():
        supervisor.add(name, lambda task=task: task(daemon))  # type: ignore[misc]
    await controller.start()

    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    running = asyncio.create_task(supervisor.run(), name="supervisor")
    waiting = asyncio.create_task(told.wait(), name="signals")
    try:
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        return await controller.stop(grace=GRACE)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        waiting.cancel()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def _warm(parts: Parts) -> None:
    """Prepare the providers ahead of their first use, and stay."""
    await parts.host.warm()
    await asyncio.Event().wait()
