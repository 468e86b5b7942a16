"""The kind Unit: the file of a unit or a drop-in, and that systemd has read it."""

import json
from dataclasses import replace

import jsonschema_rs
import pytest

from froyo_provider.testing.memory import Node, Refused
from froyo_provider.testing.units import MemoryUnit, UnitsHost
from reconciler.config.structural import structural_problems
from tests.contract.linux_service.test_service import PACKAGE, Round, actions, diffs, on, resource

SCHEMA = json.loads((PACKAGE / "schemas" / "unit.json").read_text())
PATH = "/etc/systemd/system/app.service"
BODY = b"[Service]\nExecStart=/usr/bin/sleep infinity\n"
LOADED = MemoryUnit(path=PATH)


class FoundHost(UnitsHost):
    """Where dpkg knows what it has brought."""

    answers = (*UnitsHost.answers, "pkg.changed")

    def _pkg_changed(self, path):
        return {"files": [{"path": one} for one in sorted(self.nodes) if one.startswith(f"{path}/")]}


def unit(round_: Round, content=BODY, **spec):
    where = spec if "extends" in spec else {"unit": "app.service"} | spec
    body = {} if spec.get("state") == "absent" else {"body": round_.target.body(content)}
    return resource("Unit", **where, **body)


def app(nodes=None, known=LOADED):
    return on(known, nodes, "app.service")


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({"unit": "app.service", "content": "x"}, True),
        ({"unit": "app@.service", "source": "x"}, True),
        ({"extends": "app.service", "dropIn": "10-a", "content": "x"}, True),
        ({"unit": "app.service", "state": "absent"}, True),
        ({"unit": "app.service"}, False),
        ({"unit": "app.service", "state": "present"}, False),
        ({"extends": "app.service", "content": "x"}, False),
        ({"unit": "app.service", "dropIn": "x", "content": "x"}, False),
        ({"unit": "app.service", "content": "x", "source": "x"}, False),
        ({"extends": "app.service", "dropIn": "../x", "content": "x"}, False),
    ],
)
def test_a_unit_is_a_whole_file_or_a_drop_in_with_one_content(spec, valid):
    assert structural_problems(SCHEMA) == []
    assert jsonschema_rs.is_valid(SCHEMA, spec) is valid


async def test_a_file_is_made_and_read_by_systemd():
    round_ = app(known=None)
    operation = await round_.converge(unit(round_))
    assert (operation["action"], actions(operation)) == ("create", ["file.write", ["daemon-reload"]])
    node = round_.target.nodes[PATH]
    assert (node.content, node.mode) == (BODY, 0o644)


async def test_a_drop_in_is_made_with_its_directory_which_is_in_nobodys_way():
    round_ = app()
    one = unit(round_, extends="app.service", dropIn="10-limits")
    operation = await round_.converge(one)
    assert actions(operation) == ["dir.ensure", "file.write", ["daemon-reload"]]
    assert "obstacles" not in operation
    assert round_.target.nodes["/etc/systemd/system/app.service.d/10-limits.conf"].content == BODY


async def test_a_file_that_was_edited_is_put_back_and_read_again():
    round_ = app(
        {PATH: Node(content=b"edited\n", mode=0o600, uid=33, gid=33)}, replace(LOADED, need_reload=True)
    )
    operation = await round_.converge(unit(round_))
    assert operation["action"] == "update"
    assert set(diffs(operation)) == {"content", "mode", "owner", "group"}
    assert operation["preimage"]["path"] == PATH
    assert actions(operation) == ["file.write", ["daemon-reload"]]


async def test_attributes_alone_need_no_content():
    round_ = app({PATH: Node(content=BODY, mode=0o600)})
    operation = await round_.converge(unit(round_))
    assert "blob" not in operation["calls"][0]["args"]
    ignoring = unit(round_) | {"ignore": ["mode", "content"]}
    round_.target.nodes[PATH] = Node(content=b"other", mode=0o600)
    assert (await round_.plan(ignoring))["action"] == "none"


async def test_a_file_that_systemd_has_not_read_is_read():
    round_ = app({PATH: Node(content=BODY)}, replace(LOADED, need_reload=True))
    operation = await round_.converge(unit(round_))
    assert actions(operation) == [["daemon-reload"]]
    assert set(diffs(operation)) == {"loaded"}


async def test_a_file_that_systemd_does_not_understand_is_said_with_its_reason():
    broken = replace(LOADED, load="bad-setting", load_error="Unit app.service has a bad unit file setting.")
    round_ = app({PATH: Node(content=BODY)}, broken)
    planned = await round_.plan(unit(round_))
    assert planned["fault"]["message"].endswith("has a bad unit file setting.")


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (Node("symlink", 0o777, to="/dev/null"), "masked"),
        (Node("directory", 0o755), "no regular file"),
    ],
)
async def test_what_is_something_else_is_left_where_it_is(node, said):
    round_ = app({PATH: node})
    assert said in (await round_.plan(unit(round_)))["fault"]["message"]


