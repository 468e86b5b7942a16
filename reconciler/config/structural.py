"""What a Kubernetes structural schema can say, and whether a kind stays within it and what we can carry.

The kinds of the provider packages are to become custom resources without being written twice. Kubernetes
refuses a definition whose schema is not structural; it is better to hear of it in a test, with the place. See
"Specifying a structural schema" in Kubernetes' documentation of custom resource definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.builtin import COMMON
from reconciler.config.fields import fields_of
from reconciler.model.catalog import BODY, BodyFields, Kind

_TYPES = ("object", "array", "string", "integer", "number", "boolean")
_JUNCTORS = ("allOf", "anyOf", "oneOf")
# fmt: off
_STRUCTURE = frozenset({
    "type", "properties", "additionalProperties", "items", "nullable", "default", "title", "description",
    "example", "externalDocs", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type", "x-kubernetes-validations",
})
_VALUES = frozenset({
    "enum", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "required",
    "uniqueItems", "allOf", "anyOf", "oneOf", "not",
})
# fmt: on
_NOT_IN_JUNCTORS = frozenset({"type", "default", "additionalProperties", "nullable", "title", "description"})
_EITHER = (
    ("anyOf", {"type": "integer"}),
    ("anyOf", {"type": "string"}),
    ("allOf", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
)
"""What may stand beside `x-kubernetes-int-or-string` although it is a type in a junctor."""
_INSTEAD = {
    "patternProperties": "additionalProperties says of what form all values are, properties which names there are",
    "$ref": "write out what it refers to",
    "const": "an enum of one value says it",
}
"""What says it instead."""


def structural_problems(schema: Mapping[str, Any]) -> list[str]:
    """Where a schema leaves what a structural schema can say; [] if it stays within it.

    `$schema` at the root is for editors and goes unmentioned: a definition is made without it.

    Example:
        >>> structural_problems({"type": "object", "properties": {"a": {"minimum": 1}}})
        ['properties.a: has no type']
    """
    return list(_node({key: value for key, value in schema.items() if key != "$schema"}, ""))


def kind_problems(kind: Kind) -> list[str]:
    """Everything that keeps a kind from being loaded or from becoming a custom resource."""
    try:
        problems = structural_problems(kind.schema)
    except (AttributeError, TypeError):
        return ["is no JSON Schema: a keyword in it has a value of the wrong form"]
    if kind.schema.get("type") != "object":
        problems.append("type: a spec is an object")
    fields = kind.schema.get("properties", {})
    problems += [
        f"properties.{name}: the name is reserved for a common field" for name in fields if name in COMMON
    ]
    problems += [
        f"properties.{name}: the name is reserved for what a body field becomes"
        for name in ("body", "tree")
        if name in fields
    ]
    problems += [
        f"{where}: there is no field {name!r}"
        for where, name in (
            ("body.text", kind.body.text),
            ("body.base64", kind.body.base64),
            ("body.file", kind.body.file),
            ("body.tree", kind.body.tree),
            ("body.template", kind.body.template),
            *(
                (where, name)
                for where in ("provides", "shares", "uses", "contains")
                for template in getattr(kind, where)
                for name in fields_of(template)
                if not (name == BODY and kind.body != BodyFields())
            ),
        )
        if name and name not in fields
    ]
    return problems


def _node(schema: Any, path: str) -> Iterator[str]:
    where = path or "(root)"
    if not isinstance(schema, Mapping):
        yield f"{where}: is not a schema object"
        return
    yield from _keywords(schema, where)
    either = schema.get("x-kubernetes-int-or-string") is True
    for name, child in schema.get("properties", {}).items():
        yield from _node(child, _join(path, f"properties.{name}"))
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _node(schema["additionalProperties"], _join(path, "additionalProperties"))
    if "items" in schema:
        yield from _node(schema["items"], _join(path, "items"))
    for junctor, index, child in _junctors(schema):
        if either and (junctor, child) in _EITHER:
            continue
        yield from _values_only(child, schema, _join(path, f"{junctor}{index}"))


def _keywords(schema: Mapping[str, Any], where: str) -> Iterator[str]:
    for keyword in schema:
        if keyword not in _STRUCTURE and keyword not in _VALUES:
            instead = _INSTEAD.get(keyword)
            yield f"{where}: {keyword} is not supported" + (f"; {instead}" if instead else "")
    yield from _type(schema, where)
    if "properties" in schema and "additionalProperties" in schema:
        yield f"{where}: properties and additionalProperties exclude each other"
    if schema.get("additionalProperties") is False:
        yield f"{where}: additionalProperties: false is forbidden; unknown fields are refused anyway"
    if schema.get("type") == "array" and "items" not in schema:
        yield f"{where}: an array without items"
    if isinstance(schema.get("items"), list):
        yield f"{where}: items is one schema for all"
    if schema.get("uniqueItems"):
        yield f"{where}: uniqueItems is forbidden; x-kubernetes-list-type: set says it"
    for keyword in ("exclusiveMinimum", "exclusiveMaximum"):
        if not isinstance(schema.get(keyword, False), bool):
            yield f"{where}: {keyword} is a boolean beside {keyword.replace('exclusiveM', 'm')}"
    fields = schema.get("properties", {})
    for name in schema.get("required", ()):
        if fields and name not in fields:
            yield f"{where}: requires {name!r}, which it does not have"


def _type(schema: Mapping[str, Any], where: str) -> Iterator[str]:
    either = schema.get("x-kubernetes-int-or-string") is True
    kind = schema.get("type")
    if either and kind is not None:
        yield f"{where}: an int-or-string has no type of its own"
    elif kind is None and not either and schema.get("x-kubernetes-preserve-unknown-fields") is not True:
        yield f"{where}: has no type"
    elif kind is not None and kind not in _TYPES:
        yield f"{where}: {kind!r} is not a type"


def _values_only(schema: Any, outside: Any, path: str) -> Iterator[str]:
    """Inside a junctor only values are restricted, and only of what the structure outside has."""
    if not isinstance(schema, Mapping):
        yield f"{path}: is not a schema object"
        return
    for keyword in schema:
        if keyword in _NOT_IN_JUNCTORS:
            yield f"{path}: {keyword} belongs outside of allOf, anyOf, oneOf and not"
        elif keyword not in _STRUCTURE and keyword not in _VALUES:
            yield f"{path}: {keyword} is not supported"
    for name, child in schema.get("properties", {}).items():
        known = outside.get("properties", {}).get(name)
        if known is None:
            yield f"{path}: field {name!r} is not declared outside of it"
        else:
            yield from _values_only(child, known, f"{path}.properties.{name}")
    if "items" in schema:
        if "items" in outside:
            yield from _values_only(schema["items"], outside["items"], f"{path}.items")
        else:
            yield f"{path}: items is not declared outside of it"
    for junctor, index, child in _junctors(schema):
        yield from _values_only(child, outside, f"{path}.{junctor}{index}")


def _junctors(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for junctor in _JUNCTORS:
        for index, child in enumerate(schema.get(junctor, ())):
            yield junctor, f"[{index}]", child
    if "not" in schema:
        yield "not", "", schema["not"]


def _join(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step
