"""The kind Archive: what is asked, what is planned, and what is said. The runner's own tests have the unpacking."""

import json

import jsonschema_rs
import pytest

from froyo_provider.testing import Harness, World, resource
from reconciler.config.structural import kind_problems
from reconciler.plugins.packages import load_packages, needs
from tests.contract.linux_archive.conftest import PACKAGE

SCHEMA = json.loads((PACKAGE / "schemas" / "archive.json").read_text())
ONE, TWO = "a" * 64, "b" * 64
THERE = {"exists": True, "type": "directory", "state": "sha256:there"}
ABSENT = {"exists": False, "state": "sha256:absent"}
SYNC = {"known": True, "differs": [], "total": 0, "lost": 0, "directories": ["bin", "lib"]}
DRIFT = SYNC | {
    "differs": [["bin/app", "content", "sha256:" + "x" * 64, "sha256:" + "y" * 64]],
    "total": 3,
    "lost": 1,
    "changes": "sha256:c",
}
OTHER = {"known": False, "before": "sha256:" + TWO}


def archive(**spec):
    defaults = {
        "path": "/opt/app",
        "state": "present",
        "maximumSize": 1000,
        "timeout": 5,
        "strip": 0,
        "purge": False,
    }
    if not {"from", "body", "url"} & spec.keys() and spec.get("state") != "absent":
        spec |= {"url": "https://example.com/app.tgz", "sha256": ONE}
    return resource("Archive", "app", **(defaults | {"setuid": False} | spec))


class Target(World):
    """A target that says the same of every place."""

    def __init__(self, look=SYNC, top=THERE, **files):
        super().__init__({"archive.look": look, "file.stat": lambda args: files.get(args["path"], top)})

    def asked(self, name="archive.look"):
        return next(one["args"] for one in self.calls if one["call"] == name)


def planned(plugin, target, one=None):
    one = one or archive()
    harness = Harness(plugin.Archive, target)
    [operation] = harness.plan([one], harness.read([one]))
    return operation


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({"source": "app.tgz"}, True),
        ({"url": "https://example.com/app.tgz", "sha256": ONE}, True),
        ({"url": "http://example.com:8080/app?x=1", "sha256": f"sha256:{ONE}"}, True),
        ({"from": "/var/tmp/app.zip"}, True),
        ({"from": "/var/tmp/app.zip", "sha256": ONE, "include": ["bin/**"], "except": ["*.exe"]}, True),
        ({"state": "absent"}, True),
        ({}, False),
        ({"url": "https://example.com/app.tgz"}, False),
        ({"url": "ftp://example.com/app.tgz", "sha256": ONE}, False),
        ({"url": "https://ann:secret@example.com/app.tgz", "sha256": ONE}, False),
        ({"url": "file:///etc/passwd", "sha256": ONE}, False),
        ({"url": "https://example.com/app.tgz", "sha256": "abc"}, False),
        ({"source": "app.tgz", "from": "/var/tmp/app.zip"}, False),
        ({"source": "app.tgz", "sha256": ONE}, False),
        ({"source": "app.tgz", "except": ["../x"]}, False),
        ({"source": "app.tgz", "path": "/usr/local", "purge": True}, False),
        ({"source": "app.tgz", "path": "/usr/local"}, True),
        ({"source": "app.tgz", "path": "opt"}, False),
    ],
)
def test_an_archive_comes_from_one_place_and_is_known_by_its_digest(spec, valid):
    [package] = load_packages([PACKAGE])
    assert [problem for kind in package.kinds for problem in kind_problems(kind)] == []
    assert jsonschema_rs.is_valid(SCHEMA, {"path": "/opt/app"} | spec) is valid


def test_it_asks_for_no_more_than_it_needs():
    [package] = load_packages([PACKAGE])
    asked = {(one.call, *map(str, one.subjects)) for one in needs([package]).packages["linux.archive"]}
    assert {call for call, *_ in asked} == {
        "file.stat",
        "archive.look",
        "archive.unpack",
        "archive.fetch",
        "archive.take",
    }


