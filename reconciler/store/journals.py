"""Rows ↔ values of what is appended and looked up again: runs with their units, events, audit records.

The same invariants as in `reconciler.store.codec`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.model.event import Event, EventType
from reconciler.model.evidence import Evidence
from reconciler.model.names import Address, Digest
from reconciler.model.plan import Action, Cause, FieldDiff, PlanUnit
from reconciler.store.codec import Row, document, parse, words
from reconciler.store.records import AuditRecord, Run, RunUnit

# --- Runs -----------------------------------------------------------------------------------------------


def run_row(run: Run) -> Row:
    """For ADD_RUN."""
    return {
        "id": run.id,
        "target": run.target,
        "cause": run.cause,
        "revision": run.revision,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "outcome": run.outcome,
        "message": words(run.message),
    }


def run(row: Sequence[Any]) -> Run:
    """From RUNS and its like."""
    names = ("id", "target", "cause", "revision", "started_at", "finished_at", "outcome", "message", "units")
    return Run(**dict(zip(names, row, strict=True)))


def intent_row(run: str, unit: PlanUnit, preimage: Digest | None, subject: str = "") -> Row:
    """For PUT_UNIT: an intent, in doubt until its outcome is recorded. What counts as created is recorded as that.

    Args:
        run: its run.
        unit: what is to be done.
        preimage: what is kept of what that replaces.
        subject: what it is about.
    """
    replaced, creates = unit.operation.preimage, unit.creates
    return {
        "run": run,
        "address": unit.address,
        "action": (Action.CREATE if unit.creates else unit.action).value,
        "cause": unit.cause.value,
        "diffs": document(
            [[d.field, d.before, d.after, d.unified, d.ignored, d.sensitive] for d in unit.diffs]
        ),
        "desired": unit.desired,
        "observed": unit.observed,
        "preimage": preimage,
        "outcome": None,
        "message": "",
        "preimage_at": replaced.path if replaced is not None else subject if creates else "",
    }


def run_unit(row: Sequence[Any]) -> RunUnit:
    """From UNITS and IN_DOUBT."""
    run, address, action, cause, diffs, desired, observed, preimage, outcome, message, _ = row
    return RunUnit(
        run=run,
        address=Address(address),
        action=Action(action),
        cause=Cause(cause),
        diffs=tuple(FieldDiff(*diff) for diff in parse(diffs)),
        desired=Digest(desired),
        observed=Digest(observed),
        preimage=preimage,
        outcome=outcome or "",
        message=message,
    )


# --- Events and audit -------------------------------------------------------------------------------------

_EVIDENCE = (
    *("command", "pid", "user", "login", "began", "parents", "unit", "session", "ended", "at", "source"),
)
_NOTHING_KNOWN = Evidence()


def event_row(event: Event) -> Row:
    """For ADD_EVENT."""
    evidence = event.evidence
    return {
        "at": event.at,
        "type": event.type.value,
        "reason": event.reason,
        "object": words(event.object),
        "message": words(event.message),
        "cause": event.cause,
        "evidence": None if evidence is None else _evidence_text(evidence),
        "duration": event.duration,
        "data": document(event.data) if event.data else "{}",
    }


def _evidence_text(evidence: Evidence) -> str:
    fields = ((name, getattr(evidence, name)) for name in _EVIDENCE)
    return document({name: value for name, value in fields if value != getattr(_NOTHING_KNOWN, name)})


def _evidence(text: str) -> Evidence:
    fields = parse(text)
    if "parents" in fields:
        fields["parents"] = tuple(fields["parents"])
    return Evidence(**fields)


def event(row: Sequence[Any]) -> Event:
    """From EVENTS and its like."""
    number, at, kind, reason, concerned, message, cause, evidence, duration, data = row
    return Event(
        id=number,
        at=at,
        type=EventType(kind),
        reason=reason,
        object=concerned,
        message=message,
        cause=cause,
        evidence=None if evidence is None else _evidence(evidence),
        duration=duration,
        data=parse(data),
    )


def audit_row(record: AuditRecord) -> Row:
    """For ADD_AUDIT, but for its place in the chain."""
    return {
        "at": record.at,
        "actor": words(record.actor),
        "action": words(record.action),
        "object": words(record.object),
        "data": document(record.data),
    }


def audit_record(row: Sequence[Any]) -> AuditRecord:
    """From AUDIT."""
    number, at, actor, action, concerned, data = row[:6]
    return AuditRecord(id=number, at=at, actor=actor, action=action, object=concerned, data=parse(data))
