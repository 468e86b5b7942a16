import types

import pytest

from froyo_provider import CallError, Provider
from froyo_provider.testing import Harness, World, error, resource
from tests.contract.providers.packages import HEAD, THING


@pytest.fixture
def plugin() -> types.ModuleType:
    module = types.ModuleType("plugin_of_an_author")
    exec(HEAD + THING, module.__dict__)
    return module


def test_a_provider_is_taken_through_its_phases(plugin: types.ModuleType) -> None:
    world = World(
        {"file.stat /etc/motd": {"exists": False}, "file.write": lambda args: {"changed": args["path"] != ""}}
    )
    harness = Harness(plugin.Thing, world)
    motd = resource("Thing", "motd", path="/etc/motd", mode="0644")

    actual = harness.read([motd])
    assert [(one["address"], one["exists"], one["watch"]) for one in actual] == [
        ("host/Thing/motd", False, ["path:/etc/motd"])
    ]
    assert harness.rounds == 1
    [operation] = harness.plan([motd], actual)
    assert operation["action"] == "create"
    assert harness.apply([operation]) == [{"address": "host/Thing/motd", "changed": True}]
    assert [one["call"] for one in world.calls] == ["file.stat", "file.write"]


def test_errors_can_be_answered_and_raised(plugin: types.ModuleType) -> None:
    odd = CallError("file.remove", {"message": "odd"})
    harness = Harness([plugin.Thing], World({"file.stat": error("enoent", "gone"), "file.remove": odd}))
    motd = resource("Thing", "motd", path="/etc/motd", mode="0644")

    actual = harness.read([motd])
    assert actual[0]["fault"] == {
        "class": "permanent",
        "message": "file.stat: gone",
        "call": "file.stat",
        "code": "enoent",
    }
    # What could not be read is not planned, and what does nothing is not applied.
    assert harness.plan([motd], actual) == []
    assert harness.apply([{"address": "x", "action": "none", "payload": {}}, actual[0]]) == []
    there = {"file.stat": {"exists": True, "mode": "0644"}, "file.remove": odd}
    with pytest.raises(CallError, match="odd"):
        Harness([plugin.Thing], World(there)).destroy([motd])


def test_a_module_gives_the_providers_that_it_defines(plugin: types.ModuleType) -> None:
    assert Harness(plugin, World({})).run("init", {}) == {"kinds": ["Thing"]}


def test_what_the_test_does_not_say_is_an_error(plugin: types.ModuleType) -> None:
    with pytest.raises(LookupError, match=r"the test does not say what file\.stat answers"):
        Harness(plugin.Thing, World({})).read([resource("Thing", "motd", path="/etc/motd")])


def test_phases_allow_no_more_than_they_do_in_the_host(plugin: types.ModuleType) -> None:
    class Rude(Provider):
        async def read(self, wanted):
            await testing_call()

    async def testing_call() -> None:
        from froyo_provider import call

        await call("file.write", path="/x")

    with pytest.raises(AssertionError, match=r"file\.write is not allowed in read"):
        Harness(Rude, World({})).read([resource("Rude", "x")])