def test_what_is_there_is_left_alone_and_watched(plugin):
    target = Target()
    one = archive()
    [actual] = Harness(plugin.Archive, target).read([one])
    assert actual["watch"] == ["path:/opt/app/", "path:/opt/app/bin/", "path:/opt/app/lib/"]
    assert planned(plugin, target)["action"] == "none"
    many = SYNC | {"directories": ["d" * 200 + str(n) for n in range(2000)]}
    [actual] = Harness(plugin.Archive, Target(many)).read([one])
    assert sum(map(len, actual["watch"])) < 210_000


def test_what_was_cut_off_is_known_as_such(plugin):
    cut = SYNC | {"unfinished": True, "total": 1, "differs": [["bin/x", "", "", "file"]], "changes": "x"}
    [actual] = Harness(plugin.Archive, Target(cut)).read([archive()])
    assert actual["unfinished"] is True
    [actual] = Harness(plugin.Archive, Target()).read([archive()])
    assert "unfinished" not in actual


def test_a_download_is_checked_before_it_is_unpacked(plugin):
    operation = planned(plugin, Target(OTHER, ABSENT))
    assert (operation["action"], operation["slow"]) == ("create", True)
    fetch, unpack = operation["calls"]
    assert fetch == {
        "call": "archive.fetch",
        "args": {
            "url": "https://example.com/app.tgz",
            "archive": f"sha256:{ONE}",
            "limit": 1000,
            "timeout_ms": 5000,
        },
    }
    assert unpack["args"] == {
        "path": "/opt/app",
        "archive": f"sha256:{ONE}",
        "limit": 1000,
        "timeout_ms": 65_000,
    }
    assert {one["field"]: (one["before"], one["after"]) for one in operation["diffs"]} == {
        "state": ("absent", "present"),
        "archive": (f"sha256:{TWO}", f"sha256:{ONE}"),
    }


def test_one_of_the_source_is_sent_and_one_of_the_target_is_taken(plugin):
    body = {"digest": f"sha256:{ONE}", "size": 9}
    operation = planned(plugin, Target(OTHER), archive(body=body))
    assert [one["after"] for one in operation["diffs"] if one["field"] == "content"] == [body]
    assert operation["blobs"] == [body["digest"]]
    assert [one["args"].get("blob") for one in operation["calls"]] == [body["digest"]]
    place = {"exists": True, "type": "file", "digest": f"sha256:{TWO}"}
    target = Target(DRIFT, **{"/var/tmp/a.zip": place})
    operation = planned(plugin, target, archive(**{"from": "/var/tmp/a.zip"}))
    assert operation["calls"][0] == {
        "call": "archive.take",
        "args": {"path": "/var/tmp/a.zip", "archive": f"sha256:{TWO}", "limit": 1000},
    }
    assert (
        "path:/var/tmp/a.zip"
        in Harness(plugin.Archive, target).read([archive(**{"from": "/var/tmp/a.zip"})])[0]["watch"]
    )
    fault = planned(plugin, target, archive(**{"from": "/var/tmp/a.zip"}, sha256=ONE))["fault"]
    assert (fault["class"], f"and not sha256:{ONE}" in fault["message"]) == ("permanent", True)


@pytest.mark.parametrize(
    ("there", "said"),
    [(ABSENT, "/var/tmp/a.zip does not exist"), (THERE, "/var/tmp/a.zip is no regular file")],
)
def test_an_archive_that_has_gone_is_in_the_way_of_what_is_to_be_put_right_and_of_nothing_else(
    plugin, there, said
):
    one = archive(**{"from": "/var/tmp/a.zip"})
    assert planned(plugin, Target(SYNC, **{"/var/tmp/a.zip": there}), one)["action"] == "none"
    target = Target(DRIFT, **{"/var/tmp/a.zip": there})
    operation = planned(plugin, target, one)
    assert [each["message"] for each in operation["obstacles"]] == [said]
    assert "archive" not in target.asked()


