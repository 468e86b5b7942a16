"""Several sources in one controller that begin, end, and move on at the same moment."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.engine.intake.intake import Intake
from reconciler.errors import ConfigError, StoreError
from reconciler.model.names import SourceName, TargetName
from reconciler.model.resource import Deletion, Policy
from reconciler.model.source import SourceReport
from reconciler.model.subjects import Subject
from tests.sim.files import Node
from tests.sim.manifests import load, snapshot
from tests.unit.engine.stage import VIM, Declared, address, execution, file, staged
from tests.unit.engine.test_removing import directory

A, B = SourceName("/srv/a"), SourceName("/srv/b")
DELETE = {"deletion": Deletion.DELETE}


async def take(stage, desired):
    await stage.controller.submissions.refuse_conflicts(desired)
    await stage.controller.submit(desired)


async def declare(stage, source, *declared):
    await take(stage, replace(stage.desired(*declared), source=source))


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
async def test_a_purge_takes_nothing_that_a_source_has_which_does_not_know_yet_what_it_declares(stage):
    """Where facts were lost it removed the files of whichever source was evaluated after it; they were made anew."""
    around = directory("d")
    around.instance.spec["purge"] = True
    inside = file("d/inside", "x")
    await declare(stage, A, around)
    await declare(stage, B, inside)
    await stage.settled()
    await stage.again()
    for source in (A, B):
        nothing = replace(stage.desired(), source=source, waiting=frozenset({"m0"}))
        await stage.controller.submit(nothing)
    stage.spoil("d/litter")
    await declare(stage, A, around)
    await stage.until(lambda: stage.content("d/litter") is None)
    assert stage.content("d/inside") == b"x"
    await declare(stage, B, inside)
    await stage.settled()
    assert stage.content("d/inside") == b"x"


@staged
async def test_what_is_let_go_of_once_it_is_known_what_is_declared_and_purged_is_nobodys_drift(stage):
    """Where a round came in between, in which that was not known yet, it was told as somebody's doing."""
    around = directory("d")
    around.instance.spec["purge"] = True
    await declare(stage, A, around, file("d/inside", "x"))
    await stage.settled()
    await stage.again()
    await stage.controller.submit(replace(stage.desired(), source=A, waiting=frozenset({"m0"})))
    await stage.until(lambda: stage.controller.lanes.get(TargetName("m0")) is not None)
    await declare(stage, A, around)
    await stage.until(lambda: stage.content("d/inside") is None)
    await stage.settled()
    assert await stage.events("Repaired") == []


@staged
async def test_what_is_taken_over_by_the_name_of_something_that_was_paused_is_ours_on_record_too(stage):
    """In memory it was, and after the next start it was not."""
    paused = file("b", "b", policy=Policy.PAUSED)
    await declare(stage, A, paused)
    await declare(stage, B)
    await stage.until(lambda: stage.reason("b") == "Paused")
    await stage.again()
    await declare(stage, B, file("other", "b", spec={"path": "/srv/b"}))
    await stage.settled()
    await stage.again()
    await declare(stage, A, paused)
    await stage.until(lambda: stage.controller.states()[address("b")].owned)
    await asyncio.sleep(3)
    assert (await stage.store.load_states())[address("b")].owned


@staged
async def test_a_purge_takes_no_file_that_a_source_owns_a_part_of_which_has_not_come_yet(stage):
    """It took the whole file at each start: only what is one's own as a whole counted as somebody's."""
    conf = Subject("path", "/srv/d/conf")
    entry = execution("entry", "true")
    part = Declared(replace(entry.instance, shares=(conf,)), None)
    around = directory("d")
    around.instance.spec["purge"] = True
    stage.machines["m0"].files.put("/srv/d", Node("directory", 0o755), VIM)
    stage.spoil(conf.name.removeprefix("/srv/"), b"theirs")
    await declare(stage, B, part)
    await stage.settled()
    await stage.again()
    stage.spoil("d/litter")
    await declare(stage, A, around)
    await stage.until(lambda: stage.content("d/litter") is None)
    assert stage.content("d/conf") == b"theirs"


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
    with pytest.raises(ConfigError, match="target m0 is declared by another source already in another way"):
        await take(stage, moved(A, "a"))
    await take(stage, moved(B, "b"))
    assert stage.controller.in_force.targets[TargetName("m0")].transport.port == 23
    await stage.settled()


@staged
async def test_one_of_three_that_has_not_moved_on_keeps_the_others_waiting(stage):
    for source, name in ((A, "a"), (B, "b"), (SourceName("/srv/c"), "c")):
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


def written(name, kind="File", common=None, **spec):
    spec = {"path": f"/srv/{name}"} | ({"content": name} if kind == "File" else {}) | spec
    return {"kind": kind, "name": name, "spec": spec, "common": common or {}, "on": ["m0"]}


