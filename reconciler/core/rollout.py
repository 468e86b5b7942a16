"""How a rollout goes on: from what is declared, what is on record and how targets are, to what is on record next.

Invariants: no target has its turn before every one of the waves before has held, nor while as many as may be
unavailable are; what is over stays as it is until a person or a newer revision says otherwise. What is given and what
comes back is all there is: it goes on at any other place just as well. This module must not know how targets are looked
at, nor how a revision comes to be in force on one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from reconciler.core.rollout_control import fail
from reconciler.core.rollout_turns import begun, members, stuck
from reconciler.core.spoken import count, lasting, some
from reconciler.core.waves import in_waves, pause_after
from reconciler.model.names import Digest, SourceName, TargetName
from reconciler.model.rollout import (
    OnUnreachable,
    Rollout,
    RolloutPhase,
    RolloutRecord,
    RolloutTurn,
    Sight,
    TargetSeen,
)
from reconciler.model.target_lock import TargetLock

_UNSEEN = Sight(TargetSeen.COMING, "nothing is known of it yet")


def begin(
    rollout: Rollout,
    turns: Iterable[RolloutTurn],
    *,
    source: SourceName,
    revision: str,
    digest: Digest,
    now: float,
    paused: str = "",
) -> RolloutRecord:
    """A rollout of a new revision.

    Args:
        rollout: as it is declared.
        turns: the targets that the change is about, each with what is in force there; waves are given here.
        source: whose.
        revision: the new one.
        digest: of its snapshot.
        now: seconds since the epoch.
        paused: who has paused the one before.
    """
    about = {turn.target: turn for turn in turns}
    waves = in_waves(rollout, about, digest)
    record = RolloutRecord(
        source=source,
        name=rollout.name,
        revision=revision,
        digest=digest,
        since=now,
        waves=1 + max((wave for wave, _ in waves.values()), default=0),
        paused=paused,
        turns={name: replace(about[name], wave=wave, entry=entry) for name, (wave, entry) in waves.items()},
    )
    return record if about else replace(record, phase=RolloutPhase.COMPLETE, message="it changes no target")


def advance(
    rollout: Rollout,
    record: RolloutRecord,
    sights: Mapping[TargetName, Sight],
    *,
    now: float,
    settle: float = 0.0,
    unwell: str = "",
    locks: Collection[TargetLock] = (),
    away: Collection[TargetName] = (),
) -> RolloutRecord:
    """What is on record next; the same object where nothing follows.

    Args:
        rollout: as it is declared.
        record: how far it is.
        sights: how each target is that has had its turn.
        now: seconds since the epoch.
        settle: seconds that a wave has to hold at least, since what is probed is only asked so often.
        unwell: which named probe is not ready, or "".
        locks: how many of some targets may be disrupted at once.
        away: the targets that are, by something else.
    """
    if record.phase.over:
        return record
    record = _looked(rollout, record, sights, now)
    if why := _too_much(rollout, record):
        return fail(rollout, record, why)
    while True:
        record = begun(rollout, record, now=now, locks=locks, away=away)
        wave = members(record)
        waiting = [turn for turn in wave if turn.begun is None]
        if waiting and not record.paused and (why := stuck(rollout, record)):
            return fail(rollout, record, why)
        lacking = [turn for turn in wave if turn.begun is not None and _is_coming(turn)]
        if waiting or lacking:
            return _progressing(record, waiting, lacking)
        if not _is_shown(record):
            if failed := [turn for turn in wave if turn.failed]:
                return fail(rollout, record, f"{_failures(failed)}, and no target has shown that it works")
            if not (record.promoted or record.full):
                return _unshown(record, wave)
        if unwell:
            return _unwell(rollout, record, unwell, now)
        record = _held(rollout, record, now, settle)
        if record.phase is not RolloutPhase.PROGRESSING:
            return record


def wake(rollout: Rollout, record: RolloutRecord, *, settle: float = 0.0) -> float | None:
    """When something follows although nothing has changed, in seconds since the epoch; None for never."""
    if record.phase.over:
        return None
    due = [
        turn.clock + rollout.deadline
        for turn in record.turns.values()
        if turn.begun is not None and not turn.seen.well and not turn.failed
    ]
    if record.unwell_since is not None:
        due.append(record.unwell_since + rollout.deadline)
    if record.well_since is not None:
        held = record.well_since + max(rollout.soak, settle)
        due.append(held)
        due += [held + pause_after(rollout, turn.entry).pause for turn in members(record)[:1]]
    return min(due, default=None)


# --- Failures ---------------------------------------------------------------------------------------------------------


def _too_much(rollout: Rollout, record: RolloutRecord) -> str:
    failed = [turn for turn in record.turns.values() if turn.failed]
    if len(failed) <= rollout.max_failures.of(len(record.turns)):
        return ""
    return _failures(failed)


def _failures(failed: Sequence[RolloutTurn]) -> str:
    return f"{some([turn.target for turn in failed])} failed: {failed[0].failed}"


def _is_shown(record: RolloutRecord) -> bool:
    """Whether the revision has come to work anywhere: what may fail is counted where that is so, and not before."""
    return any(turn.begun is not None and turn.seen is TargetSeen.READY for turn in record.turns.values())


# --- Steps ------------------------------------------------------------------------------------------------------------


def _looked(
    rollout: Rollout, record: RolloutRecord, sights: Mapping[TargetName, Sight], now: float
) -> RolloutRecord:
    turns = {
        name: turn if turn.begun is None else _seen(rollout, turn, sights.get(name, _UNSEEN), now)
        for name, turn in record.turns.items()
    }
    return record if turns == record.turns else replace(record, turns=turns)


def _seen(rollout: Rollout, turn: RolloutTurn, sight: Sight, now: float) -> RolloutTurn:
    failed, clock = turn.failed, turn.clock
    # Its deadline counts from its turn, or from when it was ready last once its wave has held; not while others decide.
    if (turn.done and turn.seen.well) or _excused(rollout, turn.seen) or _excused(rollout, sight.seen):
        clock = now if sight.seen is not turn.seen else clock
    if sight.seen.well:
        failed = ""
    elif sight.seen is TargetSeen.FAILED:
        failed = failed or sight.why
    elif not failed and not _excused(rollout, sight.seen) and now - clock >= rollout.deadline:
        failed = f"not ready within {lasting(rollout.deadline)}: {sight.why}"
    return replace(turn, seen=sight.seen, failed=failed, clock=clock)


def _excused(rollout: Rollout, seen: TargetSeen) -> bool:
    return seen in (TargetSeen.HELD, TargetSeen.SUSPENDED) or (
        seen is TargetSeen.UNREACHABLE and rollout.unreachable is OnUnreachable.WAIT
    )


def _is_coming(turn: RolloutTurn) -> bool:
    return not turn.seen.well and not turn.failed


def _progressing(
    record: RolloutRecord, waiting: list[RolloutTurn], lacking: list[RolloutTurn]
) -> RolloutRecord:
    message = f"wave {record.wave + 1} of {record.waves}"
    if lacking:
        message += f": waits for {some([turn.target for turn in lacking])}{_paused(record)}"
    elif record.paused:
        message += f": {some([turn.target for turn in waiting])} wait, since it is paused by {record.paused}"
    else:
        message += f": {some([turn.target for turn in waiting])} wait, since as many are disrupted as may be"
    return replace(
        record, phase=RolloutPhase.PROGRESSING, message=message, well_since=None, unwell_since=None
    )


def _unshown(record: RolloutRecord, members: Sequence[RolloutTurn]) -> RolloutRecord:
    """All of the wave are left alone by a person, and none before it has shown anything: the next one waits."""
    names = some([turn.target for turn in members])
    message = (
        f"wave {record.wave + 1} of {record.waves}: what it changes on {names} is suspended, and so shows nothing; "
        f"resume that, or: froyo rollout promote {record.name}"
    )
    return replace(
        record, phase=RolloutPhase.AWAITING_PROMOTION, message=message, well_since=None, unwell_since=None
    )


def _unwell(rollout: Rollout, record: RolloutRecord, unwell: str, now: float) -> RolloutRecord:
    since = now if record.unwell_since is None else record.unwell_since
    if now - since >= rollout.deadline:
        return fail(rollout, record, f"{unwell} is not ready within {lasting(rollout.deadline)}")
    message = f"wave {record.wave + 1} of {record.waves}: waits for {unwell}{_paused(record)}"
    return replace(
        record, phase=RolloutPhase.PROGRESSING, message=message, well_since=None, unwell_since=since
    )


def _held(rollout: Rollout, record: RolloutRecord, now: float, settle: float) -> RolloutRecord:
    """The wave is ready: let it hold, and pause, and then have the next one."""
    since = now if record.well_since is None else record.well_since
    record = replace(record, well_since=since, unwell_since=None)
    soak = 0.0 if record.promoted or record.full else max(rollout.soak, settle)
    where = f"wave {record.wave + 1} of {record.waves}"
    if now - since < soak:
        asked = ", until its probes have been asked anew" if settle > rollout.soak else ""
        message = f"{where}: has to hold for {lasting(soak)}{asked}{_paused(record)}"
        return replace(record, phase=RolloutPhase.SOAKING, message=message)
    wave = members(record)
    turns = {turn.target: replace(turn, done=True) for turn in wave}
    record = replace(record, turns={**record.turns, **turns})
    if record.wave + 1 >= record.waves:
        return _complete(record)
    if record.paused:
        message = f"{where} has held; paused by {record.paused}"
        return replace(record, phase=RolloutPhase.PAUSING, message=message)
    after = pause_after(rollout, wave[0].entry)
    if after.until_promoted and not (record.promoted or record.full):
        return replace(
            record,
            phase=RolloutPhase.AWAITING_PROMOTION,
            message=f"{where} has held; the next one waits for: froyo rollout promote {record.name}",
        )
    if now - since < soak + after.pause and not (record.promoted or record.full):
        message = f"{where} has held; the next one begins after a pause of {lasting(after.pause)}"
        return replace(record, phase=RolloutPhase.PAUSING, message=message)
    return replace(
        record, phase=RolloutPhase.PROGRESSING, wave=record.wave + 1, well_since=None, promoted=False
    )


def _paused(record: RolloutRecord) -> str:
    """What is said of a pause before it holds anything back."""
    return f"; paused by {record.paused}" if record.paused else ""


def _complete(record: RolloutRecord) -> RolloutRecord:
    """All have it. What was before is nobody's any more, and need not be kept."""
    failed = [turn.target for turn in record.turns.values() if turn.failed]
    number = len(record.turns)
    message = f"{count(number, 'target')} {'has' if number == 1 else 'have'} {record.revision}"
    if failed:
        message += f", of which {some(failed)} failed"
    turns = {name: replace(turn, before=None) for name, turn in record.turns.items()}
    return replace(record, phase=RolloutPhase.COMPLETE, message=message, turns=turns)
