"""The kind Service: what it reads, what it plans, and what comes of that on a target in memory."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest

from froyo_provider.testing.memory import Node, Refused
from froyo_provider.testing.units import MemoryUnit, UnitsHost
from reconciler.config.structural import kind_problems, structural_problems
from reconciler.errors import ErrorClass
from reconciler.model.calls import Failure, Ok
from reconciler.plugins.calls import Phase
from reconciler.plugins.packages import load_packages, needs
from tests.sim.native import NativeHost

PACKAGE = Path(__file__).parents[3] / "providers" / "linux.service"
SCHEMA = json.loads((PACKAGE / "schemas" / "service.json").read_text())
NGINX = MemoryUnit(
    active="active", sub="running", file_state="enabled", can_reload=True, type="forking",
    path="/lib/systemd/system/nginx.service", started_us=500_000, changed_us=600_000,
)  # fmt: skip
STOPPED = MemoryUnit(file_state="enabled", path="/lib/systemd/system/nginx.service", can_reload=True)


def resource(kind="Service", /, **spec):
    defaults = {"onRefresh": "reload-or-restart", "settle": 1, "timeout": 120}
    spec = (defaults | {"unit": "nginx.service"} if kind == "Service" else {"state": "present"}) | spec
    return {"address": f"h/{kind}/one", "kind": kind, "name": "one", "spec": spec}


class Round:
    """Rounds of the package on a target in memory."""

    def __init__(self, target):
        [package] = load_packages([PACKAGE])
        self.host = NativeHost([package], grants=needs([package]), audit=lambda *_: None)
        self.target = target

    async def calls(self, calls):
        return [self.answer(self.target.reply({"call": one.name, "args": one.args})) for one in calls]

    def answer(self, reply):
        if "ok" in reply:
            return Ok(reply["ok"])
        error = reply["error"]
        return Failure(ErrorClass(error["class"]), error["code"], error["message"])

    async def run(self, phase, request):
        return await self.host.run("linux.service", phase, request, self.calls)

    async def look(self, one):
        [actual] = (await self.run(Phase.READ, {"resources": [one]}))["actual"]
        return actual

    async def plan(self, one):
        actual = await self.look(one)
        if "fault" in actual:
            return actual
        [operation] = (await self.run(Phase.PLAN, {"resources": [one], "actual": [actual]}))["operations"]
        return operation

    async def carry_out(self, operation):
        for call in operation.get("calls", ()):
            reply = self.target.reply(call)
            if "error" in reply:
                return reply["error"]
        return None

    async def converge(self, one):
        """Plan and do; the second look has to find nothing to do."""
        operation = await self.plan(one)
        assert await self.carry_out(operation) is None
        assert (await self.plan(one))["action"] == "none"
        return operation

    async def refresh(self, one, *causes):
        payload = {"spec": one["spec"], "id": "0123456789abcdef", "causes": list(causes or ["h/File/conf"])}
        operation = {"address": one["address"], "action": "refresh", "payload": payload}
        [result] = (await self.run(Phase.APPLY, {"operations": [operation]}))["results"]
        return result


def on(unit=NGINX, nodes=None, name="nginx.service"):
    return Round(UnitsHost(nodes, {name: unit} if unit else {}))


def actions(operation):
    return [call["args"].get("actions", call["call"]) for call in operation["calls"]]


def diffs(operation):
    return {diff["field"]: (diff["before"], diff["after"]) for diff in operation.get("diffs", ())}


def test_the_schemas_can_be_those_of_custom_resources_and_the_package_is_granted_what_it_needs():
    [package] = load_packages([PACKAGE])
    assert [problem for kind in package.kinds for problem in kind_problems(kind)] == []
    assert structural_problems(SCHEMA) == []
    assert [(kind.kind, kind.refresh) for kind in package.kinds] == [
        ("Service", True),
        ("Unit", False),
        ("Timer", False),
    ]
    granted = {one.call for one in needs([package]).packages["linux.service"]}
    assert granted == {
        "unit.list",
        "unit.query",
        "unit.control",
        "file.stat",
        "file.write",
        "file.remove",
        "dir.ensure",
        "unit.calendar",
        "pkg.changed",
        "user.stat",
        "facts",
        "dir.list",
    }


@pytest.mark.parametrize(
    ("unit", "valid"),
    [
        ("nginx.service", True),
        ("foo@bar.service", True),
        ("dev-disk-by\\x2duuid.mount", True),
        ("nginx", False),
        ("foo@.service", False),
        ("../x.service", False),
        ("a b.service", False),
    ],
)
def test_a_unit_has_its_full_name(unit, valid):
    assert jsonschema_rs.is_valid(SCHEMA, {"unit": unit}) is valid


async def test_what_is_as_declared_is_left_alone_and_so_is_what_is_not_declared():
    assert (await on().plan(resource(state="running", startup="enabled")))["action"] == "none"
    assert (await on(STOPPED).plan(resource()))["action"] == "none"
    assert (await on(MemoryUnit(active="failed")).plan(resource(state="stopped")))["action"] == "none"


@pytest.mark.parametrize(
    ("unit", "spec", "done", "differs"),
    [
        (STOPPED, {"state": "running"}, ["start"], {"state": ("stopped", "running")}),
        (NGINX, {"state": "stopped"}, ["stop"], {"state": ("running", "stopped")}),
        (
            MemoryUnit(active="failed", result="signal"),
            {"state": "running"},
            ["start"],
            {"state": ("failed (signal)", "running")},
        ),
        (
            MemoryUnit(active="activating"),
            {"state": "stopped"},
            ["stop"],
            {"state": ("activating", "stopped")},
        ),
        (NGINX, {"startup": "disabled"}, ["disable"], {"startup": ("enabled", "disabled")}),
        (
            MemoryUnit(file_state="disabled"),
            {"startup": "enabled", "state": "running"},
            ["enable", "start"],
            {"startup": ("disabled", "enabled"), "state": ("stopped", "running")},
        ),
        (
            NGINX,
            {"startup": "masked", "state": "stopped"},
            ["mask", "stop"],
            {"startup": ("enabled", "masked"), "state": ("running", "stopped")},
        ),
    ],
)
async def test_what_differs_is_put_right_by_one_order(unit, spec, done, differs):
    operation = await on(unit).converge(resource(**spec))
    assert (actions(operation), diffs(operation)) == ([done], differs)
    assert operation.get("slow", False) is bool({"start", "stop"} & set(done))
    args = operation["calls"][0]["args"]
    assert (args["timeout_ms"], args["settle_ms"]) == (120_000, 1000)


@pytest.mark.parametrize("wanted", ["enabled", "disabled"])
async def test_what_somebody_masked_is_unmasked_where_its_startup_is_declared(wanted):
    mask = {"/etc/systemd/system/nginx.service": Node("symlink", 0o777, to="/dev/null")}
    operation = await on(STOPPED, mask).converge(resource(startup=wanted))
    assert actions(operation) == [["unmask", wanted.removesuffix("d")]]


async def test_what_is_masked_cannot_be_started_and_the_plan_says_so():
    mask = {"/etc/systemd/system/nginx.service": Node("symlink", 0o777, to="/dev/null")}
    operation = await on(STOPPED, mask).plan(resource(state="running"))
    [obstacle] = operation["obstacles"]
    assert (obstacle["code"], obstacle["class"]) == ("unit_masked", "permanent")
    assert obstacle["subjects"] == ["path:/etc/systemd/system/nginx.service"]
    assert "masked" in obstacle["message"]


async def test_nothing_can_be_masked_and_run():
    planned = await on(STOPPED).plan(resource(state="running", startup="masked"))
    assert "exclude each other" in planned["fault"]["message"]


async def test_a_unit_that_there_is_not_is_waited_for_where_it_is_to_come_from():
    round_ = on(None)
    actual = await round_.look(resource(state="running"))
    assert actual["exists"] is False
    assert set(actual["watch"]) == {
        "unit:nginx.service",
        "path:/etc/systemd/system/nginx.service",
        "path:/lib/systemd/system/nginx.service",
        "path:/usr/lib/systemd/system/nginx.service",
    }
    [obstacle] = (await round_.plan(resource(state="running")))["obstacles"]
    assert (obstacle["code"], obstacle["class"]) == ("enoent", "transient")
    assert "path:/etc/systemd/system/nginx.service" in obstacle["subjects"]
    assert (await round_.plan(resource(state="stopped", startup="disabled")))["action"] == "none"


@pytest.mark.parametrize("path", ["/lib/systemd/system/nginx.service", ""])
async def test_a_unit_that_systemd_does_not_understand_is_not_started(path):
    broken = MemoryUnit(load="bad-setting", load_error="Unit has a bad setting", path=path)
    [obstacle] = (await on(broken).plan(resource(state="running")))["obstacles"]
    assert obstacle["code"] == "unit_failed"
    assert "bad setting" in obstacle["message"]
    # Its file may have been mended since.
    changed = MemoryUnit(load="bad-setting", path=path, need_reload=True)
    operation = await on(changed).plan(resource(state="running"))
    assert actions(operation) == [["start", "daemon-reload"]]
    assert "obstacles" not in operation


@pytest.mark.parametrize("path", ["/lib/systemd/system/nginx.service", ""])
async def test_a_unit_without_an_install_section_cannot_be_enabled(path):
    static = MemoryUnit(file_state="static", path=path)
    [obstacle] = (await on(static).plan(resource(startup="enabled")))["obstacles"]
    assert "[Install]" in obstacle["message"]
    assert (await on(static).plan(resource(startup="disabled")))["action"] == "none"


async def test_what_ends_by_itself_cannot_be_kept_running():
    once = MemoryUnit(type="oneshot")
    assert "oneshot" in (await on(once).plan(resource(state="running")))["fault"]["message"]
    stays = MemoryUnit(type="oneshot", remains=True)
    assert actions(await on(stays).converge(resource(state="running"))) == [["start"]]


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        (MemoryUnit(active="deactivating", sub="stop-sigterm"), "deactivating just now (stop-sigterm)"),
        (
            MemoryUnit(active="activating", sub="auto-restart", result="exit-code", restarts=3),
            "about to be started again by systemd, after a failure (exit-code, 3 times so far)",
        ),
    ],
)
async def test_what_passes_is_waited_for(unit, said):
    fault = (await on(unit).look(resource(state="running")))["fault"]
    assert (fault["class"], fault["message"]) == ("transient", f"nginx.service is {said}")


async def test_what_systemd_starts_again_and_again_is_not_called_well():
    round_ = on(replace(NGINX, flapping=True, result="exit-code"))
    fault = (await round_.look(resource(state="running")))["fault"]
    assert (fault["class"], "has not stayed up for a minute" in fault["message"]) == ("transient", True)
    assert "fault" not in await round_.look(resource(startup="enabled"))


async def test_a_unit_that_fails_after_its_start_says_what_its_journal_says():
    round_ = on(MemoryUnit(ends="exit-code"))
    error = await round_.carry_out(await round_.plan(resource(state="running")))
    assert error["code"] == "unit_failed"
    assert error["message"].endswith("journal:\nno such option")


async def test_what_moved_since_it_was_looked_at_is_not_touched():
    round_ = on(STOPPED)
    operation = await round_.plan(resource(state="running"))
    round_.target.units["nginx.service"] = NGINX
    assert (await round_.carry_out(operation))["class"] == "conflict"


@pytest.mark.parametrize(
    ("how", "can_reload", "mtime", "due"),
    [
        ("reload-or-restart", True, 700_000, "reload"),
        ("reload-or-restart", False, 700_000, "restart"),
        ("restart", True, 550_000, "restart"),
        ("reload", True, 700_000, "reload"),
        ("reload-or-restart", True, 550_000, None),  # it was reloaded since
        ("restart", True, 400_000, None),
    ],
)
async def test_a_file_that_is_newer_than_what_runs_has_it_read(how, can_reload, mtime, due):
    file = {"/etc/nginx": Node("directory", 0o755), "/etc/nginx/nginx.conf": Node(mtime_us=mtime)}
    round_ = on(replace(NGINX, can_reload=can_reload), file)
    one = resource(state="running", files=["/etc/nginx/nginx.conf"], onRefresh=how)
    if due is None:
        assert (await round_.plan(one))["action"] == "none"
        return
    operation = await round_.converge(one)
    assert actions(operation) == [[due]]
    assert diffs(operation)["files"][0] == "newer than what runs: /etc/nginx/nginx.conf"
    assert "path:/etc/nginx/nginx.conf" in (await round_.look(one))["watch"]


async def test_what_would_be_reloaded_is_restarted_where_its_unit_has_changed_too():
    nodes = {
        "/etc/nginx": Node("directory", 0o755),
        "/etc/nginx/nginx.conf": Node(mtime_us=700_000),
        "/etc/systemd/system/nginx.service": Node(mtime_us=550_000),
    }
    round_ = on(replace(NGINX, path="/etc/systemd/system/nginx.service"), nodes)
    one = resource(files=["/etc/nginx/nginx.conf"])
    operation = await round_.converge(one)
    assert (actions(operation), operation["refreshes"]) == ([["restart"]], True)
    kept = resource(files=["/etc/nginx/nginx.conf"], onRefresh="reload")
    round_ = on(replace(NGINX, path="/etc/systemd/system/nginx.service"), nodes)
    assert actions(await round_.converge(kept)) == [["reload"]]


async def test_a_package_that_is_newer_than_what_runs_has_it_restarted_once():
    nodes = {
        path: Node("directory", 0o755)
        for path in ("/var", "/var/lib", "/var/lib/dpkg", "/var/lib/dpkg/info", "/etc/nginx")
    }
    nodes["/var/lib/dpkg/info/nginx.list"] = Node(mtime_us=700_000)
    nodes["/etc/nginx/nginx.conf"] = Node(mtime_us=700_000)
    one = resource(packages=["nginx"], files=["/etc/nginx/nginx.conf"])
    operation = await on(NGINX, nodes).converge(one)
    assert actions(operation) == [["restart"]]
    assert set(diffs(operation)) == {"files", "packages"}
    # What does not run has read nothing.
    assert (await on(STOPPED, nodes).plan(one))["action"] == "none"


async def test_what_is_to_be_left_alone_is_shown_and_left_alone():
    one = resource(state="running", startup="disabled") | {"ignore": ["state", "startup"]}
    operation = await on(STOPPED).plan(one)
    assert operation["action"] == "none"
    assert all(diff["ignored"] for diff in operation["diffs"])


async def test_a_refresh_reloads_what_can_and_restarts_the_rest():
    for unit, spec, what in [
        (NGINX, {}, "reload"),
        (MemoryUnit(active="active"), {}, "restart"),
        (NGINX, {"onRefresh": "restart"}, "restart"),
    ]:
        round_ = on(unit)
        assert (await round_.refresh(resource(**spec)))["changed"] is True
        assert round_.target.calls[-1]["args"]["actions"] == [what]


async def test_a_refresh_because_of_its_own_file_restarts_it():
    round_ = on(replace(NGINX, need_reload=True))
    await round_.refresh(resource(), "h/Unit/limits")
    assert round_.target.calls[-1]["args"]["actions"] == ["restart", "daemon-reload"]


async def test_a_refresh_leaves_alone_what_does_not_run():
    result = await on(STOPPED).refresh(resource())
    assert result == {
        "address": "h/Service/one",
        "changed": False,
        "output": "nginx.service is inactive: there is nothing to refresh",
    }


async def test_a_refresh_that_cannot_be_done_says_so():
    result = await on(MemoryUnit(active="active")).refresh(resource(onRefresh="reload"))
    assert "onRefresh: restart" in result["fault"]["message"]


async def test_a_refresh_ends_the_start_limit_of_what_it_may_have_mended():
    limited = MemoryUnit(active="failed", result="start-limit-hit")
    round_ = on(limited)
    result = await round_.refresh(resource(state="running"))
    assert round_.target.calls[-1]["args"]["actions"] == ["restart", "reset-failed"]
    assert "start limit" in result["output"]


@pytest.mark.parametrize(
    ("spec", "done"),
    [
        ({"state": "running", "startup": "enabled"}, [["disable", "stop"]]),
        ({"state": "stopped", "startup": "disabled"}, []),
        ({}, []),
    ],
)
async def test_what_is_declared_no_longer_is_not_kept_running(spec, done):
    operation = await on(NGINX).converge(resource(**spec) | {"removed": True})
    assert (actions(operation) if done else operation["action"]) == (done or "none")


async def test_what_was_masked_is_unmasked_when_it_is_declared_no_longer():
    mask = {"/etc/systemd/system/nginx.service": Node("symlink", 0o777, to="/dev/null")}
    operation = await on(STOPPED, mask).converge(resource(startup="masked") | {"removed": True})
    assert (operation["action"], actions(operation)) == ("delete", [["unmask"]])


async def test_a_host_without_systemd_says_so():
    round_ = on()
    round_.target.reply = lambda _: {"error": {"class": "permanent", "code": "no_systemd", "message": "none"}}
    assert (await round_.look(resource(state="running")))["fault"]["code"] == "no_systemd"


async def test_a_file_that_cannot_be_looked_at_is_the_trouble_of_its_own_instance():
    fault = (await on().look(resource(files=["/srv/x", "/bad/../x"])))["fault"]
    assert fault["class"] == "permanent"


async def test_that_files_were_not_read_is_remarked_upon():
    actual = await on(replace(NGINX, need_reload=True)).look(resource(startup="enabled"))
    assert "daemon-reload" in actual["remark"]
    assert "path:/etc/systemd/system/multi-user.target.wants/nginx.service" in actual["watch"]


async def test_what_begins_with_the_host_is_found_but_for_what_is_systemds_own():
    masked = replace(STOPPED, load="masked", file_state="masked")
    units = {
        "nginx.service": NGINX,
        "apt.timer": masked,
        "off.service": replace(STOPPED, file_state="disabled"),
        "static.service": replace(STOPPED, file_state="static"),
        "a.socket": NGINX,
        "systemd-timesyncd.service": NGINX,
    }
    here = Round(UnitsHost(units=units))
    kinds, found, faults = await here.host.find("linux.service", "h", ["Service"], here.calls)
    assert (kinds, faults) == (["Service"], {})
    assert [one.spec for one in found] == [
        {"unit": "apt.timer", "startup": "masked"},
        {"unit": "nginx.service", "startup": "enabled"},
    ]


async def test_a_host_without_systemd_has_no_units_to_find():
    class Without(UnitsHost):
        def _unit_list(self):
            raise Refused("no_systemd", "this machine was not booted with systemd")

    here = Round(Without())
    assert await here.host.find("linux.service", "h", ["Service"], here.calls) == (["Service"], [], {})


async def test_a_refresh_that_is_asked_for_again_answers_what_came_of_the_first():
    round_ = on()
    first = await round_.refresh(resource())
    reloaded = round_.target.unit("nginx.service")
    assert await round_.refresh(resource()) == first
    assert round_.target.unit("nginx.service") == reloaded
    round_.target.units["nginx.service"] = replace(NGINX, can_reload=False, ends="exit-code")
    round_.target.done.clear()
    failed = await round_.refresh(resource())
    assert "the end of its journal" in failed["fault"]["message"]
    round_.target.units["nginx.service"] = replace(NGINX, active="failed")
    assert await round_.refresh(resource(state="running")) == failed
    assert round_.target.unit("nginx.service").active == "failed"


@pytest.mark.parametrize("active", ["activating", "deactivating"])
async def test_what_is_on_its_way_is_refreshed_when_it_has_come_to_rest(active):
    failed = await on(replace(NGINX, active=active, sub="stop-sigterm")).refresh(resource())
    assert failed["fault"]["class"] == "transient"
    ending = await on(replace(NGINX, active=active, type="oneshot")).refresh(resource())
    assert "nothing to refresh" in ending["output"]


async def test_a_unit_that_is_enabled_until_the_next_boot_is_enabled_for_good():
    until = replace(NGINX, file_state="enabled-runtime")
    assert actions(await on(until).converge(resource(startup="enabled"))) == [["enable"]]
    assert (await on(until).plan(resource(startup="disabled")))["action"] == "none"


async def test_an_instance_of_a_template_is_a_unit_like_any_other():
    sleeper = MemoryUnit(path="/etc/systemd/system/sleeper@.service")
    round_ = on(sleeper, name="sleeper@100.service")
    one = resource(unit="sleeper@100.service", state="running", startup="enabled")
    assert actions(await round_.converge(one)) == [["enable", "start"]]
    one = resource(unit="sleeper@100.service", state="stopped", startup="disabled")
    assert actions(await round_.converge(one)) == [["disable", "stop"]]


async def test_what_runs_a_library_that_was_replaced_is_restarted_where_packages_are_given():
    old = replace(NGINX, replaced=("/usr/lib/x86_64-linux-gnu/libssl.so.3",))
    operation = await on(old).converge(resource(packages=["nginx"]))
    assert actions(operation) == [["restart"]]
    assert "libssl.so.3" in diffs(operation)["packages"][0]
    assert (await on(old).plan(resource()))["action"] == "none"


async def test_of_a_unit_that_has_gone_the_link_that_enables_it_goes_too():
    link = "/etc/systemd/system/multi-user.target.wants/gone.service"
    above = {link.rpartition("/")[0]: Node("directory"), link: Node("symlink", to="/gone.service")}
    off = resource(unit="gone.service", startup="disabled")
    operation = await on(None, above).plan(off)
    assert diffs(operation) == {"startup": ("enabled", "disabled")}
    assert actions(operation) == [["disable"]]
    assert (await on(None).plan(off))["action"] == "none"


async def test_a_unit_with_a_file_where_its_mask_would_be_is_said_to_have_one():
    mine = replace(STOPPED, path="/etc/systemd/system/mine.service")
    operation = await on(mine, name="mine.service").plan(resource(unit="mine.service", startup="masked"))
    assert "has a file of its own, /etc/systemd/system/mine.service" in operation["obstacles"][0]["message"]
    brought = replace(STOPPED, path="/lib/systemd/system/nginx.service")
    assert not (await on(brought).plan(resource(startup="masked"))).get("obstacles")
