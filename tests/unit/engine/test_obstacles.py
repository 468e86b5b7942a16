"""What is in the way of a change is part of what is read: it is told before, and tried again when it has gone."""

from reconciler.model.conditions import Reason
from reconciler.model.names import Address
from reconciler.model.plan import Action
from reconciler.model.resource import Policy
from reconciler.plugins.calls import Phase
from tests.sim.files import Node
from tests.sim.manifests import instance
from tests.unit.engine.stage import VIM, Declared, address, execution, file, staged


def directory(name, *, on="m0", **common):
    return Declared(instance(on, "Directory", name, {"path": f"/srv/{name}"}, **common), None)


def units(plans):
    return {unit.address: unit for plan in plans for unit in plan.units}


def applied(stage):
    return stage.host.calls.count(Phase.APPLY)


@staged
async def test_a_plan_says_what_would_fail(stage):
    stage.machines["m0"].files.immutable.add("/srv")
    shown = stage.desired(
        file("lone", "x\n", spec={"path": "/srv/app/lone"}),
        file("fixed", "x\n"),
        file("far", "x\n", spec={"path": "/far"}),
    )
    planned = units(await stage.once(shown).plan())
    assert planned[address("lone")].action is Action.CREATE
    assert planned[address("lone")].fails == (
        "/srv/app does not exist; declare a Directory for it, require the Package that brings it, "
        "or make it on the target"
    )
    assert planned[address("fixed")].fails.startswith("/srv is immutable; take the attribute away")
    assert planned[address("far")].fails == ""
    (result,) = await stage.once(shown).apply()
    assert result.changed == [address("far")]
    assert result.failed.keys() == {address("lone"), address("fixed")}
    assert result.left == {}


@staged
async def test_what_the_same_plan_brings_is_not_missing(stage):
    shown = stage.desired(
        file("deep", "x\n", spec={"path": "/srv/app/deep"}),
        directory("app"),
        execution("make", "true", spec={"creates": "/srv/made"}),
        file("made", "x\n", spec={"path": "/srv/made/x"}, require=("Exec/make",)),
    )
    planned = units(await stage.once(shown).plan())
    assert planned[address("deep")].fails == ""
    assert planned[address("made")].fails == ""
    (result,) = await stage.once(shown).apply()
    assert stage.machines["m0"].files.nodes["/srv/app/deep"].content == b"x\n"
    assert address("deep") not in result.failed


@staged
async def test_what_waits_for_what_people_have_left_as_it_is_is_said_to(stage):
    """A plan showed it as something to create, and apply did not."""
    shown = stage.desired(
        file("seen", "x\n", policy=Policy.OBSERVE), file("after", "y\n", require=("File/seen",))
    )
    said = "File/seen, which differs, and is left as it is"
    assert units(await stage.once(shown).plan())[address("after")].fails == f"waits for {said}"
    (result,) = await stage.once(shown).apply()
    assert result.failed[address("after")].message == f"waits for {address('seen')}, {said[11:]}"


@staged
async def test_what_waits_for_a_failure_is_planned_to(stage):
    stage.machines["m0"].files.immutable.add("/srv")
    shown = stage.desired(directory("app"), file("deep", "x\n", spec={"path": "/srv/app/deep"}))
    planned = units(await stage.once(shown).plan())
    assert planned[address("deep")].fails == "waits for Directory/app, which would fail"
    (result,) = await stage.once(shown).apply()
    assert result.failed[address("deep")].reason == "DependencyNotReady"


@staged
async def test_what_something_unrelated_brings_is_used_in_the_same_apply(stage):
    """Nobody can know where a link leads, so nothing orders the two; both are declared, and one apply does both."""
    link = Declared(instance("m0", "Symlink", "link", {"path": "/srv/app", "to": "data"}), None)
    shown = stage.desired(
        file("deep", "x\n", spec={"path": "/srv/data/deep"}), directory("data", infer_edges=False), link
    )
    (result,) = await stage.once(shown).apply()
    assert result.failed == {}


@staged
async def test_it_is_tried_at_once_when_what_was_missing_has_come(stage):
    await stage.declare(file("deep", "x\n", spec={"path": "/srv/app/deep"}))
    await stage.until(lambda: stage.reason("deep") == "TransientError")
    assert applied(stage) == 0
    assert len(await stage.events("TransientError")) == 1
    stage.machines["m0"].files.put("/srv/app", Node("directory", 0o755), VIM)
    assert await stage.until(lambda: "/srv/app/deep" in stage.machines["m0"].files.nodes) < 1


@staged
async def test_it_is_tried_within_a_minute_when_what_cannot_be_watched_has_gone(stage):
    stage.machines["m0"].files.immutable.add("/srv")
    await stage.declare(file("motd", "x\n"))
    await stage.until(lambda: stage.reason("motd") == "PermanentError")
    assert applied(stage) == 0
    stage.machines["m0"].files.immutable.clear()
    assert await stage.until(lambda: stage.content("motd") == b"x\n") < 61
    assert len(await stage.events("PermanentError")) == 1


@staged
async def test_what_a_person_should_know_of_what_is_in_sync_is_told(stage):
    def remarkable(phase, request):
        addresses = [one["address"] for one in request["resources"]]
        if phase is Phase.READ:
            said = {"exists": True, "state": {}, "watch": [], "remark": "left alone: data"}
            return {"actual": [{"address": one, **said} for one in addresses]}
        nothing = {"action": "none", "diffs": [], "payload": {}, "blobs": [], "preimage": None}
        return {"operations": [{"address": one, **nothing} for one in addresses]}

    stage.host.instead = remarkable
    shown = stage.desired(file("motd", "x\n"))
    assert units(await stage.once(shown).plan())[address("motd")].remark == "left alone: data"
    await stage.declare(file("motd", "x\n"))
    await stage.settled()
    assert stage.summary("motd").message == "as declared; left alone: data"


RUN = {"creates": "/srv/made"}


def made(stage):
    return stage.reason("one", kind="Exec")


@staged
async def test_a_command_that_cannot_be_run_is_planned_to_fail_and_run_when_it_can_be(stage):
    stage.machines["m0"].programs.lacking.add("/srv/make")
    run = execution("one", "/srv/make", spec=RUN)
    shown = stage.desired(run)
    planned = units(await stage.once(shown).plan())[Address("m0/Exec/one")]
    assert planned.fails == (
        "/srv/make does not exist; install it on the target, or name the program by its absolute path"
    )
    brings = file("make", "x\n")
    assert not units(await stage.once(stage.desired(run, brings)).plan())[Address("m0/Exec/one")].fails
    await stage.declare(run)
    await stage.until(lambda: made(stage) == Reason.PERMANENT_ERROR)
    assert stage.ran() == []
    stage.machines["m0"].programs.lacking.clear()
    stage.spoil("make")
    assert await stage.until(lambda: stage.ran() == ["/srv/make"]) < 5


@staged
async def test_a_handler_that_cannot_be_run_is_planned_to_fail(stage):
    stage.machines["m0"].programs.lacking.add("/srv/reload")
    handler = execution("one", "/srv/reload")
    shown = stage.desired(file("motd", "x\n", notify=("Exec/one",)), handler)
    planned = units(await stage.once(shown).plan())
    assert planned[Address("m0/Exec/one")].action is Action.REFRESH
    assert "/srv/reload does not exist" in planned[Address("m0/Exec/one")].fails
    assert not planned[address("motd")].fails
    shown = stage.desired(handler)
    assert not units(await stage.once(shown).plan())[Address("m0/Exec/one")].fails
