"""Conditions and their reasons, with Kubernetes' vocabulary. The same in `froyo get`, the API and a `.status`.

`docs/spec/conditions.md` is normative: a reason that is not there is a defect.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ConditionType(StrEnum):
    """What a condition is about. All but Ready are abnormal-true: present only while they hold."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    DRIFTED = "Drifted"
    WATCH_DEGRADED = "WatchDegraded"
    """Of a target: changes of some of it are seen only when it is looked at, or nobody can be named."""


class Reason(StrEnum):
    """Why a condition is as it is."""

    IN_SYNC = "InSync"
    """Observed equal to what is declared, at this generation."""
    APPLIED = "Applied"
    """Was changed, and then observed equal."""
    PENDING = "Pending"
    """Not looked at yet at this generation."""
    DEPENDENCY_NOT_READY = "DependencyNotReady"
    """Something that it depends on (`require`, `before`, inferred) is not in sync; tried again when that is."""
    APPLYING = "Applying"
    """A long operation on it is under way; what came of it is looked at when it has ended."""
    DIFFERS = "Differs"
    """Differs, and `policy: observe` forbids to touch it."""
    HELD = "Held"
    """Left until a person approves: it differed at first contact (`adopt: hold`), or no window of its is open."""
    PRUNE_HELD = "PruneHeld"
    """Is declared no longer, and is not removed before a person approves."""
    POLICY_DENIED = "PolicyDenied"
    """Policies forbid what would be done about it, or could not decide; asked again from time to time."""
    POLICY_HELD = "PolicyHeld"
    """Policies want a person to approve first what would be done about it."""
    PAUSED = "Paused"
    """`policy: paused`: not even looked at."""
    SUSPENDED = "Suspended"
    """A person suspended it, see `froyo describe` for who, why and until when."""
    CONTESTED = "Contested"
    """Someone keeps changing it back; corrected at once for ten minutes, then with growing pauses."""
    DID_NOT_CONVERGE = "DidNotConverge"
    """Still different after its own apply, time and again; tried with growing pauses."""
    UNHEALTHY = "Unhealthy"
    """A probe: what answers is not as declared, or nothing does; asked again with growing pauses."""
    UNREACHABLE = "Unreachable"
    """The target cannot be reached, or the session to it was lost."""
    TRANSIENT_ERROR = "TransientError"
    """Failed in a way that may pass; tried again with backoff."""
    THROTTLED = "Throttled"
    """Asked to wait; tried again at the time that was named."""
    CONFLICT = "Conflict"
    """The world moved between plan and apply; read again at once."""
    PERMANENT_ERROR = "PermanentError"
    """Failed in a way that only a change can mend."""
    ABANDONED = "Abandoned"
    """Under way when the controller ended; observed again at the next start."""
    WATCH_DEGRADED = "WatchDegraded"
    """Of a target: its changes, or who makes them, cannot all be heard of."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of one object.

    Attributes:
        type: what it is about.
        status: whether it holds.
        reason: why.
        message: for a person: names the field, the operation, since when, and the next try where there is one.
        since: seconds since the epoch at which `status` last changed.
        observed_generation: the generation that this speaks of.
    """

    type: ConditionType
    status: bool
    reason: Reason
    message: str
    since: float
    observed_generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is concluded about one object: an instance, a target or a source.

    Attributes:
        reason: of the Ready condition.
        message: for a person.
        ready: whether an instance is as declared, a target can be reached, or what a source says is in force.
        stalled: whether it does not come about as it is tried; without `reconciling`, nothing is tried by itself.
        reconciling: whether something is still to come by itself.
        drifted: what differs and will be left as it is for now, or "".
    """

    reason: Reason
    message: str
    ready: bool = False
    stalled: bool = False
    reconciling: bool = False
    drifted: str = ""
