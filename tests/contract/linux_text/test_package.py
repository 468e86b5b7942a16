"""The package linux.text: its manifest, its schemas, and what it decides without a target."""

import json

import jsonschema_rs
import pytest

from froyo_provider.testing import Harness, World, error, resource
from reconciler.config.structural import kind_problems, structural_problems
from reconciler.plugins.packages import catalog, load_packages, needs
from tests.contract.linux_file.test_package import BAD_PATHS, GOOD_PATHS, nodes_of
from tests.contract.linux_text.bench import PACKAGE
from tests.contract.loading import imported

SCHEMAS = {name: json.loads((PACKAGE / "schemas" / f"{name}.json").read_text()) for name in ("line", "block")}
ACTUAL = json.loads((PACKAGE / "schemas" / "edit.actual.json").read_text())
BODY = {"digest": "sha256:" + "0" * 64, "size": 3}
SEEN = {"exists": True, "mode": "0644", "there": False}


@pytest.fixture(scope="module")
def plugin():
    with imported(PACKAGE, ("lines", "blocks", "edits", "comments")) as module:
        yield module


def test_the_package_loads_and_its_schemas_can_be_those_of_custom_resources():
    [package] = load_packages([PACKAGE])
    kinds = catalog([package]).kinds.values()
    assert {kind.kind for kind in kinds} == {"Line", "Block"}
    assert [problem for kind in kinds for problem in kind_problems(kind)] == []
    for schema in (*SCHEMAS.values(), ACTUAL):
        assert structural_problems(schema) == []
        for where, node in nodes_of(schema):
            assert node.get("description", "").endswith("."), where
    assert needs([package]).packages == {"linux.text": package.capabilities}


@pytest.mark.parametrize(
    ("kind", "spec", "valid"),
    [
        ("line", {}, False),
        ("line", {"line": "a"}, True),
        ("line", {"line": ""}, False),
        ("line", {"line": "a\nb"}, False),
        ("line", {"line": "a\r"}, False),
        ("line", {"match": "a"}, False),
        ("line", {"match": "a", "state": "present"}, False),
        ("line", {"match": "a", "state": "absent"}, True),
        ("line", {"line": "a", "insertAfter": "b", "at": "end"}, False),
        ("line", {"line": "a", "insertAfter": "b", "insertBefore": "c"}, False),
        ("line", {"line": "a", "several": "all"}, True),
        ("line", {"line": "a", "several": "every"}, False),
        ("line", {"line": "a", "validate": ["visudo"]}, False),
        ("block", {}, False),
        ("block", {"content": ""}, True),
        ("block", {"content": "a", "source": "b"}, False),
        ("block", {"state": "absent"}, True),
        ("block", {"content": "a", "marker": " a"}, False),
        ("block", {"content": "a", "marker": "a\nb"}, False),
        ("block", {"content": "a", "comment": "<!-- -->"}, True),
        ("block", {"content": "a", "comment": "a b c"}, False),
    ],
)
def test_what_makes_no_sense_is_refused(kind, spec, valid):
    assert jsonschema_rs.is_valid(SCHEMAS[kind], {"path": "/etc/x"} | spec) is valid


@pytest.mark.parametrize("kind", SCHEMAS)
def test_paths_are_absolute_and_normal(kind):
    for path in (*BAD_PATHS, *GOOD_PATHS):
        spec = {"path": path, "line": "a", "content": "a"}
        assert jsonschema_rs.is_valid(SCHEMAS[kind], spec) is (path in GOOD_PATHS), path


