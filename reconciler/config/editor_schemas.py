"""JSON Schemas of whole manifests, for editors: what loading holds them to, as YAML's language servers read it.

They are of draft 7, which those know best, and take an expression wherever one may stand, since what that comes to is
not known before it is evaluated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.config.builtin import COMMON
from reconciler.config.schemas import document_schema, strict
from reconciler.model.catalog import Kind

DRAFT = "http://json-schema.org/draft-07/schema#"
ALL = "all.json"
"""The schema of every kind together."""
_EXPRESSION: dict[str, Any] = {"type": "string", "pattern": r"\$\{"}
_SCALARS = frozenset({"string", "integer", "number", "boolean"})

Schema = Mapping[str, Any]


def editor_schemas(kinds: Iterable[Kind]) -> dict[str, dict[str, Any]]:
    """A schema for each kind, by the name of its file, and one of all of them."""
    every = list(kinds)
    made = {_key(kind): _document(kind) for kind in every}
    files: dict[str, dict[str, Any]] = {ALL: _all(every, made)}
    for kind in every:
        same = [one for one in every if one.kind.lower() == kind.kind.lower()]
        name = kind.kind.lower() if len(same) == 1 else re.sub(r"[^a-z0-9.]", "_", _key(kind).lower())
        files[f"{name}.json"] = {"$schema": DRAFT, **made[_key(kind)]}
    return files


def schema_files(kinds: Iterable[Kind]) -> dict[str, str]:
    """The same as they are written."""
    return {
        name: json.dumps(schema, separators=(",", ":")) + "\n"
        for name, schema in editor_schemas(kinds).items()
    }


def modeline(path: str) -> str:
    """What a YAML file begins with whose schema is at a path relative to it."""
    return f"# yaml-language-server: $schema={path}\n"


def _key(kind: Kind) -> str:
    return f"{kind.api_version.replace('/', '_')}_{kind.kind}"


def _document(kind: Kind) -> dict[str, Any]:
    whole = _modern(strict(document_schema(kind)))
    if kind.package:
        spec = whole["properties"]["spec"]
        spec["properties"] = {
            name: field if name in COMMON else _open(field) for name, field in spec["properties"].items()
        }
    return {"title": kind.kind, "description": kind.schema.get("description", ""), **whole}


def _all(kinds: Iterable[Kind], made: Mapping[str, Any]) -> dict[str, Any]:
    every = list(kinds)
    names: dict[str, list[str]] = {"v1": ["List"]}
    for one in every:
        names.setdefault(one.api_version, []).append(one.kind)
    return {
        "$schema": DRAFT,
        "title": "Manifests of OpenFroyo",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"enum": sorted(names)},
            "kind": {"enum": sorted({one.kind for one in every} | {"List"})},
        },
        "allOf": [
            *(
                {
                    "if": {"required": ["apiVersion"], "properties": {"apiVersion": {"const": version}}},
                    "then": {"properties": {"kind": {"enum": sorted(kinds_of_it)}}},
                }
                for version, kinds_of_it in names.items()
            ),
            *(
                {
                    "if": {
                        "required": ["apiVersion", "kind"],
                        "properties": {
                            "apiVersion": {"const": kind.api_version},
                            "kind": {"const": kind.kind},
                        },
                    },
                    "then": {"$ref": f"#/definitions/{_key(kind)}"},
                }
                for kind in every
            ),
        ],
        "definitions": dict(made),
    }


def _modern(schema: Any) -> Any:
    """A schema of draft 4 in the words of draft 7."""
    if isinstance(schema, list):
        return [_modern(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    for name, value in schema.items():
        if name.startswith("x-kubernetes-"):
            continue
        if name == "properties":
            found[name] = {field: _modern(one) for field, one in value.items()}
        elif name in {"exclusiveMinimum", "exclusiveMaximum"}:
            limit = "minimum" if name == "exclusiveMinimum" else "maximum"
            if value and limit in schema:
                found[name] = schema[limit]
        elif name in {"minimum", "maximum"} and schema.get(f"exclusive{name.capitalize()}"):
            continue
        elif name in {"enum", "default", "required", "description"}:
            found[name] = value
        else:
            found[name] = _modern(value)
    return found


def _open(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of a field in which expressions may stand."""
    found = dict(schema)
    if "properties" in found:
        found["properties"] = {name: _open(one) for name, one in found["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(found.get(name), Mapping):
            found[name] = _open(found[name])
    types = found.get("type", [])
    types = {types} if isinstance(types, str) else set(types)
    free = types == {"string"} and not {"enum", "pattern", "maxLength"} & found.keys()
    if not types & _SCALARS or free:
        return found
    said: dict[str, Any] = {name: found.pop(name) for name in ("description", "default") if name in found}
    return {**said, "anyOf": [found, _EXPRESSION]}
