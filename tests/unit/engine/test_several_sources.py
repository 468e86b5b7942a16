"""Several sources in one controller that begin, end, and move on at the same moment."""

from dataclasses import replace

import pytest

from reconciler.engine.intake.in_force import InForce
from reconciler.engine.intake.intake import Intake
from reconciler.errors import ConfigError
from reconciler.model.names import SourceName, TargetName
from reconciler.model.resource import Deletion
from reconciler.model.source import SourceReport
from tests.sim.manifests import load, snapshot
from tests.unit.engine.stage import address, execution, file, staged
from tests.unit.engine.test_removing import directory

A, B = SourceName("/srv/a"), SourceName("/srv/b")
DELETE = {"deletion": Deletion.DELETE}


async def declare(stage, source, *declared):
    await stage.controller.submit(replace(stage.desired(*declared), source=source))


@staged
async def test_what_a_source_has_on_record_is_known_although_another_one_came_first(stage):
    """It was adopted anew after each start, and what had been there before it was lost."""
    stage.spoil("b", b"was here\n")
    await declare(stage, A, file("a", "a"))
    await declare(stage, B, file("b", "b"))
    await stage.settled()
    await stage.again()
    await declare(stage, A, file("a", "a"))
    await stage.settled()
    stage.spoil("b")
    await declare(stage, B, file("b", "b"))
    await stage.settled()
    assert [event.object for event in await stage.events("Repaired")] == [address("b")]
    entry = (await stage.store.load_inventory())[address("b")]
    assert await stage.store.blobs.read(entry.preimage) == b"was here\n"


@staged
async def test_what_is_owed_to_a_source_is_owed_although_another_one_came_first(stage):
    """The handler was never run."""
    handler = execution("reload", "false")
    await declare(stage, A, file("a", "a"))
    await declare(stage, B, handler, file("b", "b", notify=("Exec/reload",)))
    await stage.until(lambda: stage.reason("reload", kind="Exec") == "PermanentError")
    await stage.again()
    await declare(stage, A, file("a", "a"))
    await stage.settled()
    assert len(await stage.store.load_owed()) == 1
    await declare(stage, B, execution("reload", "note", "reload"), file("b", "b", notify=("Exec/reload",)))
    await stage.settled()
    assert stage.ran()[-1] == "note reload"
    assert await stage.store.load_owed() == []


@staged
async def test_a_purge_takes_nothing_that_a_source_has_which_has_not_come_yet(stage):
    """It removed the files of every source that was read after it, at each start."""
    around = directory("d")
    around.instance.spec["purge"] = True
    inside = file("d/inside", "x")
    await declare(stage, A, around)
    await declare(stage, B, inside)
    await stage.settled()
    await stage.again()
    stage.spoil("d/litter")
    await declare(stage, A, around)
    await stage.until(lambda: stage.content("d/litter") is None)
    await stage.settled()
    assert stage.content("d/inside") == b"x"
    await declare(stage, B)
    await stage.until(lambda: stage.content("d/inside") is None)


@staged
async def test_two_sources_that_exchange_what_they_have_get_it_at_one_moment(stage):
    """Each waited for the other one for ever."""
    await declare(stage, A, file("a", "a"), file("b", "b"))
    await declare(stage, B, file("c", "c"))
    await stage.settled()
    with pytest.raises(ConfigError, match=r"File/c on m0 \(/srv/c\) is declared by another source already"):
        await declare(stage, A, file("c", "c"), file("b", "b"))
    await declare(stage, B, file("a", "a"))
    await stage.settled()
    states = await stage.store.load_states()
    assert {name: state.source for name, state in states.items()} == {
        address("a"): B,
        address("b"): A,
        address("c"): A,
    }
    assert stage.controller.in_force.of(A).instances.keys() == {address("b"), address("c")}
    assert await stage.events("Removed") == []


@staged
async def test_a_target_that_two_sources_declare_can_move(stage):
    def moved(source, name):
        shown = replace(stage.desired(file(name, name)), source=source)
        ssh = {n: replace(one, transport=replace(one.transport, port=23)) for n, one in shown.targets.items()}
        return replace(shown, targets=ssh)

    await declare(stage, A, file("a", "a"))
    await declare(stage, B, file("b", "b"))
    await stage.settled()
    with pytest.raises(ConfigError, match="target m0 is declared by another source already"):
        await stage.controller.submit(moved(A, "a"))
    await stage.controller.submit(moved(B, "b"))
    assert stage.controller.in_force.targets[TargetName("m0")].transport.port == 23
    await stage.settled()


