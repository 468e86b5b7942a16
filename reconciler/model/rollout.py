"""Rollouts: how a change of a source reaches its targets, wave by wave: as that is declared, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from reconciler.model.names import Digest, Reference, SourceName, TargetName
from reconciler.model.origin import Origin
from reconciler.model.selector import Selector

RolloutName = NewType("RolloutName", str)
"""What a Rollout is called; of two sources each may have one of a name."""

DEADLINE = 600.0
"""Seconds that a target may take until it is ready, where a Rollout does not say."""


class RolloutOrder(StrEnum):
    """In which order targets have their turn."""

    NAME = "name"
    REVERSE = "reverse"
    SHUFFLED = "shuffled"
    """Another one for each revision, and the same one for each of its targets whenever it is asked for."""


class OnFailure(StrEnum):
    """What becomes of targets that have the new revision, where it does not go on."""

    STOP = "stop"
    ROLLBACK = "rollback"


class OnUnreachable(StrEnum):
    """What is made of a target that cannot be reached when it is its turn."""

    FAIL = "fail"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Portion:
    """So many, or such a part of all."""

    count: int = 0
    percent: int | None = None

    def of(self, total: int) -> int:
        """How many of `total` that is, rounded down."""
        return self.count if self.percent is None else total * self.percent // 100

    def __str__(self) -> str:
        """As it is written."""
        return str(self.count) if self.percent is None else f"{self.percent}%"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutWave:
    """Some targets that have their turn together.

    Attributes:
        size: how many; None where it is those of a selector.
        selector: which; None where it is so many.
        targets: those that it selects.
        pause: seconds until the next wave, once this one has held.
        until_promoted: the next one waits for a person instead.
    """

    size: Portion | None = None
    selector: Selector | None = None
    targets: frozenset[TargetName] = frozenset()
    pause: float = 0.0
    until_promoted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How changes of the source that declares it reach its targets.

    Attributes:
        name: its own.
        selector: which of the targets.
        targets: those that it selects, in order of declaration.
        waves: one at least. If the last one is so many, it is repeated until all have had their turn; else what is left
            is a wave of its own.
        max_unavailable: how many may have had their turn and not be ready; None for a whole wave.
        order: of the targets.
        soak: seconds that a wave has to hold without interruption.
        deadline: seconds that a target may take until it is ready.
        unreachable: what is made of one that cannot be reached.
        max_failures: how many targets may fail before nothing goes on.
        on_failure: what becomes then of those that have the new revision.
        probes: what else has to be ready before the next wave, wherever it is declared.
        origin: where it was declared.
    """

    name: RolloutName
    selector: Selector
    targets: tuple[TargetName, ...] = ()
    waves: tuple[RolloutWave, ...]
    max_unavailable: Portion | None = None
    order: RolloutOrder = RolloutOrder.NAME
    soak: float = 0.0
    deadline: float = DEADLINE
    unreachable: OnUnreachable = OnUnreachable.FAIL
    max_failures: Portion = Portion()
    on_failure: OnFailure = OnFailure.STOP
    probes: tuple[Reference, ...] = ()
    origin: Origin = field(default=Origin(), compare=False)


class RolloutPhase(StrEnum):
    """How far a rollout is."""

    PROGRESSING = "Progressing"
    """Targets of the wave have their turn, or are not ready yet."""
    SOAKING = "Soaking"
    """All of the wave are ready, and have to be so for a while."""
    PAUSING = "Pausing"
    """The wave has held; the next one begins after its pause."""
    AWAITING_PROMOTION = "AwaitingPromotion"
    """The wave has held; the next one waits for a person."""
    COMPLETE = "Complete"
    """All targets have the revision."""
    STOPPED = "Stopped"
    """Too much failed: what has the revision keeps it, and nobody else gets it."""
    ROLLED_BACK = "RolledBack"
    """Too much failed: what had the revision has the one before again."""
    ABORTED = "Aborted"
    """A person has ended it."""

    @property
    def over(self) -> bool:
        """Whether nothing follows by itself."""
        return self in _OVER


_OVER = frozenset(
    {RolloutPhase.COMPLETE, RolloutPhase.STOPPED, RolloutPhase.ROLLED_BACK, RolloutPhase.ABORTED}
)
FAILED = _OVER - {RolloutPhase.COMPLETE}
"""The phases in which it has not reached all, and does not go on."""


class TargetSeen(StrEnum):
    """How a target is that has had its turn."""

    READY = "Ready"
    COMING = "Coming"
    """Not ready yet."""
    HELD = "Held"
    """Something waits for a person, or for its window."""
    UNREACHABLE = "Unreachable"
    FAILED = "Failed"
    """Something that has become so since its turn does not come about by itself."""
    SUSPENDED = "Suspended"
    """A person has what it would change left alone: no trouble, and it shows nothing."""

    @property
    def well(self) -> bool:
        """Whether nothing is waited for there."""
        return self in _WELL


_WELL = frozenset({TargetSeen.READY, TargetSeen.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Sight:
    """How a target is seen, and what it lacks, in words for a person."""

    seen: TargetSeen
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutTurn:
    """What a rollout is for one target.

    Attributes:
        target: which.
        wave: in which it is its turn, from 0 on.
        entry: which of the Rollout's waves that comes from.
        wanted: digest of all that the new revision declares there.
        before: number of the snapshot that is in force there until then; None where nothing is.
        revision: of that.
        begun: seconds since the epoch at which it was its turn; None before: what is in force there is `before`.
        clock: seconds since the epoch from which its deadline counts.
        seen: how it was at the last look.
        done: its wave has held.
        failed: why it counts as failed, or "".
    """

    target: TargetName
    wave: int = 0
    entry: int = 0
    wanted: Digest
    before: int | None = None
    revision: str = ""
    begun: float | None = None
    clock: float = 0.0
    seen: TargetSeen = TargetSeen.READY
    done: bool = False
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRecord:
    """How far a revision of a source is, by one of its rollouts.

    Attributes:
        source: whose.
        name: of the Rollout.
        revision: that is rolled out.
        digest: of its snapshot.
        since: seconds since the epoch at which it began.
        phase: how far it is.
        message: the same for a person, with why where it does not go on.
        wave: that has its turn, from 0 on.
        waves: how many there are.
        well_since: seconds since the epoch since which the wave holds; None while it does not.
        unwell_since: the same since which nothing but a named probe keeps it from that; None while it does not.
        promoted: a person has said that this wave has held.
        full: the same of all that follow.
        paused: who has paused it, or "".
        turns: by target.
    """

    source: SourceName
    name: RolloutName
    revision: str
    digest: Digest
    since: float
    phase: RolloutPhase = RolloutPhase.PROGRESSING
    message: str = ""
    wave: int = 0
    waves: int = 1
    well_since: float | None = None
    unwell_since: float | None = None
    promoted: bool = False
    full: bool = False
    paused: str = ""
    turns: Mapping[TargetName, RolloutTurn] = field(default_factory=dict)

    @property
    def pinned(self) -> list[RolloutTurn]:
        """Those whose turn has not come: something else is in force there than the revision."""
        return [turn for turn in self.turns.values() if turn.begun is None]
