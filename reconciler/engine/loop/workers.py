"""The queue of targets, and the rounds that are handed out from it: what a controller is in controller-runtime.

Invariants: a target is worked on by one round at a time, and what is asked for meanwhile is done after it. A round that
fails leaves its target in the queue, with growing pauses, and says so. This module must not know what a round does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from reconciler.core.workqueue import Priority, Work, WorkQueue
from reconciler.errors import StoreError
from reconciler.model import metrics
from reconciler.model.metrics import NOBODY, Meter
from reconciler.model.names import Address, TargetName
from reconciler.model.scope import EVERYTHING, Scope
from reconciler.model.source import SnapshotGone
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

Reconcile = Callable[[Work[TargetName, Address]], Awaitable[bool]]
"""Works on a target; whether there was a round. Raises what keeps it from being finished."""


WHAT = "target"
"""What is queued, and worked on, where that is a label."""

STUCK = 30.0
"""Seconds for which a target may be ready, and a worker free, and nothing happen."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What there is to do, at one moment.

    Attributes:
        depth: targets that are ready and wait for a worker.
        delayed: looks that wait for their time.
        under_way: for how many seconds each round has been.
        most: how many rounds may be.
    """

    depth: int
    delayed: int
    under_way: tuple[float, ...]
    most: int


class Workers:
    """See the module.

    Args:
        reconcile: works on a target.
        random: gives numbers in [0, 1), for pauses.
        most: how many rounds may be under way at once.
        meter: is told of the queue and the rounds.

    Attributes:
        stopping: whether no more rounds are handed out.
    """

    def __init__(
        self, reconcile: Reconcile, *, random: Callable[[], float], most: int, meter: Meter = NOBODY
    ) -> None:
        self.stopping = False
        self._meter = meter
        self._begun: dict[TargetName, float] = {}
        self._handed_out: float | None = None
        self._reconcile = reconcile
        self._most = most
        self._queue: WorkQueue[TargetName, Address] = WorkQueue(random=random)
        self._wake = asyncio.Event()
        self._rounds: dict[TargetName, asyncio.Task[None]] = {}
        self._troubles: dict[TargetName, str] = {}

    # --- Their life ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Hand out rounds until `stop`, or until cancelled."""
        try:
            while not self.stopping:
                now = self._handed_out = self._time()
                while len(self._rounds) < self._most:
                    work = self._queue.get(now)
                    if work is None:
                        break
                    self._rounds[work.key] = asyncio.create_task(self._work(work), name=f"round {work.key}")
                await self._sleep_until(self._queue.next_ready(now))
            # `stop` gives those under way their time, and cancels what is late.
            await asyncio.gather(*self._rounds.values(), return_exceptions=True)
        finally:
            for task in self._rounds.values():
                task.cancel()
            await asyncio.gather(*self._rounds.values(), return_exceptions=True)

    async def stop(self, *, grace: float) -> None:
        """Hand out no more rounds, wait for those under way, and cancel what has not ended within `grace` seconds."""
        self.stopping = True
        self._wake.set()
        under_way = list(self._rounds.values())
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _sleep_until(self, due: float | None) -> None:
        self._wake.clear()
        if due is None or len(self._rounds) >= self._most:
            await self._wake.wait()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._wake.wait()

    async def _work(self, work: Work[TargetName, Address]) -> None:
        name, meter = work.key, self._meter
        begun = self._begun[name] = self._time()
        meter.observe(metrics.QUEUE_DURATION, begun - work.since, WHAT)
        result = "requeue"
        try:
            if await self._reconcile(work):
                self._queue.forget(name)
                self._troubles.pop(name, None)
                result = "success"
        except (SnapshotGone, StoreError) as error:
            result = "error"
            self._troubles[name] = str(error)
            retry = self._queue.add_rate_limited(name, now=self._time())
            log.warning(
                "a round could not be finished", target=name, why=str(error), retry_in=round(retry, 1)
            )
        except Exception:
            result = "error"
            meter.count(metrics.RECONCILE_PANICS, WHAT)
            retry = self._queue.add_rate_limited(name, now=self._time())
            self._troubles[name] = "a round failed, which is a defect; the log has more"
            log.exception("a round failed; this is a defect", target=name, retry_in=round(retry, 1))
        finally:
            self._measure(self._time() - self._begun.pop(name), result)
            del self._rounds[name]
            self._queue.done(name)
            self._wake.set()

    def _measure(self, took: float, result: str) -> None:
        meter = self._meter
        meter.observe(metrics.WORK_DURATION, took, WHAT)
        meter.observe(metrics.RECONCILE_TIME, took, WHAT)
        meter.count(metrics.RECONCILE, WHAT, result)
        if result == "error":
            meter.count(metrics.RECONCILE_ERRORS, WHAT)
            meter.count(metrics.QUEUE_RETRIES, WHAT)

    # --- What is to be done -------------------------------------------------------------------------------------------

    def add(self, name: TargetName, *, priority: Priority, scope: Scope[Address] = EVERYTHING) -> None:
        """Have as much of a target looked at as soon as possible."""
        self._meter.count(metrics.QUEUE_ADDS, WHAT)
        self._queue.add(name, now=self._time(), priority=priority, scope=scope)
        self._wake.set()

    def add_after(
        self, name: TargetName, pause: float, *, priority: Priority, scope: Scope[Address] = EVERYTHING
    ) -> None:
        """The same in `pause` seconds, for a round that is about to end."""
        self._queue.add_after(name, pause, now=self._time(), priority=priority, scope=scope)

    async def drop(self, name: TargetName) -> None:
        """Forget a target, when the round on it has ended, unless it is the caller's."""
        if name in self._rounds and self._rounds[name] is not asyncio.current_task():
            await asyncio.wait([self._rounds[name]])
        self._queue.discard(name)
        self._troubles.pop(name, None)

    async def leave(self, name: TargetName, *, grace: float) -> None:
        """Forget a target that another controller is to work on; a round that has not ended in time is cancelled."""
        self._queue.discard(name)
        if (task := self._rounds.get(name)) is not None:
            _, late = await asyncio.wait([task], timeout=grace)
            for one in late:
                one.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._queue.discard(name)
        self._troubles.pop(name, None)

    def retry(self) -> None:
        """What had failed is tried again now, not when its pause is over."""
        for name in self._troubles:
            self._queue.forget(name)
            self.add(name, priority=Priority.DRIFT)

    @property
    def troubles(self) -> Mapping[TargetName, str]:
        """Targets whose last round could not be finished, and why."""
        return self._troubles

    @property
    def load(self) -> Workload:
        """What there is to do right now."""
        now = self._time()
        return Workload(
            len(self._queue),
            self._queue.delayed,
            tuple(now - begun for begun in self._begun.values()),
            self._most,
        )

    @property
    def stuck(self) -> str:
        """Why nothing is handed out although there is something to hand out and somebody to do it, or ""."""
        since = self._handed_out
        if self.stopping or since is None or len(self._rounds) >= self._most:
            return ""
        due = self._queue.next_ready(since)
        waited = 0.0 if due is None else self._time() - max(due, since)
        return f"a target waits for {waited:.0f} s, and no round is handed out" if waited > STUCK else ""

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()
