"""`froyo apply` of a source with rollouts: it walks the waves in one run, and stops where one does not hold.

Invariant: what is on record is what a daemon would have there, so that either goes on where the other one has stopped.
A target is looked at only with what is in force there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from reconciler.app import once
from reconciler.app.assembly import Parts
from reconciler.app.evaluating import Evaluated, followed
from reconciler.core.reasons import AWAITED
from reconciler.core.rollout import advance, wake
from reconciler.core.rollout_control import renewed
from reconciler.core.spoken import count, some
from reconciler.engine.intake.recall import current
from reconciler.engine.rollouts.beginning import begun, recorded
from reconciler.engine.rollouts.composing import SourceComposing, records_of
from reconciler.engine.rollouts.telling import tell
from reconciler.engine.round.progress import Progress
from reconciler.engine.single.oneshot import TargetResult
from reconciler.model.conditions import Reason
from reconciler.model.desired import Desired
from reconciler.model.names import TargetName, split_address
from reconciler.model.rollout import (
    OnUnreachable,
    Rollout,
    RolloutName,
    RolloutPhase,
    RolloutRecord,
    Sight,
    TargetSeen,
)
from reconciler.model.source import Snapshot
from reconciler.store.batch import Batch

LOOK = 0.01
"""Seconds after which what is probed is looked at once more, where nobody has said for how long it has to hold."""


async def apply(
    parts: Parts,
    evaluated: Evaluated,
    *,
    progress: Progress,
    notice: Callable[[str], None],
) -> tuple[list[TargetResult], list[RolloutRecord]]:
    """Put right what is not as declared, wave by wave where that is declared; how far that has come.

    Args:
        parts: with the lease on the store.
        evaluated: what should be, in the end.
        progress: told how it goes on.
        notice: told what a person should know.
    """
    walk = _Walk(parts, evaluated, progress, notice)
    if evaluated.rollback is not None or evaluated.snapshot is None or not await walk.begin():
        return await once.apply(parts, evaluated, progress=progress, notice=notice), walk.records
    return await walk.run(), walk.records


async def foretold(parts: Parts, evaluated: Evaluated) -> list[RolloutRecord]:
    """Of each rollout, which targets would come when; nothing where nothing goes by waves."""
    walk = _Walk(parts, evaluated, Progress(), lambda _said: None)
    if evaluated.rollback is not None or evaluated.snapshot is None or not await walk.begin():
        return []
    return [one for one in walk.records if one.phase is not RolloutPhase.COMPLETE]


def in_waves(record: RolloutRecord) -> str:
    """Which targets come when, in words for a person."""
    waves: dict[int, list[str]] = {}
    for turn in record.turns.values():
        waves.setdefault(turn.wave, []).append(turn.target)
    said = "; ".join(f"{number + 1}: {some(sorted(waves[number]))}" for number in sorted(waves))
    state = f" ({record.phase}: {record.message})" if record.message else ""
    return f"rollout {record.name}: {record.revision} reaches its targets in {count(len(waves), 'wave')}{state}: {said}"


class _Walk:
    def __init__(
        self, parts: Parts, evaluated: Evaluated, progress: Progress, notice: Callable[[str], None]
    ) -> None:
        self._parts = parts
        self._evaluated = evaluated
        self._newest = evaluated.desired
        self._rollouts: Mapping[RolloutName, Rollout] = evaluated.desired.rollouts
        self._progress = progress
        self._notice = notice
        self._composing = SourceComposing(parts.store, self._load)
        self._before: list[RolloutRecord] = []
        self.records: list[RolloutRecord] = []
        self._results: dict[TargetName, TargetResult] = {}
        self._told: dict[RolloutName, str] = {}

    async def _load(self, snapshot: Snapshot) -> Desired:
        return await self._parts.runtime.offload("config", partial(self._parts.load, snapshot))

    async def begin(self) -> bool:
        """See what has its turn; whether anything goes by waves."""
        store, source = self._parts.store, self._newest.source
        self._before = await records_of(store, source)
        if not self._rollouts and not self._before:
            return False
        until_now = await current(store, source, self._load)
        known = {one.name: one for one in self._before}
        now = self._parts.runtime.now()
        self.records = [renewed(one, now) for one in begun(self._newest, until_now, known, now=now)]
        over = all(one.phase is RolloutPhase.COMPLETE for one in self.records)
        return not (over and self.records == self._before)

    async def run(self) -> list[TargetResult]:
        """Walk, and say where it has stopped."""
        # What has had its turn in an earlier run is looked at before anything is said of it.
        if not any(turn.begun is not None for one in self.records for turn in one.turns.values()):
            self.records = [self._advanced(one) for one in self.records]
        await self._look(None)
        while True:
            earlier, self.records = self.records, [self._advanced(one) for one in self.records]
            if moved := _moved(earlier, self.records):
                await self._look(moved)
                continue
            await self._record()
            waiting = [
                one for one in self.records if one.phase in (RolloutPhase.SOAKING, RolloutPhase.PAUSING)
            ]
            again = [one for one in waiting if not one.paused]
            if not again:
                break
            await self._wait(again)
        for record in self.records:
            if record.phase is not RolloutPhase.COMPLETE or record.turns:
                self._notice(f"rollout {record.name}: {record.message}")
        return list(self._results.values())

    async def _look(self, part: Collection[TargetName] | None) -> None:
        """Look at these targets, or at all, with what is in force there from now on."""
        composed = await self._composing.of(self._newest, self.records)
        shown = await followed(self._parts, self._evaluated, composed)
        batch = self._batch()
        if part is not None:
            await self._parts.store.write(batch)
        self._before = self.records
        for record in self.records:
            self._say(record)
        found = await once.apply(
            self._parts,
            shown,
            progress=self._progress,
            notice=self._notice,
            rollouts=batch if part is None else None,
            part=part,
        )
        for result in found:
            self._results[result.target] = _joined(self._results.get(result.target), result)

    async def _wait(self, records: Sequence[RolloutRecord]) -> None:
        """Let waves hold, or pause, and see then how their targets are."""
        now = self._parts.runtime.now()
        due = [wake(self._rollouts[one.name], one, settle=LOOK) for one in records]
        for record in records:
            self._say(record)
        await asyncio.sleep(max(LOOK, min((at - now for at in due if at is not None), default=LOOK)))
        await self._look(
            {turn.target for one in records for turn in one.turns.values() if turn.wave == one.wave}
        )

    def _advanced(self, record: RolloutRecord) -> RolloutRecord:
        rollout = self._rollouts[record.name]
        sights = {
            name: _sight(self._results.get(name), rollout)
            for name, turn in record.turns.items()
            if turn.begun is not None
        }
        return advance(
            rollout,
            record,
            sights,
            now=self._parts.runtime.now(),
            settle=LOOK,
            unwell=self._unwell(rollout),
            locks=list(self._newest.locks.values()),
        )

    def _unwell(self, rollout: Rollout) -> str:
        for result in self._results.values():
            for address in result.failed:
                if split_address(address)[1] in rollout.probes:
                    return address
        return ""

    def _batch(self) -> Batch:
        batch = recorded({one.name: one for one in self._before}, self.records)
        earlier = {one.name: one for one in self._before}
        for record in self.records:
            batch.add_events(tell(earlier.get(record.name), record, self._parts.runtime.now))
        return batch

    async def _record(self) -> None:
        await self._parts.store.write(self._batch())
        self._before = self.records

    def _say(self, record: RolloutRecord) -> None:
        if record.message and self._told.get(record.name) != record.message:
            self._told[record.name] = record.message
            self._notice(f"rollout {record.name}: {record.message}")


def _moved(before: Sequence[RolloutRecord], after: Sequence[RolloutRecord]) -> set[TargetName]:
    """The targets on which something else is in force."""
    had = {(one.name, turn.target) for one in before for turn in one.pinned}
    have = {(one.name, turn.target) for one in after for turn in one.pinned}
    return {target for _, target in had ^ have}


def _sight(result: TargetResult | None, rollout: Rollout) -> Sight:
    if result is None:
        return Sight(TargetSeen.READY)  # nothing is declared there any more
    if result.error:
        waits = rollout.unreachable is OnUnreachable.WAIT
        return Sight(TargetSeen.UNREACHABLE if waits else TargetSeen.FAILED, result.error)
    for address, summary in result.failed.items():
        return Sight(TargetSeen.FAILED, f"{split_address(address)[1]}: {summary.reason}: {summary.message}")
    for address, summary in result.left.items():
        if summary.reason in AWAITED:
            return Sight(TargetSeen.HELD, f"{split_address(address)[1]}: {summary.message}")
        if summary.reason is Reason.SUSPENDED and not result.changed:
            return Sight(TargetSeen.SUSPENDED, f"{split_address(address)[1]}: {summary.message}")
    return Sight(TargetSeen.READY)


def _joined(before: TargetResult | None, after: TargetResult) -> TargetResult:
    """What came of a target in all of the run: how it is now, and whatever was done."""
    if before is None:
        return after
    changed = [*before.changed, *(one for one in after.changed if one not in before.changed)]
    again = {(event.object, event.reason, event.message) for event in after.events}
    earlier = [one for one in before.events if (one.object, one.reason, one.message) not in again]
    return replace(after, changed=changed, events=[*earlier, *after.events])
