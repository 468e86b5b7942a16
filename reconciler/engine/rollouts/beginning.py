"""What a new snapshot is for each rollout of its source: which targets are to have it, and what they have until then.

Invariants: a target that the change is about has what it had until its turn comes, whatever came in between and has not
reached it; one on which nothing is declared otherwise needs no turn. What changes nothing for a rollout's targets lets
it go on where it is, be it that it failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.core.rollout import begin
from reconciler.engine.rollouts.composing import NOTHING, UNKNOWN, contents, pinned
from reconciler.model.desired import Desired
from reconciler.model.names import Digest, TargetName
from reconciler.model.rollout import Rollout, RolloutName, RolloutPhase, RolloutRecord, RolloutTurn
from reconciler.store.batch import Batch


@dataclass(frozen=True, slots=True)
class Current:
    """What is in force of a source until now.

    Attributes:
        number: of its snapshot; None where nothing is.
        digest: of that.
        revision: of that.
        desired: what is declared, target by target; None where that cannot be told any more.
    """

    number: int | None = None
    digest: Digest = UNKNOWN
    revision: str = ""
    desired: Desired | None = None

    def governed(self, name: RolloutName) -> set[TargetName]:
        """The targets of a rollout, as it was declared."""
        known = None if self.desired is None else self.desired.rollouts.get(name)
        return set() if known is None else {*known.targets}

    def declares_alike(self, rollout: Rollout) -> bool:
        """Whether a rollout was declared just so."""
        return self.desired is not None and self.desired.rollouts.get(rollout.name) == rollout


def begun(
    desired: Desired, current: Current, records: Mapping[RolloutName, RolloutRecord], *, now: float
) -> list[RolloutRecord]:
    """What is on record of each rollout that is declared, once a snapshot is in force.

    Args:
        desired: what it declares.
        current: what is in force until then.
        records: what is on record.
        now: seconds since the epoch.
    """
    wanted, there = contents(desired), {} if current.desired is None else contents(current.desired)
    found = []
    for rollout in desired.rollouts.values():
        known = records.get(rollout.name)
        if known is not None and known.digest == desired.digest:
            found.append(known)
            continue
        turns = list(_turns(rollout, desired, current, records, wanted, there))
        if known is not None and current.declares_alike(rollout) and _goes_on(known, turns, wanted):
            found.append(_gone_on(known, turns, desired))
            continue
        found.append(
            begin(
                rollout,
                turns,
                source=desired.source,
                revision=desired.revision,
                digest=desired.digest,
                now=now,
                paused="" if known is None or known.phase.over else known.paused,
            )
        )
    return found


def recorded(before: Mapping[RolloutName, RolloutRecord], after: list[RolloutRecord]) -> Batch:
    """What has to be written for that."""
    batch, names = Batch(), {record.name for record in after}
    for name, record in before.items():
        if name not in names:
            batch.forget_rollout(record)
    for record in after:
        if record != before.get(record.name):
            batch.put_rollout(record, before.get(record.name))
    return batch


def _turns(
    rollout: Rollout,
    desired: Desired,
    current: Current,
    records: Mapping[RolloutName, RolloutRecord],
    wanted: Mapping[TargetName, Digest],
    there: Mapping[TargetName, Digest],
) -> Iterator[RolloutTurn]:
    pins = pinned(records.values())
    # What is declared no longer at all was the rollout's until now, and goes on being so until it is its turn.
    lost = current.governed(rollout.name) - desired.targets.keys()
    for name in (*rollout.targets, *sorted(lost)):
        has = there.get(name, NOTHING)
        if current.number is not None and current.desired is None:
            has = UNKNOWN
        new = wanted.get(name, NOTHING)
        if has == new and new != UNKNOWN:
            continue
        pin = pins.get(name)
        before = current.number if pin is None else pin.before
        if has == NOTHING:
            before = None
        revision = current.revision if pin is None else pin.revision
        yield RolloutTurn(target=name, wanted=new, before=before, revision="" if before is None else revision)


def _goes_on(known: RolloutRecord, turns: list[RolloutTurn], wanted: Mapping[TargetName, Digest]) -> bool:
    """Whether a snapshot says of a rollout's targets what the one that is rolled out does."""
    same = all(wanted.get(name, NOTHING) == turn.wanted != UNKNOWN for name, turn in known.turns.items())
    new = any(turn.target not in known.turns for turn in turns)
    return same and not (new and known.phase is RolloutPhase.COMPLETE)


def _gone_on(known: RolloutRecord, turns: list[RolloutTurn], desired: Desired) -> RolloutRecord:
    """The same rollout of a newer revision; what came to be its target since is in its last wave."""
    last = max((turn.entry for turn in known.turns.values()), default=0)
    new = {
        turn.target: replace(turn, wave=known.waves - 1, entry=last)
        for turn in turns
        if turn.target not in known.turns
    }
    return replace(known, revision=desired.revision, digest=desired.digest, turns={**known.turns, **new})
