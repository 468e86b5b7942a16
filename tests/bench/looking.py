"""The look that a daemon has at a target on which nothing has moved."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from reconciler.app.assembly import assemble
from reconciler.app.evaluating import evaluate
from reconciler.app.places import Places
from reconciler.core.contest import Contests
from reconciler.engine.intake.in_force import InForce
from reconciler.engine.intake.wanted import Record
from reconciler.engine.lane.lane import Lane
from reconciler.engine.loop.approvals import Approvals
from reconciler.engine.loop.suspensions import Suspensions
from reconciler.engine.round.progress import Progress
from reconciler.engine.round.reconcile import Round
from reconciler.model.scope import EVERYTHING
from reconciler.model.source import DirectoryPlace
from reconciler.targets.session import Session
from tests.bench.rows import median


async def look_again(site: Path, where: Places) -> float:
    """Seconds of one rescan of a target on which nothing has moved, as the daemon does it."""
    async with assemble(where, os.environ, lease=True, notice=print) as parts:
        evaluated = await evaluate(parts, DirectoryPlace(str(site)))
        suspensions = Suspensions(parts.store, now=parts.runtime.now)
        services = parts.services(
            evaluated.desired,
            suspensions,
            Approvals(parts.store),
            loop_time=asyncio.get_running_loop().time,
            progress=Progress(),
        )
        (target,) = evaluated.desired.targets.values()
        known = await parts.store.load_states()
        wanted = InForce().take(evaluated.desired, Record()).wanted[target.name]
        lane = Lane.make(wanted, known.get, contests=Contests())
        session = await Session.open(target, runtime=parts.runtime, on_event=lambda _event: None)
        try:
            await Round(lane, session, services).run(EVERYTHING)
            took = []
            for _ in range(50):
                began = time.perf_counter()
                outcome = await Round(lane, session, services).run(EVERYTHING)
                took.append(time.perf_counter() - began)
                assert outcome.unchanged, "something moved while it was measured"
            return median(took)
        finally:
            await session.close()
