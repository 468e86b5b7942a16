"""The schemas that are ours: of every object's metadata, of every provider's kind, of Target, Source and Vars.

All of them stay within what a Kubernetes structural schema can say (structural.py), because the custom
resource definitions are made from them too. Side by side with what their patterns mean they are longer than a module
should be.
"""

from __future__ import annotations

from typing import Any

from reconciler.config.durations import PATTERN as DURATION
from reconciler.model.catalog import Kind
from reconciler.model.envelope import API_VERSION
from reconciler.model.resource import DAYS

NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
KEY = r"^[-._a-zA-Z0-9]+$"
NAMESPACE = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
REFERENCE = r"^[A-Z][A-Za-z0-9]*/([a-z0-9]([-a-z0-9]*[a-z0-9])?:)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
TARGET_NAME = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?:)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
RANGED = r"^([-a-z0-9.]|\[[0-9A-Za-z]*:[0-9A-Za-z]+(:[0-9]+)?\])+$"
FIELD_PATH = r"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*$"
PORTION = r"^([0-9]{1,6}|([0-9]|[1-9][0-9]|100)%)$"
TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"

MEANINGS = {
    TIME: "a time of the day such as 02:30",
    PORTION: "a number, or a part such as 25%",
    NAME: "lower-case letters, digits, '-' and '.', with a letter or digit at either end",
    KEY: "letters, digits, '-', '_' and '.'",
    NAMESPACE: "lower-case letters, digits and '-', with a letter or digit at either end",
    TARGET_NAME: "the name of a target such as web-1, or namespace:web-1",
    REFERENCE: "a reference such as File/motd, or File/namespace:motd",
    LABEL_VALUE: "letters, digits, '-', '_' and '.', with a letter or digit at either end",
    FIELD_PATH: "the path of a field such as mode",
    RANGED: "lower-case letters, digits, '-' and '.', and ranges such as [01:50]",
    DURATION: "a duration such as 30s, 5m or 1h30m",
}
"""What our patterns mean, for people."""


def text(description: str, **more: Any) -> dict[str, Any]:
    """The schema of a field that is text."""
    return {"type": "string", "description": description, **more}


def duration(description: str) -> dict[str, Any]:
    """The schema of a field that is a duration."""
    return {
        "x-kubernetes-int-or-string": True,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "description": description,
        "pattern": DURATION,
        "minimum": 1,
    }


def referring(description: str, *kinds: str) -> dict[str, Any]:
    """The schema of a field that says which key of which object of a cluster is meant."""
    one = {
        "type": "object",
        "description": "Which object, and which of its keys.",
        "required": ["name", "key"],
        "properties": {
            "name": text("What it is called.", pattern=NAME, maxLength=253),
            "key": text("Which of its keys.", pattern=KEY, maxLength=253),
        },
    }
    return {
        "type": "object",
        "description": description,
        "properties": dict.fromkeys(kinds, one),
        "oneOf": [{"required": [kind]} for kind in kinds],
    }


def _references(description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "description": description,
        "items": {"type": "string", "pattern": REFERENCE},
    }


_STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}

METADATA: dict[str, Any] = {
    "type": "object",
    "description": "The name, and what else is said of the object.",
    "required": ["name"],
    "properties": {
        "name": text("What the object is called.", pattern=NAME, maxLength=253),
        "namespace": text("Keeps equal names apart.", pattern=NAMESPACE, maxLength=63),
        "labels": {
            "type": "object",
            "description": "What selectors look at.",
            "additionalProperties": {"type": "string", "pattern": LABEL_VALUE, "maxLength": 63},
        },
        "annotations": {**_STRINGS, "description": "Notes for people and tools; nothing here looks at them."},
    },
}

