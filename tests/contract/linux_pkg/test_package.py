"""The package around the plugin: its manifest, its schemas, and that what it runs is what it may."""

import json
from collections.abc import Iterator

import jsonschema_rs
import pytest

from reconciler.config.fields import subjects_of
from reconciler.config.structural import kind_problems, structural_problems
from reconciler.model.calls import Call
from reconciler.plugins.calls import Phase
from reconciler.plugins.capabilities import Gate
from reconciler.plugins.packages import catalog, load_packages, needs
from tests.contract.linux_pkg.conftest import kind
from tests.contract.linux_pkg.memory import PACKAGE, Json

SCHEMAS = {path.name: json.loads(path.read_text()) for path in sorted((PACKAGE / "schemas").iterdir())}
SCHEMA, REPOSITORY = SCHEMAS["package.json"], SCHEMAS["repository.json"]


def nodes_of(schema: Json, where: str = "") -> Iterator[tuple[str, Json]]:
    yield where, schema
    for name, value in schema.get("properties", {}).items():
        yield from nodes_of(value, f"{where}/{name}")
    if "items" in schema:
        yield from nodes_of(schema["items"], f"{where}/[]")


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_the_schemas_can_be_those_of_a_custom_resource_and_describe_every_field(schema: Json):
    assert structural_problems(schema) == []
    for where, node in nodes_of(schema):
        assert node.get("description", "").endswith("."), where


def test_the_package_loads_with_all_that_it_asks_for():
    [package] = load_packages([PACKAGE])
    kinds = catalog([package]).kinds.values()
    assert [problem for found in kinds for problem in kind_problems(found)] == []
    assert [(found.kind, found.transaction, found.lock) for found in kinds] == [
        ("Package", True, "dpkg"),
        ("Repository", False, "dpkg"),
    ]
    assert needs([package]).packages == {"linux.pkg": package.capabilities}


def test_a_package_has_one_owner_however_it_is_named():
    [package] = load_packages([PACKAGE])
    found = package.kinds[0]
    assert [str(one) for one in subjects_of(found.provides, {"package": "jq"})] == ["package:jq"]
    several = subjects_of(found.provides, {"packages": ["jq", "tree"]})
    assert [str(one) for one in several] == ["package:jq", "package:tree"]


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({"package": "jq"}, True),
        ({"packages": ["g++", "libc6:i386"], "recommends": False, "hold": True}, True),
        ({"package": "jq", "packages": ["jq"]}, False),
        ({"state": "present"}, False),
        ({"package": "NetworkManager-libnm"}, True),
        ({"package": "python3_x:x86_64", "version": "1.0^git1~rc_2-1.el9"}, True),
        ({"package": "jq=1.6"}, False),
        ({"package": "-o"}, False),
        ({"package": "./jq.deb"}, False),
        ({"package": "jq", "version": "1:1.6-2.1+deb12u3~x"}, True),
        ({"package": "jq", "version": ">=1.2, <2"}, True),
        ({"package": "jq", "version": "1.6*"}, True),
        ({"package": "jq", "version": ">=1.6, 1.*"}, True),
        ({"package": "jq", "version": ">=1.*"}, False),
        ({"package": "jq", "version": "*"}, False),
        ({"package": "jq", "version": "~>1"}, False),
        ({"package": "jq", "version": "1 2"}, False),
        ({"package": "jq", "removes": ["exim4*"]}, True),
        ({"package": "jq", "source": "jq.deb", "version": "1.7"}, True),
        ({"package": "jq", "source": "jq.deb"}, False),
        ({"package": "jq", "source": "jq.deb", "version": ">=1.7"}, False),
        ({"packages": ["jq"], "source": "jq.deb", "version": "1.7"}, False),
        ({"package": "jq", "source": "jq.deb", "version": "1.7", "state": "absent"}, False),
        ({"package": "jq", "removes": ["*; rm"]}, False),
    ],
)
def test_what_may_be_declared(spec: Json, valid: bool):
    assert jsonschema_rs.is_valid(SCHEMA, spec) is valid


def test_what_it_may_run_is_what_it_runs_and_no_option_more():
    [package] = load_packages([PACKAGE])
    apt, manager = list(kind("GET", "apt")), kind("APT", "apt")
    update, configure = manager.refresh, manager.repair

    def may(*argv: str) -> bool:
        gate = Gate(package.capabilities, needs([package]).packages["linux.pkg"], Phase.APPLY)
        return not gate.refusal(Call("exec.run", {"argv": list(argv), "id": "0" * 32}))

    for removes in ("true", "false"):
        remove = ["-o", f"APT::Get::Remove={removes}"]
        assert may(*apt, *remove, "install", "--", "jq=1.6", "tree-")
        assert may(*apt, *remove, "-o", "APT::Install-Recommends=false", "install", "--", "jq")
        assert may(*apt, *remove, "purge", "--", "jq")
    assert may(*update)
    alone = kind("only", "repositories")
    assert may(*update[:-1], *alone("/etc/apt/sources.list.d/x.sources"), "update")
    assert not may(*update[:-1], *alone("/tmp/x.sources"), "update")
    assert may(*configure)
    assert may("apt-mark", "hold", "--", "jq")
    assert not may(*apt, "-o", "DPkg::Pre-Invoke::=touch /x", "install", "--", "jq")
    assert not may(
        *apt, "-o", "APT::Get::Remove=true", "install", "-o", "DPkg::Pre-Invoke::=touch /x", "--", "jq"
    )
    assert not may("apt-get", "install", "jq")
    assert not may("apt-mark", "hold", "jq")
    assert not may("sh", "-c", "true")


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({"uris": ["https://deb.example.org/debian"], "suites": ["bookworm"], "components": ["main"]}, True),
        ({"uris": ["file:/srv/apt"], "suites": ["./"], "trusted": True}, True),
        ({"state": "absent"}, True),
        ({"uris": ["https://deb.example.org/debian"]}, False),
        ({"uris": [], "suites": ["bookworm"]}, False),
        ({"uris": [None], "suites": ["bookworm"]}, False),
        ({"uris": ["https://a b"], "suites": ["x"]}, False),
        ({"uris": ["https://a"], "suites": ["x\nTrusted:"]}, False),
        ({"uris": ["https://a"], "suites": ["x"], "key": "k", "signedBy": "/k.asc"}, False),
        ({"uris": ["https://a"], "suites": ["x"], "key": "k", "keySource": "k.asc"}, False),
    ],
)
def test_what_may_be_declared_of_a_repository(spec: Json, valid: bool):
    assert jsonschema_rs.is_valid(REPOSITORY, {"repository": "x"} | spec) is valid