@staged
async def test_one_of_three_that_has_not_moved_on_keeps_the_others_waiting(stage):
    in_force = InForce()
    for source, name in ((A, "a"), (B, "b"), (SourceName("/srv/c"), "c")):
        in_force.refuse_conflicts(replace(stage.desired(file(name, name)), source=source))
        await declare(stage, source, file(name, name))
    with pytest.raises(ConfigError):
        await declare(stage, A, file("b", "b"))
    with pytest.raises(ConfigError):
        await declare(stage, B, file("a", "a"), file("c", "c"))
    await declare(stage, SourceName("/srv/c"), file("d", "d"))
    await declare(stage, B, file("a", "a"), file("c", "c"))
    await stage.settled()
    assert stage.controller.in_force.of(A).instances.keys() == {address("b")}


@staged
async def test_what_another_source_takes_over_by_another_name_is_not_removed_and_comes_back(stage):
    """The removal was carried out beside the apply, and what had been there before was forgotten."""
    stage.spoil("a", b"was here\n")
    other = file("other", "x", spec={"path": "/srv/a"}, **DELETE)
    await declare(stage, A, file("a", "x", **DELETE), file("b", "b"))
    await declare(stage, B, file("c", "c"))
    await stage.settled()
    await declare(stage, A, file("b", "b"))
    await declare(stage, B, other, file("c", "c"))
    await declare(stage, A, file("b", "b2"))  # before any round has taken note
    await stage.settled()
    assert [event.object for event in await stage.events("Moved")] == [address("other")]
    assert await stage.events("Removed") == []
    entry = (await stage.store.load_inventory())[address("other")]
    assert await stage.store.blobs.read(entry.preimage) == b"was here\n"


def said(*names):
    resources = [
        {"kind": "File", "name": n, "spec": {"path": f"/srv/{n}", "content": n}, "common": {}, "on": ["m0"]}
        for n in names
    ]
    return {"targets": {"m0": 22}, "resources": resources}


def intakes(stage):
    found = {}

    async def taken(desired):
        for name, intake in found.items():
            if name != desired.source:
                await intake.again()

    for name in (A, B):
        found[name] = Intake(
            name,
            load=load,
            controller=stage.controller,
            store=stage.store,
            runtime=stage.runtime,
            taken=taken,
        )
        stage.controller.expected.add(name)
    return found


@staged
async def test_of_two_that_claim_one_thing_the_same_one_has_it_after_a_start(stage):
    """Whichever was read first had it, where nothing of it was on the target yet."""
    stage.machines["m0"].powered = False
    found = intakes(stage)
    await found[A].take(snapshot(said("a"), number=1, source=A))
    await found[B].take(snapshot(said("b"), number=1, source=B))
    assert not await found[A].take(snapshot(said("a", "b"), number=2, source=A))
    await stage.again()
    found = intakes(stage)
    assert not await found[A].take(snapshot(said("a", "b"), number=2, source=A))
    assert await found[B].take(snapshot(said("b"), number=1, source=B))
    (problem,) = found[A].state.problems
    assert "File/b on m0 (/srv/b) is declared by another source already" in problem
    assert "take one of the two declarations away" in problem


@staged
async def test_what_waits_for_another_source_is_taken_once_whoever_asks(stage):
    """It was said twice that it could not be had."""
    found = intakes(stage)
    await found[A].take(snapshot(said("a"), number=1, source=A))
    await found[B].take(snapshot(said("b"), number=1, source=B))

    async def both():
        yield SourceReport()
        yield snapshot(said("a", "b"), number=2, source=B)

    await found[B].run(both())
    await found[A].take(snapshot(said("c"), number=2, source=A))
    assert stage.controller.in_force.of(B).instances.keys() == {address("a"), address("b")}
    assert found[B].state.problems == ()
    assert len(await stage.events("SourceBroken")) == 1
