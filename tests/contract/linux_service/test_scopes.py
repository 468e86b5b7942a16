"""Units of users' own managers, and files for those of all users."""

import json

import jsonschema_rs
import pytest

from froyo_provider.testing.memory import Node, canonical_digest
from froyo_provider.testing.units import MemoryUnit, UnitsHost
from reconciler.config.fields import subjects_of
from reconciler.plugins.packages import load_packages
from tests.contract.linux_service.test_service import PACKAGE, Round, actions, diffs, resource


class Changed(UnitsHost):
    """A host of which dpkg knows that nobody has put anything into /etc/systemd."""

    answers = (*UnitsHost.answers, "pkg.changed")

    def _pkg_changed(self, path):
        return {"files": []}


PLACE = "/home/ann/.config/systemd/user"
RUNS = MemoryUnit(active="active", sub="running", file_state="enabled", started_us=5, changed_us=6)
BODY = b"[Service]\nExecStart=/usr/bin/sleep infinity\n"
APP = "ann/app.service"


def home(uid=1000, nodes=None, units=None):
    """A host on which ann is at home."""
    there = {"/home": Node("directory"), "/home/ann": Node("directory", uid=uid, gid=uid), **(nodes or {})}
    return Round(UnitsHost(there, units, {"ann": "/home/ann"}))


def below(uid=1000):
    names = ("/home/ann/.config", "/home/ann/.config/systemd", PLACE)
    return {name: Node("directory", uid=uid, gid=uid) for name in names}


def service(**spec):
    return resource(**{"unit": "app.service", "scope": "user", "user": "ann"} | spec)


def unit(round_, content=BODY, **spec):
    body = {} if spec.get("state") == "absent" else {"body": round_.target.body(content)}
    return resource("Unit", **{"scope": "user", "user": "ann"} | spec, **body)


@pytest.mark.parametrize(
    ("kind", "spec", "valid"),
    [
        ("service", {"unit": "a.service", "scope": "user", "user": "ann"}, True),
        ("service", {"unit": "a.service", "scope": "user"}, False),
        ("service", {"unit": "a.service", "user": "ann"}, False),
        ("service", {"unit": "a.service", "scope": "global", "startup": "enabled"}, True),
        (
            "service",
            {"unit": "a.service", "scope": "global", "startup": "enabled", "state": "running"},
            False,
        ),
        ("service", {"unit": "a.service", "scope": "global"}, False),
        ("service", {"unit": "a.service", "scope": "global", "startup": "enabled", "user": "ann"}, False),
        ("timer", {"name": "a", "every": "1h", "unit": "a.service", "scope": "global"}, True),
        ("timer", {"name": "a", "every": "1h", "unit": "a.service", "scope": "global", "user": "ann"}, False),
        ("unit", {"unit": "a.service", "content": "", "scope": "user", "user": "ann"}, True),
        ("unit", {"unit": "a.service", "content": "", "scope": "global"}, True),
        ("unit", {"unit": "a.service", "content": "", "scope": "user"}, False),
        ("unit", {"unit": "a.service", "content": "", "user": "ann"}, False),
        ("unit", {"unit": "a.service", "content": "", "scope": "global", "user": "ann"}, False),
    ],
)
def test_a_user_is_named_where_it_is_a_users_and_nowhere_else(kind, spec, valid):
    schema = json.loads((PACKAGE / "schemas" / f"{kind}.json").read_text())
    assert jsonschema_rs.is_valid(schema, spec) is valid


