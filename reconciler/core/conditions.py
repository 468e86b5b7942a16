"""Making, setting, removing and summing up conditions, and the little histories beside them.

Everything that is concluded about anything becomes a condition here, and nowhere else.
Invariants: `since` moves only when `status` does; conditions that are abnormal-true are present only while
they hold; whoever sets what is already so gets the same object back, so that a round that changed nothing
writes nothing. This module must not know why a condition is set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.conditions import Condition, ConditionType, Reason, Verdict

if TYPE_CHECKING:
    from reconciler.model.names import Digest
    from reconciler.model.state import HistoryEntry, ResourceState

Conditions = tuple[Condition, ...]

HISTORY = 5
"""How many rounds an instance's history keeps."""

_ORDER = {type_: index for index, type_ in enumerate(ConditionType)}


def get_condition(conditions: Conditions, type_: ConditionType) -> Condition | None:
    """The condition of that type, if it is present."""
    for condition in conditions:
        if condition.type is type_:
            return condition
    return None


def set_condition(conditions: Conditions, new: Condition) -> Conditions:
    """`conditions` with `new` in it, in the order of `ConditionType`.

    Its `since` becomes the older one if the status is what it was. An abnormal-true condition that does not
    hold is removed. What is already so is given back as the same object.
    """
    if new.type is not ConditionType.READY and not new.status:
        return remove_condition(conditions, new.type)
    old = get_condition(conditions, new.type)
    if old is not None:
        if old.status == new.status:
            new = replace(new, since=old.since)
        if old == new:
            return conditions
    others = [condition for condition in conditions if condition.type is not new.type]
    return tuple(sorted([*others, new], key=lambda condition: _ORDER[condition.type]))


def conclude(present: Conditions, verdict: Verdict, *, now: float, generation: int = 1) -> Conditions:
    """`present`, with what a verdict says. What has no generations is at its first for ever."""
    for type_, status, message in (
        (ConditionType.READY, verdict.ready, verdict.message),
        (ConditionType.STALLED, verdict.stalled, verdict.message),
        (ConditionType.RECONCILING, verdict.reconciling, verdict.message),
        (ConditionType.DRIFTED, bool(verdict.drifted), verdict.drifted),
    ):
        if status or type_ is ConditionType.READY:
            condition = Condition(type_, status, verdict.reason, message, now, generation)
            present = set_condition(present, condition)
        else:
            present = remove_condition(present, type_)
    return present


def degrade(present: Conditions, message: str, *, now: float) -> Conditions:
    """`present` of a target, with what of it cannot be heard of, and why; "" where everything can."""
    why = Reason.WATCH_DEGRADED
    condition = Condition(ConditionType.WATCH_DEGRADED, bool(message), why, message, now, 1)
    return set_condition(present, condition)


def remove_condition(conditions: Conditions, type_: ConditionType) -> Conditions:
    """`conditions` without the one of that type; the same object if it was not there."""
    if get_condition(conditions, type_) is None:
        return conditions
    return tuple(condition for condition in conditions if condition.type is not type_)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a table has room for.

    Attributes:
        ready: whether it is; None while that is not known.
        reason: of the condition that matters most.
        message: of the same.
        since: of the same.
    """

    ready: bool | None
    reason: Reason
    message: str
    since: float


def summarize(conditions: Conditions) -> Summary:
    """The condition to show first: Stalled, then Ready, then Reconciling."""
    ready = get_condition(conditions, ConditionType.READY)
    shown = get_condition(conditions, ConditionType.STALLED) or ready
    shown = shown or get_condition(conditions, ConditionType.RECONCILING)
    if shown is None:
        return Summary(ready=None, reason=Reason.PENDING, message="", since=0.0)
    return Summary(
        ready=ready.status if ready is not None else None,
        reason=shown.reason,
        message=shown.message,
        since=shown.since,
    )


def doubt(state: ResourceState, why: str, *, now: float) -> ResourceState:
    """`state` as it may be called while nobody can look: what was Ready is not known to be so any more."""
    ready = get_condition(state.conditions, ConditionType.READY)
    if ready is None or not ready.status:
        return state
    doubted = replace(ready, status=False, reason=Reason.PENDING, message=why, since=now)
    return replace(state, conditions=set_condition(state.conditions, doubted))


def observed_generation(state: ResourceState, present: Conditions) -> int:
    """The generation that `state` may call observed with the conditions that are `present`.

    That is its own as soon as it is Ready or Stalled at it: only then has everything been said about it.
    Until then it stays what it was.
    """
    for condition in present:
        settled = condition.type in {ConditionType.READY, ConditionType.STALLED} and condition.status
        if settled and condition.observed_generation == state.generation:
            return state.generation
    return state.observed_generation


def next_generation(state: ResourceState, digest: Digest) -> ResourceState:
    """`state` of an instance whose declaration now has `digest`; the same object if it had it already.

    A new generation starts afresh: nothing was observed at it, and nothing failed; what
    stalled the old one says nothing about it.
    """
    if state.digest == digest:
        return state
    return replace(
        state,
        generation=state.generation + 1,
        digest=digest,
        observed=None,
        conditions=remove_condition(state.conditions, ConditionType.STALLED),
        failures=0,
    )


def push_history(history: tuple[HistoryEntry, ...], latest: HistoryEntry) -> tuple[HistoryEntry, ...]:
    """`history` with `latest` in front, cut to the last five."""
    return (latest, *history[: HISTORY - 1])
