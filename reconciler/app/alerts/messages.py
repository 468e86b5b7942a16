"""What an alert says: one document, and the forms that others take.

`docs/spec/alerts.md` is normative: within it fields may come, and none goes or changes what it means. Invariant: a form
is made of the document alone and of how its alert is declared, so that what is sent again is the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.api.times import seconds
from reconciler.api.views import document, instant
from reconciler.model.alert import Alert, AlertFormat, AlertStatus, Incident

Document = Mapping[str, Any]

LONGEST = 4000
"""Characters of a message that are told."""
_EVENT = 300.0
"""Seconds after which Alertmanager takes for over what happened at one moment."""
_LASTING = 3
"""How many times it has to be repeated in vain before Alertmanager takes it for over."""
_NO_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_TOPICS = {"Ready": "FroyoNotReady"}


def message_of(
    told: Incident, status: AlertStatus, *, message: str, controller: str, now: float, lost: int = 0
) -> Document:
    """The document of a message.

    Args:
        told: what it is about.
        status: what it says of that.
        message: its id.
        controller: name of the machine that says it.
        now: seconds since the epoch.
        lost: how many messages of this alert were given up until now.
    """
    about = told.about
    return document(
        "AlertMessage",
        id=message,
        alert=told.alert,
        controller=controller,
        status=status.value,
        severity="warning" if told.warning else "info",
        key=f"{told.alert}/{about.object}#{told.topic}",
        object=about.object,
        objectKind=about.kind,
        target=about.target,
        labels=dict(about.labels),
        source=about.source,
        topic=told.topic,
        reason=told.reason,
        message=told.message if len(told.message) <= LONGEST else f"{told.message[:LONGEST]}…",
        since=instant(told.since),
        at=instant(now),
        times=max(1, told.times),
        lost=lost,
    )


def body_of(alert: Alert, form: AlertFormat, said: Document) -> Any:
    """What is sent of a document, as JSON has it.

    Args:
        alert: whose.
        form: how.
        said: the document.
    """
    match form:
        case AlertFormat.SLACK:
            return {"text": _text(said)}
        case AlertFormat.ALERTMANAGER:
            return [_prometheus(alert, said)]
        case _:
            return said


def line_of(said: Document) -> str:
    """The same for a person, in a line."""
    times = f" ({said['times']} times)" if said["times"] > 1 else ""
    return f"{said['status']}: {said['object']} {said['reason']}{times}: {said['message']}"


def _text(said: Document) -> str:
    line = line_of(said).partition(": ")[2]
    # What these three mean to Slack is in its documentation of text; nothing else in it has a meaning that can hurt.
    plain = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"*{said['status'].upper()}* [{said['controller']}] {plain}"


def _prometheus(alert: Alert, said: Document) -> Document:
    at = seconds(said["at"])
    ends = {
        AlertStatus.FIRING.value: at + _LASTING * alert.repeat,
        AlertStatus.EVENT.value: at + _EVENT,
    }.get(said["status"], at)
    labels = {f"label_{_NO_LABEL.sub('_', name)}": value for name, value in said["labels"].items()}
    labels |= {
        "alertname": _TOPICS.get(said["topic"], f"Froyo{said['topic']}"),
        "alert": said["alert"],
        "controller": said["controller"],
        "severity": said["severity"],
        "object": said["object"],
        "kind": said["objectKind"],
        "target": said["target"],
        "source": said["source"],
    }
    return {
        # One that is empty is none.
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {
            "summary": f"{said['object']}: {said['reason']}",
            "description": said["message"],
            "reason": said["reason"],
            "id": said["id"],
        },
        "startsAt": said["since"] if seconds(said["since"]) <= ends else said["at"],
        "endsAt": instant(ends),
    }