def test_what_differs_is_said_name_by_name_and_bound_to_what_was_seen(plugin):
    operation = planned(
        plugin, Target(DRIFT | {"differs": [["", "owner", "root", "app"], *DRIFT["differs"]]})
    )
    assert (operation["action"], operation["lost"]) == ("update", 1)
    assert operation["calls"][-1]["args"]["expect"] == "sha256:c"
    assert [(one["field"], one["before"], one["after"]) for one in operation["diffs"]] == [
        ("path.owner", "root", "app"),
        ("entries[bin/app].content", f"sha256:{'x' * 12}…", f"sha256:{'y' * 12}…"),
        ("entries", "1 more differ", "as in the archive"),
    ]


def test_the_rules_are_the_targets_to_keep(plugin):
    target = Target()
    one = archive(
        strip=1, owner="app", group=12, fileMode="0640", directoryMode="0750", purge=True, include=["bin/**"],
        setuid=True, **{"except": ["*.log"]},
    ) | {"managed": ["/opt/app/conf", "/elsewhere"]}  # fmt: skip
    planned(plugin, target, one)
    assert target.asked() == {
        "path": "/opt/app", "archive": f"sha256:{ONE}", "limit": 1000, "fetches": True, "strip": 1, "owner": "app",
        "gid": 12, "file_mode": "0640", "directory_mode": "0750", "purge": True, "include": ["bin/**"],
        "except": ["*.log"], "setuid": True, "spared": ["conf"],
    }  # fmt: skip
    assert target.asked("file.stat")["wanted"] == {"type": "directory", "owner": "app", "gid": 12}
    ignoring = Target()
    planned(plugin, ignoring, one | {"ignore": ["owner", "purge", "fileMode"]})
    assert not {"owner", "purge", "file_mode"} & ignoring.asked().keys()


def test_what_is_in_the_way_is_told_with_the_plan(plugin):
    curl = {
        "class": "permanent",
        "code": "command_not_found",
        "message": "no curl",
        "subjects": ["package:curl", "path:/usr/bin/curl"],
    }
    above = {
        "class": "transient",
        "code": "enoent",
        "message": "/opt does not exist",
        "subjects": ["path:/opt"],
    }
    target = Target(OTHER | {"obstacles": [curl]}, ABSENT | {"obstacles": [above]})
    operation = planned(plugin, target)
    assert [(one["call"], one["code"]) for one in operation["obstacles"]] == [
        ("archive.fetch", "command_not_found"),
        ("archive.fetch", "enoent"),
    ]
    [actual] = Harness(plugin.Archive, target).read([archive()])
    assert actual["watch"] == ["path:/opt/app/", "path:/usr/bin/curl", "path:/opt"]


def test_what_goes_is_what_was_unpacked(plugin):
    one = archive(state="absent", strip=1)
    assert planned(plugin, Target({"known": False}), one)["action"] == "none"
    goes = {"known": True, "differs": [["bin/app", "", "file", ""]], "total": 1}
    operation = planned(plugin, Target(goes), one)
    assert (operation["action"], operation["lost"]) == ("delete", 1)
    assert operation["calls"] == [
        {"call": "archive.unpack", "args": {"path": "/opt/app", "limit": 1000, "strip": 1, "absent": True}}
    ]
    assert planned(plugin, Target(goes), one | {"ignore": ["state"]})["action"] == "none"
    assert planned(plugin, Target(goes), archive() | {"removed": True})["action"] == "delete"


@pytest.mark.parametrize("lost", ["archive.look", "file.stat"])
def test_what_cannot_be_looked_at_is_a_fault(plugin, lost):
    target = Target()
    target.answers[lost] = {
        "error": {"class": "permanent", "code": "wrong_type", "message": "is a directory"}
    }
    [actual] = Harness(plugin.Archive, target).read([archive(**{"from": "/var/tmp/a.zip"})])
    assert actual["fault"]["code"] == "wrong_type"
