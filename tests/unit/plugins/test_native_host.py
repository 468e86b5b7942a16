"""What both hosts do alike, tried where it is quick; tests/contract/providers tries it in WebAssembly."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ErrorClass, ProviderError
from reconciler.plugins import running
from reconciler.plugins.calls import Phase
from reconciler.plugins.capabilities import Capability, Grants
from reconciler.plugins.steps import Fault
from tests.contract.providers.packages import (
    HEAD,
    Target,
    granted,
    packages_of,
    reading,
    thing,
    write_package,
)
from tests.sim.native import NativeHost

MakeHost = Callable[..., NativeHost]


@pytest.fixture
def audit() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def make_host(tmp_path: Path, audit: list[tuple[str, dict[str, Any]]]) -> MakeHost:
    def make(source: str | None = None, *, grants: Grants | None = None, **settings: Any) -> NativeHost:
        write_package(tmp_path, **({} if source is None else {"source": HEAD + source}), **settings)
        packages = packages_of(tmp_path)
        return NativeHost(
            packages,
            grants=granted(packages) if grants is None else grants,
            audit=lambda event, facts: audit.append((event, dict(facts))),
        )

    return make


async def test_takes_a_resource_through_all_phases(make_host: MakeHost) -> None:
    host = make_host()
    target = Target(mode="0600")

    actual = (await host.run("test.thing", Phase.READ, reading(), target))["actual"]
    planned = await host.run("test.thing", Phase.PLAN, {"resources": [thing()], "actual": actual}, target)
    [operation] = planned["operations"]
    request = {"operations": [{key: operation[key] for key in ("address", "action", "payload")}]}
    applied = await host.run("test.thing", Phase.APPLY, request, target)
    removal = {"address": "host/Thing/one", "action": "delete", "payload": {"path": thing()["spec"]["path"]}}
    destroyed = await host.run("test.thing", Phase.DESTROY, {"operations": [removal]}, target)

    assert operation["action"] == "update"
    assert applied == destroyed == {"results": [{"address": "host/Thing/one", "changed": True}]}
    assert target.calls == ["file.stat", "file.write", "file.remove"]
    await host.close()


async def test_a_phase_may_be_given_by_its_name(make_host: MakeHost) -> None:
    reply = await make_host().run("test.thing", "read", reading(), Target())  # type: ignore[arg-type] # a phase's value
    assert reply["actual"][0]["exists"]


async def test_asks_for_many_things_in_one_round_trip(make_host: MakeHost) -> None:
    target = Target()
    resources = [thing(f"t{number}") for number in range(1000)]
    reply = await make_host().run("test.thing", Phase.READ, reading(*resources), target)
    assert [one["address"] for one in reply["actual"]] == [one["address"] for one in resources]
    assert [len(calls) for calls in target.rounds] == [1000]


async def test_what_is_refused_never_reaches_the_target_and_the_rest_does(
    make_host: MakeHost, audit: list[Any]
) -> None:
    some = Capability("file.stat", ("path:/etc/a", "path:/etc/c"))
    host = make_host(grants=Grants({"test.thing": (some,)}))
    target = Target()

    reply = await host.run("test.thing", Phase.READ, reading(*map(thing, "abc")), target)

    assert [call.args["path"] for call in target.rounds[0]] == ["/etc/a", "/etc/c"]
    a, b, c = reply["actual"]
    assert a["exists"]
    assert c["exists"]
    assert b["fault"]["class"] == "permanent"
    assert "the operator does not grant file.stat of path:/etc/b" in b["fault"]["message"]
    assert audit == [
        (
            "provider.refused",
            {
                "package": "test.thing",
                "phase": "read",
                "call": "file.stat",
                "reason": "the operator does not grant file.stat of path:/etc/b",
            },
        )
    ]


@pytest.mark.parametrize(("path", "allowed"), [("/srv/old", True), ("/etc/shadow", False)])
async def test_a_plan_names_no_preimage_that_the_package_could_not_have_read(
    make_host: MakeHost, path: str, allowed: bool
) -> None:
    host = make_host(
        f"""
class Thing(Provider):
    async def read(self, wanted):
        return [Actual(False, {{}}, []) for _ in wanted]

    def plan(self, wanted, actual):
        preimage = {{"path": {path!r}, "digest": "sha256:" + 64 * "0", "size": 1}}
        return [Operation("create", [FieldDiff("x", None, 1)], preimage=preimage) for _ in wanted]
