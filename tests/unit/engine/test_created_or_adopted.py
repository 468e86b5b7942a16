"""What is there and yet was as its absence says before us is created by us: its removal brings that back."""

import asyncio

import pytest

from reconciler.model.names import Address
from reconciler.model.plan import Action
from reconciler.model.resource import Adopt, Deletion
from reconciler.plugins.calls import Phase
from tests.sim.files import Node
from tests.sim.manifests import instance
from tests.sim.systemd import link_of
from tests.unit.engine.stage import Declared, address, file, staged

APP = Address("m0/Service/app")
SPEC = {
    "unit": "app.service",
    "state": "running",
    "startup": "enabled",
    "onRefresh": "restart",
    "timeout": 120,
}


def service(**common):
    spec = SPEC | {"settle": 1} | common.pop("spec", {})
    return Declared(instance("m0", "Service", "app", spec, **{"deletion": Deletion.DELETE} | common), None)


def units(stage):
    """The modelled systemd, which knows a unit that is stopped and disabled."""
    found = stage.machines["m0"].system.units
    found.packaged["app.service"] = "[Service]\n"
    return found


def enable(stage):
    node = Node("symlink", 0o777, to="/lib/systemd/system/app.service")
    units(stage).query("app.service")  # it has read that one
    stage.machines["m0"].files.put(link_of("app.service"), node, None)


async def ownership(stage):
    return (await stage.store.load_inventory())[APP].ownership


@staged
async def test_what_was_as_its_absence_says_is_so_again_when_it_is_dropped(stage):
    systemd = units(stage)
    await stage.declare(service())
    await stage.settled()
    assert (systemd.states["app.service"].active, systemd.is_enabled("app.service")) == ("active", True)
    (updated,) = await stage.events("Updated")
    assert "state (stopped → running)" in updated.message
    assert await ownership(stage) == "created"
    [run] = [one for one in await stage.store.runs() if one.units]
    assert [one.action for one in await stage.store.run_units(run.id)] == [Action.CREATE]
    await stage.declare()
    await stage.until(lambda: not stage.controller.states())
    assert (systemd.states["app.service"].active, systemd.is_enabled("app.service")) == ("inactive", False)
    assert [one.object for one in await stage.events("Removed")] == [APP]


@staged
async def test_what_was_otherwise_in_one_respect_was_there_before_us_and_stays(stage):
    systemd = units(stage)
    enable(stage)
    await stage.declare(service())
    await stage.settled()
    assert await ownership(stage) == "adopted"
    await stage.declare()
    await stage.until(lambda: not stage.controller.states())
    assert (systemd.states["app.service"].active, systemd.is_enabled("app.service")) == ("active", True)
    await asyncio.sleep(3.0)
    (orphaned,) = await stage.events("Orphaned")
    assert "it was there before us" in orphaned.message


@staged
async def test_what_was_done_of_it_by_an_attempt_that_failed_is_ours_too(stage):
    systemd = units(stage)
    systemd.failing.add("app.service")
    await stage.declare(service(adopt=Adopt.REPLACE))
    await stage.until(lambda: stage.stalled_for(APP))
    assert systemd.is_enabled("app.service")
    # What has come of it is nothing that was there before, over a restart, too.
    await stage.again()
    systemd.failing.clear()
    await stage.declare(service(adopt=Adopt.HOLD))
    await stage.settled()
    assert await ownership(stage) == "created"
    await stage.declare()
    await stage.until(lambda: not stage.controller.states())
    assert (systemd.states["app.service"].active, systemd.is_enabled("app.service")) == ("inactive", False)


@staged
async def test_what_is_held_at_first_contact_is_held_whatever_its_absence_says(stage):
    systemd = units(stage)
    await stage.declare(service(adopt=Adopt.HOLD))
    await stage.until(lambda: stage.reason("app", kind="Service") == "Held")
    assert not systemd.is_enabled("app.service")


@pytest.mark.parametrize("answer", ["fault", "raises"])
def test_where_it_cannot_be_said_what_its_absence_is_it_was_there_before(answer, tmp_path):
    @staged
    async def played(stage):
        units(stage)

        def unable(phase, request):
            asked = request.get("resources", [])
            if phase is not Phase.READ or not any(one.get("removed") for one in asked):
                return None
            if answer == "raises":
                return {}
            fault = {"class": "permanent", "message": "no"}
            return {"actual": [{"address": one["address"], "fault": fault} for one in asked]}

        stage.host.instead = unable
        await stage.declare(service())
        await stage.settled()
        assert await ownership(stage) == "adopted"

    played(tmp_path)


@staged
async def test_of_a_kind_that_does_not_say_so_its_absence_is_not_asked_for(stage):
    asked = []

    def note(phase, request):
        asked.extend(one for one in request.get("resources", []) if one.get("removed"))

    stage.host.instead = note
    stage.spoil("motd", b"other\n")
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert asked == []
    assert (await stage.store.load_inventory())[address("motd")].ownership == "adopted"


async def of_one_that_runs(stage, declared):
    """Whose it is, where it runs and is enabled or disabled before, and this is declared of it."""
    systemd = units(stage)
    systemd.query("app.service")
    systemd.states["app.service"].active = "active"
    spec = {key: value for key, value in SPEC.items() if key not in {"state", "startup"}} | declared
    one = instance("m0", "Service", "app", spec | {"settle": 1}, deletion=Deletion.DELETE)
    await stage.declare(Declared(one, None))
    await stage.settled()
    return await ownership(stage)


@staged
async def test_what_is_only_declared_to_be_off_was_there_before_us(stage):
    enable(stage)
    assert await of_one_that_runs(stage, {"state": "stopped", "startup": "disabled"}) == "adopted"


@staged
async def test_what_was_set_in_any_way_before_us_was_there_before_us(stage):
    """What it is declared to be later would count as created by us as well: a unit that ran before us was stopped."""
    assert await of_one_that_runs(stage, {"startup": "enabled"}) == "adopted"
