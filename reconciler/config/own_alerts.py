"""The schema of Alert: who is told of what, and by which way out."""

from __future__ import annotations

from typing import Any

from reconciler.config.builtin import LABEL_VALUE, duration, referring, text
from reconciler.config.kept_secrets import any_secret
from reconciler.model.catalog import Kind
from reconciler.model.envelope import API_VERSION

PROGRAM = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


def _secret(description: str) -> dict[str, Any]:
    """A secret by where it is: in a file of the controller, encrypted there, or in a Secret of the namespace."""
    file, key = any_secret(description), referring(description, "secretKeyRef")
    return {
        **key,
        "properties": {**file["properties"], **key["properties"]},
        "oneOf": [{"required": ["secret"]}, {"required": ["secretKeyRef"]}],
    }


def _filters(description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "description": description,
        "minItems": 1,
        "maxItems": 50,
        "items": {
            "type": "object",
            "description": "All that it says has to hold.",
            "minProperties": 1,
            "properties": {
                "kinds": {
                    "type": "array",
                    "description": "Target, Source, or kinds of resources.",
                    "minItems": 1,
                    "items": {"type": "string", "pattern": r"^[A-Z][A-Za-z0-9]*$"},
                },
                "targets": {
                    "type": "array",
                    "description": "Names of targets, which may have * in them.",
                    "minItems": 1,
                    "items": {"type": "string", "minLength": 1},
                },
                "labels": {
                    "type": "object",
                    "description": "Labels that the resource has, or its target.",
                    "additionalProperties": {"type": "string", "pattern": LABEL_VALUE, "maxLength": 63},
                },
                "reasons": {
                    "type": "array",
                    "description": "Reasons of conditions, and of events, such as Unreachable.",
                    "minItems": 1,
                    "items": {"type": "string", "pattern": r"^[A-Z][A-Za-z0-9]*$"},
                },
            },
        },
    }


ALERT = Kind(
    api_version=API_VERSION,
    kind="Alert",
    plural="alerts",
    package="",
    schema={
        "type": "object",
        "description": "Tells somebody of what is wrong, and when it is over: by `webhook`, `command` or `file`.",
        "properties": {
            "webhook": {
                "type": "object",
                "description": "A message is posted.",
                "properties": {
                    "url": text("https://… or http://…; one that is secret is in urlFrom.", minLength=1),
                    "urlFrom": _secret("The same for one that has a token in it."),
                    "format": text(
                        "What is sent: a document of ours, a text, or what Prometheus sends. json if left out.",
                        enum=["json", "slack", "alertmanager"],
                    ),
                    "tokenFrom": _secret("Sent as Authorization: Bearer …"),
                    "signWith": _secret("A key: the body's HMAC-SHA256 is sent as X-Signature: sha256=…"),
                    "caFile": text(
                        "Certificates by which the server is known; else those of the system.", minLength=1
                    ),
                    "timeout": duration("How long a message may take; 10s if it is left out."),
                },
                "oneOf": [{"required": ["url"]}, {"required": ["urlFrom"]}],
            },
            "command": {
                "type": "object",
                "description": "A program is run on the controller, with the message on its standard input.",
                "required": ["name"],
                "properties": {
                    "name": text(
                        "A program in alerts/commands of the state directory, where only an operator puts one.",
                        pattern=PROGRAM,
                        maxLength=100,
                    ),
                    "arguments": {
                        "type": "array",
                        "description": "What it is called with.",
                        "maxItems": 50,
                        "items": {"type": "string"},
                    },
                    "timeout": duration("How long it may take; 10s if it is left out."),
                },
            },
            "file": {
                "type": "object",
                "description": "A line is appended to a file on the controller.",
                "required": ["name"],
                "properties": {
                    "name": text(
                        "A file in alerts/files of the state directory.", pattern=PROGRAM, maxLength=100
                    )
                },
            },
            "severity": text(
                "warning: trouble, and what a person should see. info: whatever happens, too. warning if left out.",
                enum=["warning", "info"],
            ),
            "match": _filters("What is meant: what one of these means. Everything if it is left out."),
            "except": _filters("What is not meant, whatever `match` says."),
            "for": duration("How long trouble has to last before it is told; at once if it is left out."),
            "repeatInterval": duration(
                "After which time what still lasts, or has come again, is told again; 4h if it is left out."
            ),
            "recovery": {
                "type": "boolean",
                "description": "Whether it is told that trouble is over; so if it is left out.",
            },
        },
        "oneOf": [{"required": ["webhook"]}, {"required": ["command"]}, {"required": ["file"]}],
    },
)
