"""A provider that means ill is contained, audited and named; whoever else is served goes on being served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.errors import ErrorClass, ProviderError
from reconciler.plugins.calls import Phase
from tests.contract.providers.conftest import Audit, MakeHost
from tests.contract.providers.packages import HEAD, Target, reading, thing, write_package

# Only what never ends is stopped by its time, and nothing else on a busy machine.
LIMITS = {"stepSeconds": 30, "memoryMiB": 96, "outputMiB": 1, "calls": 50}


def reads(body: str) -> str:
    """A plugin whose `read` is the given lines."""
    lines = "\n".join(f"        {line}" for line in body.strip().splitlines())
    return f"{HEAD}import re, sys\n\nclass Thing(Provider):\n    async def read(self, wanted):\n{lines}\n"


WHOLE_RUN = {
    "endless loop": ("while True: pass", r"took longer than 2 s"),
    "endless loop in C": ("re.match('(a*)*b', 'a' * 60)", r"took longer than 2 s"),
    "endless loop that swallows what it can": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        r"took longer than 2 s",
    ),
    "recursion in C": (
        "sys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr(self)\nrepr(A())",
        "recursed too deeply",
    ),
    "a nest of lists": (
        "nest = []\nfor _ in range(200_000): nest = [nest]\nreturn [Actual(True, {'nest': nest})]",
        "recursed too deeply|RecursionError|broke down",
    ),
    "a large reply": (
        "return [Actual(True, {'text': 'x' * 3_000_000})]",
        r"answered 3 MiB, and may answer 1",
    ),
    "a reply of 100 MB": (
        "return [Actual(True, {'text': 'x' * 100_000_000})]",
        "answered 95 MiB, and may answer 1",
    ),
    "too many calls at once": ("await batch('file.stat', [{'path': '/x'}] * 51)", "more than 50 calls"),
    "calls without end": ("while True: await call('file.stat', path='/x')", "more than 50 calls"),
    "refused calls without end": (
        "while True:\n    try: await call('exec', argv=['id'])\n    except CallError: pass",
        "more than 50 calls",
    ),
    "a state that is no object": (
        "return [Actual(True, 'text')]",
        "answered about host/Thing/one: .*`state`",
    ),
    "a watch of no subject": ("return [Actual(True, {}, ['/etc'])]", "no list of subjects"),
    "a clock": ("import datetime\ndatetime.datetime.now()", "reached for a clock"),
}


@pytest.mark.parametrize(("body", "reason"), WHOLE_RUN.values(), ids=WHOLE_RUN.keys())
async def test_ends_its_own_run_with_an_error_that_names_it(
    body: str, reason: str, tmp_path: Path, make_host: MakeHost, audit: Audit
) -> None:
    other = {"memoryMiB": 1024} if "100_000_000" in body else {"stepSeconds": 2} if "longer" in reason else {}
    write_package(tmp_path, reads(body), name="test.hostile", limits=LIMITS | other)
    write_package(tmp_path, name="test.honest", kinds=("Thing2",), source=HONEST)
    host = await make_host()

    with pytest.raises(ProviderError, match=reason) as caught:
        await host.run("test.hostile", Phase.READ, reading(), Target())

    assert str(caught.value).startswith("provider test.hostile, read: ")
    assert caught.value.error_class is ErrorClass.PERMANENT
    failures = [facts for event, facts in audit if event == "provider.failed"]
    assert (failures[-1]["package"], failures[-1]["phase"]) == ("test.hostile", "read")
    if "reached" not in str(caught.value):
        assert re.search(reason, str(failures[-1:] or caught.value))
    # Others carry on, and so would it.
    reply = await host.run("test.honest", Phase.READ, reading(thing(kind="Thing2")), Target())
    assert reply["actual"][0]["exists"] is True


HONEST = (
    HEAD
    + """
class Thing2(Provider):
    async def read(self, wanted):
        return [Actual(True, await call("file.stat", path=one.spec["path"])) for one in wanted]
"""
)

ONE_RESOURCE = {
    "memory bomb": ("hog = []\nwhile True: hog.append(bytearray(1 << 20))", "MemoryError"),
    "recursion": ("def again(n): return again(n + 1)\nagain(0)", "RecursionError"),
    "leaving": ("sys.exit(0)", "SystemExit"),
    "a fault of a class that there is not": (
        "fault = PermanentError('x')\nfault.error_class = 'apocalyptic'\nraise fault",
        "apocalyptic",
    ),
    "an answer too few": ("return []", "returned 0 results for 1 resources"),
    "an answer that is none": ("return [3]", "returned int where it owes Actual"),
    "something that JSON cannot say": ("return [Actual(True, {'x': {1, 2}})]", "what JSON cannot say"),
    "a number that JSON cannot say": ("return [Actual(True, {'x': float('nan')})]", "what JSON cannot say"),
    "arguments that JSON cannot say": ("await call('file.stat', path=b'/x')", "its arguments are not JSON"),
    "waiting for something else": (
        "import types\n@types.coroutine\ndef pause(): yield\nawait pause()",
        "can only await call",
    ),
    "a file": ("open('/etc/passwd')", "has no files"),
    "an operating system": ("import os", "cannot import 'os'"),
    "another's module": ("import componentize_py_runtime", "cannot import 'componentize_py_runtime'"),
}


@pytest.mark.parametrize(("body", "reason"), ONE_RESOURCE.values(), ids=ONE_RESOURCE.keys())
async def test_what_one_resource_provokes_is_its_own_fault_alone(
    body: str, reason: str, tmp_path: Path, make_host: MakeHost
) -> None:
    guarded = "if wanted[0].name != 'bad' and len(wanted) == 1: return [Actual(True, {})]\n"
    write_package(tmp_path, reads(f"{guarded}{body}"), limits=LIMITS)
    host = await make_host()

    request = reading(thing("good"), thing("bad"), thing("better"))
    if "apocalyptic" in reason:
        with pytest.raises(ProviderError, match="a fault of class 'apocalyptic'"):
            await host.run("test.thing", Phase.READ, request, Target())
        return
    reply = await host.run("test.thing", Phase.READ, request, Target())

    good, bad, better = reply["actual"]
    assert good["exists"]
    assert better["exists"]
    assert bad["fault"]["class"] == "permanent"
    assert reason in bad["fault"]["message"]


async def test_cannot_write_while_it_reads(tmp_path: Path, make_host: MakeHost, audit: Audit) -> None:
    body = "await call('file.write', path='/etc/motd')\nreturn [Actual(True, {})]"
    write_package(tmp_path, reads(body))
    host = await make_host()
    target = Target()

    reply = await host.run("test.thing", Phase.READ, reading(), target)

    assert target.calls == []
    assert "in read a provider may only look" in reply["actual"][0]["fault"]["message"]
    assert [event for event, _ in audit] == ["provider.refused"]
    assert audit[0][1]["call"] == "file.write"


async def test_can_ask_for_nothing_while_it_plans(tmp_path: Path, make_host: MakeHost, audit: Audit) -> None:
    plan = """
