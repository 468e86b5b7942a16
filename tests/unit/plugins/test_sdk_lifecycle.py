import json
import types
from typing import Any

import pytest

from froyo_provider import Actual, Operation, PermanentError, Provider, Result, TransientError, call
from froyo_provider.lifecycle import Done, Lifecycle, Pending
from tests.contract.providers.packages import HEAD, THING, reading, thing


def loaded(source: str) -> Lifecycle:
    lifecycle = Lifecycle()
    lifecycle.load({"plugin": HEAD + source}, name="plugin_under_test")
    return lifecycle


def start(lifecycle: Lifecycle, phase: str, request: Any) -> Any:
    return lifecycle.start(phase, json.dumps(request))


def done(step: Done | Pending) -> Any:
    assert isinstance(step, Done)
    return json.loads(step.reply)


def fault_of(source: str, phase: str = "read", request: Any = None) -> str:
    [item] = next(iter(done(start(loaded(source), phase, request or reading())).values()))
    message: str = item["fault"]["message"]
    return message


def test_init_tells_the_kinds() -> None:
    source = THING + "\nclass _Shared(Provider): pass\nclass Named(_Shared): kind = 'Other'\n"
    assert done(start(loaded(source), "init", {})) == {"kinds": ["Other", "Thing"]}


def test_classes_that_were_imported_do_not_count() -> None:
    lifecycle = Lifecycle()
    with pytest.raises(PermanentError, match="defines no subclass"):
        lifecycle.load({"plugin": HEAD})


def test_code_that_was_compiled_before_loads_too() -> None:
    lifecycle = Lifecycle()
    lifecycle.load({"plugin": compile(HEAD + THING, "plugin.py", "exec")})
    assert done(start(lifecycle, "init", {})) == {"kinds": ["Thing"]}


def test_a_plugin_imports_the_modules_beside_it_each_once() -> None:
    lifecycle = Lifecycle()
    lifecycle.load(
        {
            "plugin": "from things import Thing\nimport words\nassert words.said == ['once']",
            "things": HEAD + "import words\n" + THING,
            "words": "said = ['once']",
            "json": "raise SystemExit('the standard library comes first')",
        }
    )
    assert done(start(lifecycle, "init", {})) == {"kinds": ["Thing"]}


def test_what_goes_wrong_in_a_module_is_said_with_its_place() -> None:
    with pytest.raises(PermanentError, match=r"ZeroDivisionError.*\(words.py, line 2, in <module>\)"):
        Lifecycle().load({"plugin": "import words", "words": "\n1 / 0"})
    with pytest.raises(PermanentError, match=r"SyntaxError: .*\(words.py, line 1\)"):
        Lifecycle().load({"plugin": "import words", "words": "def ("})


def test_the_modules_of_two_plugins_do_not_meet() -> None:
    one, other = Lifecycle(), Lifecycle()
    for lifecycle, kind in ((one, "One"), (other, "Other")):
        things = HEAD + THING + f"\nThing.kind = '{kind}'\n"
        lifecycle.load({"plugin": "from things import Thing", "things": things}, name=f"plugin_{kind}")
    assert done(start(one, "init", {})) == {"kinds": ["One"]}
    assert done(start(other, "init", {})) == {"kinds": ["Other"]}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def (:", "plugin.py does not load: SyntaxError: invalid syntax (plugin.py, line 4)"),
        ("def f():\n    return 1 / 0\nf()", "ZeroDivisionError: division by zero (plugin.py, line 5, in f)"),
        ("import sys; sys.exit('bye')", "SystemExit: bye (plugin.py, line 4, in <module>)"),
        ("import time", "ImportError: a provider cannot import 'time'"),
        ("from . import x", "ImportError: a provider cannot import ''"),
        ("import beside", "there are the modules beside plugin.py, by their own names"),
        ("open('/etc/passwd')", "a provider has no files and no terminal"),
        ("input()", "a provider has no files and no terminal"),
        ("class Thing(Provider):\n    def __init__(self): raise KeyError('x')", "KeyError: 'x'"),
    ],
)
def test_a_plugin_that_does_not_load_says_where_and_why(source: str, message: str) -> None:
    with pytest.raises(PermanentError) as caught:
        loaded(source)
    assert message in caught.value.message


