"""What would be changed is told without anything being changed, as far as a target can be asked."""

import asyncio

from reconciler.core.sharing import SHARDS, shard_of
from reconciler.engine.loop.foreseeing import ANOTHERS, NO_SESSION
from reconciler.model.names import TargetName
from reconciler.model.plan import Action
from reconciler.model.state import Suspension
from tests.unit.engine.stage import address, file, staged


@staged
async def test_who_asks_changes_nothing_be_it_in_memory(stage):
    await stage.declare(file("motd", "hello\n"), file("other", "other\n"))
    await stage.settled()
    held = Suspension(object="m0", by="ada", reason="x", since=stage.now())
    await stage.controller.suspend(held)
    stage.spoil("motd")
    await stage.until(lambda: stage.reason("motd") == "Suspended")
    await asyncio.sleep(5.0)
    lane, states, writes = (
        stage.controller.lanes.get(TargetName("m0")),
        stage.controller.states(),
        stage.writes,
    )
    before = (lane.states.copy(), list(lane.sightings), list(lane.unsettled), lane.recording)
    for _ in range(2):
        [plan] = await stage.controller.plan()
        assert [one.address for one in plan.units if one.action is not Action.NONE] == [address("motd")]
    assert (lane.states, list(lane.sightings), list(lane.unsettled), lane.recording) == before
    assert (stage.controller.states(), stage.writes, stage.content("motd")) == (states, writes, b"spoiled\n")


@staged(machines=("m0", "m1"))
async def test_of_a_target_that_cannot_be_asked_here_it_is_said_why(stage):
    stage.machines["m1"].powered = False
    await stage.declare(file("motd", "hello\n"), file("motd", "hello\n", on="m1"))
    await stage.until(lambda: stage.summary("motd").ready)
    assert [one.errors.get(one.target, "") for one in await stage.controller.plan()] == ["", NO_SESSION]
    ours = stage.controller.share
    ours.alone, ours.leads = False, False
    ours.gain(set(range(SHARDS)) - {shard_of(TargetName("m1"))})
    assert [one.errors.get(one.target, "") for one in await stage.controller.plan()] == ["", ANOTHERS]
