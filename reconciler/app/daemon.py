"""`froyo up`: the always-on controller of some sources, put together and looked after until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from reconciler.app.alerts.alerting import Alerting
from reconciler.app.alerts.outbox import AlertOutbox
from reconciler.app.alerts.ways_out import WaysOut
from reconciler.app.assembly import Parts
from reconciler.app.guarding import Guard
from reconciler.app.leading import LEASE
from reconciler.app.looking_again import look_again
from reconciler.app.memory import keep_small
from reconciler.app.policies import operator_place
from reconciler.app.rolling_back import RollingBack
from reconciler.app.sharing.work import SharedWork, shared_work
from reconciler.app.sources import Sources
from reconciler.app.standing import Standing
from reconciler.app.tidying import tidy
from reconciler.engine.loop.controller import Controller
from reconciler.engine.loop.supervisor import Supervisor
from reconciler.engine.rollouts.rolling import Rolling
from reconciler.engine.share import Share
from reconciler.errors import TransportError
from reconciler.model.metrics import LOOP_LAG
from reconciler.model.names import Address, SourceName
from reconciler.model.source import Source
from reconciler.runtime import tick
from reconciler.targets.artifacts import architecture
from reconciler.telemetry.log import get_logger

GRACE = 10.0
"""Seconds that rounds under way get to end when the daemon is told to."""

PULSE = 1.0
LOOP_DEADLINE = 5.0
"""Seconds: an event loop that has not come round for so long answers nobody in time."""

log = get_logger("froyo")


@dataclass(frozen=True, slots=True)
class Daemon:
    """The running controller, as the API and the terminal see it.

    Attributes:
        parts: what it is made of.
        controller: the loop.
        sources: the places that are served.
        rollbacks: what people have done about them.
        rollouts: have revisions of them reach targets wave by wave.
        supervisor: looks after the long tasks.
        alerts: tell of what is wrong.
        sharing: keeps its part of the targets, where several share the store; None where it is alone.
    """

    parts: Parts
    controller: Controller
    sources: Sources
    rollbacks: RollingBack
    rollouts: Rolling
    supervisor: Supervisor
    alerts: Alerting
    sharing: SharedWork | None = None


Serve = Callable[[Daemon], Awaitable[None]]
"""A long task that shows the daemon to somebody: the API, or the terminal."""


async def run_daemon(
    parts: Parts,
    given: Sequence[Source],
    told: asyncio.Event,
    *,
    serve: Mapping[str, Serve],
    leading: Mapping[str, Serve] = MappingProxyType({}),
    trial: float | None = None,
    stopping: Callable[[], None] = lambda: None,
    isolates: Callable[[SourceName], bool] | None = None,
) -> list[Address]:
    """Keep everything as the sources say, until told to end.

    Args:
        parts: with the lease on the store, or a member of those who share it.
        given: the sources.
        told: set when it is to end.
        serve: further long tasks, by name.
        leading: the same for who decides what is in force: where several share the store, one of them.
        stopping: told when the daemon has been told to end.
        trial: seconds for which a new revision goes if something that is probed is not well; None for never.
        isolates: of an operator, whether a source is a namespace that is not trusted; None for who is none.

    Returns:
        What was abandoned in the middle of an apply.

    Raises:
        LeaseLost: another controller has taken the store over, or its files are gone.
    """
    verifying = asyncio.create_task(_verify(parts), name="artifacts")  # while the sources are read
    controller = Controller(
        store=parts.store,
        host=parts.host,
        runtime=parts.runtime,
        open_session=parts.open_session,
        settings=parts.settings,
        facts=parts.facts,
        share=Share(alone=parts.member is None),
        policies=parts.policing,
    )
    parts.policing.follow(controller.in_force.of)
    supervisor = Supervisor(runtime=parts.runtime)
    sources = Sources(parts, controller, supervisor)
    rollbacks = RollingBack(parts.store, parts.runtime, sources.intakes)
    rollouts = Rolling(parts.store, parts.runtime, controller, sources.intakes, parts.settings)
    alerts = _alerting(parts, controller, sources)

    sharing = None
    if parts.member is not None:
        sharing = shared_work(parts, parts.member, controller, sources, supervisor, isolates=isolates)
    daemon = Daemon(parts, controller, sources, rollbacks, rollouts, supervisor, alerts, sharing)
    lead = partial(_lead, daemon, given, leading, trial=trial)
    supervisor.add("controller", controller.run)
    supervisor.add("writer", partial(_renew, daemon), deadline=LEASE)
    supervisor.add("loop", partial(_pulse, parts, Standing(parts.places), supervisor), deadline=LOOP_DEADLINE)
    supervisor.add("audit", parts.auditor.run)
    if (place := operator_place(parts.places, parts.runtime.environ)) is not None:
        supervisor.add("policies", partial(sources.follow_policies, place))
    supervisor.add("secrets", sources.follow_secrets)
    supervisor.add("again", partial(look_again, sources))
    supervisor.add("memory", lambda: keep_small(parts.store.feed, parts.runtime.offload))
    if sharing is None:
        lead()
    else:
        supervisor.add("sharing", partial(sharing.run, lead), deadline=LEASE)
    for name, task in serve.items():
        supervisor.add(name, partial(task, daemon))
    await controller.start()
    tidying = asyncio.create_task(_tidy(parts, given), name="tidying")

    running = asyncio.create_task(supervisor.run(), name="supervisor")
    waiting = asyncio.create_task(told.wait(), name="told to end")
    try:
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        stopping()
        supervisor.end()
        return await controller.stop(grace=GRACE)
    finally:
        for one in (waiting, running, verifying, tidying):
            one.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def _lead(
    daemon: Daemon, given: Sequence[Source], leading: Mapping[str, Serve], *, trial: float | None
) -> None:
    """Decide from now on what is in force, and tell of it."""
    parts, supervisor = daemon.parts, daemon.supervisor
    for source in given:
        daemon.sources.give(source)
    supervisor.add("rollbacks", daemon.rollbacks.run)
    supervisor.add("rollouts", daemon.rollouts.run)
    supervisor.add("alerts", daemon.alerts.run)
    if trial is not None:
        guard = Guard(parts.store, parts.runtime, daemon.controller, daemon.rollbacks, within=trial)
        supervisor.add("guard", guard.run)
    for name, task in leading.items():
        supervisor.add(name, partial(task, daemon))


async def _renew(daemon: Daemon) -> None:
    while True:
        # At once, also after it has failed: it is this that finds out that the store can be written again.
        await daemon.parts.store.renew_lease(LEASE)
        daemon.supervisor.beat("writer")
        daemon.controller.retry()
        await asyncio.sleep(LEASE / 3)


def _alerting(parts: Parts, controller: Controller, sources: Sources) -> Alerting:
    ways = WaysOut(parts.places, parts.secrets, parts.runtime)
    outbox = AlertOutbox(parts.store, ways, parts.secrets, parts.runtime)
    return Alerting(parts.store, parts.runtime, controller, sources, ways, outbox)


async def _tidy(parts: Parts, given: Sequence[Source]) -> None:
    await tidy(parts.places, parts.runtime, parts.store, [source.place.name for source in given])


async def _pulse(parts: Parts, standing: Standing, supervisor: Supervisor) -> None:
    """Say once a second that the loop comes round, and how late it did."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() // PULSE * PULSE + PULSE
        await tick(PULSE)
        parts.runtime.meter.observe(LOOP_LAG, max(0.0, loop.time() - due))
        standing.check()
        supervisor.beat("loop")


async def _verify(parts: Parts) -> None:
    """Verify the runner for machines such as this one; whoever needs it says what is wrong with it."""
    parts.artifacts.apart = True
    with contextlib.suppress(TransportError):
        arch = architecture(os.uname().machine)
        await parts.runtime.offload("artifacts", lambda: parts.artifacts.binary(arch))