def test_a_plugin_may_import_what_computes() -> None:
    source = """
import collections.abc, datetime, urllib.parse
from dataclasses import dataclass
import froyo_provider.wire
@dataclass
class Point:
    x: int
when = datetime.datetime.strptime("2024-05-06", "%Y-%m-%d").strftime("%A")
quoted = urllib.parse.quote("a b")
class Thing(Provider):
    async def read(self, wanted):
        return [Actual(True, {"when": when, "x": Point(3).x, "quoted": quoted})]
"""
    [actual] = done(start(loaded(source), "read", reading()))["actual"]
    assert actual["state"] == {"when": "Monday", "x": 3, "quoted": "a%20b"}


def test_each_kind_is_served_by_its_own_provider_and_all_in_one_round_trip() -> None:
    source = THING + THING.replace("class Thing", "class Other").replace("file.stat", "dir.list")
    resources = [thing("a"), thing("b", kind="Other"), thing("c"), thing("d", kind="Unknown")]
    lifecycle = loaded(source)

    step = start(lifecycle, "read", reading(*resources))
    assert isinstance(step, Pending)
    calls = json.loads(step.calls)
    assert [(one["call"], one["args"]["path"]) for one in calls] == [
        ("file.stat", "/etc/a"),
        ("file.stat", "/etc/c"),
        ("dir.list", "/etc/b"),
    ]
    replies = [{"ok": {"exists": True, "path": one["args"]["path"]}} for one in calls]
    actual = done(lifecycle.resume(step.task, json.dumps(replies)))["actual"]

    assert [one["address"] for one in actual] == [one["address"] for one in resources]
    assert [one["state"]["path"] for one in actual[:3]] == ["/etc/a", "/etc/b", "/etc/c"]
    assert "no provider for the kind Unknown" in actual[3]["fault"]["message"]


def test_what_was_read_is_planned_at_once_where_that_is_asked_for() -> None:
    source = (
        THING
        + """
class Torn(Provider):
    async def read(self, wanted):
        found = [Actual(True, {"place": (1, 2)}) for _ in wanted]
        self.found = found
        return found

    def plan(self, wanted, actual):
        assert actual[0].state == {"place": [1, 2]}, "as the host was told, and not as it was read"
        return [Operation("none", payload={"n": len(actual)})]

class Unreadable(Provider):
    async def read(self, wanted):
        raise PermanentError("nobody knows")
"""
    )
    resources = [thing("a", kind="Unreadable"), thing("b", kind="Torn")]
    apart = loaded(source)
    actual = done(start(apart, "read", reading(*resources)))["actual"]
    readable = {"resources": resources[1:], "actual": actual[1:]}
    together = done(start(loaded(source), "read", {**reading(*resources), "plan": True}))
    assert together == {"actual": actual, **done(start(apart, "plan", readable))}
    assert [one["address"] for one in together["operations"]] == ["host/Torn/b"]
    assert "nobody knows" in together["actual"][0]["fault"]["message"]


def test_a_look_is_rehearsed_with_what_its_kind_says_of_one() -> None:
    source = """
from froyo_provider import Rehearsal

class Thing(Provider):
    rehearsal = Rehearsal({"path": "/r"}, {"file.stat": {"exists": False}})

    async def read(self, wanted):
        answers = await batch("file.stat", [{"path": one.spec["path"]} for one in wanted])
        return [Actual(answer["exists"], {}) for answer in answers]

    def plan(self, wanted, actual):
        return [Operation("create", [FieldDiff("path", None, one.spec["path"])]) for one in wanted]

class Other(Provider):
    rehearsal = Rehearsal({}, {})

    async def read(self, wanted):
        return [Actual((await call("dir.list", path="/"))["exists"], {})]
"""
    thing_said, other_said = map(json.loads, loaded(source).rehearse())
    assert thing_said["operations"][0]["action"] == "create"
    assert other_said["actual"][0]["fault"]["message"] == "dir.list: this is not rehearsed"
    assert loaded(THING).rehearse() == []


