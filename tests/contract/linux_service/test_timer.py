"""The kind Timer: its two files, and what systemd is told about them."""

import json
from dataclasses import replace

import jsonschema_rs
import pytest

from froyo_provider.testing.memory import Node, Refused
from froyo_provider.testing.units import MemoryUnit, UnitsHost
from reconciler.config.fields import providing_field, subjects_of
from reconciler.config.structural import structural_problems
from reconciler.plugins.packages import load_packages
from tests.contract.linux_service.test_service import PACKAGE, Round, actions, diffs

SCHEMA = json.loads((PACKAGE / "schemas" / "timer.json").read_text())
TIMER, SERVICE = (f"/etc/systemd/system/tidy.{kind}" for kind in ("timer", "service"))
WAITING = MemoryUnit(active="active", sub="waiting", file_state="enabled", path=TIMER, type="")
BODY = b"[Timer]\nOnCalendar=daily\nUnit=tidy.service\n[Install]\nWantedBy=timers.target\n"
JOB = b"[Service]\nType=oneshot\nExecStart=/usr/bin/tidy\n"


class Calendar(UnitsHost):
    """A host whose systemd says of schedules whether they are any."""

    answers = (*UnitsHost.answers, "unit.calendar")
    lacks = ""

    def _unit_calendar(self, expression):
        if self.lacks:
            raise Refused(self.lacks, "it cannot be asked")
        return {"valid": False, "error": "no such day"} if expression == "nonsense" else {"valid": True}


def on(nodes=None, **units):
    return Round(Calendar(nodes, {f"{name}.timer": unit for name, unit in units.items()}))


def timer(**spec):
    spec = {"name": "tidy", "state": "present", "enabled": True, "persistent": False} | spec
    if spec["state"] == "present" and not {"schedule", "every", "boot"} & spec.keys():
        spec["schedule"] = "daily"
    if spec["state"] == "present" and "unit" not in spec:
        spec.setdefault("command", ["/usr/bin/tidy"])
    return {"address": "h/Timer/tidy", "kind": "Timer", "name": "tidy", "spec": spec}


def kept(unit=WAITING, nodes=None):
    return on({TIMER: Node(content=BODY), SERVICE: Node(content=JOB), **(nodes or {})}, tidy=unit)


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({"schedule": "daily", "command": ["/bin/true"]}, True),
        ({"every": "5min", "unit": "app.service"}, True),
        ({"state": "absent"}, True),
        ({"schedule": "daily"}, False),
        ({"command": ["/bin/true"]}, False),
        ({"schedule": "daily", "command": ["/bin/true"], "unit": "app.service"}, False),
        ({"schedule": "daily", "unit": "app.service", "user": "ops"}, False),
        ({"schedule": "daily", "unit": "app.timer"}, False),
        ({"schedule": "daily", "command": []}, False),
        ({"name": "../x", "state": "absent"}, False),
    ],
)
def test_a_timer_starts_one_thing_at_some_time(spec, valid):
    assert structural_problems(SCHEMA) == []
    assert jsonschema_rs.is_valid(SCHEMA, {"name": "tidy"} | spec) is valid


def test_the_service_is_its_own_only_where_it_has_a_command():
    [package] = load_packages([PACKAGE])
    kind = next(one for one in package.kinds if one.kind == "Timer")
    with_unit, with_command = timer(unit="tidy.service")["spec"], timer()["spec"]
    path = f"path:{SERVICE}"
    assert path not in [str(one) for one in subjects_of(kind.provides, with_unit)]
    own = next(one for one in subjects_of(kind.provides, with_command) if str(one) == path)
    assert providing_field(kind, with_command, own) == "command"
    assert [str(one) for one in subjects_of(kind.uses, with_unit)] == ["unit-file:tidy.service"]