@pytest.mark.parametrize(
    ("path", "spec", "begin", "end"),
    [
        ("/etc/hosts", {}, "# BEGIN x", "# END x"),
        ("/etc/ssh/sshd_config", {}, "# BEGIN x", "# END x"),
        ("/etc/php/php.ini", {}, "; BEGIN x", "; END x"),
        ("/srv/Index.HTML", {}, "<!-- BEGIN x -->", "<!-- END x -->"),
        ("/srv/a.css", {}, "/* BEGIN x */", "/* END x */"),
        ("/etc/vim/vimrc", {}, '" BEGIN x', '" END x'),
        ("/etc/x.json", {"comment": "//"}, "// BEGIN x", "// END x"),
    ],
)
def test_markers_are_comments_of_the_file(plugin, path, spec, begin, end):
    world = World({"text.look": SEEN})
    one = resource("Block", "one", path=path, marker="x", body=BODY, **spec)
    Harness(plugin, world).read([one])
    args = world.calls[0]["args"]
    assert (args["begin"], args["end"]) == (begin, end)


def test_a_file_without_comments_has_no_block_and_is_nobody_elses_trouble(plugin):
    world = World({"text.look": SEEN})
    one = resource("Block", "one", path="/etc/x.json", marker="x", body=BODY)
    other = resource("Block", "other", path="/etc/x", marker="x", body=BODY)
    bad, good = Harness(plugin, world).read([one, other])
    assert "say by which signs in `comment`" in bad["fault"]["message"]
    assert good["exists"] is False


def planned(plugin, one, **seen):
    world = World({"text.look": SEEN | seen, "text.edit": {"changed": True}})
    harness = Harness(plugin, world)
    actual = harness.read([one])
    jsonschema_rs.validate(ACTUAL, actual[0]["state"])
    [operation] = harness.plan([one], actual)
    if operation["action"] != "none":
        assert harness.apply([operation]) == [{"address": one["address"], "changed": True}]
    return operation, world.calls, actual[0]


def test_what_is_declared_travels_as_a_body_and_what_is_asked_is_what_is_done(plugin):
    one = resource(
        *("Line", "one"),
        path="/etc/x",
        body=BODY,
        match="^a",
        several="last",
        insertAfter="^b",
        create=True,
        validate=["true", "%s"],
    )
    operation, calls, _ = planned(plugin, one, edit="sha256:e", puts=True)
    asked = {"path": "/etc/x", "match": "^a", "several": "last", "after": "^b", "create": True}
    asked |= {"validate": ["true", "%s"], "size": 3}
    assert calls[0]["args"] == asked | {"digest": BODY["digest"], "text_max": 65536}
    assert calls[1]["args"] == asked | {"blob": BODY["digest"], "expect": "sha256:e"}
    assert (operation["action"], operation["blobs"], operation["slow"]) == ("create", [BODY["digest"]], True)
    assert operation["diffs"] == [{"field": "line", "before": None, "after": BODY}]


def test_what_goes_needs_no_body_on_the_target(plugin):
    one = resource("Line", "one", path="/etc/x", body=BODY, state="absent")
    gone = {"digest": "sha256:b", "size": 3, "text": "abc"}
    operation, calls, _ = planned(plugin, one, there=True, edit="sha256:e", puts=False, before=gone)
    assert calls[1]["args"]["digest"] == BODY["digest"]
    assert calls[1]["args"]["absent"] is True
    assert (operation["action"], operation.get("blobs", [])) == ("delete", [])
    assert [one["field"] for one in operation["diffs"]] == ["state", "line"]


@pytest.mark.parametrize(
    ("others", "remark"),
    [
        (1, "another line matches, too, and is left alone; `several: all` would take it out"),
        (2, "2 other lines match, too, and are left alone; `several: all` would take them out"),
    ],
)
def test_lines_that_may_say_otherwise_are_told_of(plugin, others, remark):
    one = resource("Line", "one", path="/etc/x", body=BODY, match="^a")
    operation, _, actual = planned(plugin, one, there=True, others=others)
    assert (operation["action"], actual["remark"]) == ("none", remark)
    assert "others" not in actual["state"]


@pytest.mark.parametrize(
    ("kind", "field"),
    [("Line", "several"), ("Block", "marker")],
)
def test_lines_that_go_beside_what_is_there_are_a_difference_of_their_own(plugin, kind, field):
    one = resource(kind, "one", path="/etc/x", body=BODY, marker="x")
    gone = {"digest": "sha256:b", "size": 3}
    operation, _, _ = planned(plugin, one, there=True, edit="sha256:e", puts=False, before=gone)
    assert operation["diffs"] == [{"field": field, "before": gone, "after": None}]
    assert operation["action"] == "update"


