"""Rows ↔ values of alerts: how they get on, what they found, and what they are to tell.

The same invariants as in `reconciler.store.codec`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.model.alert import About, AlertMessage, AlertName, AlertState, AlertStatus, Incident
from reconciler.model.names import SourceName
from reconciler.store.codec import Row, document, parse, words


def state_row(state: AlertState) -> Row:
    """For PUT_ALERT."""
    return {
        "name": state.name,
        "cursor": state.cursor,
        "failures": state.failures,
        "error": words(state.error),
        "next_try": state.next_try,
        "sent": state.sent,
        "sent_at": state.sent_at,
        "dropped": state.dropped,
    }


def state(row: Sequence[Any]) -> AlertState:
    """From ALERTS."""
    names = ("cursor", "failures", "error", "next_try", "sent", "sent_at", "dropped")
    return AlertState(name=AlertName(row[0]), **dict(zip(names, row[1:], strict=True)))


def incident_row(incident: Incident) -> Row:
    """For PUT_INCIDENT."""
    about = incident.about
    return {
        "alert": incident.alert,
        "object": words(about.object),
        "topic": incident.topic,
        "document": document(
            {
                "about": [about.object, about.kind, about.target, dict(about.labels), about.source],
                "status": incident.status.value,
                "reason": incident.reason,
                "message": incident.message,
                "warning": incident.warning,
                "since": incident.since,
                "told_at": incident.told_at,
                "times": incident.times,
            }
        ),
    }


def incident(row: Sequence[Any]) -> Incident:
    """From INCIDENTS."""
    alert, _, topic, text = row
    known = parse(text)
    object_, kind, target, labels, source = known.pop("about")
    about = About(object=object_, kind=kind, target=target, labels=labels, source=SourceName(source))
    status = AlertStatus(known.pop("status"))
    return Incident(alert=AlertName(alert), about=about, topic=topic, status=status, **known)


def message_row(message: AlertMessage) -> Row:
    """For ADD_ALERT_MESSAGE."""
    return {"id": message.id, "alert": message.alert, "document": document(message.document)}


def message(row: Sequence[Any]) -> AlertMessage:
    """From ALERT_MESSAGES."""
    number, id_, alert, text = row
    return AlertMessage(number=number, id=id_, alert=AlertName(alert), document=parse(text))
