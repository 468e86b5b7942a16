"""What a person means by `file.mode`, and what the schemas say of it."""

import pytest

from reconciler.config.builtin import TARGET
from reconciler.config.describing import every_kind, find, own_fields, type_name, whole
from reconciler.config.own import OWN
from reconciler.config.structural import structural_problems
from reconciler.errors import UsageError
from reconciler.model.catalog import Catalog, Kind

MARKER = Kind(
    api_version="my.example/v1",
    kind="Marker",
    plural="markers",
    package="my.marker",
    schema={
        "type": "object",
        "description": "A marker. It marks.",
        "required": ["path"],
        "properties": {
            "path": {"type": "string", "description": "Where."},
            "owners": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "uid": {"type": "integer"}},
                },
            },
            "notes": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"x-kubernetes-preserve-unknown-fields": True},
            "either": {"x-kubernetes-int-or-string": True},
        },
    },
)
OTHER = Kind(
    api_version="other.example/v1", kind="Marker", plural="marks", package="other", schema={"type": "object"}
)
KINDS = [*OWN, MARKER]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("Marker", ()),
        ("markers", ()),
        ("marker.path", ("spec", "path")),
        ("Marker.spec.PATH", ("spec", "path")),
        ("Marker.owners.name", ("spec", "owners", "name")),
        ("Marker.require", ("spec", "require")),
        ("marker.metadata.labels", ("metadata", "labels")),
        ("Marker.apiVersion", ("apiVersion",)),
    ],
)
def test_a_field_is_found_by_its_path(written, path):
    [found] = find(written, KINDS)
    assert found.path == path


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("Marke", "there is no kind 'Marke'; did you mean 'Marker'?"),
        ("Zzz", "there is no kind 'Zzz'; see: froyo explain"),
        ("Marker.pth", "Marker.spec has no field 'pth'; did you mean 'path'?"),
        ("Marker.owners.zzz", "Marker.spec.owners has no field 'zzz'; see: froyo explain Marker.spec.owners"),
        ("Marker.spec.path.x", "Marker.spec.path is string: there are no fields in it"),
        ("Marker.metadata.nam", "Marker.metadata has no field 'nam'; did you mean 'name'?"),
    ],
)
def test_what_means_nothing_is_told_what_was_probably_meant(written, says):
    with pytest.raises(UsageError) as caught:
        find(written, KINDS)
    assert str(caught.value) == says


def test_of_two_kinds_of_one_name_both_are_meant_where_both_have_it():
    assert [one.kind.package for one in find("Marker", [*KINDS, OTHER])] == ["my.marker", "other"]
    assert [one.kind.package for one in find("Marker.path", [*KINDS, OTHER])] == ["my.marker"]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("path", "string"),
        ("owners", "[]object"),
        ("notes", "map of string"),
        ("any", "any"),
        ("either", "integer or string"),
    ],
)
def test_types_are_said_in_short(field, name):
    assert type_name(MARKER.schema["properties"][field]) == name


def test_the_fields_of_every_kind_are_not_its_own():
    assert [one.path[-1] for one in own_fields(MARKER)] == ["path", "owners", "notes", "any", "either"]
    assert [one.required for one in own_fields(MARKER)][:2] == [True, False]
    assert "require" in [one.path[-1] for one in find("Marker.spec", KINDS)[0].fields()]
    assert "require" not in [one.path[-1] for one in whole(TARGET).fields()[-1].fields()]


def test_every_kind_of_ours_and_all_their_fields_are_described():
    def all_of(found):
        yield found
        for one in found.fields():
            yield from all_of(one)

    for kind in every_kind(Catalog({}, "")):
        assert kind.schema["description"]
        assert not structural_problems(kind.schema)
        undescribed = [one.path for one in all_of(whole(kind)) if not one.schema.get("description")]
        assert undescribed == [], kind.kind
