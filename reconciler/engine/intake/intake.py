"""Takes in what a source yields: evaluates each snapshot, and puts it in force if all of it is right.

Invariant: unknown is not empty. A snapshot that cannot be read or does not evaluate changes nothing: the last good one
stays in force, over a restart too, and the source says what is wrong. Nor does one that declares nothing at all any
more, not even a target: a directory that was emptied, or whose mount is gone, looks just like that.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import replace
from functools import partial

from reconciler.core.conditions import readiness, set_condition
from reconciler.engine import wording
from reconciler.engine.intake.recall import doubt_of, put_in_force, was_declared
from reconciler.engine.loop.controller import Controller
from reconciler.engine.report import Report
from reconciler.engine.round.journal import store_report
from reconciler.errors import ConfigError, FroyoError, Problem
from reconciler.model.conditions import Reason
from reconciler.model.desired import Desired
from reconciler.model.names import SourceName, source_object
from reconciler.model.source import Snapshot, SnapshotGone, SourceReport
from reconciler.model.state import SourceState
from reconciler.runtime import Runtime
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

Load = Callable[[Snapshot], Desired]
"""Evaluates a snapshot. Raises ConfigError or SnapshotGone. Runs on a thread of its own: it may take a while."""


Taking = Callable[[Desired], Awaitable[None]]
"""Is told what a source has come to declare."""


class Intake:
    """The path from one source to the controller.

    Args:
        name: of the source.
        load: evaluates a snapshot.
        controller: gets what evaluates.
        store: keeps the last good snapshot.
        runtime: the world.
        taken: is told what has come to be in force.

    Attributes:
        state: what is known of the source.
    """

    def __init__(
        self,
        name: SourceName,
        *,
        load: Load,
        controller: Controller,
        store: Store,
        runtime: Runtime,
        taken: Taking | None = None,
    ) -> None:
        self.state = SourceState(name=name)
        self._unreadable = False
        self._unkept: SourceState | None = None
        self._in_conflict: Snapshot | None = None
        self._taken = taken
        self._load = load
        self._controller = controller
        self._store = store
        self._runtime = runtime

    async def run(self, snapshots: AsyncIterable[Snapshot | SourceReport]) -> None:
        """Take in whatever comes, until the source ends or this is cancelled.

        As long as nothing was right since the start, the last good snapshot of an earlier controller is in force.
        """
        async for item in snapshots:
            if isinstance(item, Snapshot):
                await self.take(item)
            else:
                await self._heard(item)

    async def restore(self) -> bool:
        """Put the last good snapshot in force again, from the store; whether there was one that still evaluates."""
        kept = await self._store.last_snapshot(self.state.name)
        if kept is None:
            return False
        try:
            desired = await self._evaluate(kept)
        except (ConfigError, SnapshotGone) as error:
            log.warning("the last good snapshot cannot be restored", source=self.state.name, why=str(error))
            return False
        try:
            async with self._controller.taking:
                await self._controller.submit(desired)
        except ConfigError as error:
            log.warning("the last good snapshot is in conflict", source=self.state.name, why=str(error))
            return False
        self.state = replace(self.state, revision=kept.revision, digest=kept.digest)
        await self._tell(desired)
        return True

    async def again(self) -> None:
        """Take the newest snapshot once more, if it claimed what another source had: that may have moved on."""
        if (waiting := self._in_conflict) is not None:
            await self.take(waiting)

    async def _tell(self, desired: Desired) -> None:
        if self._taken is not None:
            await self._taken(desired)

    async def take(self, snapshot: Snapshot) -> bool:
        """Put `snapshot` in force if it evaluates, and claims nothing that another source has; whether it did."""
        self._in_conflict = None
        try:
            desired = await self._evaluate(snapshot)
        except SnapshotGone:
            await self._stays()
            return False  # it has moved on already, and a newer one is on its way
        except ConfigError as error:
            await self._refuse(snapshot, error)
            return False
        if not desired.targets and await self._something_in_force():
            stays = await self._stays()
            await self._say(
                ready=False,
                reason=Reason.HELD,
                message=f"{snapshot.revision} declares nothing at all; {stays}",
                state=replace(self.state, problems=(wording.EMPTIED,)),
            )
            return False
        try:
            async with self._controller.taking:
                await self._controller.refuse_conflicts(desired)
                doubt = await doubt_of(self._store, snapshot)
                await put_in_force(self._store, snapshot, desired)
                taken = await self._controller.submit(desired, doubt=doubt)
        except SnapshotGone:
            await self._stays()
            return False
        except ConfigError as error:
            self._in_conflict = snapshot
            await self._refuse(snapshot, error)
            return False
        told = "" if taken is None else wording.no_longer_declared(len(taken.left), taken.removals.values())
        await self._say(
            ready=True,
            reason=Reason.IN_SYNC,
            message=f"revision {snapshot.revision} is in force: {wording.count(len(desired.instances), 'instance')} "
            f"on {wording.count(len(desired.targets), 'target')}"
            + (f"; {told}" if told else "")
            + wording.warned(desired.warnings),
            state=replace(self.state, revision=snapshot.revision, digest=snapshot.digest, problems=()),
        )
        await self._tell(desired)
        return True

    async def _refuse(self, snapshot: Snapshot, error: ConfigError) -> None:
        """Leave the last good snapshot in force, and say what is wrong with this one."""
        stays = await self._stays()
        await self._say(
            ready=False,
            reason=Reason.PERMANENT_ERROR,
            message=f"{wording.count(len(error.problems), 'problem')} in {snapshot.revision}; {stays}",
            state=replace(self.state, problems=tuple(str(problem) for problem in error.problems)),
        )

    async def _something_in_force(self) -> bool:
        """Whether anything is declared until now, also by what an earlier controller had in force."""
        if (declared := self._controller.in_force.of(self.state.name)) is not None:
            return bool(declared.targets)
        return await was_declared(self._store, self.state.name, self._evaluate)

    async def _stays(self) -> str:
        """Have the last good snapshot in force, be it an earlier controller's; how a person is told."""
        in_force = self._controller.in_force
        if in_force.of(self.state.name) is None:
            await self.restore()
        return (
            "nothing is in force yet"
            if in_force.of(self.state.name) is None
            else "the last good one stays in force"
        )

    async def _evaluate(self, snapshot: Snapshot) -> Desired:
        try:
            return await self._runtime.offload("config", partial(self._load, snapshot))
        except (FroyoError, SnapshotGone):
            raise
        except Exception as error:
            # It must not take what is in force away, nor what was in force when the last controller ended.
            log.exception("a source cannot be evaluated; this is a defect", source=self.state.name)
            message = f"froyo fails to evaluate {snapshot.revision}, which is a defect of it: {error!r}"
            raise ConfigError([Problem("", 0, 0, message, "the daemon's log says where")]) from error

    async def _heard(self, report: SourceReport) -> None:
        """Take note of what a source says of itself."""
        back = self._unreadable and not report.unreadable
        self._unreadable = bool(report.unreadable)
        if report.unreadable:
            stays = await self._stays()
            await self._say(
                ready=False,
                reason=Reason.TRANSIENT_ERROR,
                message=f"cannot be read: {report.unreadable}; {stays}",
                state=self.state,
            )
        elif back:
            # What it says now may be what it said last, and then no snapshot follows.
            ready = bool(self.state.revision) and not self.state.problems
            trouble = Reason.PERMANENT_ERROR if self.state.problems else Reason.PENDING
            await self._say(
                ready=ready,
                reason=Reason.IN_SYNC if ready else trouble,
                message="can be read again"
                + (f"; revision {self.state.revision} is in force" if ready else ""),
                state=self.state,
            )
        if report.degraded != self.state.degraded:
            await self._watched(report.degraded)

    async def _watched(self, degraded: str) -> None:
        """Say that changes are seen only at rescans, and why, or at once again; the source is as Ready as it was."""
        state = replace(self.state, degraded=degraded)
        report = Report(self._runtime.now, {})
        report.event(
            source_object(state.name),
            "WatchDegraded" if degraded else "Recovered",
            f"{degraded}; only looked at from time to time" if degraded else "watched again",
            warning=bool(degraded),
        )
        await self._keep(report, state)

    async def _say(self, *, ready: bool, reason: Reason, message: str, state: SourceState) -> None:
        """Say how the source is: condition, event and log together."""
        condition = readiness(ready=ready, reason=reason, message=message, now=self._runtime.now())
        state = replace(state, conditions=set_condition(state.conditions, condition))
        if state == self.state:
            self._unkept = None
            return
        report = Report(self._runtime.now, {})
        report.event(
            source_object(state.name),
            "SourceReady" if ready else "SourceBroken",
            message,
            warning=not ready,
            data={"problems": list(state.problems), "revision": state.revision},
        )
        await self._keep(report, state)

    async def _keep(self, report: Report, state: SourceState) -> None:
        self._unkept = state
        await store_report(self._store, report, sources=[state])
        # Only now: what could not be stored is said again when the source is begun anew.
        self.state, self._unkept = state, None

    @property
    def shown(self) -> SourceState:
        """How the source is, also where that could not be stored."""
        return self._unkept or self.state