@pytest.mark.parametrize(
    ("rehearsal", "why"),
    [
        ("Rehearsal({}, {'file.stat': {}})", "it asks again and again: 16 round trips did not do"),
        ("Rehearsal({'path': object()}, {})", "not JSON serializable"),
        ("Rehearsal({}, {'file.stat': object()})", "not JSON serializable"),
        ("Rehearsal(None, {})", "'NoneType' object is not iterable"),
        ("'anything'", "no attribute 'spec'"),
    ],
)
def test_a_rehearsal_that_goes_wrong_harms_nobody(rehearsal: str, why: str) -> None:
    source = f"""
from froyo_provider import Rehearsal

class Thing(Provider):
    rehearsal = {rehearsal}

    async def read(self, wanted):
        while "ready" not in await call("file.stat", path="/r"):
            pass
"""
    driver = loaded(source)
    (said,) = map(json.loads, driver.rehearse())
    assert why in said["fault"]["message"]
    assert driver.start("init", "{}") == Done('{"kinds":["Thing"]}')


def test_what_one_resource_provokes_is_its_own_fault_alone() -> None:
    source = """
class Thing(Provider):
    async def read(self, wanted):
        return [Actual(True, {"n": 1 // one.spec["n"]}) for one in wanted]
    def plan(self, wanted, actual):
        for one in wanted:
            if one.name == "b": raise TransientError("later")
        return [Operation("none") for _ in wanted]
    async def apply(self, operation):
        if operation.address.endswith("b"): raise KeyError("b")
        return Result(False)
    async def destroy(self, operation):
        if operation.address.endswith("b"): return None
        return Result(True)
"""
    resources = [thing("a", n=1), thing("b", n=0), thing("c", n=1)]
    lifecycle = loaded(source)
    a, b, c = done(start(lifecycle, "read", reading(*resources)))["actual"]
    assert a["exists"]
    assert c["exists"]
    assert b["fault"]["message"].startswith("ZeroDivisionError: ")
    assert "(plugin.py, line 7, in " in b["fault"]["message"]

    actual = [{"address": one["address"], "exists": True, "state": {}} for one in resources]
    a, b, c = done(start(lifecycle, "plan", {"resources": resources, "actual": actual}))["operations"]
    assert (a["action"], b["fault"], c["action"]) == (
        "none",
        {"class": "transient", "message": "later"},
        "none",
    )

    operations = [{"address": one["address"], "action": "update", "payload": {}} for one in resources]
    a, b, c = done(start(lifecycle, "apply", {"operations": operations}))["results"]
    assert a["changed"] is c["changed"] is False
    assert b["fault"]["message"] == "KeyError: 'b' (plugin.py, line 13, in apply)"

    a, b, c = done(start(lifecycle, "destroy", {"operations": operations}))["results"]
    assert a["changed"]
    assert c["changed"]
    assert b["fault"]["message"].startswith("its provider returned nonsense: AttributeError")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return []", "read() returned 0 results for 1 resources"),
        ("return [None]", "read() returned NoneType where it owes Actual"),
        ("return None", "TypeError"),
        ("return [Actual(True, {'x': {1}})]", "what JSON cannot say"),
        ("return [Actual(True, {'x': float('inf')})]", "what JSON cannot say"),
        ("return [Actual(True, watch=5)]", "its provider returned nonsense: TypeError"),
        ("return [PermanentError('no')]", "no"),
        ("import random", "cannot import 'random'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_what_a_reader_owes_is_checked(body: str, message: str) -> None:
    assert message in fault_of(f"class Thing(Provider):\n    async def read(self, wanted):\n        {body}\n")


def test_a_state_without_an_end_is_a_fault() -> None:
    source = """
class Thing(Provider):
    async def read(self, wanted):
        state = {}
        state["again"] = state
        return [Actual(True, state)]
"""
    assert "what JSON cannot say" in fault_of(source)


@pytest.mark.parametrize("phase", ["read", "plan", "apply", "destroy"])
def test_what_a_provider_does_not_know_is_a_fault(phase: str) -> None:
    source = "class Thing(Provider):\n    pass\n"
    request = {
        "resources": [thing()],
        "actual": [{"address": "host/Thing/one", "exists": True, "state": {}}],
        "operations": [{"address": "host/Thing/one", "action": "update", "payload": {}}],
    }
    message = fault_of(source, phase, request)
    assert message.startswith("NotImplementedError")


def test_an_apply_that_is_no_coroutine_is_a_fault() -> None:
    source = "class Thing(Provider):\n    def apply(self, operation): return Result(True)\n"
    request = {"operations": [{"address": "host/Thing/one", "action": "update", "payload": {}}]}
    assert "TypeError" in fault_of(source, "apply", request)


MANY = """
class Thing(Provider):
    async def apply_all(self, operations):
        {body}

    async def refresh(self, operation):
        return Result(True, "refreshed")
"""


def applied_together(body: str) -> list[Any]:
    operations = [
        {"address": f"host/Thing/{name}", "action": action, "payload": {}}
        for name, action in (("a", "update"), ("b", "refresh"), ("c", "create"))
    ]
    return done(start(loaded(MANY.format(body=body)), "apply", {"operations": operations}))["results"]


def test_many_operations_are_done_in_one_go_where_the_kind_can() -> None:
    together = 'return [Result(True, str(len(operations))), PermanentError("held")]'
    a, b, c = applied_together(together)
    assert (a["output"], b["output"], c["fault"]["message"]) == ("2", "refreshed", "held")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise TransientError('the lock is held')", "the lock is held"),
        ("return [Result(True)]", "apply_all() returned 1 results for 2 operations"),
        ("return None", "TypeError"),
    ],
)
def test_what_befalls_many_befalls_each_of_them_and_no_other(body: str, message: str) -> None:
    a, b, c = applied_together(body)
    assert message in a["fault"]["message"]
    assert message in c["fault"]["message"]
    assert b["changed"]


