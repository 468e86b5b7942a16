"""The package linux.exec: what it asks for, what it decides, and what the real runner makes of it."""

import base64
import json
from pathlib import Path

import jsonschema_rs
import pytest

from reconciler.config.structural import kind_problems, structural_problems
from reconciler.errors import ErrorClass
from reconciler.model.calls import Call, Failure, Ok
from reconciler.plugins.calls import Phase
from reconciler.plugins.capabilities import Grants
from reconciler.plugins.packages import load_packages, needs
from tests.sim.native import NativeHost

PACKAGE = Path(__file__).parents[3] / "providers" / "linux.exec"
ADDRESS = "here/Exec/one"
SCHEMA = json.loads((PACKAGE / "schemas" / "exec.json").read_text())


def host(*, unconfined=False):
    [package] = load_packages([PACKAGE])
    granted = {package.name: package.capabilities} if unconfined else needs([package]).packages
    return NativeHost([package], grants=Grants(granted), audit=lambda *_: None)


def resource(**spec):
    return {"address": ADDRESS, "kind": "Exec", "name": "one", "spec": {"argv": ["true"], "cwd": "/"} | spec}


class Target:
    """Answers calls; without Landlock if that is said."""

    def __init__(self, *, exists=False, exits=(), landlock=True, result=None, lacking=()):
        self.calls = []
        self.lacking = dict(lacking)
        self.exists, self.exits, self.landlock = exists, dict(exits), landlock
        self.result = result or {"exit": 0, "signal": None, "stdout": "", "stderr": "", "truncated": False}

    async def __call__(self, calls):
        self.calls += calls
        return [self.answer(one.name, one.args) for one in calls]

    def answer(self, name, args):
        if name == "file.stat":
            return Ok({"exists": self.exists})
        if name == "exec.look":
            return self.lacking.get(args["argv"][0], Ok({"obstacles": []}))
        if name == "exec.check" and not self.landlock:
            return Failure(ErrorClass.PERMANENT, "not_supported", "no Landlock here")
        if name.startswith("exec.check"):
            exit_ = self.exits.get(args["argv"][0], 0)
            if isinstance(exit_, str):
                return Failure(ErrorClass.PERMANENT, exit_, f"it is {exit_}")
            return Ok({"exit": exit_, "signal": None})
        return Ok(self.result)


async def look(one, target, **granted):
    [actual] = (await host(**granted).run("linux.exec", Phase.READ, {"resources": [one]}, target))["actual"]
    if "fault" in actual:
        return actual["fault"], None
    request = {"resources": [one], "actual": [actual]}
    [operation] = (await host(**granted).run("linux.exec", Phase.PLAN, request, target))["operations"]
    return actual, operation


async def carry_out(operation, target):
    request = {"operations": [operation]}
    [result] = (await host().run("linux.exec", Phase.APPLY, request, target))["results"]
    return result


def test_the_schemas_can_be_those_of_a_custom_resource_and_the_package_is_granted_all_but_what_is_not_confined():
    [package] = load_packages([PACKAGE])
    assert [problem for kind in package.kinds for problem in kind_problems(kind)] == []
    assert structural_problems(SCHEMA) == []
    [kind] = package.kinds
    assert (kind.kind, kind.refresh) == ("Exec", True)
    granted = {one.call for one in needs([package]).packages["linux.exec"]}
    assert granted == {"file.stat", "exec.look", "exec.check", "exec.run"}


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({}, False),
        ({"refreshOnly": False}, False),
        ({"refreshOnly": True}, True),
        ({"creates": "/x"}, True),
        ({"unless": ["true"]}, True),
        ({"onlyif": ["true"]}, True),
    ],
)
def test_an_exec_says_when_it_is_needed(spec, valid):
    assert jsonschema_rs.is_valid(SCHEMA, {"argv": ["true"]} | spec) is valid


@pytest.mark.parametrize(
    ("spec", "exists", "exits", "differs"),
    [
        ({"creates": "/x"}, False, {}, ["creates"]),
        ({"creates": "/x"}, True, {}, []),
        ({"unless": ["u"]}, False, {"u": 1}, ["unless"]),
        ({"unless": ["u"]}, False, {"u": 0}, []),
        ({"onlyif": ["o"]}, False, {"o": 0}, ["onlyif"]),
        ({"onlyif": ["o"]}, False, {"o": 1}, []),
        (
            {"creates": "/x", "unless": ["u"], "onlyif": ["o"]},
            False,
            {"u": 1},
            ["creates", "unless", "onlyif"],
        ),
        ({"creates": "/x", "unless": ["u"]}, False, {"u": 0}, []),
        ({"refreshOnly": True, "unless": ["u"]}, False, {"u": 1}, []),
    ],
)
async def test_it_is_needed_when_everything_says_so(spec, exists, exits, differs):
    actual, operation = await look(resource(**spec), Target(exists=exists, exits=exits))
    assert [diff["field"] for diff in operation["diffs"]] == differs
    assert (operation["action"], actual["exists"]) == (("update", False) if differs else ("none", True))
    assert operation.get("slow", False) is bool(differs)
    assert actual["watch"] == (["path:" + spec["creates"]] if "creates" in spec else [])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"argv": ["make", "-C", "/srv", "a b", "it's"]}, """runs make -C /srv 'a b' 'it'"'"'s'"""),
        ({"argv": ["true"], "user": "ann"}, "runs true as ann"),
        ({"argv": ["echo", "x" * 300]}, f"runs echo {'x' * 195}…"),
        ({"argv": ["true"], "refreshOnly": True}, None),
    ],
)
async def test_a_plan_shows_the_command_that_it_would_run(spec, said):
    needs_it = {} if spec.get("refreshOnly") else {"creates": "/x"}
    actual, _ = await look(resource(**spec, **needs_it), Target())
    assert actual.get("remark") == said


