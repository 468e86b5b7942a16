"""The kind AuthorizedKey of linux.account: what it asks for, what it tells, and what it refuses."""

import base64
import importlib
import json
from pathlib import Path

import jsonschema_rs
import pytest

from froyo_provider.testing import Harness, World, error, resource

PACKAGE = Path(__file__).parents[3] / "providers" / "linux.account"
SCHEMA = json.loads((PACKAGE / "schemas" / "authorizedkey.json").read_text())
FILE = "path:/home/ann/.ssh/authorized_keys"


def made(kind, what):
    blob = len(kind).to_bytes(4, "big") + kind.encode() + what
    return f"{kind} {base64.b64encode(blob).decode()}"


ONE, TWO = made("ssh-ed25519", b"one"), made("ssh-rsa", b"two")
ABSENT = {"count": 0, "fingerprint": "SHA256:1"}
THERE = {"count": 1, "fingerprint": "SHA256:1", "options": ""}
NO_USER = {"class": "transient", "code": "unknown_owner", "message": "no ann", "subjects": ["user:ann"]}
LINK = {"class": "permanent", "code": "not_theirs", "message": "a link", "subjects": ["path:/home/ann/.ssh"]}


def file(*keys, **more):
    reply = {"path": FILE.removeprefix("path:"), "exists": True, "keys": list(keys), "loose": False}
    return reply | {"differs": True, "state": "sha256:1"} | more


@pytest.fixture(scope="module")
def plugin():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PACKAGE))
        return [importlib.import_module("authorized").AuthorizedKey]


@pytest.fixture
def look(plugin):
    def look(reply, *, ignore=(), **spec):
        world = World({"key.stat": reply, "key.ensure": {"changed": True}})
        harness = Harness(plugin, world)
        one = resource("AuthorizedKey", "it", ignore=ignore, user="ann", **spec)
        [actual] = harness.read([one])
        if "fault" in actual:
            return actual["fault"], actual, None, harness
        [operation] = harness.plan([one], [actual])
        return operation, actual, world.calls[0]["args"], harness

    return look


def fields(operation):
    return [(one["field"], one["before"], one["after"]) for one in operation["diffs"]]


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({}, False),
        ({"key": "x"}, True),
        ({"keys": []}, True),
        ({"key": "x", "keys": []}, False),
        ({"key": "x", "options": ["no-pty\nssh-rsa"]}, False),
        ({"key": "x", "user": "../root"}, False),
    ],
)
def test_it_is_about_one_key_or_about_all(spec, valid):
    assert jsonschema_rs.is_valid(SCHEMA, {"user": "ann"} | spec) is valid


def test_a_key_that_is_missing_is_added_and_one_that_is_there_is_left_alone(look):
    operation, actual, asked, harness = look(
        file(ABSENT), key=f"{ONE}  ann@laptop\n", options=["no-pty", 'from="x"']
    )
    assert asked == {"user": "ann", "keys": [f'no-pty,from="x" {ONE} ann@laptop']}
    assert (operation["action"], fields(operation)) == ("create", [("key", None, "SHA256:1 ann@laptop")])
    assert operation["calls"] == [{"call": "key.ensure", "args": asked}]
    assert actual["watch"] == ["path:/etc/passwd", FILE]
    assert harness.apply([operation]) == [{"address": "host/AuthorizedKey/it", "changed": True}]
    assert look(file(THERE, differs=False), key=ONE)[0]["action"] == "none"


@pytest.mark.parametrize(
    ("there", "spec", "differs"),
    [
        (file(THERE | {"options": "no-pty"}), {"key": ONE}, [("options", "no-pty", None)]),
        (file(THERE), {"key": ONE, "options": ["no-pty"]}, [("options", None, "no-pty")]),
        (file(THERE | {"count": 2}), {"key": ONE + " c"}, [("key", "SHA256:1 c, 2 times", "SHA256:1 c")]),
        (file(THERE, loose=True), {"key": ONE}, [("mode", "others can write to it", "the user's alone")]),
        (
            file(THERE, ABSENT, others=["SHA256:3 bob"], more=2),
            {"keys": [ONE, TWO]},
            [("key", None, "SHA256:1"), ("keys", "SHA256:3 bob", None), ("keys", "and 2 more", None)],
        ),
    ],
)
def test_what_differs_is_told(look, there, spec, differs):
    operation, _, asked, _ = look(there, **spec)
    assert (operation["action"], fields(operation)) == ("update", differs)
    expected = {**asked, "expect": "sha256:1"} if "keys" in spec else asked
    assert operation["calls"][0]["args"] == expected
    assert asked.get("exclusive", False) is ("keys" in spec)