def said(*names, port=22):
    resources = [one if isinstance(one, dict) else written(one) for one in names]
    return {"targets": {"m0": port}, "resources": resources}


def intakes(stage, *sources):
    found = {}

    async def taken(desired):
        for name, intake in found.items():
            if name != desired.source:
                await intake.again()

    for name in sources or (A, B):
        found[name] = Intake(
            name,
            load=load,
            submissions=stage.controller.submissions,
            store=stage.store,
            runtime=stage.runtime,
            taken=taken,
        )
        stage.controller.submissions.expected.add(name)
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


@staged
async def test_of_two_that_reach_one_target_in_two_ways_the_same_one_counts_after_a_start(stage):
    """Whichever was read first moved the target, and nothing of the other one was in force any more."""
    found = intakes(stage)
    await found[A].take(snapshot(said("a"), number=1, source=A))
    await found[B].take(snapshot(said("b"), number=1, source=B))
    assert not await found[A].take(snapshot(said("a", port=23), number=2, source=A))
    await stage.again()
    found = intakes(stage)
    assert not await found[A].take(snapshot(said("a", port=23), number=2, source=A))
    assert (
        "target m0 is declared by another source already in another way: /srv/b" in found[A].state.problems[0]
    )
    assert await found[B].take(snapshot(said("b"), number=1, source=B))
    assert stage.controller.in_force.instances.keys() == {address("a"), address("b")}


@pytest.mark.parametrize("common", [{"policy": "observe"}, {"adopt": "hold"}], ids=str)
def test_a_purge_takes_nothing_that_was_declared_and_is_not_ours_yet(common, tmp_path):
    """At a start it removed what another source had left alone until then, before that one was read."""

    @staged
    async def play(stage):
        purging = written("d", kind="Directory", purge=True)
        left = written("left", path="/srv/d/left", common=common)
        stage.machines["m0"].files.put("/srv/d", Node("directory", 0o755), VIM)
        stage.spoil("d/left", b"theirs")
        found = intakes(stage)
        await found[B].take(snapshot(said(left), number=1, source=B))
        await found[A].take(snapshot(said(purging), number=1, source=A))
        await stage.until(lambda: stage.reason("d", kind="Directory") in {"InSync", "Applied"})
        await stage.again()
        found = intakes(stage)
        stage.spoil("d/litter")
        await found[A].take(snapshot(said(purging), number=1, source=A))
        await stage.until(lambda: stage.content("d/litter") is None)
        assert stage.content("d/left") == b"theirs"
        # What a source has that is served no longer stays its own, too.
        await found[A].take(snapshot(said(purging, "other"), number=2, source=A))
        await stage.until(lambda: stage.content("other") is not None)
        assert stage.content("d/left") == b"theirs"

    play(tmp_path)


@staged
async def test_what_waits_for_another_source_still_does_when_the_last_good_one_is_put_back(stage):
    """What had come meanwhile was forgotten, and two that could have exchanged waited for each other for ever."""
    found = intakes(stage)
    await found[A].take(snapshot(said("a"), number=1, source=A))
    await found[B].take(snapshot(said("b"), number=1, source=B))
    await stage.again()
    found = intakes(stage)
    await found[B].take(snapshot(said("b", "unlike"), number=2, source=B))
    assert not await found[A].take(snapshot(said("b"), number=2, source=A))
    assert stage.controller.in_force.of(A).instances.keys() == {address("a")}
    assert await found[B].take(snapshot(said("a"), number=3, source=B))
    assert stage.controller.in_force.of(A).instances.keys() == {address("b")}
    assert found[A].state.problems == ()


@staged
async def test_what_waits_for_another_source_still_does_when_a_person_has_said_something(stage):
    found = intakes(stage)
    await found[A].take(snapshot(said("a"), number=1, source=A))
    await found[B].take(snapshot(said("b"), number=1, source=B))
    assert not await found[A].take(snapshot(said("b"), number=2, source=A))
    await stage.controller.forget([address("nobody's")])
    assert await found[B].take(snapshot(said("a"), number=2, source=B))
    assert stage.controller.in_force.of(A).instances.keys() == {address("b")}


@staged
async def test_what_a_source_does_not_say_any_more_is_not_taken_when_others_let_go(stage):
    """It came into force, although the source had said something else since, and was not on record as such."""
    found = intakes(stage)
    await found[A].take(snapshot(said("a"), number=1, source=A))
    await found[B].take(snapshot(said("b"), number=1, source=B))
    assert not await found[A].take(snapshot(said("b"), number=2, source=A))
    assert not await found[A].take(snapshot(["half written"], number=3, source=A))
    assert not await found[B].take(snapshot(said("a"), number=2, source=B))
    assert stage.controller.in_force.of(A).instances.keys() == {address("a")}
    assert stage.controller.in_force.of(B).instances.keys() == {address("b")}


