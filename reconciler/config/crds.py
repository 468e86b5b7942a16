"""Custom resource definitions, made of the same schemas that YAML is held to.

A kind is written once: what `kubectl apply` takes is what `froyo validate` takes, as far as a structural schema can say
it. Where a kind's own string may be an expression (`${…}`), so it may here: `mode: ${vars.mode}` is no mode yet.

Invariant: a definition depends on the kinds and on nothing else, so that the files of `crds/` can be held to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.builtin import TARGET
from reconciler.config.own import OWN
from reconciler.config.own_rollouts import ROLLOUT
from reconciler.config.schemas import Kinds, spec_schema
from reconciler.model.catalog import Kind

Json = dict[str, Any]

CATEGORY = "froyo"
EXPRESSION = r"\$\{"
_OF_TEXT = ("pattern", "minLength", "maxLength", "enum", "format")
_EITHER = [{"type": "integer"}, {"type": "string"}]


def crds(kinds: Kinds) -> Iterator[Json]:
    """A definition of each kind, ours first, in order of their names."""
    own = {(kind.api_version, kind.kind) for kind in OWN}
    for key in sorted(kinds.known, key=lambda key: (key not in own, key)):
        yield crd(kinds.known[key])


def crd(kind: Kind) -> Json:
    """The definition of one kind."""
    group, version = kind.api_version.split("/")
    singular = kind.kind.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{group}",
            "labels": {"app.kubernetes.io/part-of": "openfroyo"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": singular,
                # Not the singular: core kinds are called `service`, too.
                "shortNames": [f"f{singular}"],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _document(kind)},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(kind),
                }
            ],
        },
    }


def _document(kind: Kind) -> Json:
    schema = spec_schema(kind)
    own = dict(kind.schema.get("properties", {}))
    if kind.package:
        schema["properties"] = {**schema["properties"], **{name: _open(one) for name, one in own.items()}}
    spec = {key: value for key, value in schema.items() if key not in {"$schema", "title"}}
    if kind.package:
        spec["x-kubernetes-validations"] = [
            {
                "rule": "has(self.target) != has(self.targets)",
                "message": "say for which machines: either `target` or `targets`",
            }
        ]
    return {
        "type": "object",
        "description": kind.schema.get("description", ""),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": _status(kind),
        },
    }


def _open(schema: Mapping[str, Any]) -> Json:
    """The same schema, but that there may be an expression in the place of a string, a whole number or a boolean."""
    made = dict(schema)
    if made.get("x-kubernetes-int-or-string"):
        if limits := {key: made.pop(key) for key in _OF_TEXT if key in made}:
            made.pop("anyOf", None)
            made["allOf"] = [{"anyOf": _EITHER}, {"anyOf": [limits, {"pattern": EXPRESSION}]}]
        return made
    match made.get("type"):
        case "string":
            if limits := {key: made.pop(key) for key in _OF_TEXT if key in made}:
                made["anyOf"] = [limits, {"pattern": EXPRESSION}]
        case "integer" if "enum" not in made:
            del made["type"]
            made |= {"x-kubernetes-int-or-string": True, "anyOf": _EITHER, "pattern": EXPRESSION}
        case "boolean":
            del made["type"]
            made |= {
                "x-kubernetes-preserve-unknown-fields": True,
                "anyOf": [{"enum": [True, False]}, {"pattern": EXPRESSION}],
            }
        case "array":
            made["items"] = _open(made["items"])
        case "object":
            if "properties" in made:
                made["properties"] = {name: _open(one) for name, one in made["properties"].items()}
            elif isinstance(made.get("additionalProperties"), Mapping):
                made["additionalProperties"] = _open(made["additionalProperties"])
    return made


def _columns(kind: Kind) -> list[Json]:
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


def _status(kind: Kind) -> Json:
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
