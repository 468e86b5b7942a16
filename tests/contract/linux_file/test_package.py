"""The package around the plugin: its manifest, and schemas that a Kubernetes custom resource can have too."""

import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import jsonschema_rs
import pytest
import yaml

from froyo_provider.testing import Harness
from reconciler.config.fields import subjects_of
from reconciler.config.structural import kind_problems, structural_problems
from reconciler.model.subjects import Subject
from reconciler.plugins.packages import catalog, load_packages, needs
from tests.contract.linux_file.memory import MemoryHost
from tests.contract.linux_file.table import PACKAGE, WRITING, Json, cases, request_of, world_of

MANIFEST = yaml.safe_load((PACKAGE / "manifest.yaml").read_text())
KINDS = {kind["kind"]: kind for kind in MANIFEST["kinds"]}


def schema(kind: str, which: str = "schema") -> Json:
    loaded: Json = json.loads((PACKAGE / KINDS[kind][which]).read_text())
    return loaded


def nodes_of(schema: Json, where: str = "") -> Iterator[tuple[str, Json]]:
    yield where, schema
    for name, value in schema.get("properties", {}).items():
        yield from nodes_of(value, f"{where}/{name}")
    if "items" in schema:
        yield from nodes_of(schema["items"], f"{where}/[]")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["schema", "actual"])
def test_schemas_say_nothing_that_a_structural_schema_cannot_say(kind: str, which: str):
    assert structural_problems(schema(kind, which)) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["schema", "actual"])
def test_every_field_is_described(kind: str, which: str):
    for where, node in nodes_of(schema(kind, which)):
        assert node.get("description", "").endswith("."), where


def test_the_package_loads_with_all_that_it_asks_for():
    [package] = load_packages([PACKAGE])
    kinds = catalog([package]).kinds.values()
    assert {kind.kind for kind in kinds} == {"File", "Directory", "Symlink"}
    assert [problem for kind in kinds for problem in kind_problems(kind)] == []
    assert needs([package]).packages == {"linux.file": package.capabilities}
    assert not any(capability.call == "exec" for capability in package.capabilities)


def test_the_backup_of_a_file_has_one_owner_as_the_file_itself_has():
    [package] = load_packages([PACKAGE])
    kind = catalog([package]).kinds["linux.froyo.dev/v1alpha1", "File"]
    motd, saved = Subject("path", "/etc/motd"), Subject("path", "/etc/motd~")
    assert subjects_of(kind.provides, {"path": "/etc/motd"}) == (motd,)
    assert subjects_of(kind.provides, {"path": "/etc/motd", "backup": "~"}) == (motd, saved)


def test_what_a_plan_refuses_on_any_host_is_refused_when_it_is_declared(plugin: ModuleType):
    refusals = sys.modules["refusals"]
    rule = schema("Directory", "schema")["not"]
    assert set(rule["properties"]["path"]["enum"]) == refusals.SYSTEM
    valid = validator("Directory").is_valid
    assert valid({"path": "/etc", "mode": "0755", "purge": False})
    assert valid({"path": "/etc/app", "purge": True})
    for field, value in (("purge", True), ("recursive", {"owner": "root"}), ("source", "tree")):
        assert not valid({"path": "/etc", field: value})
    assert not valid({"path": "/usr", "state": "absent", "force": True})
    assert valid({"path": "/usr", "state": "absent"})


def validator(kind: str, which: str = "schema") -> Any:
    return jsonschema_rs.validator_for(schema(kind, which))


def portable(value: Any) -> Any:
    """The same without the surrogates that stand for bytes, which a JSON Schema cannot be asked about."""
    return json.loads(json.dumps(value).replace("\\udc", "\\u00"))


@pytest.mark.parametrize("case", cases(), ids=[case["name"] for case in cases()])
def test_what_the_cases_declare_is_valid(case: Json):
    """But for what was recorded before it was refused when it is declared: a plan refuses it still."""
    if case["name"].startswith("a directory of the system is not") and "tree" not in case["spec"]:
        assert not validator(case["kind"]).is_valid(portable(case["spec"]))
    else:
        validator(case["kind"]).validate(portable(case["spec"]))