def test_a_unit_is_one_thing_with_each_manager():
    [package] = load_packages([PACKAGE])
    kinds = {kind.kind: kind for kind in package.kinds}

    def of(kind, what, **spec):
        return [str(one) for one in subjects_of(getattr(kinds[kind], what), spec)]

    mine = {"unit": "app.service", "scope": "user", "user": "ann"}
    assert of("Service", "provides", unit="app.service") == ["unit:app.service"]
    assert of("Service", "provides", **mine) == ["unit:ann/app.service"]
    assert of("Service", "uses", **mine) == ["unit-file:ann/app.service", "user:ann"]
    assert of("Unit", "provides", **mine) == ["unit-file:ann/app.service"]
    everybody = of("Unit", "provides", unit="app.service", scope="global")
    assert everybody == ["path:/etc/systemd/user/app.service"]
    host = of("Unit", "provides", unit="app.service")
    assert host == ["path:/etc/systemd/system/app.service", "unit-file:app.service"]


async def test_a_unit_of_a_user_is_started_and_begins_with_the_users_manager():
    round_ = home(units={APP: MemoryUnit(file_state="disabled"), "app.service": MemoryUnit()})
    operation = await round_.converge(service(state="running", startup="enabled"))
    assert actions(operation) == [["enable", "start"]]
    assert operation["calls"][0]["args"]["unit"] == APP
    assert round_.target.units[APP].active == "active"
    assert round_.target.units["app.service"].active == "inactive"
    actual = await round_.look(service(state="running"))
    assert actual["watch"] == [f"unit:{APP}"]


async def test_it_is_refreshed_and_its_removal_stops_it():
    round_ = home(units={APP: RUNS})
    assert (await round_.refresh(service(state="running")))["changed"]
    round_.target.away.add("ann")
    result = await round_.refresh(service(state="running"))
    assert not result["changed"]
    assert "the manager of ann does not run: there is nothing to refresh" in result["output"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({}, "the manager of ann does not run"),
        ({"user": "bob"}, 'there is no user named "bob" on this target'),
    ],
)
async def test_a_manager_that_does_not_run_is_in_the_way_and_what_is_to_be_stopped_is(spec, why):
    round_ = home(units={APP: RUNS})
    round_.target.away.add("ann")
    operation = await round_.plan(service(state="running", **spec))
    [obstacle] = operation["obstacles"]
    assert (obstacle["code"], obstacle["class"]) == ("no_manager", "transient")
    assert why in obstacle["message"]
    assert obstacle["subjects"][0] == f"user:{spec.get('user', 'ann')}"
    assert (await round_.plan(service(state="stopped", **spec)))["action"] == "none"


@pytest.mark.parametrize(
    ("known", "code", "subject"),
    [
        (None, "enoent", "unit-file:ann/app.service"),
        (MemoryUnit(load="masked", file_state="masked"), "unit_masked", "unit:ann/app.service"),
        (MemoryUnit(load="bad-setting", load_error="x"), "unit_failed", "unit:ann/app.service"),
    ],
)
async def test_what_is_in_the_way_is_told_of_the_users_unit(known, code, subject):
    round_ = home(units={APP: known} if known else {})
    [obstacle] = (await round_.plan(service(state="running")))["obstacles"]
    assert obstacle["code"] == code
    assert obstacle["subjects"][0] == subject


async def test_what_fails_again_and_again_says_how_its_journal_is_read():
    round_ = home(units={APP: MemoryUnit(flapping=True, active="active", need_reload=True)})
    actual = await round_.look(service(state="running"))
    assert "journalctl _UID=$(id -u ann) --user-unit app.service" in actual["fault"]["message"]
    actual = await round_.look(service())
    assert "systemctl --user --machine=ann@ daemon-reload" in actual["remark"]


async def test_a_file_is_made_in_the_home_with_what_is_missing_above_it_and_belongs_to_the_user():
    round_ = home()
    operation = await round_.converge(unit(round_, unit="app.service"))
    made = [call["args"]["path"] for call in operation["calls"] if call["call"] == "dir.ensure"]
    assert made == [*below()]
    file = round_.target.nodes[f"{PLACE}/app.service"]
    assert (file.uid, file.gid, file.mode) == (1000, 1000, 0o644)
    assert all(round_.target.nodes[one].uid == 1000 for one in made)
    assert operation["calls"][-1]["args"] == {"unit": APP, "actions": ["daemon-reload"]}
    drop_in = await round_.converge(unit(round_, extends="app.service", dropIn="10-a"))
    assert [call["args"]["path"] for call in drop_in["calls"][:2]] == [
        f"{PLACE}/app.service.d",
        f"{PLACE}/app.service.d/10-a.conf",
    ]


