"""Has targets watched, and looks at what they report.

Invariant: events only ever make somebody look sooner. Whatever could not be watched, or was heard of by nobody, is
looked at all the same.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.core.workqueue import Priority
from reconciler.engine.lane.lane import Lane
from reconciler.engine.loop.lanes import Lanes
from reconciler.engine.loop.reachability import Reachability
from reconciler.engine.loop.workers import Workers
from reconciler.errors import LocalProtocolError, RunnerError
from reconciler.model.names import Address, TargetName
from reconciler.model.scope import Scope
from reconciler.targets.session import Session
from reconciler.targets.watch import WatchEvent, WatchStatus
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")


class Watching:
    """See the module.

    Args:
        lanes: know what concerns whom.
        workers: look.
        reachability: is told how well a target is watched.
        loop_time: the event loop's clock.
    """

    def __init__(
        self, lanes: Lanes, workers: Workers, reachability: Reachability, *, loop_time: Callable[[], float]
    ) -> None:
        self._lanes = lanes
        self._workers = workers
        self._reachability = reachability
        self._time = loop_time

    async def keep(self, lane: Lane, session: Session) -> None:
        """Have the session watch what the lane's instances depend on, unless it does."""
        if lane.watched.is_told(session):
            if not lane.watched.refused:
                self._note(lane, session.watching)
            return
        try:
            status = await session.watch(lane.watched.tell(session))
        except (RunnerError, LocalProtocolError) as error:  # or more subjects than fit into a frame
            log.info("nothing is watched, only looked at often", target=lane.target.name, why=str(error))
            lane.watched.refuse()
            self._reachability.watched(lane.target.name, degraded=str(error), anonymous="")
        else:
            self._note(lane, status)
        # What changed between the reading and the watching has been heard of by nobody: look once more.
        self._workers.add(lane.target.name, priority=Priority.RESYNC)

    def _note(self, lane: Lane, status: WatchStatus) -> None:
        """How well the target is watched decides how often it is looked at, and is told."""
        lane.watched.answered(status)
        self._reachability.watched(lane.target.name, degraded=status.degraded, anonymous=status.anonymous)

    def changed(self, name: TargetName, event: WatchEvent) -> None:
        """A target reports changes: look at what they concern."""
        lane = self._lanes.get(name)
        if lane is None:
            return
        now = self._time()
        concerned: dict[Address, None] = {}
        for change in event.changes:
            for address in lane.watched.concerned(change.subject):
                lane.sightings.add(address, change.evidence, at=now)
                concerned[address] = None
        self._workers.add(name, priority=Priority.DRIFT, scope=Scope.of(concerned))
        if event.overflow:
            self._workers.add(name, priority=Priority.DRIFT)