@staged
async def test_what_is_put_back_is_known_to_be_in_force_although_the_store_failed_meanwhile(stage):
    """It was in force, and the source said of itself that nothing was."""
    found = intakes(stage)
    await found[A].take(snapshot(said("a"), number=1, source=A))
    await stage.again()
    found = intakes(stage)
    want = stage.controller._sessions.want

    def wanted(target):
        stage.store_fails = StoreError("modelled: database or disk is full")
        return want(target)

    stage.controller._sessions.want = wanted
    with pytest.raises(StoreError):
        await found[A].take(snapshot(["half written"], number=2, source=A))
    stage.store_fails = None
    assert stage.controller.in_force.of(A).revision == found[A].state.revision == "r1"


@staged
async def test_what_is_taken_over_while_its_source_is_not_served_is_moved_and_moves_back(stage):
    """It was adopted anew, so that what had been there before was lost, and put back as somebody's doing."""
    theirs, ours = written("b"), written("other", path="/srv/b")
    stage.spoil("b", b"was here\n")
    found = intakes(stage)
    await found[A].take(snapshot(said("a"), number=1, source=A))
    await found[B].take(snapshot(said(theirs), number=1, source=B))
    await stage.settled()
    await stage.again()
    alone = intakes(stage, A)
    assert await alone[A].take(snapshot(said("a", ours), number=2, source=A))
    await stage.until(lambda: stage.content("b") == b"other")
    await stage.settled()
    assert [event.object for event in await stage.events("Moved")] == [address("other")]
    await stage.again()
    found = intakes(stage)
    await found[A].take(snapshot(said("a"), number=3, source=A))
    assert await found[B].take(snapshot(said(theirs), number=1, source=B))
    await stage.until(lambda: stage.content("b") == b"b")
    await stage.settled()
    assert await stage.events("Repaired") == []
    inventory = await stage.store.load_inventory()
    assert inventory.keys() == {address("a"), address("b")}
    assert await stage.store.blobs.read(inventory[address("b")].preimage) == b"was here\n"


@staged
async def test_what_can_never_be_put_back_keeps_nobody_waiting(stage):
    """One had moved a target while the others were not served; each of those waited for what the other had given up."""
    c = SourceName("/srv/c")
    found = intakes(stage, A, B, c)
    for source, name in ((A, "a"), (B, "b"), (c, "c")):
        await found[source].take(snapshot(said(name), number=1, source=source))
    await stage.again()
    alone = intakes(stage, A)
    await alone[A].take(snapshot(said("a", port=23), number=2, source=A))
    await stage.again()
    found = intakes(stage, A, B, c)
    assert not await found[B].take(snapshot(said("b", port=23), number=2, source=B))
    assert await found[c].take(snapshot(said("c", port=23), number=2, source=c))
    assert await found[A].take(snapshot(said("a", port=23), number=2, source=A))
    assert stage.controller.in_force.sources.keys() == {A, B, c}


@staged(machines=("m0", "m1"))
async def test_what_a_source_declared_that_is_served_no_longer_stays_and_stays_on_record(stage):
    stage.spoil("b", b"was here\n")
    only = {"m1": stage.desired().targets["m1"]}
    await declare(stage, A, file("a", "a\n", **DELETE))
    await declare(stage, B, file("b", "b\n", **DELETE))
    third = SourceName("/srv/c")
    elsewhere = replace(stage.desired(file("far", "x\n", on="m1", **DELETE)), source=third, targets=only)
    await take(stage, elsewhere)
    await stage.settled()
    before = (await stage.store.load_states()).keys(), (await stage.store.load_inventory()).keys()

    await stage.controller.submissions.drop(B)
    await stage.controller.submissions.drop(third)
    await stage.settled()
    stage.spoil("b", b"theirs\n")
    stage.spoil("a")
    await stage.until(lambda: stage.content("a") == b"a\n")
    assert stage.content("b") == b"theirs\n"
    assert stage.controller.states().keys() == {address("a")}
    assert ((await stage.store.load_states()).keys(), (await stage.store.load_inventory()).keys()) == before
    assert await stage.events("Removed") == await stage.events("Orphaned") == []

    # It is served again, and nothing was lost.
    await declare(stage, B, file("other", "o\n"))
    await stage.until(lambda: stage.content("b") == b"was here\n")


@staged
async def test_a_source_that_ends_says_so_and_takes_nothing_in_any_more(stage):
    intake = intakes(stage, B)[B]
    await intake.take(snapshot(said("b"), number=1, source=B))
    await stage.settled()
    await intake.end()
    [event] = await stage.events("Orphaned")
    assert event.object == "Source/srv/b"
    assert "froyo forget /srv/b" in event.message
    assert not stage.controller.in_force
