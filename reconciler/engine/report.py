"""The one way in which anything is said of an instance, a target or a source: condition, history, event and log line.

Invariant: nobody in the engine writes a condition or an event apart from here, so what `froyo get`, `froyo events` and
the log say cannot disagree. Saying again what already holds is free: it changes no state and makes no event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from reconciler.core import conditions
from reconciler.model.conditions import ConditionType, Verdict
from reconciler.model.event import Event, EventType
from reconciler.model.evidence import Evidence
from reconciler.model.names import Address
from reconciler.model.resource import Instance
from reconciler.model.state import HistoryEntry, ResourceState, SourceState, TargetState
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")
Known = TypeVar("Known", TargetState, SourceState)


@dataclass(slots=True)
class Report:
    """What there is to say at one time, such as by one round.

    Attributes:
        now: gives seconds since the epoch.
        states: the lane's states; updated in place.
        changed: the states that differ from what the store has.
        events: what happened, in order.
        instances: as declared, so that an event says what it is about on the target.
        reconcile: the id of the round that says it, which its run has in the history; "" where it is none.
    """

    now: Callable[[], float]
    states: dict[Address, ResourceState]
    changed: dict[Address, ResourceState] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    instances: Mapping[Address, Instance] = field(default_factory=dict)
    reconcile: str = ""

    def put(self, state: ResourceState) -> None:
        """Keep a state, to be stored if it is news."""
        if self.states.get(state.address) != state:
            self.states[state.address] = state
            self.changed[state.address] = state

    def conclude(self, address: Address, verdict: Verdict) -> bool:
        """Set the conditions of an instance; whether its Ready condition is another one than before."""
        state = self.states[address]
        before = conditions.get_condition(state.conditions, ConditionType.READY)
        present = conditions.conclude(state.conditions, verdict, now=self.now(), generation=state.generation)
        self.put(
            replace(
                state,
                conditions=present,
                failures=0 if verdict.ready else state.failures,
                observed_generation=conditions.observed_generation(state, present),
            )
        )
        after = conditions.get_condition(present, ConditionType.READY)
        return (
            before is None or after is None or (before.status, before.reason) != (after.status, after.reason)
        )

    def conclude_on(
        self,
        known: Known,
        verdict: Verdict,
        *,
        event: str = "",
        anew: bool = False,
    ) -> Known:
        """Set the conditions of a target or a source, which have no generations.

        Args:
            known: what is known of it.
            verdict: on it.
            event: the reason of the event, where it is news.
            anew: whether it is so since now although it was before.

        Returns:
            What is known of it now.
        """
        if event:
            self.event(known.object, event, verdict.message, warning=not verdict.ready)
        present = (
            conditions.remove_condition(known.conditions, ConditionType.READY) if anew else known.conditions
        )
        return replace(known, conditions=conditions.conclude(present, verdict, now=self.now()))

    def watched(self, known: TargetState, degraded: str) -> TargetState:
        """Say how well a target is watched, where that is news; returns what is known of it now.

        Args:
            known: what is known of it.
            degraded: what cannot all be heard of, and why; "" where everything is.
        """
        present = conditions.degrade(known.conditions, degraded, now=self.now())
        if present is not known.conditions:
            reason = "WatchDegraded" if degraded else "Recovered"
            self.event(known.object, reason, degraded or "watched again", warning=bool(degraded))
        return replace(known, conditions=present)

    def remember(self, address: Address, entry: HistoryEntry) -> None:
        """Add a round that did something to the history of an instance."""
        state = self.states[address]
        self.put(replace(state, history=conditions.push_history(state.history, entry)))

    def event(
        self,
        object_: str,
        reason: str,
        message: str,
        *,
        warning: bool = False,
        cause: str = "",
        evidence: Evidence | None = None,
        duration: float | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Something happened: an event and a log line.

        Args:
            object_: an address, `Target/name` or `Source/name`.
            reason: one of `reconciler.model.event.REASONS`.
            message: one line for a person.
            warning: whether a person should look at it.
            cause: a Cause's value, where something was done.
            evidence: who did it, where it was drift.
            duration: seconds from the change being noticed until it was right again.
            data: more for machines.
        """
        about = self.instances.get(Address(object_))
        if about is not None and about.subject:
            data = {"subject": about.subject, **(data or {})}
        if self.reconcile:
            data = {**(data or {}), "reconcile": self.reconcile}
        event = Event(
            at=self.now(),
            type=EventType.WARNING if warning else EventType.NORMAL,
            reason=reason,
            object=object_,
            message=message,
            cause=cause,
            evidence=evidence,
            duration=duration,
            data=data or {},
        )
        self.events.append(event)
        details: dict[str, Any] = {"object": object_, "reason": reason}
        if cause:
            details["cause"] = cause
        if self.reconcile:
            details["reconcile"] = self.reconcile
        if duration is not None:
            details["seconds"] = round(duration, 6)
        (log.warning if warning else log.info)(message, **details)
