"""Has rollouts go on: looks at their targets whenever something is known of them, and gives the next ones their turn.

Invariants: what is decided is on record before it is in force anywhere. A look that cannot be finished changes nothing,
and is tried again. Who shares a store with others has this run where what is in force is decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from reconciler.core.rollout import advance, wake
from reconciler.core.rollout_control import fail, renewed
from reconciler.engine.intake.intake import Intake
from reconciler.engine.loop.controller import Controller
from reconciler.engine.rollouts.away import AwayByTurns
from reconciler.engine.rollouts.composing import records_of
from reconciler.engine.rollouts.seeing import Seeing, probed, settle
from reconciler.engine.rollouts.telling import tell
from reconciler.engine.settings import EngineSettings
from reconciler.errors import ConfigError, StoreError
from reconciler.model.desired import Desired
from reconciler.model.names import Address, Digest, SourceName
from reconciler.model.rollout import Rollout, RolloutName, RolloutPhase, RolloutRecord
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

PAUSE = 0.5
"""Seconds between two looks at least: of many commits, one look sees what they have come to."""
LOOK = 30.0
"""Seconds after which it is looked at again anyhow: the wall clock may have been moved."""

Steer = Callable[[Rollout | None, RolloutRecord], RolloutRecord]
"""What a person wants of a rollout."""


class Rolling:
    """See the module.

    Args:
        store: where rollouts are on record.
        runtime: gives the time.
        controller: knows how targets are.
        intakes: the path from each source that is served to the loop.
        settings: the numbers.
    """

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        controller: Controller,
        intakes: Mapping[SourceName, Intake],
        settings: EngineSettings,
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._controller = controller
        self._intakes = intakes
        self._settings = settings
        self._moved = asyncio.Event()
        self._trouble: dict[SourceName, str] = {}
        self._looked_at: set[SourceName] = set()
        self._away = AwayByTurns()
        self._asked: dict[tuple[SourceName, RolloutName], tuple[Digest, int]] = {}

    async def run(self) -> None:
        """Look, for ever; a long task."""
        with self._store.feed.subscribe() as following:
            while True:
                self._moved.clear()
                due = await self._look_at_all()
                heard = asyncio.ensure_future(following.heard())
                moved = asyncio.ensure_future(self._moved.wait())
                try:
                    await asyncio.sleep(PAUSE)
                    await asyncio.wait([heard, moved], timeout=due, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for one in (heard, moved):
                        one.cancel()
                    await asyncio.gather(heard, moved, return_exceptions=True)

    async def _look_at_all(self) -> float:
        """See how all go on; seconds until something may follow by itself."""
        due = LOOK
        self._away.keep_only(self._intakes.keys())
        for source, intake in list(self._intakes.items()):
            desired = self._controller.in_force.of(source)
            if desired is None or not desired.rollouts:
                self._away.note(source, ())
                continue
            try:
                after = await self._look(intake)
                self._trouble.pop(source, None)
            except (StoreError, ConfigError) as error:
                if self._trouble.get(source) != str(error):
                    log.warning("a rollout cannot go on just now", source=source, why=str(error))
                self._trouble[source] = str(error)
                continue
            self._away.note(source, after)
            for at in self._wakes(source, after):
                due = min(due, max(0.0, at - self._runtime.now()))
        self._controller.disruptions.roll(self._away.targets)
        return due

    async def _look(self, intake: Intake) -> Sequence[RolloutRecord]:
        source = intake.state.name
        before = await records_of(self._store, source)
        if all(record.phase.over for record in before):
            return before
        try:
            return await self._go_on(intake, self._advanced)
        except ConfigError as error:
            why = f"the next wave cannot be in force: {error.problems[0]}"
            return await self._go_on(intake, partial(_failed, why))

    async def _go_on(
        self, intake: Intake, how: Callable[[Desired, Sequence[RolloutRecord]], Sequence[RolloutRecord]]
    ) -> Sequence[RolloutRecord]:
        told = Batch()

        def go_on(desired: Desired, before: Sequence[RolloutRecord]) -> Sequence[RolloutRecord]:
            after = how(desired, before)
            for old, new in zip(before, after, strict=True):
                told.add_events(tell(old, new, self._runtime.now))
            return after

        return await intake.roll(go_on, told)

    def _advanced(self, desired: Desired, before: Sequence[RolloutRecord]) -> Sequence[RolloutRecord]:
        seeing = Seeing(self._controller, desired)
        first = desired.source not in self._looked_at
        self._looked_at.add(desired.source)
        return [
            self._advance(desired, seeing, renewed(record, self._runtime.now()) if first else record)
            for record in before
        ]

    def _advance(self, desired: Desired, seeing: Seeing, record: RolloutRecord) -> RolloutRecord:
        rollout = desired.rollouts.get(record.name)
        # What is on record may be of what is just being taken in.
        if rollout is None or record.phase.over:
            return record
        return advance(
            rollout,
            record,
            seeing.sights(record),
            now=self._runtime.now(),
            settle=settle(probed(desired, record, rollout), self._settings),
            unwell=seeing.unwell(rollout),
            locks=self._controller.in_force.locks,
            away={*self._controller.disruptions.targets, *self._away.beside(record)},
        )

    def _wakes(self, source: SourceName, records: Iterable[RolloutRecord]) -> Iterable[float]:
        desired = self._controller.in_force.of(source)
        if desired is None:
            return
        for record in records:
            rollout = desired.rollouts.get(record.name)
            if rollout is None or record.phase.over:
                continue
            probes = probed(desired, record, rollout)
            if record.phase is RolloutPhase.SOAKING:
                self._ask(record, [one.address for one in probes])
            at = wake(rollout, record, settle=settle(probes, self._settings))
            if at is not None:
                yield at

    def _ask(self, record: RolloutRecord, probes: Sequence[Address]) -> None:
        """Have what is probed on a wave that has come to be ready asked anew, once."""
        wave = (record.digest, record.wave)
        if self._asked.get((record.source, record.name)) != wave:
            self._asked[record.source, record.name] = wave
            self._controller.probe_again(probes)

    @property
    def sources(self) -> Collection[SourceName]:
        """Those whose rollouts go on here."""
        return self._intakes.keys()

    async def steer(
        self, source: SourceName, name: RolloutName, how: Steer, batch: Batch
    ) -> RolloutRecord | None:
        """Do what a person wants of a rollout; how far it is then, or None where there is none.

        Raises:
            ConfigError: a target would have what another source claims; nothing has changed.
            StoreError: it could not be put on record.
        """

        def go_on(desired: Desired, before: Sequence[RolloutRecord]) -> Sequence[RolloutRecord]:
            return [how(desired.rollouts.get(one.name), one) if one.name == name else one for one in before]

        after = await self._intakes[source].roll(go_on, batch)
        self._moved.set()
        return next((one for one in after if one.name == name), None)


def _failed(why: str, desired: Desired, before: Sequence[RolloutRecord]) -> Sequence[RolloutRecord]:
    return [
        record
        if record.phase.over or record.name not in desired.rollouts
        else fail(desired.rollouts[record.name], record, why)
        for record in before
    ]
