"""The package linux.account: what its schemas take, what it asks for, and what it decides."""

import hashlib
import importlib
import json
from pathlib import Path

import jsonschema_rs
import pytest

from froyo_provider.testing import Harness, World, error, resource
from reconciler.config.fields import subjects_of
from reconciler.config.structural import kind_problems, structural_problems
from reconciler.plugins.packages import catalog, load_packages, needs

PACKAGE = Path(__file__).parents[3] / "providers" / "linux.account"
API = "linux.froyo.dev/v1alpha1"
HASH = "$6$salt$" + "a" * 60
DIGEST = "sha256:" + hashlib.sha256(HASH.encode()).hexdigest()
BODY = {"digest": DIGEST, "size": len(HASH)}
ANN = {
    "exists": True,
    "uid": 1001,
    "gid": 1001,
    "group": "ann",
    "groups": ["adm"],
    "comment": "Ann",
    "home": "/home/ann",
    "shell": "/bin/sh",
    "password": "none",
    "locked": True,
    "expires": "never",
    "state": "sha256:1",
}
GONE = {"exists": False, "state": "sha256:0"}


def schema(name):
    return json.loads((PACKAGE / "schemas" / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def plugin():
    """The kinds. Every package has a module of the name plugin, so that it is not imported here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PACKAGE))
        return [importlib.import_module("users").User, importlib.import_module("groups").Group]


@pytest.fixture
def look(plugin):
    """What is planned for one resource, of which the target says something."""

    def look(kind, reply, *, ignore=(), **spec):
        world = World({f"{kind.lower()}.stat": reply, f"{kind.lower()}.ensure": {"changed": True}})
        world.answers[f"{kind.lower()}.remove"] = {"changed": True}
        harness = Harness(plugin, world)
        one = resource(kind, "it", ignore=ignore, **spec)
        [actual] = harness.read([one])
        [operation] = harness.plan([one], [actual])
        return operation, actual, world.calls[0]["args"], harness

    return look


def fields(operation):
    return {one["field"]: (one["before"], one["after"]) for one in operation["diffs"]}


def test_the_schemas_can_be_those_of_a_custom_resource_and_the_package_is_granted_what_it_asks_for():
    [package] = load_packages([PACKAGE])
    assert [problem for kind in package.kinds for problem in kind_problems(kind)] == []
    for name in (
        *("user", "user.actual", "group", "group.actual"),
        *("authorizedkey", "authorizedkey.actual"),
    ):
        assert structural_problems(schema(name)) == []
    assert needs([package]).packages == {"linux.account": package.capabilities}
    assert not any(one.argv for one in package.capabilities)


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({}, True),
        ({"groups": ["adm"]}, True),
        ({"groups": ["adm"], "exactGroups": []}, False),
        ({"passwordHash": "x", "passwordHashSource": "y"}, False),
        ({"home": "/srv/ann"}, True),
        ({"home": "/srv/../etc"}, False),
        ({"home": "/srv/a:b"}, False),
        ({"comment": "a:b"}, False),
        ({"name": "-r"}, False),
        ({"expires": "never"}, True),
        ({"expires": "tomorrow"}, False),
        ({"uid": 4294967295}, False),
    ],
)
def test_what_cannot_stand_in_the_files_is_refused_when_it_is_declared(spec, valid):
    assert jsonschema_rs.is_valid(schema("user"), {"name": "ann"} | spec) is valid


def test_a_user_comes_after_its_groups_and_a_file_after_its_owner():
    packages = load_packages([PACKAGE, PACKAGE.parent / "linux.file"])
    kinds = catalog(packages).kinds
    user, file = kinds[API, "User"], kinds[API, "File"]
    spec = {"name": "ann", "group": "staff", "groups": ["adm", "web"]}
    assert [str(one) for one in subjects_of(user.provides, spec)] == ["user:ann"]
    assert {str(one) for one in subjects_of(user.uses, spec)} == {
        "group:ann",
        "group:staff",
        "group:adm",
        "group:web",
    }
    assert {str(one) for one in subjects_of(file.uses, {"path": "/x", "owner": "ann", "group": 5})} == {
        "user:ann",
        "group:5",
    }


def test_who_is_as_declared_is_left_alone(look):
    operation, actual, _, _ = look("User", ANN, name="ann", uid=1001, group="ann", groups=["adm", "ann"])
    assert operation["action"] == "none"
    assert actual["watch"] == ["path:/etc/passwd", "path:/etc/group", "path:/etc/shadow"]
    lingering = look("User", ANN | {"linger": True}, name="ann", linger=True)[1]
    assert lingering["watch"] == [*actual["watch"], "path:/var/lib/systemd/linger/ann"]
    assert look("User", ANN, name="ann", exactGroups=["adm"])[0]["action"] == "none"
    assert look("User", ANN, name="ann", group=1001, locked=False)[0]["action"] == "none"
    assert look("Group", {"exists": True, "gid": 5, "state": "s"}, name="web", gid=5)[0]["action"] == "none"
    assert look("Group", {"exists": True, "gid": 5, "state": "s"}, name="web")[0]["action"] == "none"


@pytest.mark.parametrize(
    ("spec", "there", "differs"),
    [
        ({"uid": 1002}, {}, {"uid": (1001, 1002)}),
        ({"home": "/srv/ann"}, {}, {"home": ("/home/ann", "/srv/ann")}),
        ({"shell": "/bin/zsh"}, {}, {"shell": ("/bin/sh", "/bin/zsh")}),
        ({"comment": ""}, {}, {"comment": ("Ann", "")}),
        ({"group": "staff"}, {}, {"group": ("ann", "staff")}),
        ({"group": 50}, {}, {"group": ("ann", "50")}),
        ({"groups": ["web"]}, {}, {"groups": (["adm"], ["adm", "web"])}),
        ({"exactGroups": []}, {}, {"exactGroups": (["adm"], [])}),
        ({"exactGroups": ["web"]}, {}, {"exactGroups": (["adm"], ["web"])}),
        ({"locked": True}, {"locked": False}, {"locked": (False, True)}),
        ({"locked": False}, {"password": "set"}, {"locked": (True, False)}),
        ({"expires": "2031-01-01"}, {}, {"expires": ("never", "2031-01-01")}),
        ({"createHome": True}, {"home_missing": True}, {"createHome": ("missing", "made")}),
        ({"linger": True}, {"linger": False}, {"linger": (False, True)}),
        ({"linger": False}, {"linger": True}, {"linger": (True, False)}),
        ({"linger": True}, {"linger": True}, {}),
        ({"body": BODY}, {}, {"passwordHash": (None, "as declared")}),
        ({"body": BODY}, {"password": "set"}, {"passwordHash": ("another", "as declared")}),
        ({"body": BODY}, {"password": "wanted"}, {}),
    ],
)
def test_each_field_that_differs_is_told_and_put_right(look, spec, there, differs):
    operation, _, asked, harness = look("User", ANN | there, name="ann", **spec)
    assert fields(operation) == differs
    assert operation["action"] == ("update" if differs else "none")
    if differs:
        [call] = operation["calls"]
        assert call["call"] == "user.ensure"
        assert call["args"] == {"user": "ann", "expect": "sha256:1", **asked["wanted"]}
        assert operation["blobs"] == ([DIGEST] if "body" in spec else [])
        assert harness.apply([operation]) == [{"address": "host/User/it", "changed": True}]


def test_who_is_not_there_is_made_with_all_that_is_declared(look):
    operation, _, asked, _ = look(
        "User", GONE, name="www", system=True, shell="/bin/false", uid=150, body=BODY, groups=["web", "adm"]
    )
    assert operation["action"] == "create"
    assert fields(operation)["passwordHash"] == (None, "as declared")
    assert asked == {
        "user": "www",
        "wanted": {
            "uid": 150,
            "shell": "/bin/false",
            "groups": ["adm", "web"],
            "exact": False,
            "blob": DIGEST,
        },
    }
    [call] = operation["calls"]
    assert call["args"]["system"] is True
    assert look("User", GONE, name="ann")[2]["wanted"] == {"create_home": True}
    assert look("User", GONE, name="ann", createHome=False)[2]["wanted"] == {"create_home": False}


def test_a_home_is_moved_only_where_that_is_declared(look):
    [call] = look("User", ANN, name="ann", home="/srv/ann", moveHome=True)[0]["calls"]
    assert call["args"]["move_home"] is True
    [call] = look("User", ANN, name="ann", home="/srv/ann")[0]["calls"]
    assert "move_home" not in call["args"]


def test_what_is_to_be_left_alone_is_told_and_not_asked_for(look):
    operation, _, asked, _ = look(
        "User",
        ANN,
        ignore=["shell", "passwordHash"],
        name="ann",
        shell="/bin/zsh",
        body=BODY,
        createHome=False,
    )
    assert operation["action"] == "none"
    assert [one["ignored"] for one in operation["diffs"]] == [True, True]
    assert asked["wanted"] == {"create_home": False}
    group = {"exists": True, "gid": 5, "state": "s"}
    assert look("Group", group, ignore=["gid"], name="web", gid=6)[0]["action"] == "none"
    assert look("Group", group, ignore=["state"], name="web", state="absent")[0]["action"] == "none"


def test_a_password_in_the_place_of_a_hash_is_refused_and_not_told(look):
    operation, *_ = look("User", GONE, name="ann", body={"digest": DIGEST, "size": 7})
    assert "is too short for one" in operation["fault"]["message"]


def test_an_empty_password_is_told(look):
    assert "empty password" in look("User", ANN | {"password": "empty"}, name="ann")[1]["remark"]


def test_what_is_in_the_way_is_told_and_watched(look):
    taken = {"class": "permanent", "code": "taken", "message": "bob has it", "subjects": ["user:bob"]}
    missing = {"class": "transient", "code": "enoent", "message": "no shell", "subjects": ["path:/bin/zsh"]}
    operation, actual, _, _ = look("User", GONE | {"obstacles": [taken, missing]}, name="ann", uid=1002)
    assert operation["obstacles"] == [{"call": "user.ensure", **one} for one in (taken, missing)]
    assert actual["watch"][-1] == "path:/bin/zsh"
    assert "user:bob" not in actual["watch"]


@pytest.mark.parametrize(
    ("kind", "spec", "args"),
    [
        ("User", {}, {"user": "it"}),
        ("User", {"removeHome": True}, {"user": "it", "home": True}),
        ("Group", {}, {"group": "it"}),
    ],
)
def test_what_is_to_go_goes_and_what_has_gone_is_left_alone(look, plugin, kind, spec, args):
    there = ANN if kind == "User" else {"exists": True, "gid": 5, "state": "sha256:1"}
    operation, *_ = look(kind, there, name="it", state="absent", **spec)
    assert operation["action"] == "delete"
    assert operation["calls"] == [{"call": f"{kind.lower()}.remove", "args": {**args, "expect": "sha256:1"}}]
    assert look(kind, GONE, name="it", state="absent", **spec)[0]["action"] == "none"
    world = World({f"{kind.lower()}.stat": dict(there), f"{kind.lower()}.remove": {"changed": True}})
    [done] = Harness(plugin, world).destroy([resource(kind, "it", name="it", **spec)])
    assert done == {"address": f"host/{kind}/it", "changed": True}


def test_a_group_is_made_and_renumbered(look):
    operation, _, asked, _ = look("Group", GONE, name="web", gid=700, system=True)
    assert (operation["action"], fields(operation)["gid"]) == ("create", (None, 700))
    assert asked == {"group": "web", "wanted": {"gid": 700, "system": True}}
    operation, *_ = look("Group", {"exists": True, "gid": 5, "state": "s"}, name="web", gid=700)
    assert (operation["action"], fields(operation)) == ("update", {"gid": (5, 700)})


def test_what_cannot_be_read_is_that_account_s_fault_alone(plugin):
    world = World({"user.stat": lambda args: error("eacces") if args["user"] == "ann" else dict(ANN)})
    harness = Harness(plugin, world)
    found = harness.read([resource("User", one, name=one) for one in ("ann", "bob")])
    assert ["fault" in one for one in found] == [True, False]
    assert harness.rounds == 1


def test_the_accounts_of_people_are_found_as_they_are(plugin):
    users = {
        "root": {"uid": 0},
        "www-data": {"uid": 33},
        "ann": {"uid": 1001},
        "bob": {"uid": 1002},
        "nobody": {"uid": 65534},
    }
    groups = {"root": {"gid": 0}, "ann": {"gid": 1001}, "web": {"gid": 1500}}
    known = {"users": users, "groups": groups}
    bob = ANN | {
        "uid": 1002,
        "group": "web",
        "groups": [],
        "comment": "",
        "locked": False,
        "expires": "2030-01-01",
    }
    states = {"ann": ANN, "bob": bob | {"password": "set"}}

    def state(args):
        homeless = args["user"] == "bob" and args["wanted"].get("create_home")
        return states[args["user"]] | ({"home_missing": True} if homeless else {})

    world = World(
        {
            "facts": lambda args: {"facts": {section: known[section] for section in args["only"]}, "cut": []},
            "user.stat": state,
            "group.stat": lambda args: {"exists": True, "gid": 1500, "state": "sha256:2"},
        }
    )
    harness = Harness(plugin, world)
    found = harness.find()
    assert [(one["kind"], one["name"]) for one in found] == [
        ("Group", "web"),
        ("User", "ann"),
        ("User", "bob"),
    ]
    assert [one.get("remark", "") for one in found] == [
        "",
        "",
        "that there is a password is not said: passwordHash declares one",
    ]
    assert found[2]["spec"]["createHome"] is False
    declared = [resource(one["kind"], one["name"], **one["spec"]) for one in found]
    assert {one["action"] for one in harness.plan(declared, harness.read(declared))} == {"none"}