def destroyed(methods: str) -> list[Any]:
    operations = [
        {"address": f"host/Thing/{name}", "action": "delete", "payload": {"name": name}} for name in "ab"
    ]
    source = f"class Thing(Provider):\n    {methods}\n"
    return done(start(loaded(source), "destroy", {"operations": operations}))["results"]


def test_what_is_to_go_goes_each_by_itself_or_in_one_go_where_the_kind_can() -> None:
    each = "async def destroy(self, operation): return Result(True, operation.payload['name'])"
    assert [one["output"] for one in destroyed(each)] == ["a", "b"]
    together = "async def destroy_all(self, all_): return [Result(True), PermanentError(str(len(all_)))]"
    gone, left = destroyed(together)
    assert (gone["changed"], left["fault"]["message"]) == (True, "2")
    short = destroyed("async def destroy_all(self, all_): return []")
    assert {one["fault"]["message"] for one in short} == {"destroy_all() returned 0 results for 2 operations"}


ASKING = """
class Thing(Provider):
    async def read(self, wanted):
        replies = []
        for path in wanted[0].spec["paths"]:
            try:
                replies.append(await gather(call("file.stat", path=path), call("file.stat", path=set())))
            except CallError as error:
                replies.append([error.code, error.message])
        return [Actual(True, {"replies": replies})]
"""