async def test_a_link_gives_way_to_a_file():
    round_ = app({PATH: Node("symlink", 0o777, to="/srv/app.service")})
    assert diffs(await round_.converge(unit(round_)))["type"] == (
        "a symbolic link to /srv/app.service",
        "file",
    )


async def test_what_is_in_the_way_is_told_with_the_plan():
    round_ = app()
    del round_.target.nodes["/etc/systemd/system"]
    del round_.target.nodes["/etc/systemd"]
    operation = await round_.plan(unit(round_))
    assert [one["code"] for one in operation["obstacles"]][:1] == ["enoent"]
    assert "path:/etc/systemd" in (await round_.look(unit(round_)))["watch"]


async def test_a_file_that_is_to_go_goes_and_the_link_that_masks_it_does_not():
    round_ = app({PATH: Node(content=BODY)})
    operation = await round_.converge(unit(round_, state="absent"))
    assert (operation["action"], actions(operation)) == ("delete", ["file.remove", ["daemon-reload"]])
    assert PATH not in round_.target.nodes
    masked = app({PATH: Node("symlink", 0o777, to="/dev/null")})
    assert (await masked.plan(unit(masked, state="absent")))["action"] == "none"
    directory = app({PATH: Node("directory", 0o755)})
    assert "directory" in (await directory.plan(unit(directory, state="absent")))["fault"]["message"]
    ignoring = app({PATH: Node(content=BODY)})
    assert (await ignoring.plan(unit(ignoring, state="absent") | {"ignore": ["state"]}))["action"] == "none"
    link = app({PATH: Node("symlink", 0o777, to="/srv/app.service")})
    assert actions(await link.converge(unit(link, state="absent")))[0] == "file.remove"


async def test_what_is_declared_no_longer_goes_or_is_what_it_was():
    round_ = app({PATH: Node(content=BODY)})
    assert (await round_.converge(unit(round_) | {"removed": True}))["action"] == "delete"
    round_ = app({PATH: Node(content=BODY)})
    before = round_.target.body(b"before\n")
    await round_.converge(unit(round_) | {"removed": True, "restores": before})
    assert round_.target.nodes[PATH].content == b"before\n"


@pytest.mark.parametrize("lost", ["file.stat", "unit.query"])
async def test_what_cannot_be_looked_at_is_a_fault(lost):
    round_ = app()
    answers = round_.target.reply
    failed = {"error": {"class": "transient", "code": "unreachable", "message": "gone"}}
    round_.target.reply = lambda call: failed if call["call"] == lost else answers(call)
    assert (await round_.look(unit(round_)))["fault"]["code"] == "unreachable"


async def test_a_template_has_a_file_and_is_no_unit_itself():
    known = MemoryUnit(load="template")
    round_ = on(known, None, "app@.service")
    one = unit(round_, unit="app@.service")
    assert (await round_.look(one))["watch"] == ["path:/etc/systemd/system/app@.service"]
    await round_.converge(one)


async def test_files_of_units_are_found_where_nothing_would_be_done_about_them():
    place = "/etc/systemd/system"
    nodes = {
        place: Node("directory", 0o755),
        PATH: Node(content=BODY),
        f"{place}/app.service.d": Node("directory", 0o755),
        f"{place}/app.service.d/10-limits.conf": Node(content=b"[Service]\nNice=5\n"),
        f"{place}/open.service": Node(content=BODY, mode=0o666),
        f"{place}/binary.service": Node(content=b"\xff"),
        f"{place}/notes.txt": Node(content=BODY),
        f"{place}/late.service": Node(content=BODY),
        f"{place}/wrong.service": Node(content=BODY),
    }
    units = {
        "app.service": LOADED,
        "late.service": replace(LOADED, need_reload=True),
        "wrong.service": replace(LOADED, load="bad-setting"),
        "open.service": LOADED,
    }
    here = Round(
        FoundHost(
            {"/etc": Node("directory", 0o755), "/etc/systemd": Node("directory", 0o755)} | nodes, units=units
        )
    )
    kinds, found, faults = await here.host.find("linux.service", "h", ["Unit"], here.calls)
    assert (kinds, faults) == (["Unit"], {})
    assert [(one.name, one.spec) for one in found] == [
        ("app.service", {"unit": "app.service", "content": BODY.decode()}),
        (
            "app.service.d/10-limits.conf",
            {"extends": "app.service", "dropIn": "10-limits", "content": "[Service]\nNice=5\n"},
        ),
    ]


@pytest.mark.parametrize(("code", "said"), [("not_supported", []), ("enoent", []), ("eacces", ["Unit"])])
async def test_where_nobody_knows_whose_files_there_are_none_is_found(code, said):
    class Without(FoundHost):
        def _pkg_changed(self, path):
            raise Refused(code, path)

    here = Round(Without())
    _, found, faults = await here.host.find("linux.service", "h", ["Unit"], here.calls)
    assert (found, sorted(faults)) == ([], said)
