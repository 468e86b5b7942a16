"""A directory that is purged leaves alone what others manage in it, and a change of that is nobody's drift."""

import asyncio

from reconciler.model.state import Suspension
from reconciler.plugins.calls import Phase
from tests.sim.files import Node
from tests.sim.manifests import instance
from tests.unit.engine.stage import VIM, Declared, address, file, staged


def directory(**spec):
    return Declared(instance("m0", "Directory", "d", {"path": "/srv/d", "purge": True} | spec), None)


def inside(name):
    return file(name, "hello\n", spec={"path": f"/srv/d/{name}"})


@staged
async def test_what_is_put_into_a_purged_directory_is_drift_and_removed(stage):
    await stage.declare(directory(), inside("motd"))
    await stage.settled()
    stage.machines["m0"].files.put("/srv/d/litter", Node(content=b"litter\n"), VIM)
    await stage.until(lambda: "/srv/d/litter" not in stage.machines["m0"].files.nodes, within=1.0)
    await stage.settled()
    (event,) = await stage.events("Repaired")
    assert (event.object, event.evidence.command) == ("m0/Directory/d", "vim")
    assert "/srv/d/motd" in stage.machines["m0"].files.nodes


@staged
async def test_what_is_no_longer_declared_in_a_purged_directory_goes_and_is_no_drift(stage):
    await stage.declare(directory(), inside("motd"), inside("issue"))
    await stage.settled()
    await stage.declare(directory(), inside("motd"))
    await stage.until(lambda: "/srv/d/issue" not in stage.machines["m0"].files.nodes)
    await stage.settled()
    assert await stage.events("Repaired") == []
    (event,) = await stage.events("Updated")
    assert event.object == "m0/Directory/d"


@staged
async def test_the_same_over_a_restart_is_no_drift_either(stage):
    await stage.declare(directory(), inside("motd"), inside("issue"))
    await stage.settled()
    await stage.again()
    await stage.declare(directory(), inside("motd"))
    await stage.until(lambda: "/srv/d/issue" not in stage.machines["m0"].files.nodes)
    await stage.settled()
    assert await stage.events("Repaired") == []


@staged
async def test_what_is_suspended_between_plan_and_apply_is_not_applied(stage):
    """motd waits for issue, and is suspended while that is being put right."""
    await stage.declare(file("issue", "hello\n"), file("motd", "hello\n", require=("File/issue",)))
    await stage.settled()
    suspending = []

    def suspend(phase, _request):
        if phase is Phase.APPLY and not suspending:
            wish = Suspension(object=address("motd"), by="alice", reason="I am at it", since=stage.now())
            suspending.append(asyncio.ensure_future(stage.controller.suspensions.put(wish)))

    stage.host.instead = suspend
    stage.machines["m0"].powered = False
    stage.machines["m0"].lose_sessions()
    await stage.until(lambda: not stage.machines["m0"].runners)
    stage.spoil("issue")
    stage.spoil("motd")
    stage.machines["m0"].powered = True
    await stage.until(lambda: stage.reason("motd") == "Suspended")
    await asyncio.sleep(5.0)
    assert stage.content("issue") == b"hello\n"
    assert stage.content("motd") == b"spoiled\n"
    assert await stage.store.in_doubt() == []


@staged
async def test_what_waits_for_another_instance_leaves_no_run_behind(stage):
    stage.machines["m0"].files.put("/srv/issue", Node("directory", 0o755), VIM)
    await stage.declare(file("issue", "hello\n"), file("motd", "hello\n", require=("File/issue",)))
    await stage.until(lambda: stage.reason("motd") == "DependencyNotReady")
    await asyncio.sleep(300.0)
    assert await stage.store.runs() == []
    stage.machines["m0"].files.remove("/srv/issue", VIM)
    await stage.settled()
    assert stage.content("motd") == b"hello\n"


@staged
async def test_an_answer_without_sense_about_one_instance_stalls_no_other_for_longer_than_it_lasts(stage):
    await stage.declare(file("motd", "hello\n"), file("issue", "hello\n"))
    await stage.settled()
    stage.machines["m0"].weather.lies = 1.0
    stage.spoil("motd")
    await asyncio.sleep(5.0)
    assert stage.reason("motd") == "PermanentError"
    stage.machines["m0"].weather.clear()
    await stage.settled(within=90.0)
    assert stage.content("motd") == b"hello\n"


@staged
async def test_what_is_no_longer_declared_is_no_drift_either_after_one_more_start(stage):
    """That it was ours was forgotten with it; only the controller that had forgotten it knew what that meant."""
    await stage.declare(directory(), inside("motd"))
    await stage.settled()
    await stage.end()
    stage.machines["m0"].powered = False
    await stage.begin()
    await stage.declare(directory())
    await asyncio.sleep(10)
    await stage.again()
    stage.machines["m0"].powered = True
    await stage.declare(directory())
    await stage.until(lambda: "/srv/d/motd" not in stage.machines["m0"].files.nodes)
    await stage.settled()
    assert await stage.events("Repaired") == []
    assert len(await stage.events("Orphaned")) == 1
