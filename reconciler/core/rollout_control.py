"""What ends a rollout, or has it go on: a person's word, and a failure.

Invariant: nobody has the new revision because of any of it who had it not; what goes back has what it had before. This
module must not know what a failure is.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.rollout import (
    FAILED,
    OnFailure,
    Rollout,
    RolloutPhase,
    RolloutRecord,
    TargetSeen,
)


def pause(record: RolloutRecord, by: str) -> RolloutRecord:
    """No further target has its turn."""
    return replace(record, paused=by)


def resume(record: RolloutRecord, now: float) -> RolloutRecord:
    """It goes on: where it was paused, or once more where it had failed or was ended."""
    if record.phase not in FAILED:
        return replace(record, paused="")
    turns = {
        name: replace(
            turn, failed="", clock=now, seen=TargetSeen.READY if turn.begun is None else TargetSeen.COMING
        )
        for name, turn in record.turns.items()
    }
    begun = any(turn.begun is not None for turn in turns.values())
    return replace(
        record,
        phase=RolloutPhase.PROGRESSING,
        message="",
        paused="",
        promoted=False,
        wave=record.wave if begun else 0,
        well_since=None,
        unwell_since=None,
        turns=turns,
    )


def promote(record: RolloutRecord, *, full: bool = False) -> RolloutRecord:
    """The wave need not hold any longer once it is ready, nor does the next one wait; with `full` none does."""
    return replace(record, promoted=True, full=record.full or full, paused="")


def abort(rollout: Rollout | None, record: RolloutRecord, by: str, reason: str = "") -> RolloutRecord:
    """It ends here, and what has the revision keeps it or not as with a failure."""
    ended = _ended(rollout, record)
    because = f": {reason}" if reason else ""
    return replace(ended, phase=RolloutPhase.ABORTED, message=f"by {by}{because}; {_outcome(ended)}")


def fail(rollout: Rollout, record: RolloutRecord, why: str) -> RolloutRecord:
    """It does not go on, and why."""
    ended = _ended(rollout, record)
    back = rollout.on_failure is OnFailure.ROLLBACK
    phase = RolloutPhase.ROLLED_BACK if back else RolloutPhase.STOPPED
    return replace(ended, phase=phase, message=f"{why}; {_outcome(ended)}")


def _ended(rollout: Rollout | None, record: RolloutRecord) -> RolloutRecord:
    record = replace(record, well_since=None, unwell_since=None, promoted=False, full=False)
    if rollout is None or rollout.on_failure is OnFailure.STOP:
        return record
    turns = {name: replace(turn, begun=None, done=False) for name, turn in record.turns.items()}
    return replace(record, turns=turns, wave=0)


def _outcome(record: RolloutRecord) -> str:
    have = sum(turn.begun is not None for turn in record.turns.values())
    left = len(record.turns) - have
    if not have:
        return f"no target has {record.revision}"
    return f"{have} of {len(record.turns)} keep {record.revision}, and {left} do not get it"


def renewed(record: RolloutRecord, now: float) -> RolloutRecord:
    """The same where nobody has looked for a while: what was not seen to hold has to, and targets have their time."""
    if record.phase.over:
        return record
    turns = {
        name: turn if turn.begun is None or turn.seen.well else replace(turn, clock=now)
        for name, turn in record.turns.items()
    }
    # Of one that holds already only the pause is left, which goes on by itself.
    held = record.phase in (RolloutPhase.PAUSING, RolloutPhase.AWAITING_PROMOTION)
    return replace(record, turns=turns, unwell_since=None, well_since=record.well_since if held else None)