async def test_another_content_is_put_right_and_a_removal_takes_the_file_away():
    spoiled = Node("file", 0o644, uid=1000, gid=1000, content=b"[Service]\n")
    round_ = home(nodes={**below(), f"{PLACE}/app.service": spoiled})
    operation = await round_.converge(unit(round_, unit="app.service"))
    assert set(diffs(operation)) == {"content"}
    assert operation["preimage"]["path"] == f"{PLACE}/app.service"
    operation = await round_.converge(unit(round_, unit="app.service", state="absent"))
    assert operation["action"] == "delete"
    assert operation["preimage"]


async def test_a_file_of_somebody_else_is_neither_given_to_the_user_nor_read():
    """A user may be able to put another name of any file there."""
    for content in (BODY, b"a secret of root"):
        theirs = Node("file", 0o600, uid=0, gid=0, content=content)
        round_ = home(nodes={**below(), f"{PLACE}/app.service": theirs})
        operation = await round_.plan(unit(round_, unit="app.service"))
        assert [call["call"] for call in operation["calls"][:2]] == ["file.remove", "file.write"]
        assert operation["calls"][1]["args"]["expect"] == canonical_digest(["absent"])
        assert not operation.get("preimage")
        assert "secret" not in json.dumps(operation["diffs"])
        await round_.converge(unit(round_, unit="app.service"))
        assert round_.target.nodes[f"{PLACE}/app.service"].uid == 1000
        round_ = home(nodes={**below(), f"{PLACE}/app.service": theirs})
        removal = await round_.plan(unit(round_, unit="app.service", state="absent"))
        assert not removal.get("preimage")
        assert "secret" not in json.dumps(removal["diffs"])


async def test_files_are_kept_while_the_manager_is_away_and_it_reads_them_when_it_begins():
    round_ = home()
    round_.target.away.add("ann")
    operation = await round_.converge(unit(round_, unit="app.service"))
    assert operation["calls"][-1]["call"] == "file.write"


async def test_a_user_that_there_is_not_is_waited_for():
    round_ = home()
    operation = await round_.plan(unit(round_, unit="app.service", user="bob"))
    [obstacle] = operation["obstacles"]
    assert "there is no user bob on this host: declare a User" in obstacle["message"]
    assert obstacle["subjects"][0] == "user:bob"
    assert (await round_.plan(unit(round_, unit="a.service", user="bob", state="absent")))["action"] == "none"
    round_.target.users["bob"] = "/"
    operation = await round_.plan(unit(round_, unit="app.service", user="bob"))
    assert "bob has no home" in operation["obstacles"][0]["message"]


async def test_where_the_home_cannot_be_seen_it_is_said():
    round_ = home()
    answers = round_.target.reply
    for lost, code in (("user.stat", "io_error"), ("file.stat", "unsafe_symlink")):
        failed = {"error": {"class": "transient", "code": code, "message": "no"}}

        def reply(call, lost=lost, failed=failed):
            above = lost == "user.stat" or call["args"].get("path", "").endswith(".config")
            return failed if call["call"] == lost and above else answers(call)

        round_.target.reply = reply
        assert (await round_.plan(unit(round_, unit="app.service")))["fault"]["code"] == code


async def test_a_unit_for_all_users_is_a_file_that_no_manager_is_asked_about():
    round_ = home(nodes={"/etc/systemd/user": Node("directory")})
    operation = await round_.converge(unit(round_, unit="app.service", scope="global"))
    assert [call["call"] for call in operation["calls"]] == ["file.write"]
    assert round_.target.nodes["/etc/systemd/user/app.service"].uid == 0


