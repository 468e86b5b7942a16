"""Custom resource definitions, made of the same schemas that YAML is held to.

A kind is written once: what `kubectl apply` takes is what `froyo validate` takes, as far as a structural schema can say
it. Where a kind's own string may be an expression (`${…}`), so it may here: `mode: ${vars.mode}` is no mode yet.

Invariant: a definition depends on the kinds and on nothing else, so that the files of `crds/` can be held to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.crd_statuses import columns_of, status_of
from reconciler.config.own import OWN
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
                    "additionalPrinterColumns": columns_of(kind),
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
            "status": status_of(kind),
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
