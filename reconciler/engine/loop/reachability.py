"""Which targets can be reached, and since when or why not: condition and event together, in memory and in the store.

Nobody waits for the store here, since sessions come and go whatever it does. What could not be written is written
later, so that both say the same in the end. Invariant: there is at most one write under way, and what it writes is how
things are then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from reconciler.core.backoff import Backoff
from reconciler.core.conditions import get_condition
from reconciler.engine.report import Report
from reconciler.errors import StoreError
from reconciler.model.conditions import ConditionType, Reason, Verdict
from reconciler.model.event import Event
from reconciler.model.names import TargetName
from reconciler.model.state import TargetState
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

EVENTS = 1000
"""How many events wait for the store at most; the oldest go first."""
FAREWELL = 1.0
"""Seconds that the last write gets when the controller ends."""


class Reachability:
    """See the module.

    Args:
        store: keeps it over a restart.
        runtime: the world.
        backoff: the pauses between writes that fail.

    Attributes:
        next_tries: when the targets that cannot be reached are tried again, in seconds since the epoch.
    """

    def __init__(self, store: Store, runtime: Runtime, *, backoff: Backoff) -> None:
        self.next_tries: dict[TargetName, float] = {}
        self._store = store
        self._runtime = runtime
        self._backoff = backoff
        self._known: dict[TargetName, TargetState] = {}
        self._unkept: dict[TargetName, None] = {}
        self._events: list[Event] = []
        self._keeping: asyncio.Task[None] | None = None

    @property
    def states(self) -> Mapping[TargetName, TargetState]:
        """What is known of each target."""
        return self._known

    async def load(self, ours: Callable[[TargetName], bool]) -> None:
        """Read what an earlier controller knew, or another one, of targets that are ours. Its sessions have ended."""
        for name, state in (await self._store.load_target_states()).items():
            if not ours(name):
                continue
            self._known[name] = replace(state, connected_since=None)
            if self._known[name] != state:
                self._unkept[name] = None

    def say(self, name: TargetName, *, ready: bool, message: str, retry_in: float = 0.0) -> None:
        """A target can be reached now, or cannot, and is tried again in so many seconds."""
        if ready:
            self.next_tries.pop(name, None)
        else:
            self.next_tries[name] = self._runtime.now() + retry_in
        known = self._known.get(name) or TargetState(name=name)
        before = get_condition(known.conditions, ConditionType.READY)
        # A session that an earlier controller had is over.
        news = known.connected_since is None if ready else before is None or before.status
        report = Report(self._runtime.now, {})
        known = reached(report, known, message, ready=ready, news=news)
        self._note(replace(known, connected_since=report.now() if ready else None), report)

    def tell(self, name: TargetName, reason: str, message: str) -> None:
        """Say something about a target that changes none of its conditions: a warning."""
        report = Report(self._runtime.now, {})
        report.event(f"Target/{name}", reason, message, warning=True)
        self._note(self._known.get(name) or TargetState(name=name), report)

    def watched(self, name: TargetName, *, degraded: str, anonymous: str) -> None:
        """How well a target that is connected is watched.

        Args:
            name: of the target.
            degraded: what is not watched, and why; "" when all is.
            anonymous: why nobody can be named who changes something; "" where somebody can.
        """
        parts = [f"{degraded}; seen only when it is looked at"] if degraded else []
        parts += [f"nobody can be named: {anonymous}"] if anonymous else []
        known, report = self._known.get(name) or TargetState(name=name), Report(self._runtime.now, {})
        watched = report.watched(known, "; ".join(parts))
        if watched != known:
            self._note(watched, report)

    def forget(self, name: TargetName) -> None:
        """It is not known whether a target can be reached: it is another one now, or reached in another way."""
        self.let_be(name)
        self._known[name] = TargetState(name=name)
        self._unkept[name] = None
        self._keep()

    def let_be(self, name: TargetName) -> None:
        """Nobody tries to reach a target any more."""
        self.next_tries.pop(name, None)

    def keep_only(self, names: Collection[TargetName], others: Collection[TargetName] = ()) -> None:
        """Forget all other targets; of those among `others` the store still knows."""
        for name in [name for name in self._known if name not in names]:
            del self._known[name]
            if name in others:
                self._unkept.pop(name, None)
            else:
                self._unkept[name] = None
        if self._unkept:
            self._keep()

    async def leave(self, ours: Callable[[TargetName], bool]) -> None:
        """Know nothing any more of targets that are not ours, and write nothing about them."""
        for known in (self._known, self._unkept):
            for name in [name for name in known if not ours(name)]:
                del known[name]
        if self._keeping is not None:
            await asyncio.wait([self._keeping], timeout=FAREWELL)

    async def close(self) -> None:
        """Say of what was connected until now that it was; let that be written, if it does not take long."""
        report = Report(self._runtime.now, {})
        for name, known in self._known.items():
            ready = get_condition(known.conditions, ConditionType.READY)
            if known.connected_since is not None and ready is not None:
                over = reached(report, known, ready.message, ready=True, news=False, anew=True)
                self._known[name] = replace(over, connected_since=None)
                self._unkept[name] = None
        if self._unkept:
            self._keep()
        if self._keeping is not None:
            await asyncio.wait([self._keeping], timeout=FAREWELL)
            self._keeping.cancel()

    def _note(self, known: TargetState, report: Report) -> None:
        """This is known of a target now."""
        self._known[known.name] = known
        self._events = [*self._events, *report.events][-EVENTS:]
        self._unkept[known.name] = None
        self._keep()

    def _keep(self) -> None:
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._write(), name="keep what is known of targets")

    async def _write(self) -> None:
        failures = 0
        while self._unkept:
            unkept, self._unkept = self._unkept, {}
            events, self._events = self._events, []
            batch = Batch().add_events(events)
            for name in unkept:
                if name in self._known:
                    batch.put_target_state(self._known[name])
                else:
                    batch.forget_target(name)
            try:
                await self._store.write(batch)
            except StoreError as error:
                failures += 1
                self._unkept = {**unkept, **self._unkept}
                self._events = [*events, *self._events][-EVENTS:]
                pause = self._backoff.delay(failures, self._runtime.random.random)
                log.warning("what is known of targets could not be stored", why=str(error), pause=pause)
                await asyncio.sleep(pause)


def reached(
    report: Report, known: TargetState, message: str, *, ready: bool, news: bool, anew: bool = False
) -> TargetState:
    """What is known of a target from now on.

    Args:
        report: says so.
        known: until now.
        message: as whom there was a session, or why there was none.
        ready: whether there was one.
        news: whether that is an event.
        anew: whether it is another session than the one before.
    """
    reason, event = (Reason.IN_SYNC, "Connected") if ready else (Reason.UNREACHABLE, "Unreachable")
    verdict = Verdict(reason=reason, message=message, ready=ready)
    return report.conclude_on(known, verdict, event=event if news else "", anew=anew)
