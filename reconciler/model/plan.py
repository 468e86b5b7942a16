"""A plan: what would be changed, why, and what it was based on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.errors import ProviderError
from reconciler.model.calls import Call
from reconciler.model.conditions import Reason
from reconciler.model.decisions import NO_RULING, PolicyDecision, Ruling
from reconciler.model.names import Address, Digest, TargetName
from reconciler.model.subjects import Subject


class Action(StrEnum):
    """What happens to an instance."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REFRESH = "refresh"


class Cause(StrEnum):
    """Why it happens. DRIFT only where an earlier observation in sync is on record; else ADOPT or SPEC.

    PRUNE where it is ours and is declared no longer, RESTORE where a person wants back what was there before us.
    """

    SPEC = "spec"
    DRIFT = "drift"
    ADOPT = "adopt"
    PRUNE = "prune"
    RESTORE = "restore"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field that differs.

    Attributes:
        field: path within the spec, such as `mode`.
        before: as observed; None when absent. A body is `{"digest", "size"}` and perhaps `{"text"}`.
        after: as declared; None when it is to go. A body that is none of the source has its `{"text"}`, too.
        unified: for bodies, a unified diff; "" when there is none to show (binary, too large, a secret).
        ignored: shown, and left alone (`ignoreFields`).
        sensitive: that it differs is all that is told: in the place of what it was and will be stands HIDDEN.
    """

    field: str
    before: Any
    after: Any
    unified: str = ""
    ignored: bool = False
    sensitive: bool = False

    def document(self) -> dict[str, Any]:
        """For machines: in plans, in the history and in events."""
        found = {"field": self.field, "before": self.before, "after": self.after}
        if self.unified:
            found["unified"] = self.unified
        if self.ignored:
            found["ignored"] = True
        if self.sensitive:
            found["sensitive"] = True
        return found


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What was seen to make a change fail.

    Attributes:
        fault: with what it would.
        subjects: with a change of any of them it may go away.
    """

    fault: ProviderError
    subjects: tuple[Subject, ...] = ()


@dataclass(frozen=True, slots=True)
class Preimage:
    """A content that an operation would destroy.

    Attributes:
        path: where it lies.
        digest: of it, as the provider saw it.
        size: bytes.
    """

    path: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Operation:
    """What a provider would do about an instance.

    Attributes:
        address: the instance.
        action: what it amounts to.
        diffs: every field that differs, as the provider has them.
        payload: the provider's own, given back to it to be done; nobody else looks into it.
        calls: where doing it is nothing but these, one after the other; then its provider is not asked.
        preimage: a content that would be lost, or None.
        slow: it runs a program that may take long: what does not depend on it does not wait for it.
        obstacles: what was seen to make it fail.
        lost: how many files it replaces or removes whose contents nobody keeps.
        refreshes: doing it is all that a refresh would do, so that none is owed for what had changed before it; where
            nothing is to be done, that a refresh would do nothing, so that none is owed at all.
    """

    address: Address
    action: Action
    diffs: tuple[FieldDiff, ...] = ()
    payload: Mapping[str, Any] = field(default_factory=dict)
    preimage: Preimage | None = None
    slow: bool = False
    obstacles: tuple[Obstacle, ...] = ()
    lost: int = 0
    calls: tuple[Call, ...] = ()
    refreshes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanUnit:
    """What is planned for one instance.

    Attributes:
        address: the instance.
        action: what would happen.
        cause: why.
        diffs: every field that differs, never empty unless action is NONE or REFRESH.
        operation: what the provider would do, given back to it in `apply`.
        desired: digest of the instance as declared.
        observed: digest of the instance's actual state as read.
        itself: the same without what is only in the way of a change, which another part of a plan may take away; None
            where nothing is.
        held: why it is left as it is although it differs; None where it is not.
        held_because: the same for a person, where the reason alone does not say it.
        remark: what a person should know of it besides.
        fails: why it would fail as things are, in a plan; "" where nothing is known to keep it from being done.
        anew: whether what is there is as its absence says, so that it counts as created; asked right before it is done.
        ruling: what policies have decided about it.
    """

    address: Address
    action: Action
    cause: Cause
    diffs: tuple[FieldDiff, ...]
    operation: Operation
    desired: Digest
    observed: Digest
    itself: Digest | None = None
    held: Reason | None = None
    held_because: str = ""
    remark: str = ""
    fails: str = ""
    anew: bool = False
    ruling: Ruling = NO_RULING

    @property
    def creates(self) -> bool:
        """Whether there is nothing of it before it is done."""
        return self.action is Action.CREATE or self.anew

    @property
    def is_moot(self) -> bool:
        """Whether a refresh of it would do nothing."""
        return self.action is Action.NONE and self.operation.refreshes


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is planned for one target at one moment.

    Attributes:
        target: its name.
        revision: of the snapshot.
        units: in the order in which they would be applied; those with Action.NONE included.
        observed_at: seconds since the epoch.
        errors: by address, or by target name, why no plan could be made for it.
        decisions: what policies have decided about it.
    """

    target: TargetName
    revision: str
    units: tuple[PlanUnit, ...]
    observed_at: float
    errors: Mapping[str, str]
    decisions: tuple[PolicyDecision, ...] = ()