def timer(**spec):
    return resource("Timer", **{"name": "tidy", "scope": "user", "user": "ann", "enabled": True} | spec)


HOURLY = {"every": "1h", "command": ["/usr/bin/true"]}


async def test_a_timer_of_a_user_is_in_the_home_and_runs_with_that_manager():
    round_ = home()
    operation = await round_.converge(timer(**HOURLY))
    made = [call["args"]["path"] for call in operation["calls"][:5]]
    assert made == [*below(), f"{PLACE}/tidy.timer", f"{PLACE}/tidy.service"]
    assert operation["calls"][-1]["args"]["unit"] == "ann/tidy.timer"
    service_file = round_.target.nodes[f"{PLACE}/tidy.service"]
    assert service_file.uid == 1000
    assert b"User=" not in service_file.content
    actual = await round_.look(timer(**HOURLY))
    assert actual["watch"][0] == "unit:ann/tidy.timer"
    removal = await round_.converge(timer(state="absent", **HOURLY))
    assert removal["calls"][0]["args"]["actions"] == ["disable", "stop"]


async def test_a_timer_of_a_user_without_a_manager_is_told_and_its_files_can_go():
    round_ = home()
    round_.target.away.add("ann")
    operation = await round_.plan(timer(**HOURLY))
    assert [one["code"] for one in operation["obstacles"]] == ["no_manager"]
    kept = await round_.converge(timer(**HOURLY, enabled=False))
    assert {call["call"] for call in kept["calls"]} == {"dir.ensure", "file.write"}
    removal = await round_.converge(timer(state="absent", **HOURLY))
    assert {call["call"] for call in removal["calls"]} == {"file.remove"}
    operation = await round_.plan(timer(**HOURLY, user="bob"))
    assert "there is no user bob" in operation["obstacles"][0]["message"]
    assert (await round_.plan(timer(**HOURLY, user="bob", state="absent")))["action"] == "none"


async def test_a_timers_file_that_is_somebody_elses_is_not_given_to_the_user():
    theirs = Node("file", 0o600, uid=0, gid=0, content=b"a secret of root")
    round_ = home(nodes={**below(), f"{PLACE}/tidy.timer": theirs}, units={"ann/x.service": RUNS})
    operation = await round_.plan(timer(every="1h", unit="x.service"))
    assert [call["call"] for call in operation["calls"][:2]] == ["file.remove", "file.write"]
    assert "secret" not in json.dumps(operation["diffs"])
    assert not operation.get("preimage")
    missing = await round_.plan(timer(every="1h", unit="gone.service"))
    assert "there is no unit gone.service" in missing["obstacles"][0]["message"]
    assert missing["obstacles"][0]["subjects"][0] == "unit-file:ann/gone.service"
    assert not any("/etc/systemd/system" in one for one in missing["obstacles"][0]["subjects"])


async def test_where_the_home_of_a_timer_cannot_be_seen_it_is_said():
    round_ = home()
    answers = round_.target.reply
    for lost, code in (("user.stat", "io_error"), ("file.stat", "unsafe_symlink"), ("unit.query", "timeout")):
        failed = {"error": {"class": "transient", "code": code, "message": "no"}}

        def reply(call, lost=lost, failed=failed):
            above = lost != "file.stat" or call["args"].get("path", "").endswith(".config")
            return failed if call["call"] == lost and above else answers(call)

        round_.target.reply = reply
        assert (await round_.plan(timer(**HOURLY)))["fault"]["code"] == code


async def test_a_unit_of_all_users_is_enabled_masked_and_given_back_and_watched_by_its_links():
    name = "@global/app.service"
    round_ = home(units={name: MemoryUnit(file_state="disabled")})
    everybody = resource(unit="app.service", scope="global", startup="enabled")
    operation = await round_.converge(everybody)
    assert actions(operation) == [["enable"]]
    assert operation["calls"][0]["args"]["unit"] == name
    actual = await round_.look(everybody)
    wants = "path:/etc/systemd/user/default.target.wants/app.service"
    assert actual["watch"] == ["path:/etc/systemd/user/app.service", wants]
    assert not (await round_.refresh(everybody))["changed"]
    gone = await round_.plan(resource(unit="none.service", scope="global", startup="enabled"))
    [obstacle] = gone["obstacles"]
    assert obstacle["subjects"] == [
        "path:/etc/systemd/user/none.service",
        "path:/usr/lib/systemd/user/none.service",
    ]


