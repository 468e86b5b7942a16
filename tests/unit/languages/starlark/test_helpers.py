"""The functions that modules have for kinds, and the names of their arguments."""

from dataclasses import replace

import pytest

from reconciler.config.schemas import Kinds
from reconciler.languages.starlark.helpers import function_name, helpers
from reconciler.model.catalog import Catalog, Kind
from tests.unit.config.world import CATALOG, FILE
from tests.unit.languages.starlark.worlds import made


def kind(name: str, group: str = "linux.froyo.dev", /, **fields: object) -> Kind:
    schema = {
        "type": "object",
        "required": [*fields],
        "properties": {one: {"type": "string"} for one in fields},
    }
    return replace(FILE, api_version=f"{group}/v1alpha1", kind=name, schema=schema)


def named(*kinds: Kind) -> dict[str, str]:
    """The functions of these kinds, each with the group of its kind."""
    catalog = Catalog({(one.api_version, one.kind): one for one in kinds}, "1")
    found = helpers(Kinds(catalog))
    names = {one.kind for one in kinds}
    return {name: one["apiVersion"].partition("/")[0] for name, one in found.items() if one["kind"] in names}


@pytest.mark.parametrize(
    ("called", "function"),
    [
        ("File", "file"),
        ("HttpProbe", "http_probe"),
        ("HTTPProbe", "http_probe"),
        ("Route53Zone", "route53_zone"),
    ],
)
def test_a_function_is_called_after_its_kind(called: str, function: str) -> None:
    assert function_name(called) == function


def test_of_several_kinds_of_one_name_that_of_ours_has_it() -> None:
    ours, theirs, others = kind("File"), kind("File", "my-tools.example.com"), kind("File", "other.example")
    assert named(ours, theirs) == {"file": "linux.froyo.dev", "my_tools_file": "my-tools.example.com"}
    assert named(theirs, others) == {"my_tools_file": "my-tools.example.com", "other_file": "other.example"}


def test_a_kind_takes_no_word_of_the_language() -> None:
    assert named(kind("Set"), kind("Import"), kind("Print")).keys() == {"set_", "import_", "print_"}


def test_no_function_makes_a_source() -> None:
    assert "source" not in helpers(Kinds(CATALOG))


def test_arguments_are_fields_of_the_metadata_and_of_the_spec() -> None:
    catalog = Catalog(
        {("linux.froyo.dev/v1alpha1", "User"): kind("User", name="", labels="", **{"from": ""})}, "1"
    )
    [found] = [one for one in helpers(Kinds(catalog)).values() if one["kind"] == "User"]
    assert found["fields"]["name"] == (True, "name")
    assert found["fields"]["spec_name"] == (False, "name")
    assert found["fields"]["spec_labels"] == (False, "labels")
    assert found["fields"]["from_"] == (False, "from")
    assert found["fields"]["require"] == (False, "require")
    assert "from" not in found["fields"]
    assert found["also"] == ["name", "labels"]


def test_a_name_that_has_to_be_there_is_that_of_the_object_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.unit.languages.starlark import worlds

    user = kind("User", name="")
    monkeypatch.setattr(worlds, "HELPERS", helpers(Kinds(Catalog({(user.api_version, "User"): user}, "1"))))
    [one, other] = made(
        "def main(ctx):\n    return [user(name = 'ops'), user(name = 'ops', spec_name = 'o')]\n"
    )
    assert (one["spec"], other["spec"]) == ({"name": "ops"}, {"name": "o"})
