"""Which targets of a wave have their turn next: as many as may be away at once, and as locks allow.

Invariant: with those that have their turn no more are away than may be, of the rollout and of each lock; who is away
already is no worse for a turn. This module must not know what a wave waits for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from reconciler.core.spoken import some
from reconciler.core.waves import at_least_one
from reconciler.model.names import TargetName
from reconciler.model.rollout import Rollout, RolloutRecord, RolloutTurn, TargetSeen
from reconciler.model.target_lock import TargetLock


def members(record: RolloutRecord) -> list[RolloutTurn]:
    """The turns of the wave that it is."""
    return [turn for turn in record.turns.values() if turn.wave == record.wave]


def unready(record: RolloutRecord) -> set[TargetName]:
    """The targets that have had their turn and are not ready."""
    return {turn.target for turn in record.turns.values() if turn.begun is not None and not turn.seen.well}


def begun(
    rollout: Rollout,
    record: RolloutRecord,
    *,
    now: float,
    locks: Collection[TargetLock],
    away: Collection[TargetName],
) -> RolloutRecord:
    """The record with the turns that begin now; the same object where none does.

    Args:
        rollout: as it is declared.
        record: how far it is.
        now: seconds since the epoch.
        locks: how many of some targets may be disrupted at once.
        away: the targets that are, by something else.
    """
    if record.paused:
        return record
    mine = unready(record)
    room, gone = _most(rollout, record) - len(mine), mine | {*away}
    chosen: list[RolloutTurn] = []
    for turn in members(record):
        if turn.begun is not None or len(chosen) >= room:
            continue
        # Who is disrupted already is no worse for it.
        if any(_is_full(lock, turn.target, gone) for lock in locks if turn.target in lock.targets):
            continue
        chosen.append(turn)
        gone.add(turn.target)
    if not chosen:
        return record
    turns = {turn.target: replace(turn, begun=now, clock=now, seen=TargetSeen.COMING) for turn in chosen}
    return replace(record, turns={**record.turns, **turns})


def stuck(rollout: Rollout, record: RolloutRecord) -> str:
    """Why no target can have its turn any more, where those that failed are as many as may be unavailable."""
    failed = [turn.target for turn in record.turns.values() if turn.failed and not turn.seen.well]
    most = _most(rollout, record)
    return f"no more than {most} may be unavailable, and {some(failed)} failed" if len(failed) >= most else ""


def _most(rollout: Rollout, record: RolloutRecord) -> int:
    total = len(record.turns)
    return total if rollout.max_unavailable is None else at_least_one(rollout.max_unavailable, total)


def _is_full(lock: TargetLock, target: TargetName, away: Collection[TargetName]) -> bool:
    return sum(name in lock.targets for name in away if name != target) >= lock.most
