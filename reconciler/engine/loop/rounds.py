"""One round of a target, and what follows from it: when it is looked at again, and what is asked of it beside.

Invariants: however a round ends, what it has concluded has its next look. What a person has asked for is granted only
by a round that began after that and has ended well. A session that failed in the middle of a round is not used again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from reconciler.core.conditions import summarize
from reconciler.core.reasons import result_of
from reconciler.core.workqueue import Priority, Work
from reconciler.engine.lane.lane import Lane
from reconciler.engine.loop.background import Background
from reconciler.engine.loop.gathering import Gathering
from reconciler.engine.loop.requests import Requests
from reconciler.engine.loop.watching import Watching
from reconciler.engine.loop.workers import Workers
from reconciler.engine.round.outcome import RoundOutcome
from reconciler.engine.round.reconcile import Round
from reconciler.engine.round.services import Services
from reconciler.errors import ProtocolError, TransportError
from reconciler.model import metrics
from reconciler.model.names import Address, TargetName
from reconciler.model.scope import Scope
from reconciler.targets.session import Session
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")


class Rounds:
    """See the module.

    Args:
        services: what each works with.
        workers: have the next ones.
        requests: what people have asked for.
        watching: has targets watched.
        gathering: asks them what they are.
        background: has done what nobody waits for.
        gone: is told what was to go and has gone.

    Attributes:
        looked_at: when all of a target was last looked at, in seconds since the epoch.
        abandoned: what was cut off in the middle of an apply.
    """

    def __init__(
        self,
        services: Services,
        workers: Workers,
        *,
        requests: Requests,
        watching: Watching,
        gathering: Gathering,
        background: Background,
        gone: Callable[[Collection[Address]], None],
    ) -> None:
        self.looked_at: dict[TargetName, float] = {}
        self.abandoned: set[Address] = set()
        self._services = services
        self._settings = services.settings
        self._runtime = services.runtime
        self._workers = workers
        self._requests = requests
        self._watching = watching
        self._gathering = gathering
        self._background = background
        self._gone = gone

    async def run(self, lane: Lane, session: Session, work: Work[TargetName, Address]) -> bool:
        """Have a round; whether it has ended well.

        Args:
            lane: the target.
            session: to it.
            work: what is to be looked at; with it, what a person has asked for.
        """
        name, dirty = work.key, work.scope
        if (request := self._requests.get(name)) is not None:
            dirty |= request.scope
        asked = request is not None or work.priority is Priority.USER
        if asked:
            lane.forget_verdicts(dirty.among(lane.instances))
            self._services.probes.expire(dirty.among(lane.instances))
        age = self._services.loop_time() - session.remembers_since
        overdue = dirty.everything and age >= self._settings.full_look
        try:
            # Who asks does not ask what was remembered.
            await self._round(lane, session, dirty, afresh=asked or overdue)
        except (TransportError, ProtocolError) as error:
            log.info("the session was lost in the middle of a round", target=name, why=str(error))
            if not session.closed:
                # A runner that owes an answer is of no use any more. Another one is looked at everything with.
                self._background.begin(session.close(), name=f"close session {name}")
            return False
        if request is not None:
            await self._requests.grant(name, request)
        return True

    async def _round(self, lane: Lane, session: Session, dirty: Scope[Address], *, afresh: bool) -> None:
        work = Round(lane, session, self._services)
        try:
            if afresh:
                await session.forget_digests()
            await work.run(dirty)
        except asyncio.CancelledError:
            self.abandoned.update(await asyncio.shield(work.abandon()))
            raise
        finally:
            # Whatever else fails, such as the store or the watch: what has been concluded has its next look.
            self._schedule(lane, work.outcome, whole=dirty.everything)
            self._measure(lane, work.outcome)
            if work.outcome.gone:
                self._gone(work.outcome.gone)
        if dirty.everything:
            self.looked_at[lane.target.name] = self._runtime.now()
        if work.outcome.touched or dirty.everything:
            self._gathering.begin(session, work.outcome.touched or None)
        await self._watching.keep(lane, session)

    def _measure(self, lane: Lane, outcome: RoundOutcome) -> None:
        meter = self._runtime.meter
        for address in outcome.looked_at:
            if (instance := lane.instances.get(address)) is not None:
                reason = summarize(lane.states[address].conditions).reason
                meter.count(metrics.RESOURCE_RECONCILE, instance.kind, result_of(reason))

    def _schedule(self, lane: Lane, outcome: RoundOutcome, *, whole: bool) -> None:
        """When to look again at what a round has looked at."""
        name, add_after = lane.target.name, self._workers.add_after
        for address, pause in outcome.again.items():
            priority = Priority.DRIFT if pause < 1.0 else Priority.RESYNC
            add_after(name, pause, priority=priority, scope=Scope.of([address]))
        add_after(name, 0.0, priority=Priority.SPEC, scope=Scope.of(outcome.woken))
        random, rhythm = self._runtime.random.random, self._settings.rhythm
        for address in outcome.looked_at:
            instance = lane.instances.get(address)
            if instance is None:
                continue
            interval = instance.common.interval
            if instance.probe is not None and interval is None:
                interval = self._settings.probe_interval
            if interval is not None:
                pause = rhythm.delay(random, interval=interval)
                add_after(name, pause, priority=Priority.RESYNC, scope=Scope.of([address]))
        if whole:
            pause = rhythm.delay(random, watched=lane.watched.works)
            add_after(name, pause, priority=Priority.RESYNC)