async def test_checks_run_as_the_command_would():
    target = Target()
    await look(resource(unless=["u"], user="ops", environment={"A": "1"}, cwd="/srv"), target)
    around = {"user": "ops", "env": {"A": "1"}, "cwd": "/srv"}
    assert target.calls == [
        Call("exec.look", {"argv": ["true"]} | around),
        Call("exec.look", {"argv": ["u"]} | around),
        Call("exec.check", {"argv": ["u"], "timeout_ms": 30_000} | around),
    ]


async def test_where_nothing_confines_a_check_the_operator_decides_and_the_plan_says_so():
    fault, _ = await look(resource(unless=["u"]), Target(landlock=False))
    assert fault["message"] == (
        "no Landlock here; grant linux.exec the call exec.check.unconfined, or use creates"
    )
    actual, operation = await look(resource(unless=["u"]), Target(landlock=False), unconfined=True)
    assert actual["state"] == {"unless": True, "unconfined": True}
    [told] = operation["diffs"]
    assert (told["field"], told["ignored"], operation["action"]) == ("confinement", True, "none")


@pytest.mark.parametrize("landlock", [True, False])
async def test_a_check_that_cannot_be_run_is_the_trouble_of_its_own_instance(landlock):
    target = Target(exits={"u": "command_not_found"}, landlock=landlock)
    fault, _ = await look(resource(unless=["u"], creates="/x"), target, unconfined=True)
    assert fault["code"] == "command_not_found"


async def test_what_a_command_said_is_told_whether_it_went_well_or_not():
    said = {"stdout": base64.b64encode(b"out\n").decode(), "stderr": base64.b64encode(b"err\n").decode()}
    went_well = {"exit": 0, "signal": None, "truncated": False, **said}
    operation = {
        "address": ADDRESS,
        "action": "update",
        "payload": {"argv": ["make"], "cwd": "/", "timeout": 7},
    }
    target = Target(result=went_well)
    assert await carry_out(operation, target) == {"address": ADDRESS, "changed": True, "output": "out\nerr\n"}
    [asked] = target.calls
    assert (asked.args["timeout_ms"], asked.args["anew"]) == (7000, True)
    failed = await carry_out(operation, Target(result=went_well | {"exit": 3}))
    assert failed["fault"]["message"] == "make failed (exit status 3):\nout\nerr"
    killed = went_well | {"exit": None, "signal": "SIGKILL", "stdout": "", "stderr": ""}
    failed = await carry_out(operation, Target(result=killed))
    assert failed["fault"]["message"] == "make failed (SIGKILL)"


async def test_a_refresh_is_run_under_its_own_name():
    target = Target()
    payload = {"spec": {"argv": ["make"], "cwd": "/"}, "id": "0123456789abcdef", "causes": []}
    await carry_out({"address": ADDRESS, "action": "refresh", "payload": payload}, target)
    [asked] = target.calls
    assert asked.args["id"] == "0123456789abcdef"
    assert "anew" not in asked.args


def in_the_way(code, *subjects):
    return {"class": "permanent", "code": code, "message": f"it is {code}", "subjects": list(subjects)}


NO_MAKE = in_the_way("command_not_found", "path:/bin/make", "path:/usr/bin/make")
NO_USER = in_the_way("unknown_owner", "user:ops")


async def test_what_would_keep_it_from_running_is_part_of_what_is_read_and_told_with_the_plan():
    target = Target(lacking={"make": Ok({"obstacles": [NO_MAKE, NO_USER]})})
    actual, operation = await look(resource(argv=["make"], creates="/x"), target)
    assert actual["state"] == {"creates": False, "obstacles": [NO_MAKE, NO_USER]}
    assert actual["watch"] == ["path:/x", "path:/bin/make", "path:/usr/bin/make", "path:/etc/passwd"]
    assert operation["obstacles"] == [{"call": "exec.run", **NO_MAKE}, {"call": "exec.run", **NO_USER}]
    _, operation = await look(resource(argv=["make"], refreshOnly=True), target)
    assert (operation["action"], len(operation["obstacles"])) == ("none", 2)


@pytest.mark.parametrize("check", ["unless", "onlyif"])
async def test_a_check_that_cannot_be_run_either_says_nothing(check):
    """That a directory is missing which is declared, too, made the whole Exec unreadable."""
    target = Target(exits={"c": "enoent"}, lacking={"c": Ok({"obstacles": [NO_USER]})})
    actual, operation = await look(resource(**{check: ["c"]}), target)
    assert actual["state"] == {check: check == "onlyif", "obstacles": [NO_USER]}
    assert (operation["action"], len(operation["obstacles"])) == ("update", 1)


async def test_an_operator_need_not_grant_the_question():
    refused = {"true": Failure(ErrorClass.PERMANENT, "refused", "not granted")}
    _, operation = await look(resource(creates="/x"), Target(lacking=refused))
    assert operation["action"] == "update"
    broken = {"true": Failure(ErrorClass.TRANSIENT, "io_error", "no")}
    fault, _ = await look(resource(creates="/x"), Target(lacking=broken))
    assert fault["code"] == "io_error"