@pytest.mark.parametrize("case", cases(), ids=[case["name"] for case in cases()])
def test_what_is_found_is_as_the_schema_of_the_actual_state_says(case: Json, plugin: ModuleType):
    host = MemoryHost(world_of(case))
    [found] = Harness(plugin, host).read([request_of(case, host)])
    if found.get("exists"):
        validator(case["kind"], "actual").validate(portable(found["state"]))
        unknown = found["state"].keys() - schema(case["kind"], "actual")["properties"].keys()
        assert not unknown


BAD_PATHS = [
    "",
    "/",
    "etc",
    "/etc/",
    "//etc",
    "/etc//x",
    "/etc/.",
    "/etc/..",
    "/./etc",
    "/etc/../x",
    "/a\0b",
    "/" + "a" * 5000,
]
GOOD_PATHS = ["/etc", "/a/.b", "/a/..b", "/a/...", "/.x", "/a b/c\nd", "/\u00e9/\u4e2d", "/a\n"]


@pytest.mark.parametrize("kind", KINDS)
def test_paths_are_absolute_and_normal(kind: str):
    for path in BAD_PATHS:
        assert not validator(kind).is_valid({"path": path, "to": "x"}), path
    for path in GOOD_PATHS:
        assert validator(kind).is_valid({"path": path, "to": "x"}), path


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("File", {}),
        ("File", {"content": "a", "source": "b"}),
        ("File", {"content": "", "contentBase64": ""}),
        ("File", {"contentBase64": "", "source": "b"}),
        ("File", {"mode": "0888"}),
        ("File", {"mode": "44755"}),
        ("File", {"mode": 420}),
        ("File", {"owner": ""}),
        ("File", {"owner": "a:b"}),
        ("File", {"owner": -1}),
        ("File", {"group": 4294967295}),
        ("File", {"state": "gone"}),
        ("File", {"backup": "../x"}),
        ("File", {"validate": []}),
        ("Directory", {"recursive": {}}),
        ("Directory", {"recursive": {"fileMode": "rw"}}),
        ("Directory", {"except": [""]}),
        # What could match nothing was taken without a word, and `purge` took what it meant to keep.
        *(
            ("Directory", {"except": [glob]})
            for glob in ("./a", "a/.", "../a", "/a", "a/", "a//b", "a/../b", ".", "..")
        ),
        # Neither braces nor a bracket that is left open mean here what they do in a shell.
        *(
            ("Directory", {"except": [glob]})
            for glob in ("{a,b}", "*.{log,pid}", "a/{b}", "[a-", "a[", ".[b", "[a/b]", "..{a}")
        ),
        ("Symlink", {}),
        ("Symlink", {"to": ""}),
        ("Symlink", {"state": "present"}),
    ],
)
def test_what_makes_no_sense_is_refused(kind: str, spec: Json):
    path = {} if spec == {} and kind == "File" else {"path": "/srv/x"}
    assert not validator(kind).is_valid(path | spec)


@pytest.mark.parametrize(
    "glob",
    [
        ".a",
        "..a",
        "a/.b",
        "*",
        "**/b",
        "a/**",
        "...",
        "[.]a",
        "a b",
        "[{]a[}]",
        "[]a]",
        "[!]a]b",
        r"a\x2db",
        ".[a]",
    ],
)
def test_globs_that_may_match_something_are_taken(glob: str):
    assert validator("Directory").is_valid({"path": "/srv/x", "except": [glob]})


def test_an_absent_link_needs_no_place_to_point_to():
    assert validator("Symlink").is_valid({"path": "/srv/x", "state": "absent"})


def test_the_manifest_asks_for_every_call_that_the_cases_make_and_for_no_other(plugin: ModuleType):
    made = set()
    for case in cases():
        host = MemoryHost(world_of(case))
        test = Harness(plugin, host)
        resource = request_of(case, host)
        found = test.read([resource])
        test.apply(test.plan([resource], found))
        made |= {call["call"] for call in host.calls}
    assert made | {"pkg.changed"} == {capability["call"] for capability in MANIFEST["capabilities"]}
    assert made >= {name for name in WRITING if name.startswith(("file.", "dir.", "link."))}


def test_a_class_stands_for_each_kind_of_the_manifest(plugin: ModuleType):
    assert all(hasattr(plugin, kind) for kind in KINDS)
    assert all((PACKAGE / kind[which]).is_file() for kind in KINDS.values() for which in ("schema", "actual"))