@pytest.mark.parametrize("ignore", ["line", "state"])
def test_what_is_to_be_ignored_is_shown_and_left_alone(plugin, ignore):
    one = resource("Line", "one", ignore=[ignore], path="/etc/x", body=BODY)
    operation, calls, _ = planned(plugin, one, edit="sha256:e", puts=True)
    assert operation["action"] == "none"
    assert operation["diffs"][0]["ignored"] is True
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("spec", "mode", "asks_text", "private", "hides"),
    [
        ({}, "0644", True, False, False),
        ({}, "0600", True, False, True),
        ({"sensitive": True}, "0644", False, False, True),
        ({"sensitive": False}, "0600", True, True, False),
        ({"mode": "600"}, "0644", False, False, True),
    ],
)
def test_what_is_sensitive_is_not_asked_for_and_not_told(plugin, spec, mode, asks_text, private, hides):
    one = resource("Block", "one", path="/etc/x", body=BODY, marker="x", **spec)
    _, calls, _ = planned(plugin, one, mode=mode, edit="sha256:e", puts=True)
    look, edit = (call["args"] for call in calls)
    assert ("text_max" in look, look.get("private", False)) == (asks_text, private)
    assert edit.get("sensitive", False) is hides
    assert edit.get("mode") == ("0600" if hides else None)


def test_where_nobody_knows_which_line_is_meant_it_is_the_line_that_differs(plugin):
    one = resource("Line", "one", path="/etc/x", body=BODY, match="^#")
    unsure = {
        "class": "permanent",
        "code": "no_place",
        "message": "2 lines match",
        "subjects": ["path:/etc/x"],
    }
    operation, _, _ = planned(plugin, one, edit="sha256:e", puts=False, obstacles=[unsure])
    assert [diff["field"] for diff in operation["diffs"]] == ["line"]


def test_what_is_in_the_way_is_told_with_the_plan_and_watched(plugin):
    one = resource("Line", "one", path="/etc/x", body=BODY)
    lacks = {"class": "transient", "code": "enoent", "message": "no", "subjects": ["path:/etc/x", "path:/y"]}
    world = World(
        {"text.look": {"exists": False, "there": False, "edit": "e", "puts": True, "obstacles": [lacks]}}
    )
    harness = Harness(plugin, world)
    actual = harness.read([one])
    assert actual[0]["watch"] == ["path:/etc/x", "path:/y"]
    [operation] = harness.plan([one], actual)
    assert operation["obstacles"] == [{"call": "text.edit", **lacks}]


def test_a_look_that_fails_is_the_trouble_of_its_own_instance(plugin):
    world = World({"text.look /a": error("wrong_type"), "text.look": SEEN})
    bad, good = Harness(plugin, world).read(
        [resource("Line", "one", path="/a", body=BODY), resource("Line", "two", path="/b", body=BODY)]
    )
    assert bad["fault"]["code"] == "wrong_type"
    assert good["watch"] == ["path:/b"]


def test_what_is_declared_no_longer_goes_and_nothing_else_that_would_match(plugin):
    line = resource(
        "Line", "one", path="/etc/x", body=BODY, match="^a", several="all", at="begin", create=True
    )
    block = resource("Block", "one", path="/etc/x", body=BODY, marker="x", comment="//", sensitive=True)
    world = World(
        {"text.look": SEEN | {"there": True, "edit": "e", "puts": False}, "text.edit": {"changed": True}}
    )
    done = Harness(plugin, world).destroy([line, block])
    assert [one["changed"] for one in done] == [True, True]
    gone = {"path": "/etc/x", "absent": True, "digest": BODY["digest"], "size": 3, "expect": "e"}
    edits = [call["args"] for call in world.calls if call["call"] == "text.edit"]
    assert edits == [
        gone,
        gone | {"begin": "// BEGIN x", "end": "// END x", "sensitive": True, "mode": "0600"},
    ]
