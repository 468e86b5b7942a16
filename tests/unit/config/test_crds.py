"""Custom resource definitions, as the files in `crds/` have them."""

from pathlib import Path

import pytest
import yaml

from reconciler.config.crds import EXPRESSION, crd, crds
from reconciler.config.schemas import Kinds
from reconciler.config.structural import structural_problems
from reconciler.plugins.packages import catalog, load_packages

ROOT = Path(__file__).parents[3]
KINDS = Kinds(catalog(load_packages([ROOT / "providers"]), artifacts=ROOT))
MADE = {one["metadata"]["name"]: one for one in crds(KINDS)}


def spec_of(kind):
    [one] = [one for one in MADE.values() if one["spec"]["names"]["kind"] == kind]
    return one["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def test_the_files_are_what_the_kinds_say():
    written = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")}
    assert written == {f"{name}.yaml": one for name, one in MADE.items()}, "make crds"


@pytest.mark.parametrize("name", MADE)
def test_each_stays_structural_and_says_what_its_fields_mean(name):
    [version] = MADE[name]["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    assert structural_problems(schema) == []
    for field, one in schema["properties"]["spec"]["properties"].items():
        assert one.get("description"), field


def test_names_can_be_told_from_those_of_the_cluster_itself():
    short = [name for one in MADE.values() for name in one["spec"]["names"]["shortNames"]]
    assert len(set(short)) == len(short)
    assert not {"svc", "po", "cm", "no"} & set(short)


def test_where_an_expression_may_stand_it_may_here():
    fields = spec_of("File")["properties"]
    assert fields["mode"]["anyOf"][1] == {"pattern": EXPRESSION}
    assert fields["owner"]["allOf"][1]["anyOf"][1] == {"pattern": EXPRESSION}
    assert "type" not in fields["template"]
    assert spec_of("HttpProbe")["properties"]["within"]["x-kubernetes-int-or-string"]
    # What is no kind's own field takes none.
    assert fields["policy"]["enum"] == ["enforce", "observe", "paused"]
    assert "pattern" in fields["target"]


def test_ours_come_first_and_without_the_common_fields():
    assert [one["spec"]["group"] for one in MADE.values()][:4] == ["froyo.dev"] * 4
    assert "require" not in spec_of("Target")["properties"]
    assert crd(KINDS.known["froyo.dev/v1alpha1", "Vars"])["spec"]["names"]["plural"] == "vars"
