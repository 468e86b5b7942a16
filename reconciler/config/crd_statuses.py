"""What the status of a custom resource has, and what `kubectl get` shows of it.

Invariant: every field that an operator writes (`app/operator/statuses.py`) is here; an API server drops any other.
"""

from __future__ import annotations

from typing import Any

from reconciler.config.builtin import TARGET
from reconciler.config.own_rollouts import ROLLOUT
from reconciler.model.catalog import Kind

Json = dict[str, Any]


def columns_of(kind: Kind) -> list[Json]:
    """What `kubectl get` shows of its objects."""
    ready = '.status.conditions[?(@.type=="Ready")]'
    columns: list[Json] = [
        {"name": "Ready", "type": "string", "jsonPath": f"{ready}.status"},
        {"name": "Status", "type": "string", "jsonPath": f"{ready}.reason"},
    ]
    if kind is TARGET:
        columns += [
            {"name": "Instances", "type": "integer", "jsonPath": ".status.instances.total"},
            {"name": "InSync", "type": "integer", "jsonPath": ".status.instances.ready"},
            {"name": "Drift", "type": "integer", "jsonPath": ".status.instances.drifted"},
            {"name": "OS", "type": "string", "jsonPath": ".status.facts.os", "priority": 1},
        ]
    if kind is ROLLOUT:
        columns += [
            {"name": "Wave", "type": "integer", "jsonPath": ".status.wave"},
            {"name": "Waves", "type": "integer", "jsonPath": ".status.waves"},
            {"name": "Reached", "type": "integer", "jsonPath": ".status.reached"},
            {"name": "Targets", "type": "integer", "jsonPath": ".status.targets.total"},
            {"name": "Failed", "type": "integer", "jsonPath": ".status.targets.failed"},
        ]
    if kind.package:
        columns += [
            {"name": "Target", "type": "string", "jsonPath": ".status.target"},
            {
                "name": "Drift",
                "type": "string",
                "jsonPath": '.status.conditions[?(@.type=="Drifted")].status',
            },
        ]
    columns += [
        {"name": "Message", "type": "string", "jsonPath": f"{ready}.message", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    return columns


def _text(description: str, **more: Any) -> Json:
    return {"type": "string", "description": description, **more}


def _count(description: str) -> Json:
    return {"type": "integer", "description": description, "format": "int32", "minimum": 0}


def status_of(kind: Kind) -> Json:
    """The schema of the status of its objects."""
    more = _OF_TARGET if kind is TARGET else _OF_ROLLOUT if kind is ROLLOUT else {}
    return {**STATUS, "properties": {**STATUS["properties"], **more}}


STATUS: Json = {
    "type": "object",
    "description": "What the operator has found and done.",
    "properties": {
        "observedGeneration": {
            "type": "integer",
            "format": "int64",
            "description": "The generation of the object that the conditions are about.",
        },
        "conditions": {
            "type": "array",
            "description": "Ready, and what else is to be said: Reconciling, Stalled, Drifted.",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {
                "type": "object",
                "required": ["type", "status", "lastTransitionTime", "reason", "message"],
                "properties": {
                    "type": _text("What it is about.", maxLength=316),
                    "status": _text("Whether it is so.", enum=["True", "False", "Unknown"]),
                    "reason": _text("Why, in one word.", minLength=1, maxLength=1024),
                    "message": _text("Why, for a person.", maxLength=32768),
                    "lastTransitionTime": _text("Since when.", format="date-time"),
                    "observedGeneration": {
                        "type": "integer",
                        "format": "int64",
                        "minimum": 0,
                        "description": "The generation of the object that it is about.",
                    },
                },
            },
        },
        "target": _text("The machine that this is for, or how many there are."),
        "targets": {
            "type": "object",
            "description": "On how many machines it is how.",
            "properties": {
                "total": _count("The machines that it is for."),
                "ready": _count("On which it is as declared."),
                "failed": _count("On which it is not, and that is not being changed."),
                "worst": {
                    "type": "array",
                    "description": "Some of those on which it is not as declared.",
                    "maxItems": 10,
                    "items": {
                        "type": "object",
                        "properties": {
                            "target": _text("The machine."),
                            "reason": _text("Why, in one word."),
                            "message": _text("Why, for a person."),
                        },
                    },
                },
            },
        },
        "revision": _text("The revision of what is declared that was applied last."),
        "lastDiff": _text("What the last change was about; nothing of a secret.", maxLength=16384),
        "lastHandledReconcileAt": _text(
            "The value of the annotation reconcile.froyo.dev/requestedAt that was last looked at."
        ),
        "history": {
            "type": "array",
            "description": "The last rounds that did something, newest first.",
            "maxItems": 5,
            "items": {
                "type": "object",
                "properties": {
                    "at": _text("When.", format="date-time"),
                    "target": _text("Where."),
                    "cause": _text("Why: spec, drift, adopt, prune, restore or refresh."),
                    "outcome": _text("What came of it."),
                    "revision": _text("Of what is declared, at which it was done."),
                    "message": _text("What was done, in a line; nothing of a secret.", maxLength=1024),
                },
            },
        },
    },
}
"""What every kind has as `status`."""

_OF_TARGET: Json = {
    "instances": {
        "type": "object",
        "description": "How many objects are something on it, and how many of them are how.",
        "properties": {
            "total": _count("All of them."),
            "ready": _count("That are as declared."),
            "failed": _count("That are not."),
            "unknown": _count("Of which that is not known, such as while it cannot be reached."),
            "drifted": _count("That differ and are left as they are for now."),
        },
    },
    "facts": {
        "type": "object",
        "description": "What it is, as far as it has been asked.",
        "properties": {
            "os": _text("Its distribution, such as Debian GNU/Linux 12 (bookworm)."),
            "kernel": _text("The release of its kernel."),
            "architecture": _text("As Go names it: amd64, arm64."),
            "hostname": _text("What it calls itself."),
            "virtualization": _text("none, machine or container."),
        },
    },
    "connectedSince": _text("Since when there is a session to it.", format="date-time"),
    "lastSeen": _text("When it was seen last, where there is no session.", format="date-time"),
}
"""What the status of a Target has besides."""

_OF_ROLLOUT: Json = {
    "phase": _text("How far it is: Progressing, Soaking, Pausing, AwaitingPromotion, Complete, Stopped, …"),
    "wave": _count("Which wave has its turn, from 1 on."),
    "waves": _count("How many there are."),
    "reached": _count("How many targets have had their turn."),
    "turns": {
        "type": "array",
        "description": "Some of the targets that it has not reached, or that are not ready; those that failed first.",
        "maxItems": 10,
        "items": {
            "type": "object",
            "properties": {
                "target": _text("The machine."),
                "wave": _count("In which it has its turn."),
                "state": _text("How it is, in one word."),
                "revision": _text("That is in force there."),
                "message": _text("Why it failed, where it has."),
            },
        },
    },
    "paused": _text("Who has paused it, if anybody has."),
    "since": _text("When this revision began.", format="date-time"),
}
"""What the status of a Rollout has besides."""
