"""What has windows, or disrupts its host, is done when it may be, and said until then."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.model.resource import Deletion, Window
from reconciler.model.state import Approval
from reconciler.model.target import LocalTransport
from reconciler.plugins.calls import Phase
from tests.unit.engine.stage import Declared, address, execution, file, staged


def soon(stage):
    """A window that begins in three minutes, for an hour."""
    begins = datetime.fromtimestamp(stage.runtime.now(), UTC) + timedelta(minutes=3)
    return (Window((), f"{begins:%H:%M}", f"{begins + timedelta(hours=1):%H:%M}"),)


def disruptive(declared):
    return Declared(replace(declared.instance, disruptive=True), declared.content)


async def approve(stage, name):
    held = stage.controller.states()[address(name)].held
    await stage.controller.approve(
        [Approval(address=address(name), shown=held, by="ada", reason="now", at=0.0)]
    )


@staged
async def test_what_differs_is_held_until_its_window_begins(stage):
    await stage.declare(file("motd", "hello\n", windows=soon(stage)))
    await stage.until(lambda: stage.reason("motd") == "Held")
    assert "outside of its `windows`, the next of which begins at" in stage.summary("motd").message
    await asyncio.sleep(100)
    assert stage.content("motd") is None
    assert len(await stage.events("Held")) == 1
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=120.0)
    await stage.settled()


@staged
async def test_what_comes_after_it_waits(stage):
    await stage.declare(
        file("motd", "hello\n", windows=soon(stage)), file("later", "x\n", require=("File/motd",))
    )
    await stage.until(lambda: stage.reason("later") == "DependencyNotReady")
    assert stage.content("later") is None
    await stage.until(lambda: stage.content("later") == b"x\n", within=240.0)


@staged
async def test_a_refresh_that_is_owed_waits_for_the_window_too(stage):
    reload = execution("reload", "note", "reload", windows=soon(stage))
    await stage.declare(reload, file("motd", "one\n", notify=("Exec/reload",)))
    await stage.until(lambda: stage.reason("reload", kind="Exec") == "Held")
    assert "File/motd" in stage.summary("reload", kind="Exec").message
    assert (stage.content("motd"), stage.ran()) == (b"one\n", [])
    await stage.until(lambda: stage.ran() == ["note reload"], within=240.0)
    await asyncio.sleep(100)
    assert stage.ran() == ["note reload"]


@staged
async def test_a_refresh_that_would_do_nothing_is_neither_planned_nor_held_nor_owed(stage):
    """A Reboot that is only done when it is required waited for its window, and for a person, when it was notified."""
    moot = execution("reload", "note", "reload", windows=soon(stage))

    def instead(phase, request):
        if phase is not Phase.PLAN or request["resources"][0]["address"] != "m0/Exec/reload":
            return None
        none = {"address": "m0/Exec/reload", "action": "none", "payload": {}, "diffs": [], "refreshes": True}
        return {"operations": [none | {"blobs": [], "preimage": None, "calls": []}]}

    stage.host.instead = instead
    notifying = file("motd", "one\n", notify=("Exec/reload",))
    (plan,) = await stage.once(stage.desired(moot, notifying)).plan()
    assert {unit.address: unit.action.value for unit in plan.units}["m0/Exec/reload"] == "none"
    await stage.declare(moot, notifying)
    await stage.settled()
    assert (stage.content("motd"), stage.reason("reload", kind="Exec")) == (b"one\n", "InSync")
    assert (stage.ran(), await stage.store.load_owed(), await stage.events("Held")) == ([], [], [])


@staged
async def test_what_disrupts_is_held_where_there_are_no_windows(stage):
    await stage.declare(disruptive(file("motd", "hello\n")))
    await stage.until(lambda: stage.reason("motd") == "Held")
    assert "it disrupts its host" in stage.summary("motd").message
    await asyncio.sleep(200)
    assert stage.content("motd") is None
    await stage.declare(disruptive(file("motd", "hello\n", windows=(Window(),))))
    await stage.settled()
    assert stage.content("motd") == b"hello\n"


@staged
async def test_what_a_person_has_approved_is_done_at_once_and_not_the_next_time(stage):
    await stage.declare(disruptive(file("motd", "hello\n", windows=soon(stage))))
    await stage.until(lambda: stage.reason("motd") == "Held")
    await approve(stage, "motd")
    await stage.settled()
    assert stage.content("motd") == b"hello\n"
    stage.spoil("motd", b"mine\n")
    await stage.until(lambda: stage.reason("motd") == "Held")
    assert stage.content("motd") == b"mine\n"


@staged
async def test_on_the_controllers_own_host_a_window_is_not_enough(stage):
    wanted = stage.desired(disruptive(file("motd", "hello\n", windows=(Window(),))))
    here = {name: replace(one, transport=LocalTransport()) for name, one in wanted.targets.items()}
    await stage.controller.submit(replace(wanted, targets=here))
    await stage.until(lambda: stage.reason("motd") == "Held")
    assert "the host that froyo itself runs on" in stage.summary("motd").message
    await approve(stage, "motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n")


@staged
async def test_what_is_to_go_waits_for_no_window_where_that_disrupts_nothing(stage):
    def declared(*windows):
        shaking = disruptive(file("shaking", "x\n", windows=windows, deletion=Deletion.DELETE))
        calm = disruptive(file("calm", "x\n", windows=windows, deletion=Deletion.DELETE))
        return shaking, Declared(replace(calm.instance, removal_disrupts=False), calm.content)

    keep = file("keep", "x\n")
    await stage.declare(keep, *declared(Window()))
    await stage.settled()
    await stage.declare(keep, *declared(*soon(stage)))
    await stage.settled()
    await stage.declare(keep)
    await stage.until(lambda: stage.content("calm") is None and stage.reason("shaking") == "Held")
    assert stage.content("shaking") == b"x\n"
    await stage.until(lambda: stage.content("shaking") is None, within=240.0)


async def goes(stage, *, seconds):
    """The host goes with the first that is done, and is back after so many seconds."""
    weather = stage.machines["m0"].weather
    weather.hangs_up = 1.0
    await asyncio.sleep(1)
    weather.hangs_up, weather.refuses = 0.0, 1.0
    await asyncio.sleep(seconds)
    weather.refuses = 0.0


@staged
async def test_a_single_run_waits_for_the_return_of_what_it_has_disrupted(stage):
    one = disruptive(file("motd", "hello\n", windows=(Window(),)))
    after = file("after", "x\n", require=("File/motd",))
    going = asyncio.create_task(goes(stage, seconds=30))
    await asyncio.sleep(0)
    [result] = await stage.once(stage.desired(one, after)).apply()
    await going
    assert (result.error, result.failed) == ("", {})
    assert (stage.content("motd"), stage.content("after")) == (b"hello\n", b"x\n")


@staged
async def test_a_single_run_does_not_wait_for_ever(stage):
    one = disruptive(file("motd", "hello\n", windows=(Window(),)))
    going = asyncio.create_task(goes(stage, seconds=700))
    await asyncio.sleep(0)
    [result] = await stage.once(stage.desired(one)).apply()
    await going
    assert "it has not come back within 10 min" in result.error


@staged
async def test_a_single_run_that_loses_its_session_otherwise_says_so(stage):
    stage.machines["m0"].weather.hangs_up = 1.0
    [result] = await stage.once(stage.desired(file("motd", "hello\n"))).apply()
    assert result.error != ""
