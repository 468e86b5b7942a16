"""Kinds as CUE definitions: what they say, and what they leave to the schemas."""

import itertools
from pathlib import Path

import pytest

from reconciler.config.schemas import Kinds
from reconciler.languages.cue.definitions import library
from reconciler.languages.cue.exporting import exported
from reconciler.model.catalog import Kind
from reconciler.plugins.packages import catalog, load_packages

ROOT = Path(__file__).parents[3]
KINDS = Kinds(catalog(load_packages([ROOT / "providers"]), artifacts=ROOT))


def written(package: str = "linux.x", **fields: object) -> str:
    schema = {"type": "object", "description": "A thing.", "properties": fields}
    kind = Kind(api_version="x.example/v1", kind="Thing", plural="things", package=package, schema=schema)
    [text] = library([kind]).values()
    return text.partition("#Thing")[2].partition("\n_#Metadata")[0]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "minLength": 1, "maxLength": 9}, "string"),
        ({"type": "string", "pattern": "^/"}, r'=~#"(?:^/)|\$\{"#'),
        ({"type": "string", "pattern": '"'}, r'=~"(?:\")|\\$\\{"'),
        ({"type": "string", "pattern": "(?=x)"}, "string"),
        ({"type": "string", "enum": ["a", "b"]}, r'"a" | "b" | =~#"\$\{"#'),
        ({"type": "integer", "minimum": 0, "maximum": 9}, r'int & >=0 & <=9 | =~#"\$\{"#'),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, "number & >0"),
        ({"type": "boolean"}, r'bool | =~#"\$\{"#'),
        ({"x-kubernetes-int-or-string": True, "minimum": 1}, "int & >=1 | string"),
        ({"type": "array", "items": {"type": "string"}}, "[...string]"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "{[string]: string}"),
        ({"type": "object"}, "{...}"),
        ({"type": "string", "nullable": True}, "null | string"),
        ({"x-kubernetes-preserve-unknown-fields": True}, "_"),
        ({"type": "object", "properties": {"b": {"type": "number"}}}, "{\n\t\t\tb?: number\n\t\t}"),
    ],
    ids=lambda one: None if isinstance(one, dict) else one,
)
def test_what_a_field_may_be(schema: dict[str, object], said: str) -> None:
    assert f"\t\ta?: {said}\n" in written(a=schema)


def test_froyos_own_kinds_take_no_expressions() -> None:
    assert "\t\ta?: bool\n" in written("", a={"type": "boolean"})


def test_names_that_are_no_identifiers_are_quoted_and_those_of_required_fields_marked() -> None:
    kind = {"type": "object", "required": ["in"], "properties": {"in": {}, "a-b": {}, "c_1": {}}}
    text = written(a=kind)
    assert '"in"!: _' in text
    assert '"a-b"?: _' in text
    assert '"c_1"?: _' in text


def test_every_kind_is_in_the_package_of_its_api_version() -> None:
    made = library(KINDS.known.values())
    assert {(path, kind) for path, text in made.items() for kind in names(text)} == set(KINDS.known)
    for path, text in made.items():
        assert f"\npackage {path.rpartition('/')[2]}\n" in text


def names(text: str) -> list[str]:
    return [line[1:].partition(":")[0] for line in text.splitlines() if line.startswith("#")]


def test_every_field_has_its_description_above_it() -> None:
    text = library(KINDS.known.values())["linux.froyo.dev/v1alpha1"]
    lines = text.splitlines()
    for above, line in itertools.pairwise(lines):
        if line.startswith("\t\t") and line.strip().endswith("string") and "?:" in line:
            assert above.strip().startswith("//"), line


def test_loose_definitions_have_the_same_kinds_and_no_types() -> None:
    kinds = list(KINDS.known.values())
    loose = library(kinds, loose=True)
    assert {path: names(text) for path, text in loose.items()} == {
        path: names(text) for path, text in library(kinds).items()
    }
    assert "string" not in "".join(loose.values())


def test_they_are_written_where_cue_looks_for_imports() -> None:
    assert list(exported(KINDS.known.values())) == [
        f"cue.mod/gen/{path}/definitions.cue" for path in library(KINDS.known.values())
    ]