async def test_it_is_made_read_enabled_and_started():
    round_ = on()
    operation = await round_.converge(timer())
    assert operation["action"] == "create"
    assert actions(operation) == ["file.write", "file.write", ["enable", "start", "daemon-reload"]]
    unit = round_.target.unit("tidy.timer")
    assert (unit.active, unit.file_state) == ("active", "enabled")
    assert b"ExecStart=/usr/bin/tidy\n" in round_.target.nodes[SERVICE].content


async def test_one_that_is_not_enabled_has_its_files_and_nothing_else():
    round_ = on()
    operation = await round_.converge(timer(enabled=False))
    assert actions(operation)[-1] == ["daemon-reload"]
    round_ = kept()
    operation = await round_.converge(timer(enabled=False))
    assert actions(operation) == [["disable", "stop"]]
    assert operation["calls"][0]["args"]["expect"]


async def test_what_means_the_same_is_adopted_and_asked_of_nobody():
    round_ = kept()
    assert (await round_.plan(timer()))["action"] == "none"
    assert "unit.calendar" not in [call["call"] for call in round_.target.calls]


@pytest.mark.parametrize(
    "spoiled", [b"[Timer]\nOnCalendar=hourly\n", b"[Timer]\nno sense\n", b"x=\\\n", b"\xff"]
)
async def test_a_file_that_says_something_else_is_put_back(spoiled):
    round_ = kept(nodes={TIMER: Node(content=spoiled)})
    operation = await round_.converge(timer())
    assert set(diffs(operation)) == {"timer"}
    assert operation["preimage"]["path"] == TIMER
    assert actions(operation) == ["file.write", ["daemon-reload"]]


async def test_a_file_that_others_can_write_or_a_link_gives_way():
    round_ = kept(
        nodes={TIMER: Node(content=BODY, mode=0o666, uid=33), SERVICE: Node("symlink", to="/srv/x")}
    )
    operation = await round_.converge(timer())
    assert set(diffs(operation)) == {"timer.mode", "timer.owner", "service"}
    directory = kept(nodes={SERVICE: Node("directory", 0o755)})
    assert "no regular file" in (await directory.plan(timer()))["fault"]["message"]


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        (replace(WAITING, active="inactive"), ["start"]),
        (replace(WAITING, active="failed"), ["start"]),
        (replace(WAITING, file_state="disabled"), ["enable"]),
        (replace(WAITING, need_reload=True), ["daemon-reload"]),
    ],
)
async def test_what_people_do_to_it_is_undone(unit, wanted):
    assert actions(await kept(unit).converge(timer())) == [wanted]


async def test_what_is_to_be_left_alone_is_left_alone():
    round_ = kept(replace(WAITING, active="inactive"), {TIMER: Node(content=b"x=y\n")})
    assert (await round_.plan(timer() | {"ignore": ["active", "timer"]}))["action"] == "none"


async def test_a_file_that_systemd_does_not_take_is_said_with_its_reason():
    broken = replace(WAITING, load="bad-setting", load_error="it lacks a value setting")
    assert (await kept(broken).plan(timer()))["fault"]["message"].endswith("it lacks a value setting")


async def test_a_schedule_is_asked_of_systemd_where_that_can_be():
    round_ = on()
    fault = (await round_.plan(timer(schedule="nonsense")))["fault"]
    assert fault["class"] == "permanent"
    assert fault["message"].startswith("schedule: 'nonsense' means nothing to systemd (no such day): write")
    round_.target.lacks = "command_not_found"
    assert (await round_.plan(timer(schedule="nonsense")))["action"] == "create"
    round_.target.lacks = "timeout"
    assert (await round_.plan(timer()))["fault"]["code"] == "timeout"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"every": "soon"}, "every: 'soon' is no time span"),
        ({"boot": "5min", "persistent": True}, "persistent: only runs of a `schedule`"),
        ({"command": ["/bin/$x"]}, "no program with a $"),
        ({"command": ["-/bin/x"]}, "'-/bin/x' is no absolute path"),
        ({"command": ["/bin/x", "a\nb"]}, "command: a newline cannot stand there"),
        ({"command": ["/bin/x", "\udc80"]}, "command: the character '\\udc80'"),
        ({"environment": {"A-B": ""}}, "'A-B' is no name of a variable"),
        ({"schedule": "daily\nUnit=x"}, "schedule: a newline"),
    ],
)
async def test_what_systemd_would_not_take_is_refused_before_anything_is_written(spec, said):
    assert said in (await on().plan(timer(**spec)))["fault"]["message"]