async def test_a_timer_of_all_users_is_enabled_and_not_started():
    round_ = home(nodes={"/etc/systemd/user": Node("directory")})
    spec = {"name": "tidy", "every": "1h", "unit": "app.service", "state": "present", "enabled": True}
    timer = resource("Timer", **spec, scope="global", persistent=False)
    actual = await round_.look(timer)
    assert "path:/usr/lib/systemd/user/app.service" in actual["watch"]
    assert not [one for one in actual["watch"] if one.startswith("unit:")]
    operation = await round_.converge(timer)
    assert operation["calls"][-1]["args"]["actions"] == ["enable", "daemon-reload"]
    assert "obstacles" not in operation


async def test_what_users_have_put_into_their_homes_is_found_where_it_is_plainly_theirs():
    timer_ = b"[Timer]\nOnCalendar=daily\n"
    nodes = below() | {
        f"{PLACE}/app.service": Node("file", 0o644, uid=1000, gid=1000, content=BODY),
        f"{PLACE}/tidy.timer": Node("file", 0o644, uid=1000, gid=1000, content=timer_),
        f"{PLACE}/app.service.d": Node("directory", uid=1000, gid=1000),
        f"{PLACE}/app.service.d/10-nice.conf": Node("file", 0o644, uid=1000, gid=1000, content=timer_),
        f"{PLACE}/roots.service": Node("file", 0o644, uid=0, gid=0, content=BODY),
        f"{PLACE}/evil.service": Node("symlink", uid=1000, gid=1000, to="/etc/shadow"),
        f"{PLACE}/notes.txt": Node("file", 0o644, uid=1000, gid=1000, content=b"mine"),
        f"{PLACE}/timers.target.wants": Node("directory", uid=1000, gid=1000),
        f"{PLACE}/timers.target.wants/tidy.timer": Node("symlink", uid=1000, gid=1000, to="../tidy.timer"),
        f"{PLACE}/off.service": Node("symlink", uid=1000, gid=1000, to="/dev/null"),
        "/home/bob": Node("directory", uid=1000, gid=1000),
        "/home/bob/.config": Node("symlink", uid=1000, gid=1000, to="/root"),
        "/etc/systemd/user": Node("directory"),
    }
    units = {
        "ann/app.service": RUNS,
        "ann/tidy.timer": RUNS,
        "ann/evil.service": MemoryUnit(file_state="linked"),
    }
    found = Round(Changed(nodes, units, {"ann": "/home/ann", "bob": "/home/bob"}))
    _, units_, faults = await found.host.find("linux.service", "h", ["Unit"], found.calls)
    assert faults == {}
    mine = {"scope": "user", "user": "ann"}
    assert [(one.name, one.spec) for one in units_] == [
        ("ann/app.service", {**mine, "unit": "app.service", "content": BODY.decode()}),
        (
            "ann/app.service.d/10-nice.conf",
            {**mine, "extends": "app.service", "dropIn": "10-nice", "content": timer_.decode()},
        ),
        ("ann/tidy.timer", {**mine, "unit": "tidy.timer", "content": timer_.decode()}),
    ]
    _, services, faults = await found.host.find("linux.service", "h", ["Service"], found.calls)
    assert faults == {}
    assert [(one.name, one.spec["startup"]) for one in services] == [
        ("ann/off.service", "masked"),
        ("ann/tidy.timer", "enabled"),
    ]
    found.target.away.add("ann")
    _, services, _ = await found.host.find("linux.service", "h", ["Service"], found.calls)
    assert services == []