def test_a_key_is_taken_out(look, plugin):
    operation, _, asked, _ = look(file(THERE, ABSENT), keys=[ONE + " a", TWO], state="absent")
    assert (operation["action"], fields(operation)) == ("delete", [("key", "SHA256:1 a", None)])
    assert asked == {"user": "ann", "keys": [ONE + " a", TWO], "absent": True}
    for gone in ({"exists": False, "obstacles": [NO_USER]}, file(ABSENT, differs=False)):
        assert look(gone, key=ONE, state="absent")[0]["action"] == "none"
    assert look({"exists": False, "obstacles": [LINK]}, key=ONE, state="absent")[0]["action"] == "delete"
    world = World({"key.stat": file(THERE), "key.ensure": {"changed": True}})
    [done] = Harness(plugin, world).destroy([resource("AuthorizedKey", "it", user="ann", key=ONE)])
    assert done["changed"]
    assert world.calls[-1]["args"]["absent"]


def test_what_is_in_the_way_is_told_and_watched(look):
    operation, actual, _, _ = look({"exists": False, "obstacles": [NO_USER]}, keys=[ONE])
    assert operation["obstacles"] == [{"call": "key.ensure", **NO_USER}]
    assert actual["watch"] == ["path:/etc/passwd"]
    operation, actual, _, _ = look(file() | {"exists": False, "obstacles": [LINK]}, key=ONE)
    assert actual["watch"] == ["path:/etc/passwd", FILE, "path:/home/ann/.ssh"]


def test_what_is_to_be_left_alone_is_told_only(look):
    operation, *_ = look(file(THERE), ignore=["options"], key=ONE, options=["no-pty"])
    assert (operation["action"], [one["ignored"] for one in operation["diffs"]]) == ("none", [True])


@pytest.mark.parametrize(
    "option",
    ['command="x', "restrict ssh-rsa AAAA", "#restrict", 'from="a" ', 'command="a\\"', "no-pty\u00a0x"],
)
def test_what_sshd_would_not_read_as_an_option_is_refused_by_its_place(look, option):
    fault, *_ = look(file(), key=ONE, options=["no-pty", option])
    assert "options[1] is none of sshd's" in fault["message"]


@pytest.mark.parametrize(
    "option", ['command="a b"', 'command="echo \\"a, b\\""', 'from="*.example.com,!x"', "no-pty", "a\\b"]
)
def test_what_sshd_reads_as_an_option_is_asked_for(look, option):
    seen, *_ = look(file(), key=ONE, options=[option])
    assert "message" not in seen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "ssh-ed25519 !!",
        TWO.replace("ssh-rsa", "ssh-dss"),
    ],
)
def test_what_is_no_public_key_is_refused_and_not_told(look, text):
    fault, *_ = look(file(), keys=[ONE, text])
    assert "keys[1] is no public key" in fault["message"]
    assert not text or text not in fault["message"]
    assert "key is no public key" in look(file(), key=text)[0]["message"]


def test_what_cannot_be_read_is_a_fault(look):
    assert look(error("eperm"), key=ONE)[0]["code"] == "eperm"


def test_the_keys_of_people_and_root_are_found_one_by_one(plugin):
    people = {"users": {"ann": {"uid": 1001}, "www-data": {"uid": 33}, "bob": {"uid": 1002}}}
    restricted = 'restrict,command="echo \\"a,b\\", c",from="10.0.0.0/8"'
    keys = {
        "root": [{"key": ONE, "options": ""}],
        "ann": [{"key": f"{TWO} ann@laptop", "options": restricted}],
    }
    world = World(
        {
            "facts": {"facts": people, "cut": []},
            "key.list": lambda args: (
                {"keys": keys[args["user"]]} if args["user"] in keys else error("io_error")
            ),
        }
    )
    found = Harness(plugin, world).find()
    assert [(one["name"], one["spec"]) for one in found] == [
        ("root-key", {"user": "root", "key": ONE}),
        (
            "ann-ann@laptop",
            {
                "user": "ann",
                "key": f"{TWO} ann@laptop",
                "options": ["restrict", 'command="echo \\"a,b\\", c"', 'from="10.0.0.0/8"'],
            },
        ),
    ]