async def test_words_and_variables_are_quoted_as_systemd_reads_them():
    round_ = on()
    words = ["/opt/a b", "", "plain-1.0", "100%", "$HOME", 'a "b" \\ c', "it's;", "tab\there"]
    await round_.converge(timer(command=words, user="ops", environment={"B": "x y%", "A": "$HOME", "C": ""}))
    lines = round_.target.nodes[SERVICE].content.decode().splitlines()
    assert lines[lines.index("Type=oneshot") + 1 :] == [
        'ExecStart="/opt/a b" "" plain-1.0 "100%%" "$$HOME" "a \\"b\\" \\\\ c" "it\'s;" "tab\\there"',
        "User=ops",
        'Environment="A=$HOME"',
        'Environment="B=x y%%"',
        "Environment=C=",
    ]


async def test_a_run_after_another_begins_to_count_with_the_timer():
    round_ = on()
    await round_.converge(timer(every="1h 30min", boot="5min", accuracy="1s", unit="app.service"))
    content = round_.target.nodes[TIMER].content.decode()
    assert (
        "OnActiveSec=1h 30min\nOnUnitActiveSec=1h 30min\nOnBootSec=5min\nAccuracySec=1s\nUnit=app.service"
        in content
    )


async def test_a_unit_that_there_is_not_is_in_the_way():
    round_ = on()
    operation = await round_.plan(timer(unit="app.service"))
    assert [one["code"] for one in operation["obstacles"]] == ["enoent"]
    assert "path:/etc/systemd/system/app.service" in (await round_.look(timer(unit="app.service")))["watch"]


async def test_it_goes_with_both_files_but_for_a_service_of_somebody_else():
    round_ = kept()
    operation = await round_.converge(timer() | {"removed": True})
    assert actions(operation) == [["disable", "stop"], "file.remove", "file.remove", ["daemon-reload"]]
    assert not {TIMER, SERVICE} & round_.target.nodes.keys()
    round_ = kept(replace(WAITING, active="inactive", file_state="disabled"))
    assert actions(await round_.converge(timer(state="absent")))[0] == "file.remove"
    assert SERVICE in round_.target.nodes
    assert (await kept().plan(timer(state="absent") | {"ignore": ["state"]}))["action"] == "none"


async def test_the_timer_that_was_there_before_comes_back_and_what_it_starts_with_it_does_not():
    round_ = kept()
    gone = timer() | {"removed": True, "restores": round_.target.body(b"[Timer]\nOnCalendar=weekly\n")}
    assert actions(await round_.converge(gone)) == ["file.write", "file.remove", ["daemon-reload"]]
    assert round_.target.nodes[TIMER].content == b"[Timer]\nOnCalendar=weekly\n"
    assert SERVICE not in round_.target.nodes
    unread = kept(replace(WAITING, need_reload=True), {TIMER: Node(content=b"[Timer]\nOnCalendar=weekly\n")})
    del unread.target.nodes[SERVICE]
    assert actions(await unread.converge(gone)) == [["daemon-reload"]]


async def test_what_a_service_of_somebody_elses_was_is_counted():
    round_ = on({SERVICE: Node(content=b"[Service]\nExecStart=/bin/theirs\n")})
    operation = await round_.plan(timer())
    assert operation.get("preimage") is None
    assert operation["lost"] == 1


async def test_what_cannot_be_looked_at_is_a_fault():
    round_ = on()
    answers = round_.target.reply
    failed = {"error": {"class": "transient", "code": "unreachable", "message": "gone"}}
    round_.target.reply = lambda call: failed if call["call"] == "unit.query" else answers(call)
    assert (await round_.look(timer()))["fault"]["code"] == "unreachable"
