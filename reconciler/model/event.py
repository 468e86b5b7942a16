"""Events: the append-only account of what happened, to what, why, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.model.evidence import Evidence
from reconciler.model.plan import Cause


class EventType(StrEnum):
    """How much an event should disturb a person."""

    NORMAL = "Normal"
    WARNING = "Warning"


REASONS = (
    *("Created", "Updated", "Removed", "Restored", "Repaired", "Refreshed"),
    *("Differs", "Held", "PruneHeld", "PolicyDenied", "PolicyHeld", "Suspended", "Contested"),
    *("TransientError", "Throttled", "PermanentError", "DidNotConverge", "Unhealthy"),
    *("Recovered", "Abandoned", "Orphaned", "Moved", "Forgotten"),
    *("Connected", "Unreachable"),
    *("SourceReady", "SourceBroken", "RolledBack", "RollbackEnded", "WatchDegraded"),
    *("RolloutWave", "RolloutWaits", "RolloutStopped", "RolloutComplete", "RolloutSteered"),
    "EventsDropped",
)
"""Everything that an event can say has happened, as `docs/spec/conditions.md` explains it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        id: rises with every event of a store; 0 before it is stored.
        at: seconds since the epoch.
        type: normal or warning.
        reason: one of the reasons of `docs/spec/conditions.md`, such as `Repaired`.
        object: an address, `Target/name` or `Source/name`.
        message: one line for a person.
        cause: a Cause's value, or "".
        evidence: who did it, where it was drift.
        duration: seconds from the change being noticed until it was right again, where that applies.
        data: more for machines: `action` and `diffs`; `times`, where it speaks of several repairs; `problems` and
            `revision`.
    """

    id: int = 0
    at: float
    type: EventType
    reason: str
    object: str
    message: str
    cause: str = ""
    evidence: Evidence | None = None
    duration: float | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events; those for which everything that is set holds.

    Attributes:
        object: what the event's object begins with, such as `web-1/` or a whole address.
        reason: the reason.
        type: the type.
        cause: the cause.
        since: seconds since the epoch; not older than that.
        after: only with a greater id.
    """

    object: str = ""
    reason: str | None = None
    type: EventType | None = None
    cause: Cause | None = None
    since: float = 0.0
    after: int | None = None