""",
        grants=Grants({"test.thing": (Capability("file.stat", ("path:/srv/**",)),)}),
    )
    actual = (await host.run("test.thing", Phase.READ, reading(), Target()))["actual"]
    for _ in range(2):  # the second time from memory
        planning = host.run("test.thing", Phase.PLAN, {"resources": [thing()], "actual": actual}, Target())
        if allowed:
            assert (await planning)["operations"][0]["preimage"]["path"] == path
        else:
            with pytest.raises(
                ProviderError, match=r"preimage.*does not grant file\.stat of path:/etc/shadow"
            ):
                await planning


async def test_a_target_that_answers_too_little_is_our_own_defect(make_host: MakeHost) -> None:
    async def perform(calls: list[Any]) -> list[Any]:
        return []

    with pytest.raises(RuntimeError, match="1 calls were answered by 0 replies"):
        await make_host().run("test.thing", Phase.READ, reading(), perform)


async def test_gives_up_what_waits_when_it_is_cancelled(make_host: MakeHost) -> None:
    host = make_host("""
import sys
class Thing(Provider):
    async def read(self, wanted):
        try:
            await call("file.stat", path="/x")
        finally:
            sys.modules[__name__].given_up = True
""")
    asked = asyncio.Event()

    async def perform(calls: list[Any]) -> list[Any]:
        asked.set()
        await asyncio.Event().wait()
        return []

    run = asyncio.create_task(host.run("test.thing", Phase.READ, reading(), perform))
    await asked.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert host._loaded["test.thing"]._tasks == {}
    assert host.live == 0


async def test_a_fault_of_the_whole_keeps_its_class(
    make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make_host()
    instance = host.instance(host.packages["test.thing"])

    def busy(self: object, phase: Phase, request: str) -> None:
        raise Fault("come back later", ErrorClass.THROTTLED, 1500)

    monkeypatch.setattr(type(instance), "start", busy)
    with pytest.raises(ProviderError, match=r"^provider test\.thing, read: come back later$") as caught:
        await host.run("test.thing", Phase.READ, reading(), Target())
    assert (caught.value.error_class, caught.value.retry_after) == (ErrorClass.THROTTLED, 1.5)


async def test_a_plugin_that_does_not_load_says_so(make_host: MakeHost) -> None:
    host = make_host("1/0")
    with pytest.raises(ProviderError, match=r"does not load: ZeroDivisionError: .*plugin\.py, line"):
        await host.run("test.thing", Phase.READ, reading(), Target())


async def test_misbehaviour_is_audited_and_named(make_host: MakeHost, audit: list[Any]) -> None:
    host = make_host("""
class Thing(Provider):
    async def read(self, wanted):
        return [Actual(True, "no state")]
""")
    with pytest.raises(ProviderError, match=r"^provider test\.thing, read: answered about host/Thing/one: "):
        await host.run("test.thing", Phase.READ, reading(), Target())
    assert audit[0][0] == "provider.failed"
    assert audit[0][1].items() >= {"package": "test.thing", "phase": "read"}.items()


@pytest.mark.parametrize("limits", [{"calls": 2}, {"outputMiB": 1}])
async def test_limits_of_calls_and_output_hold_here_too(make_host: MakeHost, limits: dict[str, int]) -> None:
    host = make_host(
        """
class Thing(Provider):
    async def read(self, wanted):
        for _ in range(3):
            await call("file.stat", path="/x")
        return [Actual(True, {"text": "x" * (1 << 20)})]
""",
        limits=limits,
    )
    with pytest.raises(ProviderError, match=r"limits\.calls|limits\.outputMiB"):
        await host.run("test.thing", Phase.READ, reading(), Target())


async def test_recursion_without_end_is_misbehaviour(make_host: MakeHost) -> None:
    host = make_host("""
class Odd(dict):
    def __init__(self):
        raise RecursionError
class Thing(Provider):
    async def read(self, wanted):
        return [Actual(True, {})]
""")

    def recurse() -> Any:
        raise RecursionError

    instance = host.instance(host.packages["test.thing"])
    from reconciler.plugins.steps import Misbehaviour

    with pytest.raises(Misbehaviour, match="broke down: RecursionError"):
        instance._step(recurse)


async def test_an_instance_that_is_given_up_is_made_again(
    make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LIVE_MAX", 0)
    host = make_host("""
class Thing(Provider):
    async def read(self, wanted):
        one = await call("file.stat", path="/one")
        two = await call("file.stat", path="/two")
        return [Actual(True, {"one": one["mode"], "two": two["mode"]})]
""")
    target = Target(mode="0640")
    reply = await host.run("test.thing", Phase.READ, reading(), target)
    assert reply["actual"][0]["state"] == {"one": "0640", "two": "0640"}
    assert [calls[0].args["path"] for calls in target.rounds] == ["/one", "/two"]
    assert host._loaded["test.thing"]._tasks == {}
