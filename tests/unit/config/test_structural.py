"""Schemas stay within what a Kubernetes structural schema can say."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.config.builtin import COMMON, METADATA
from reconciler.config.own import OWN
from reconciler.config.schemas import document_schema, spec_schema
from reconciler.config.structural import kind_problems, structural_problems
from reconciler.model.catalog import BodyFields
from tests.unit.config.world import CATALOG, FILE

STRING = {"type": "string"}


@pytest.mark.parametrize(
    "kind", [*OWN, *CATALOG.kinds.values()], ids=lambda kind: f"{kind.package}.{kind.kind}"
)
def test_our_own_schemas_are_structural(kind: Any) -> None:
    assert structural_problems(spec_schema(kind)) == []
    # Which draft it is written in is for editors, and of no use to a custom resource.
    draft = ["properties.spec: $schema is not supported"] if "$schema" in kind.schema else []
    assert structural_problems(document_schema(kind)) == draft
    assert not kind.package or kind_problems(kind) == []


@pytest.mark.parametrize("schema", [{"required": 5}, {"properties": {"a": {"properties": []}}}, {"allOf": 1}])
def test_what_is_no_schema_at_all_is_said_and_not_stumbled_over(schema: Any) -> None:
    kind = replace(FILE, schema={"type": "object", "properties": {}, **schema})
    assert any("wrong form" in problem for problem in kind_problems(kind))


def test_the_common_schemas_are_structural() -> None:
    assert structural_problems(METADATA) == []
    assert structural_problems({"type": "object", "properties": COMMON}) == []


@pytest.mark.parametrize(
    ("schema", "problems"),
    [
        ({}, ["(root): has no type"]),
        ({"type": ["string", "null"]}, ["(root): ['string', 'null'] is not a type"]),
        ({"type": "null"}, ["(root): 'null' is not a type"]),
        ({"type": "object", "properties": {"a": {"$ref": "#/x"}}},
         ["properties.a: $ref is not supported; write out what it refers to", "properties.a: has no type"]),
        ({"type": "object", "definitions": {}}, ["(root): definitions is not supported"]),
        ({"type": "object", "patternProperties": {}},
         [("(root): patternProperties is not supported; additionalProperties says of what form all "
           "values are, properties which names there are")]),
        ({"type": "string", "const": "a"}, ["(root): const is not supported; an enum of one value says it"]),
        ({"type": "object", "additionalProperties": False},
         ["(root): additionalProperties: false is forbidden; unknown fields are refused anyway"]),
        ({"type": "object", "properties": {"a": STRING}, "additionalProperties": STRING},
         ["(root): properties and additionalProperties exclude each other"]),
        ({"type": "object", "additionalProperties": {}}, ["additionalProperties: has no type"]),
        ({"type": "array"}, ["(root): an array without items"]),
        ({"type": "array", "items": [STRING]},
         ["(root): items is one schema for all", "items: is not a schema object"]),
        ({"type": "array", "items": STRING, "uniqueItems": True},
         ["(root): uniqueItems is forbidden; x-kubernetes-list-type: set says it"]),
        ({"type": "integer", "exclusiveMinimum": 3},
         ["(root): exclusiveMinimum is a boolean beside minimum"]),
        ({"type": "object", "properties": {"a": STRING}, "required": ["b"]},
         ["(root): requires 'b', which it does not have"]),
        ({"type": "string", "anyOf": [{"type": "string"}]},
         ["anyOf[0]: type belongs outside of allOf, anyOf, oneOf and not"]),
        ({"type": "string", "allOf": [True]}, ["allOf[0]: is not a schema object"]),
        ({"type": "string", "not": {"if": {}}}, ["not: if is not supported"]),
        ({"type": "object", "properties": {"a": STRING}, "oneOf": [{"properties": {"b": {"minLength": 1}}}]},
         ["oneOf[0]: field 'b' is not declared outside of it"]),
        ({"type": "object", "properties": {"a": STRING},
          "oneOf": [{"properties": {"a": {"default": "x"}}}, {"allOf": [{"nullable": True}]}]},
         ["oneOf[0].properties.a: default belongs outside of allOf, anyOf, oneOf and not",
          "oneOf[1].allOf[0]: nullable belongs outside of allOf, anyOf, oneOf and not"]),
        ({"type": "string", "not": {"items": {"minLength": 1}}},
         ["not: items is not declared outside of it"]),
        ({"x-kubernetes-int-or-string": True, "type": "string"},
         ["(root): an int-or-string has no type of its own"]),
        ({"x-kubernetes-int-or-string": True, "anyOf": [{"type": "boolean"}]},
         ["anyOf[0]: type belongs outside of allOf, anyOf, oneOf and not"]),
    ],
)  # fmt: skip
def test_says_where_a_schema_leaves_it(schema: Any, problems: list[str]) -> None:
    assert structural_problems(schema) == problems


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": "http://json-schema.org/draft-04/schema#", "type": "object"},
        {"x-kubernetes-preserve-unknown-fields": True},
        {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        {"x-kubernetes-int-or-string": True, "allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}]},
        {"type": "array", "items": STRING, "not": {"items": {"minLength": 3}}},
        {
            "type": "object",
            "properties": {"a": STRING},
            "oneOf": [{"required": ["a"]}, {"not": {"required": ["a"]}}],
        },
        {"type": "string", "nullable": True, "enum": ["a"], "default": "a"},
    ],
)
def test_accepts_what_kubernetes_accepts(schema: dict[str, Any]) -> None:
    assert structural_problems(schema) == []


def test_a_kind_has_to_fit_its_own_schema_and_the_reserved_names() -> None:
    schema = {
        "type": "object",
        "properties": {"path": STRING, "policy": STRING, "body": STRING},
    }
    kind = replace(
        FILE,
        schema=schema,
        provides=("path:{pth}",),
        shares=("path:{part}",),
        uses=("unit:{where}",),
        contains=(),
        body=BodyFields(text="content", file="path"),
    )
    assert kind_problems(kind) == [
        "properties.policy: the name is reserved for a common field",
        "properties.body: the name is reserved for what a body field becomes",
        "body.text: there is no field 'content'",
        "provides: there is no field 'pth'",
        "shares: there is no field 'part'",
        "uses: there is no field 'where'",
    ]
    assert "type: a spec is an object" in kind_problems(replace(FILE, schema={"type": "string"}))
