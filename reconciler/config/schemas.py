"""From a kind's structural schema to a validator of whole documents, and to its defaults.

A structural schema says less than people want: it cannot refuse unknown fields. So the validator is compiled
from a strict copy, in which every object with `properties` allows no others, `nullable` has become a type,
and an int-or-string is one. The dialect is JSON Schema draft 4, as in Kubernetes (`exclusiveMinimum` is a
boolean).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema_rs

from reconciler.config.builtin import COMMON, METADATA
from reconciler.config.own import OWN
from reconciler.model.catalog import Catalog, Kind

Schema = Mapping[str, Any]
Fill = Callable[[Mapping[str, Any]], dict[str, Any]]


def spec_schema(kind: Kind) -> dict[str, Any]:
    """The structural schema of a kind's `spec`: its own fields, and the common ones unless it is ours."""
    if not kind.package:
        return dict(kind.schema)
    return {**kind.schema, "properties": {**kind.schema.get("properties", {}), **COMMON}}


def document_schema(kind: Kind) -> dict[str, Any]:
    """The structural schema of a whole document of a kind."""
    return {
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"type": "string", "enum": [kind.api_version]},
            "kind": {"type": "string", "enum": [kind.kind]},
            "metadata": METADATA,
            "spec": spec_schema(kind),
        },
    }


def strict(schema: Schema) -> dict[str, Any]:
    """The same in plain JSON Schema, refusing what a structural schema would only prune."""
    made = {key: value for key, value in schema.items() if key != "$schema"}
    if made.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
        made.pop("anyOf", None)
    if made.pop("nullable", False) and "type" in made:
        types = made["type"] if isinstance(made["type"], list) else [made["type"]]
        made["type"] = [*types, "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    if "properties" in made:
        made["properties"] = {name: strict(child) for name, child in made["properties"].items()}
        if not made.get("x-kubernetes-preserve-unknown-fields"):
            made["additionalProperties"] = False
    elif isinstance(made.get("additionalProperties"), Mapping):
        made["additionalProperties"] = strict(made["additionalProperties"])
    if "items" in made:
        made["items"] = strict(made["items"])
    return made


def filler(schema: Schema) -> Fill | None:
    """A function that gives an object with the schema's defaults put in; None if there are none.

    What it is given stays as it is. As in Kubernetes, defaults inside an object that is absent do not bring
    that object into being.
    """
    defaults = {
        name: child["default"] for name, child in schema.get("properties", {}).items() if "default" in child
    }
    nested = {
        name: inner for name, child in schema.get("properties", {}).items() if (inner := _child_filler(child))
    }
    if not defaults and not nested:
        return None

    def fill(value: Mapping[str, Any]) -> dict[str, Any]:
        filled = {**defaults, **value}
        for name, inner in nested.items():
            if name in filled:
                filled[name] = inner(filled[name])
        return filled

    return fill


def _child_filler(schema: Schema) -> Callable[[Any], Any] | None:
    items = schema.get("items")
    if items is not None and (fill_item := _child_filler(items)):
        return lambda value: [fill_item(item) for item in value] if isinstance(value, list) else value
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping) and (fill_value := _child_filler(values)):
        return lambda value: (
            {key: fill_value(item) for key, item in value.items()} if isinstance(value, Mapping) else value
        )
    if fill := filler(schema):
        return lambda value: fill(value) if isinstance(value, Mapping) else value
    return None


class CompiledKind:
    """A kind, ready for use on many documents.

    Attributes:
        kind: as the catalog has it.
        schema: of the whole document, strict.
        fields: the names of the kind's own spec fields.
    """

    __slots__ = ("_fill", "_validator", "fields", "kind", "schema")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.schema = strict(document_schema(kind))
        self.fields = tuple(kind.schema.get("properties", {}))
        self._validator = jsonschema_rs.Draft4Validator(self.schema)
        self._fill = filler(kind.schema)

    def accepts(self, document: Any) -> bool:
        """Whether a document has nothing wrong with it."""
        return self._validator.is_valid(document)

    def errors(self, document: Any) -> Iterator[jsonschema_rs.ValidationError]:
        """What is wrong with a document."""
        return self._validator.iter_errors(document)

    def fill(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """The spec with defaults, as a dictionary of its own."""
        return self._fill(spec) if self._fill else dict(spec)


class Kinds:
    """Every kind that may be declared: ours and the catalog's. Each is compiled when it is first met.

    Attributes:
        known: by apiVersion and name.
        texts: the fields that hold the text of a body, of whatever kind.
    """

    __slots__ = ("_compiled", "known", "texts")

    def __init__(self, catalog: Catalog) -> None:
        self.known: dict[tuple[str, str], Kind] = {(kind.api_version, kind.kind): kind for kind in OWN}
        self.known.update(catalog.kinds)
        self.texts = frozenset(kind.body.text for kind in self.known.values())
        self._compiled: dict[tuple[str, str], CompiledKind] = {}

    def get(self, api_version: str, kind: str) -> CompiledKind | None:
        """The kind of that name, if there is one."""
        key = (api_version, kind)
        compiled = self._compiled.get(key)
        if compiled is None and key in self.known:
            compiled = self._compiled[key] = CompiledKind(self.known[key])
        return compiled
