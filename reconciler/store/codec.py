"""Rows and documents ↔ model values, in both directions side by side. Knows no SQL and no connection.

Invariants: what is decoded equals what was encoded; JSON is canonical (sorted, ASCII, no spaces), so equal
values have equal text; and every text that goes to the database is valid UTF-8, although names and messages
may hold the lone surrogates that Python has for other bytes. In JSON they survive as escapes; in the few
columns with free text for a person, such as messages, they are written out.

A document in a column has no schema that a migration would hold it to, and one that another froyo wrote never makes a
store unreadable: what this one does not know is dropped, and what is not there is as by default. A reason that it does
not know reads as Pending, with the word kept in the message; a condition of an unknown type is left out. So items are
only ever appended to a list, and none changes its meaning.

There is a pair of functions for each table, and so it is longer than a module should be.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, fields
from typing import Any

from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.disruption import Disruption
from reconciler.model.facts import SECTIONS, Facts, Section
from reconciler.model.names import Address, Digest, SourceName, TargetName
from reconciler.model.origin import Origin
from reconciler.model.owed import Owed
from reconciler.model.scope import Scope
from reconciler.model.state import (
    Approval,
    HistoryEntry,
    ResourceState,
    Rollback,
    SourceState,
    Suspension,
    TargetState,
)
from reconciler.model.target import LocalTransport, SshTransport, Target
from reconciler.store.records import (
    Lease,
    LeaseHolder,
    QueuedKey,
)

Row = dict[str, Any]

_once = sys.intern
"""The same few words and messages stand in every state of a fleet."""

# A look-up is several times faster than a call of the enumeration, and there are 10,000 states to load.
_TYPES = {kind.value: kind for kind in ConditionType}
_REASONS = {reason.value: reason for reason in Reason}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in a document")


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_plain).encode
_decode = json.JSONDecoder().decode


def document(value: object) -> str:
    """`value` as canonical JSON."""
    return _encode(value)


def parse(text: str) -> Any:
    """The value of a document."""
    return _decode(text)


def words(text: str) -> str:
    """Free text, with what is not UTF-8 written out, and NUL, which not every database takes."""
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


# --- States ---------------------------------------------------------------------------------------------


def _conditions_text(conditions: Sequence[Condition]) -> str:
    if not conditions:
        return "[]"
    return _encode(
        [[c.type, c.status, c.reason, c.message, c.since, c.observed_generation] for c in conditions]
    )


def _conditions(text: str) -> tuple[Condition, ...]:
    return tuple(
        [
            Condition(_TYPES[kind], status, _REASONS[reason], _once(message), since, generation)
            if reason in _REASONS
            else Condition(_TYPES[kind], status, Reason.PENDING, f"{reason}: {message}", since, generation)
            for kind, status, reason, message, since, generation, *_ in _decode(text)
            if kind in _TYPES
        ]
    )


def state_row(state: ResourceState) -> Row:
    """For PUT_STATE."""
    return {
        "address": state.address,
        "generation": state.generation,
        "digest": state.digest,
        "observed_generation": state.observed_generation,
        "observed": state.observed,
        "observed_at": state.observed_at,
        "owned": state.owned,
        "conditions": _conditions_text(state.conditions),
        "history": _encode(
            [
                [r.at, r.generation, r.cause, r.outcome, r.message, r.duration, r.revision]
                for r in state.history
            ]
        )
        if state.history
        else "[]",
        "failures": state.failures,
        "source": state.source,
        "held": state.held,
        "declared": _encode([state.subject, state.declared_at]),
    }


def state(row: Sequence[Any]) -> ResourceState:
    """From STATES."""
    address, generation, digest, observed_generation, observed, observed_at = row[:6]
    owned, conditions, history, failures, source, held, declared = row[6:]
    subject, declared_at = [*_decode(declared), "", ""][:2]
    return ResourceState(
        address=address,
        generation=generation,
        digest=digest,
        observed_generation=observed_generation,
        observed=observed,
        observed_at=observed_at,
        owned=bool(owned),
        conditions=_conditions(conditions),
        history=() if history == "[]" else tuple([_history_entry(entry) for entry in _decode(history)]),
        failures=failures,
        source=source,
        held=held,
        subject=subject,
        declared_at=declared_at,
    )


def _history_entry(entry: Sequence[Any]) -> HistoryEntry:
    whole = [*entry, *_NO_HISTORY[len(entry) :]][: len(_NO_HISTORY)]
    at, generation, cause, outcome, message, duration, revision = whole
    return HistoryEntry(
        at=at,
        generation=generation,
        cause=_once(cause),
        outcome=_once(outcome),
        message=_once(message),
        duration=duration,
        revision=_once(revision),
    )


_NO_HISTORY = (0.0, 0, "", "", "", 0.0, "")


def target_state_row(state: TargetState) -> Row:
    """For PUT_TARGET_STATE."""
    return {
        "name": state.name,
        "conditions": _conditions_text(state.conditions),
        "connected_since": state.connected_since,
    }


def target_state(row: Sequence[Any]) -> TargetState:
    """From TARGET_STATES."""
    name, conditions, connected_since = row
    return TargetState(
        name=TargetName(name),
        conditions=_conditions(conditions),
        connected_since=connected_since,
    )


def source_state_row(state: SourceState) -> Row:
    """For PUT_SOURCE_STATE."""
    return {
        "name": state.name,
        "conditions": _conditions_text(state.conditions),
        "revision": state.revision,
        "digest": state.digest,
        "problems": _encode(state.problems),
        "degraded": words(state.degraded),
    }


def source_state(row: Sequence[Any]) -> SourceState:
    """From SOURCE_STATES."""
    name, conditions, revision, digest, problems, degraded = row
    return SourceState(
        name=SourceName(name),
        conditions=_conditions(conditions),
        revision=revision,
        digest=digest,
        problems=tuple(_decode(problems)),
        degraded=degraded,
    )


def suspension_row(suspension: Suspension) -> Row:
    """For PUT_SUSPENSION."""
    return {
        "object": words(suspension.object),
        "by": words(suspension.by),
        "reason": words(suspension.reason),
        "since": suspension.since,
        "until": suspension.until,
    }


def suspension(row: Sequence[Any]) -> Suspension:
    """From SUSPENSIONS."""
    suspended, by, reason, since, until = row
    return Suspension(object=suspended, by=by, reason=reason, since=since, until=until)


def rollback_row(rollback: Rollback) -> Row:
    """For PUT_ROLLBACK."""
    return {
        "source": rollback.source,
        "snapshot": rollback.snapshot,
        "by": words(rollback.by),
        "reason": words(rollback.reason),
        "since": rollback.since,
        "until": rollback.until,
    }


def rollback(row: Sequence[Any]) -> Rollback:
    """From ROLLBACKS."""
    source, snapshot, by, reason, since, until, revision, digest = row
    return Rollback(
        source=SourceName(source),
        snapshot=snapshot,
        revision=revision,
        digest=Digest(digest),
        by=by,
        reason=reason,
        since=since,
        until=until,
    )


def target_row(target: Target) -> Row:
    """For PUT_TARGET."""
    kind = "local" if isinstance(target.transport, LocalTransport) else "ssh"
    whole = {
        "labels": dict(target.labels),
        "transport": kind,
        "settings": asdict(target.transport),
        "digest": target.digest,
        "origin": asdict(target.origin),
    }
    return {"name": target.name, "document": document(whole)}


def target(row: Sequence[Any]) -> Target:
    """From TARGETS."""
    name, text = row
    whole = parse(text)
    kind = SshTransport if whole["transport"] == "ssh" else LocalTransport
    known = {field.name for field in fields(kind)}
    transport = kind(**{name: value for name, value in whole["settings"].items() if name in known})
    known = {field.name for field in fields(Origin)}
    origin = Origin(**{name: value for name, value in whole["origin"].items() if name in known})
    return Target(TargetName(name), whole["labels"], transport, whole["digest"], origin)


def facts_rows(name: TargetName, facts: Facts, sections: Collection[Section]) -> list[Row]:
    """For PUT_FACTS: these sections of what is known of a target."""
    return [
        {
            "target": name,
            "section": section,
            "document": document(facts.sections[section]),
            "taken": facts.taken[section],
            "cut": section in facts.cut,
        }
        for section in sorted(sections)
    ]


def facts(rows: Iterable[Sequence[Any]]) -> dict[TargetName, Facts]:
    """From FACTS."""
    found: dict[TargetName, Facts] = {}
    for target, name, text, taken, cut in rows:
        section = Section(name)
        if section not in SECTIONS:
            continue
        known = found.get(TargetName(target), Facts())
        found[TargetName(target)] = known.renewed({section: parse(text)}, [section] if cut else (), taken)
    return found


def approval_row(approval: Approval) -> Row:
    """For PUT_APPROVAL."""
    return {
        "address": approval.address,
        "shown": approval.shown,
        "by": words(approval.by),
        "reason": words(approval.reason),
        "at": approval.at,
    }


def approval(row: Sequence[Any]) -> Approval:
    """From APPROVALS."""
    address, shown, by, reason, at = row
    return Approval(address=address, shown=shown, by=by, reason=reason, at=at)


# --- Refreshes ------------------------------------------------------------------------------------------


def owed_row(owed: Owed) -> Row:
    """For PUT_OWED."""
    return {name: getattr(owed, name) for name in ("address", "cause", "run", "before", "since", "certain")}


def disruption(row: Sequence[Any]) -> Disruption:
    """From DISRUPTIONS."""
    target, cause, since = row
    return Disruption(TargetName(target), Address(cause), since)


def owed(row: Sequence[Any]) -> Owed:
    """From OWED."""
    address, cause, run, before, since, certain = row
    return Owed(
        address=Address(address),
        cause=Address(cause),
        run=run,
        before=Digest(before),
        since=since,
        certain=bool(certain),
    )


# --- Queue, lease ---------------------------------------------------------------------------------------


def queued_row(key: QueuedKey) -> Row:
    """For PUT_QUEUED."""
    return {
        "target": key.target,
        "priority": key.priority,
        "dirty": _encode(key.scope.named),  # nothing is never queued, and so stands for everything
        "added_at": key.added_at,
    }


def queued(row: Sequence[Any]) -> QueuedKey:
    """From QUEUE."""
    target, priority, dirty, added_at = row
    named = _decode(dirty)
    scope = Scope[Address](named, everything=not named)
    return QueuedKey(target=target, priority=priority, scope=scope, added_at=added_at)


def lease_row(lease: Lease) -> Row:
    """For PUT_LEASE."""
    holder = lease.holder
    return {
        "id": 1,
        "token": lease.token,
        "host": words(holder.host),
        "pid": holder.pid,
        "boot_id": holder.boot_id,
        "since": holder.since,
        "expires": lease.expires,
        "locked": lease.locked,
        "store": lease.store,
    }


def lease(row: Sequence[Any]) -> Lease:
    """From LEASE."""
    token, host, pid, boot_id, since, expires, locked, store = row
    return Lease(LeaseHolder(host, pid, boot_id, since), token, expires, bool(locked), store)