SELECTOR: dict[str, Any] = {
    "type": "object",
    "description": (
        "Selects targets by labels and facts, such as {matchLabels: {role: web}}: all of it must hold. "
        "An empty one selects every target."
    ),
    "properties": {
        "matchLabels": {**_STRINGS, "description": "Labels that a target must have."},
        "matchFacts": {
            "type": "object",
            "description": "Facts that a target must have, such as {os.family: debian}; of a list, one of its entries.",
            "additionalProperties": {
                "x-kubernetes-int-or-string": True,
                "anyOf": [{"type": "integer"}, {"type": "string"}],
            },
        },
        "matchExpressions": {
            "type": "array",
            "description": "Requirements that a target's labels and facts must meet.",
            "items": {
                "type": "object",
                "required": ["operator"],
                "properties": {
                    "key": text("The label, where it is about one.", minLength=1),
                    "fact": text("The fact, such as os.major, where it is about one.", minLength=1),
                    "operator": text(
                        "How it is compared.", enum=["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
                    ),
                    "values": {
                        "type": "array",
                        "description": "For In and NotIn; for Gt and Lt, which a fact may have, one number.",
                        "items": {"type": "string"},
                    },
                },
            },
        },
    },
}

COMMON: dict[str, Any] = {
    "target": text("The name of the one target that it is for.", pattern=TARGET_NAME),
    "targets": SELECTOR,
    "require": _references("What must be in sync before this is touched."),
    "before": _references("What is touched only once this is in sync."),
    "notify": _references("What comes after this, and is refreshed once when this has changed."),
    "interval": duration("How long until it is looked at again without any event."),
    "policy": text(
        "Put right what differs, only report it, or do not even look.",
        enum=["enforce", "observe", "paused"],
    ),
    "adopt": text(
        "At first contact with something that differs: put it right, or leave it as it is.",
        enum=["replace", "hold"],
    ),
    "deletion": text(
        "What becomes of the thing when its manifest disappears: it stays (`orphan`), goes (`delete`), or goes once "
        "a person has approved it (`confirm`).",
        enum=["delete", "orphan", "confirm"],
    ),
    "ignoreFields": {
        "type": "array",
        "description": "Fields whose differences are shown and left alone.",
        "items": {"type": "string", "pattern": FIELD_PATH},
    },
    "inferEdges": {
        "type": "boolean",
        "description": "Whether the edges that are certain are added to the written ones.",
    },
    "suspend": {
        "type": "object",
        "description": "Leave it alone, and do not even look, for as long as this is here, or until its end.",
        "required": ["reason"],
        "properties": {
            "reason": text("Why, for whoever wonders.", minLength=1, maxLength=1024),
            "until": text(
                "When it ends by itself, such as 2026-07-01T18:00:00Z, in quotes.", minLength=1, maxLength=64
            ),
        },
    },
    "windows": {
        "type": "array",
        "description": "When something may be done about it; else it is held, or has to be approved.",
        "minItems": 1,
        "maxItems": 20,
        "items": {
            "type": "object",
            "description": "One that says nothing is always open.",
            "properties": {
                "days": {
                    "type": "array",
                    "description": "The days on which it begins; all of them if they are left out.",
                    "minItems": 1,
                    "items": {"type": "string", "enum": list(DAYS)},
                },
                "from": text("When it begins, such as 22:00, in quotes.", pattern=TIME),
                "to": text(
                    "When it ends, such as 04:00, in quotes; on the day after where that is no later.",
                    pattern=TIME,
                ),
                "timezone": text(
                    "In which that is, such as Europe/Berlin; UTC if it is left out.", minLength=1
                ),
            },
        },
    },
}
"""The fields that every kind of a provider has in `spec`. The names are reserved."""

_BECOME = text("Run the runner as root through sudo.", enum=["sudo"])

SSH: dict[str, Any] = {
    "host": text("Name or address.", minLength=1),
    "port": {
        "type": "integer",
        "description": "Where its sshd listens; 22 if it is left out.",
        "minimum": 1,
        "maximum": 65535,
    },
    "user": text("Login; the name of whoever runs froyo if it is left out.", minLength=1),
    "become": _BECOME,
    "identityFile": text(
        "A private key; relative to the manifest or from ~. Else the agent and default keys.",
        minLength=1,
    ),
    "knownHosts": text(
        "A known_hosts file; relative to the manifest, or from ~. Else ~/.ssh/known_hosts.",
        minLength=1,
    ),
    "identityFrom": referring("The private key, in a Secret of the namespace; in a cluster.", "secretKeyRef"),
    "knownHostsFrom": referring(
        "Host keys as a known_hosts file has them, in a ConfigMap or Secret of the namespace; in a cluster.",
        "configMapKeyRef",
        "secretKeyRef",
    ),
    "hostKey": text(
        "The host's public key, such as 'ssh-ed25519 AAAA…'.",
        pattern=r"^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}( .*)?$",
    ),
    "trustOnFirstUse": {
        "type": "boolean",
        "description": "Record an unknown host key at first contact instead of refusing it.",
    },
    "proxyJump": text("user@host:port to hop over.", minLength=1),
    "connectTimeout": duration("How long the whole handshake may take."),
    "keepaliveInterval": duration("How long silence lasts before the host is asked whether it is alive."),
}

TARGET = Kind(
    api_version=API_VERSION,
    kind="Target",
    plural="targets",
    package="",
    schema={
        "type": "object",
        "description": "A machine that is kept as declared, and how it is reached: `local` or `ssh`.",
        "properties": {
            "local": {
                "type": "object",
                "description": "This machine.",
                "properties": {"become": _BECOME},
            },
            "ssh": {
                "type": "object",
                "description": "Another machine, over SSH.",
                "required": ["host"],
                "properties": SSH,
            },
            "sharedWith": {
                "type": "array",
                "description": "The namespaces of the cluster whose objects may be for it, too.",
                "maxItems": 100,
                "items": {"type": "string", "pattern": NAMESPACE, "maxLength": 63},
            },
        },
        "oneOf": [{"required": ["local"]}, {"required": ["ssh"]}],
    },
)

VARS = Kind(
    api_version=API_VERSION,
    kind="Vars",
    plural="vars",
    package="",
    schema={
        "type": "object",
        "description": "Values of targets, which expressions and templates read as vars.NAME.",
        "required": ["values"],
        "properties": {
            "target": COMMON["target"],
            "targets": SELECTOR,
            "values": {
                "type": "object",
                "description": "What these targets have, by name: whatever JSON can hold.",
                "x-kubernetes-preserve-unknown-fields": True,
            },
        },
    },
)
