"""Takes in what a source yields: evaluates each snapshot, and puts it in force if all of it is right.

Invariant: unknown is not empty. A snapshot that cannot be read or does not evaluate changes nothing: the last good one
stays in force, over a restart too, and the source says what is wrong. Nor does one that declares nothing at all any
more, not even a target: a directory that was emptied, or whose mount is gone, looks just like that. While a person has
the source rolled back to an earlier revision, what is right is kept and said, and waits for the end of that.

All that can become of a snapshot is told in one place, and so it is longer than a module should be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from functools import partial

from reconciler.engine.intake.evaluating import Load, evaluated
from reconciler.engine.intake.recall import (
    Follows,
    declared_elsewhere,
    doubt_of,
    put_back,
    put_in_force,
    was_declared,
)
from reconciler.engine.intake.telling import Telling
from reconciler.engine.intake.waves import GoOn, SourceWaves
from reconciler.engine.loop.submissions import Submissions
from reconciler.errors import ConfigError, Problem
from reconciler.model.desired import Desired
from reconciler.model.names import SourceName
from reconciler.model.rollout import RolloutRecord
from reconciler.model.source import Snapshot, SnapshotGone, SourceReport
from reconciler.model.state import Rollback, SourceState
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")
Taking = Callable[[Desired], Awaitable[None]]
"""Is told what a source has come to declare."""
Admit = Callable[[Snapshot, Desired], Awaitable[Desired]]
"""Sees that a snapshot may be put in force. Raises ConfigError or SnapshotGone."""


class Intake:
    """The path from one source to the controller.

    Args:
        name: of the source.
        load: evaluates a snapshot.
        submissions: get what evaluates.
        store: keeps the last good snapshot.
        runtime: the world.
        taken: is told what has come to be in force.
        admit: sees that a snapshot may be put in force, and gives what it declares with whatever there is to warn of.
        follows: asks the source whether a revision comes of an earlier one, where it knows that.

    Attributes:
        clashes: what its newest snapshot claims of what another source has, for which it is not in force.
    """

    def __init__(
        self,
        name: SourceName,
        *,
        load: Load,
        submissions: Submissions,
        store: Store,
        runtime: Runtime,
        taken: Taking | None = None,
        admit: Admit | None = None,
        follows: Follows | None = None,
    ) -> None:
        self._telling = Telling(name, store, runtime)
        self._unreadable = ""
        self._last: Snapshot | None = None
        self._in_conflict: Snapshot | None = None
        self.clashes: Sequence[Problem] = ()
        self._taking = asyncio.Lock()
        self._untold: list[Desired] = []
        self._taken = taken
        self._admit = admit
        self._doubt = partial(doubt_of, store, follows=follows)
        self._load = load
        self._waves = SourceWaves(name, store, submissions, self._evaluate, now=runtime.now)
        self._submissions = submissions
        self._store = store
        self._runtime = runtime

    async def run(self, snapshots: AsyncIterable[Snapshot | SourceReport]) -> None:
        """Take in whatever comes, until the source ends or this is cancelled.

        As long as nothing was right since the start, the last good snapshot of an earlier controller is in force.
        """
        async for item in snapshots:
            if isinstance(item, Snapshot):
                self._last = item
                await self.take(item)
            else:
                async with self._taking:
                    await self._heard(item)
                await self._tell()

    async def resume(self) -> None:
        """Have what was in force when the last controller ended, while nothing is known yet of what the source says."""
        async with self._taking:
            await self._stays()
        await self._tell()

    async def restore(self) -> bool:
        """Put in force again what was, from the store; whether there was a snapshot that still evaluates."""
        kept = await self._store.snapshot_in_force(self.state.name)
        if kept is None:
            return False
        try:
            newest = await self._evaluate(kept)
            desired = await self._waves.composed(newest)
        except (ConfigError, SnapshotGone) as error:
            log.warning("the last good snapshot cannot be restored", source=self.state.name, why=str(error))
            return False
        try:
            async with self._submissions.taking:
                await self._recall()
                await self._submissions.submit(desired, doubt=await self._doubt(kept))
        except ConfigError as error:
            log.warning("the last good snapshot is in conflict", source=self.state.name, why=str(error))
            return False
        finally:
            # It may be although what follows from it could not be stored.
            if self._submissions.in_force.has(desired):
                self._waves.newest = newest
                self._telling.restored(kept)
                self._untold.append(desired)
        return True

    async def again(self) -> None:
        """Take the newest snapshot once more, if it claimed what another source had: that may have moved on."""
        async with self._taking:
            if (waiting := self._in_conflict) is not None:
                await self._take(waiting)
        await self._tell()

    async def reconsider(self) -> None:
        """See once more what the source declares: what targets are has turned out to be otherwise."""
        async with self._taking:
            if self._last is None or not await self._take(self._last):
                await self.restore()
        await self._tell()

    async def _tell(self) -> None:
        """Tell of what has come to be in force: others may take something because of it, and this one again."""
        while self._untold:
            desired = self._untold.pop(0)
            if self._taken is not None:
                await self._taken(desired)

    async def take(self, snapshot: Snapshot) -> bool:
        """Put `snapshot` in force if it evaluates, and claims nothing that another source has; whether it did."""
        async with self._taking:
            taken = await self._take(snapshot)
        await self._tell()
        return taken

    async def _take(self, snapshot: Snapshot) -> bool:
        waited, self._in_conflict = self._in_conflict, None
        self.clashes = ()
        if waited is not None and waited.digest != snapshot.digest:
            await self._withdraw()
        taken = False
        try:
            taken = await self._take_good(snapshot)
        finally:
            if not taken and self._in_conflict is None:
                await self._withdraw()
        return taken

    async def end(self) -> None:
        """The source is served no longer: nothing is taken in any more, and what it declared stays as it is."""
        async with self._taking:
            self._in_conflict = None
            async with self._submissions.taking:
                await self._submissions.drop(self.state.name)
            await self._telling.unserved()

    async def _withdraw(self) -> None:
        """What others would have to let go of is not wanted any more."""
        async with self._submissions.taking:
            self._submissions.in_force.withdraw(self.state.name)

    async def _take_good(self, snapshot: Snapshot) -> bool:
        try:
            desired = await self._evaluate(snapshot)
            if self._admit is not None:
                desired = await self._admit(snapshot, desired)
        except SnapshotGone:
            await self._stays()
            return False  # it has moved on already, and a newer one is on its way
        except ConfigError as error:
            await self._telling.refused(snapshot, error, await self._stays())
            return False
        if not desired.targets and await self._something_in_force():
            await self._telling.emptied(snapshot, await self._stays())
            return False
        try:
            async with self._submissions.taking:
                await self._recall()
                back = (await self._store.load_rollbacks()).get(self.state.name)
                if back is not None and back.holds(self._runtime.now()):
                    await self._submissions.must_not_conflict(desired)
                    await self._store.save_snapshot(snapshot)
                    over = taken = None
                else:
                    doubt = await self._doubt(snapshot)
                    newest, (desired, rollouts) = desired, await self._waves.begun(desired, doubt)
                    over = await put_in_force(self._store, snapshot, desired, rollouts=rollouts)
                    back, self._waves.newest = None, newest
                    taken = await self._submissions.submit(desired, doubt=doubt)
        except SnapshotGone:
            await self._stays()
            return False
        except ConfigError as error:
            self._in_conflict, self.clashes = snapshot, error.problems
            await self._telling.refused(snapshot, error, await self._stays())
            return False
        if back is not None:
            await self._telling.waits(snapshot, back, await self._stays())
            return False
        await self._telling.taken(snapshot, desired, taken, over)
        self._untold.append(desired)
        return True

    async def roll(self, go_on: GoOn, batch: Batch | None = None) -> Sequence[RolloutRecord]:
        """Have the rollouts of the source go on, while nothing else can be taken in: see `SourceWaves.go_on`."""
        async with self._taking:
            after, desired = await self._waves.go_on(go_on, batch)
            if desired is not None:
                self._untold.append(desired)
        await self._tell()
        return after

    async def _recall(self) -> None:
        """Have it known what other sources declared when they were last in force that are not now."""
        in_force = self._submissions.in_force
        mine = {self.state.name, *in_force.sources}
        in_force.recall(await declared_elsewhere(self._store, mine, self._evaluate, in_force.earlier))

    # --- Rolled back --------------------------------------------------------------------------------------------------

    async def roll_back(self, rollback: Rollback) -> None:
        """Put an earlier snapshot in force again, until the end that a person has set to that.

        What it does not have, and is ours, waits for a person: they have said what they want back, not what they want
        gone.

        Raises:
            ConfigError: it does not evaluate any more, or claims what another source has by now. Nothing has changed.
            SnapshotGone: it is not kept, or not whole. Nothing has changed.
            StoreError: it could not be put on record.
        """
        async with self._taking:
            kept = await self._store.snapshot(rollback.snapshot)
            if kept is None:
                raise SnapshotGone(f"revision {rollback.revision} is not kept any more")
            desired = await self._evaluate(kept)
            if self._admit is not None:
                desired = await self._admit(kept, desired)
            async with self._submissions.taking:
                await self._recall()
                await self._submissions.must_not_conflict(desired)
                self._submissions.in_force.withdraw(self.state.name)
                await put_back(self._store, rollback, kept, desired)
                await self._submissions.submit(desired, doubt=await self._doubt(kept))
            broken = bool(self.state.problems or self._unreadable)
            await self._telling.rolled_back(rollback, kept, desired, broken=broken)
            self._untold.append(desired)
        await self._tell()

    async def follow(self, rollback: Rollback) -> None:
        """Have what is on record as rolled back in force, where somebody has put it there beside this controller.

        A command writes to the store itself as long as no daemon can be asked, as when this one is just beginning.
        """
        desired = self._submissions.in_force.of(self.state.name)
        if desired is not None and desired.digest != rollback.digest:
            await self.reconsider()

    async def go_on(self) -> None:
        """The source is not to be rolled back any more: put the newest good snapshot in force, as if it had just come.

        If it cannot be, what it was rolled back to stays, and the source says why.
        """
        newest = await self._store.newest_snapshot(self.state.name)
        if newest is not None:
            await self.take(newest)
        # What the source says by now may be something else, that is wrong, and has to be said again.
        if self._last is not None and (newest is None or self._last.digest != newest.digest):
            await self.take(self._last)
        if self._unreadable:
            await self._telling.unreadable(self._unreadable, await self._stays())

    async def _something_in_force(self) -> bool:
        """Whether anything is declared until now, also by what an earlier controller had in force."""
        if (declared := self._submissions.in_force.of(self.state.name)) is not None:
            return bool(declared.targets)
        return await was_declared(self._store, self.state.name, self._evaluate)

    async def _stays(self) -> str:
        """Have the last good snapshot in force, be it an earlier controller's; how a person is told."""
        name = self.state.name
        if self._submissions.in_force.of(name) is None and not await self.restore():
            return "nothing is in force yet"
        if name in await self._store.load_rollbacks():
            return "what it was rolled back to stays in force"
        return "the last good one stays in force"

    async def _evaluate(self, snapshot: Snapshot) -> Desired:
        return await evaluated(self._load, snapshot, self._runtime)

    async def _heard(self, report: SourceReport) -> None:
        """Take note of what a source says of itself."""
        back = self._unreadable and not report.unreadable
        self._unreadable = report.unreadable
        if report.unreadable:
            await self._telling.unreadable(self._unreadable, await self._stays())
        elif back:
            await self._telling.readable()
        if report.degraded != self.state.degraded:
            await self._telling.watched(report.degraded)

    @property
    def state(self) -> SourceState:
        """What is known of the source."""
        return self._telling.state

    @property
    def shown(self) -> SourceState:
        """The same, also where that could not be stored."""
        return self._telling.shown