class Thing(Provider):
    def plan(self, wanted, actual):
        waiting = call("file.stat", path="/etc/shadow")
        waiting.send(None)
        raise PermanentError("nothing was answered")
"""
    write_package(tmp_path, HEAD + plan)
    host = await make_host()
    target = Target()

    actual = [{"address": "host/Thing/one", "exists": False, "state": {}}]
    reply = await host.run("test.thing", Phase.PLAN, {"resources": [thing()], "actual": actual}, target)

    assert reply["operations"][0]["fault"]["message"] == "nothing was answered"
    assert target.rounds == []


async def test_is_refused_what_it_did_not_ask_for_and_what_was_not_granted(
    tmp_path: Path, make_host: MakeHost, audit: Audit
) -> None:
    from reconciler.plugins.capabilities import Capability, Grants

    body = """
refused = []
for path in ("/etc/motd", "/etc/shadow", "/root/x", "/etc/../root/x"):
    try:
        await call("file.stat", path=path)
    except CallError as error:
        refused.append([path, error.code, error.message])
return [Actual(True, {"refused": refused})]
"""
    asked = [{"call": "file.stat", "subjects": ["path:/etc/**", "path:/srv/**"]}]
    write_package(tmp_path, reads(body), capabilities=asked)
    grants = Grants({"test.thing": (Capability("file.stat", ("path:/etc/motd", "path:/root/**")),)})
    host = await make_host(grants=grants)
    target = Target()

    reply = await host.run("test.thing", Phase.READ, reading(), target)

    assert [calls[0].args["path"] for calls in target.rounds] == ["/etc/motd"]
    refused = {path: (code, message) for path, code, message in reply["actual"][0]["state"]["refused"]}
    assert {path: code for path, (code, _) in refused.items()} == dict.fromkeys(
        ["/etc/shadow", "/root/x", "/etc/../root/x"], "refused"
    )
    assert "the operator does not grant file.stat of path:/etc/shadow" in refused["/etc/shadow"][1]
    assert "its manifest does not ask for file.stat of path:/root/x" in refused["/root/x"][1]
    assert "is not an absolute one" in refused["/etc/../root/x"][1]
    # Once a run for each call, so that the log cannot be flooded.
    assert len(audit) == 1


async def test_remembers_nothing_from_one_use_to_the_next(tmp_path: Path, make_host: MakeHost) -> None:
    source = reads("seen.append(wanted[0].name)\nreturn [Actual(True, {'seen': seen})]") + "\nseen = []\n"
    write_package(tmp_path, source)
    host = await make_host(spares=1, warm=True)

    for name in ("first", "second", "third"):
        reply = await host.run("test.thing", Phase.READ, reading(thing(name)), Target())
        assert reply["actual"][0]["state"] == {"seen": [name]}


NOT_LOADING = {
    "syntax": ("def broken(:", r"plugin\.py does not load: SyntaxError: .*line 1"),
    "raises": ("1/0", r"ZeroDivisionError: division by zero \(plugin\.py, line 1"),
    "empty": ("", "defines no subclass of froyo_provider.Provider"),
    "imports": ("import socket", "cannot import 'socket'"),
    "another kind": (HEAD + "class Other(Provider): pass", r"implements the kinds \['Other'\].*\['Thing'\]"),
    "endless": ("while True: pass", r"took longer than 2 s"),
    "hungry": ("hog = [bytearray(1 << 20) for _ in range(2000)]", "MemoryError"),
}


@pytest.mark.parametrize(("source", "reason"), NOT_LOADING.values(), ids=NOT_LOADING.keys())
async def test_that_does_not_load_says_so_whenever_it_is_used(
    source: str, reason: str, tmp_path: Path, make_host: MakeHost, audit: Audit
) -> None:
    write_package(tmp_path, source, limits=LIMITS | ({"stepSeconds": 2} if "longer" in reason else {}))
    host = await make_host(warm=True)

    for _ in range(2):
        with pytest.raises(ProviderError, match=reason) as caught:
            await host.run("test.thing", Phase.READ, reading(), Target())
        assert str(caught.value).startswith("provider test.thing, load: ")
    assert [(event, facts["phase"]) for event, facts in audit] == [("provider.failed", "load")]