def test_arguments_that_json_cannot_say_fail_that_call_alone() -> None:
    lifecycle = loaded(ASKING)
    step = start(lifecycle, "read", reading(thing(paths=["/a", {"not": "sent"}])))
    for _ in range(2):
        assert isinstance(step, Pending)
        assert len(json.loads(step.calls)) == 1
        step = lifecycle.resume(step.task, '[{"ok": {}}]')
    replies = done(step)["actual"][0]["state"]["replies"]
    assert [code for code, _ in replies] == ["bad_call", "bad_call"]
    assert "its arguments are not JSON" in replies[0][1]


def test_when_no_argument_can_be_said_nobody_is_asked() -> None:
    source = """
class Thing(Provider):
    async def read(self, wanted):
        return [error for error in await batch("file.stat", [{"path": b"/x"} for _ in wanted])]
"""
    assert "its arguments are not JSON" in fault_of(source)


def test_tasks_wait_independently_and_can_be_given_up() -> None:
    lifecycle = loaded(THING)
    first, second = (start(lifecycle, "read", reading(thing(name))) for name in ("a", "b"))
    assert first.task != second.task
    lifecycle.cancel(first.task)
    lifecycle.cancel(first.task)
    with pytest.raises(PermanentError, match=r"no task .* waits"):
        lifecycle.resume(first.task, "[]")
    assert done(lifecycle.resume(second.task, '[{"ok": {"exists": false}}]'))["actual"][0]["exists"] is False


@pytest.mark.parametrize(("phase", "request_text"), [("fly", "{}"), ("read", "{"), ("read", "[" * 100_000)])
def test_what_the_host_sends_is_checked(phase: str, request_text: str) -> None:
    with pytest.raises(PermanentError, match=r"there is no phase 'fly'|the host sent what is not JSON"):
        loaded(THING).start(phase, request_text)


@pytest.mark.parametrize("phase", ["read", "plan", "apply", "destroy"])
def test_a_request_of_another_form_is_a_fault(phase: str) -> None:
    with pytest.raises(PermanentError, match="KeyError"):
        start(loaded(THING), phase, {})


def test_providers_can_be_adopted_from_a_module() -> None:
    class Here(Provider):
        async def read(self, wanted: list[Any]) -> list[Actual]:
            return [Actual(True, await call("facts")) for _ in wanted]

        def plan(self, wanted: list[Any], actual: list[Actual]) -> list[Operation]:
            return [Operation("none") for _ in wanted]

        async def apply(self, operation: Operation) -> Result:
            raise TransientError("never")

    module = types.SimpleNamespace(Here=Here, Provider=Provider, other=5)
    lifecycle = Lifecycle()
    lifecycle.adopt(vars(module).values())
    assert done(start(lifecycle, "init", {})) == {"kinds": ["Here"]}


FINDING = (
    THING
    + """
class Lost(Provider):
    async def find(self):
        return [Found("b", {"path": "/b"}), Found("a", {"path": "/a"}, "mind")]

class Broken(Provider):
    async def find(self):
        await call("dir.list", path="/x")
        raise TransientError("not now")
"""
)


def test_what_there_is_can_be_asked_kind_by_kind() -> None:
    lifecycle = loaded("from froyo_provider import Found\n" + FINDING)
    step = start(lifecycle, "read", {"target": {"name": "h"}, "find": []})
    assert isinstance(step, Pending)
    reply = done(lifecycle.resume(step.task, json.dumps([{"ok": {"entries": []}}])))
    assert reply["kinds"] == ["Broken", "Lost"]
    broken, first, second = reply["found"]
    assert (broken["kind"], broken["fault"]["class"]) == ("Broken", "transient")
    assert first == {"kind": "Lost", "name": "b", "spec": {"path": "/b"}}
    assert second["remark"] == "mind"
    alone = done(start(lifecycle, "read", {"target": {"name": "h"}, "find": ["Thing", "Lost"]}))
    assert alone["kinds"] == ["Lost"]
