"""What `froyo up` and `froyo operator run` do: put the daemon together, and keep on until it is told to end."""

from __future__ import annotations

import asyncio
import os
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconciler.app.places import Places
from reconciler.cli.output import Format
from reconciler.cli.sourcing import shown as shown_as
from reconciler.cli.terminal import Terminal
from reconciler.core.prune import Budget
from reconciler.core.redaction import Redactor
from reconciler.model.names import Address, SourceName
from reconciler.model.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.app.daemon import Daemon, Serve
    from reconciler.app.ending import EndSignal
    from reconciler.app.hearing import Webhook


async def keep(  # noqa: PLR0913 - what was asked for
    ending: EndSignal,
    screen: Terminal,
    given: list[Source],
    where: Places,
    redactor: Redactor,
    *,
    shown: Format | None,
    budget: Budget | None,
    max_disrupted: int | None,
    trial: float | None,
    metrics_listen: str | None,
    webhook: Webhook | None,
    share: bool = False,
    isolates: Callable[[SourceName], bool] | None = None,
    further: Mapping[str, Serve] = MappingProxyType({}),
) -> list[Address]:
    """Keep everything as these sources say, until told to end; what was abandoned in the middle of an apply."""
    from reconciler.api.observing import listen_for_observers, serve_observers
    from reconciler.api.server import serve
    from reconciler.app.assembly import assemble
    from reconciler.app.backend import DaemonBackend
    from reconciler.app.daemon import run_daemon
    from reconciler.app.service_manager import ServiceManager
    from reconciler.cli.show.live import Live
    from reconciler.runtime import NO_TRACER
    from reconciler.telemetry.meter import Measures
    from reconciler.telemetry.tracing import OpenTelemetry, wanted

    def notice(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    measures = Measures()

    def backend(daemon: Daemon) -> DaemonBackend:
        return DaemonBackend(daemon, measures=measures, redactor=redactor)

    manager = ServiceManager(os.environ, pid=os.getpid())
    traces = OpenTelemetry(None, os.environ) if wanted(os.environ) else None
    async with assemble(
        where,
        os.environ,
        lease=True,
        standby=manager.standing_by,
        share=share,
        notice=notice,
        prune=budget,
        max_disrupted=max_disrupted,
        redactor=redactor,
        meter=measures,
        tracer=traces or NO_TRACER,
    ) as parts:

        async def api(daemon: Daemon) -> None:
            await serve(backend(daemon), where.socket)

        async def told(daemon: Daemon) -> None:
            known = backend(daemon)
            await manager.keep_told(where.socket, known.checks, known.status_line)

        tasks: dict[str, Serve] = {"api": api}
        tasks |= {"service manager": told} if manager.listens else {}
        tasks |= {"webhook": webhook.task} if webhook is not None else {}
        if metrics_listen is not None:
            listening = listen_for_observers(metrics_listen)

            async def observers(daemon: Daemon) -> None:
                await serve_observers(backend(daemon), listening)

            tasks["metrics"] = observers
        gone: list[BrokenPipeError] = []
        if shown is not None:
            newest = await parts.store.events(limit=1)
            live = Live(screen, after=newest[-1].id if newest else 0, output=shown)
            live.banner(" and ".join(map(shown_as, given)) or "all namespaces", str(where.state))

            async def show(daemon: Daemon) -> None:
                try:
                    await live.run(backend(daemon))
                except BrokenPipeError as error:
                    # Nobody reads on. What is under way ends first, and then this is what ended it.
                    gone.append(error)
                    ending.tell()
                    await asyncio.Event().wait()

            tasks["screen"] = show
        with ending.awaited() as told_to_end:
            abandoned = await run_daemon(
                parts,
                given,
                told_to_end,
                serve=tasks,
                leading=further,
                trial=trial,
                stopping=manager.stopping,
                isolates=isolates,
            )
        if traces is not None:
            await parts.runtime.offload("traces", traces.close)
        if gone:
            raise gone[0]
        return abandoned
