"""Unknown is not empty: what cannot be read or does not evaluate changes nothing."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.engine.intake.intake import Intake
from reconciler.errors import ConfigError, Problem, StoreError
from reconciler.model.resource import Metadata
from reconciler.model.source import SourceReport
from tests.sim.manifests import SOURCE, load, snapshot
from tests.unit.engine.stage import staged

MOTD = {"path": "/srv/motd", "content": "hello\n"}
GOOD = {
    "targets": {"m0": 22},
    "resources": [
        {
            "kind": "File",
            "name": "motd",
            "spec": MOTD,
            "common": {},
            "on": ["m0"],
        }
    ],
}
BROKEN = ["this is no declaration"]


def intake(stage, evaluates=load):
    return Intake(
        SOURCE,
        load=evaluates,
        submissions=stage.controller.submissions,
        store=stage.store,
        runtime=stage.runtime,
    )


async def said(*items):
    for item in items:
        yield item


@staged
async def test_a_broken_snapshot_leaves_the_last_good_one_in_force_and_says_what_is_wrong(stage):
    source = intake(stage)
    assert await source.take(snapshot(GOOD, number=1))
    await stage.settled()
    assert not await source.take(snapshot(BROKEN, number=2))
    assert stage.controller.in_force.revision == source.state.revision == "r1"
    assert "no declaration" in source.state.problems[0]
    (broken,) = await stage.events("SourceBroken")
    assert "the last good one stays in force" in broken.message
    stage.spoil("motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n")


@staged
async def test_a_snapshot_that_is_right_again_is_taken_and_said(stage):
    source = intake(stage)
    await source.run(said(snapshot(BROKEN, number=1), snapshot(GOOD, number=2)))
    assert source.state.problems == ()
    assert source.state.revision == "r2"
    assert len(await stage.events("SourceReady")) == 1
    (broken,) = await stage.events("SourceBroken")
    assert broken.message == "1 problem in r1; nothing is in force yet"


@staged
async def test_what_could_not_be_stored_is_shown_for_as_long_as_it_is_so_and_no_longer(stage):
    source = intake(stage)
    await source.take(snapshot(GOOD, number=1))
    in_force = source.shown
    stage.store_fails = StoreError("the disk is full")
    with pytest.raises(StoreError):
        await source.take(snapshot(BROKEN, number=2))
    assert "no declaration" in source.shown.problems[0]
    stage.store_fails = None
    await source.take(snapshot(GOOD, number=1))
    assert source.shown == source.state == in_force


@staged
async def test_the_last_good_snapshot_is_restored_over_a_restart_when_the_new_one_is_broken(stage):
    await intake(stage).take(snapshot(GOOD, number=1))
    await stage.settled()
    await stage.again()
    stage.spoil("motd")
    assert not stage.controller.in_force
    await intake(stage).run(said(snapshot(BROKEN, number=2)))
    assert stage.controller.in_force.revision == "r1"
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    assert await stage.events("Orphaned") == []
    (broken,) = await stage.events("SourceBroken")
    assert broken.message == "1 problem in r2; the last good one stays in force"


@staged
async def test_a_defect_while_evaluating_is_a_broken_source_and_takes_nothing_away(stage):
    """It once ended the task of the source, and after a restart nothing at all was in force."""
    await intake(stage).take(snapshot(GOOD, number=1))
    await stage.settled()
    await stage.again()
    stage.spoil("motd")

    def fails(shown):
        if shown.revision == "r2":
            raise ZeroDivisionError("oops")
        return load(shown)

    taking = intake(stage, fails)
    await taking.run(said(snapshot(GOOD, number=2)))
    assert stage.controller.in_force.revision == "r1"
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    assert "defect" in taking.state.problems[0]
    assert "ZeroDivisionError: oops" in taking.state.problems[0]


@staged
async def test_the_last_good_snapshot_is_restored_over_a_restart_when_the_source_cannot_be_read(stage):
    await intake(stage).take(snapshot(GOOD, number=1))
    await stage.again()
    source = intake(stage)
    await source.run(said(SourceReport(unreadable="permission denied")))
    assert stage.controller.in_force.revision == "r1"
    (said_so,) = await stage.events("SourceBroken")
    assert said_so.message == "cannot be read: permission denied; the last good one stays in force"


@staged
async def test_the_last_good_snapshot_is_restored_when_the_first_one_moves_on_while_it_is_read(stage):
    await intake(stage).take(snapshot(GOOD, number=1))
    await stage.again()
    source = intake(stage)
    await source.run(said(snapshot(GOOD, number=2, gone=True)))
    assert stage.controller.in_force.revision == source.state.revision == "r1"


@staged
async def test_a_last_good_snapshot_that_does_not_evaluate_any_more_is_not_in_force(stage):
    await intake(stage).take(snapshot(GOOD, number=1))
    await stage.again()

    def none_does(shown):
        raise ConfigError([Problem("a.yaml", 1, 1, f"no such kind in {shown.revision}")])

    await intake(stage, none_does).run(said(snapshot(GOOD, number=2)))
    assert not stage.controller.in_force
    (broken,) = await stage.events("SourceBroken")
    assert broken.message == "1 problem in r2; nothing is in force yet"


@staged
async def test_a_source_that_never_could_be_read_has_nothing_in_force_and_says_so(stage):
    await intake(stage).run(said(SourceReport(unreadable="permission denied")))
    (said_so,) = await stage.events("SourceBroken")
    assert said_so.message == "cannot be read: permission denied; nothing is in force yet"


@staged
async def test_labels_that_change_alone_are_in_the_inventory_with_the_snapshot(stage):
    def labelled(snapshot):
        found = load(snapshot)
        of = Metadata(name="motd", labels={"revision": snapshot.revision})
        relabelled = {a: replace(one, metadata=of) for a, one in found.instances.items()}
        return replace(found, instances=relabelled)

    source = intake(stage, labelled)
    await source.take(snapshot(GOOD, number=1))
    await stage.settled()
    [before] = (await stage.store.load_inventory()).values()
    assert before.instance.metadata.labels == {"revision": "r1"}
    await source.take(snapshot({**GOOD, "also": 1}, number=2))
    [after] = (await stage.store.load_inventory()).values()
    assert after.instance.metadata.labels == {"revision": "r2"}
    assert replace(after, instance=before.instance) == before


@staged
async def test_without_any_good_snapshot_nothing_is_in_force(stage):
    await intake(stage).run(said(snapshot(BROKEN, number=1)))
    assert not stage.controller.in_force
    assert not await intake(stage).restore()


@staged
async def test_a_snapshot_that_moved_on_before_it_was_read_says_nothing(stage):
    source = intake(stage)
    assert not await source.take(snapshot(GOOD, number=1, gone=True))
    assert not stage.controller.in_force
    assert await stage.events("SourceBroken") == []


@staged
async def test_what_is_wrong_is_said_once_for_as_long_as_it_is_so(stage):
    source = intake(stage)
    await source.take(snapshot(GOOD, number=1))
    for _ in range(3):
        await source.run(said(SourceReport(unreadable="permission denied")))
        await asyncio.sleep(1)
    assert len(await stage.events("SourceBroken")) == 1
    await source.run(said(SourceReport()))
    assert [one.message for one in await stage.events("SourceReady")][-1].startswith(
        "can be read again; revision r"
    )


@staged
async def test_that_one_which_was_never_there_has_come_is_no_trouble(stage):
    source = intake(stage)
    await source.run(said(SourceReport(unreadable="there is no such directory")))
    await source.run(said(SourceReport()))
    (event,) = await stage.events("Recovered")
    assert (event.message, event.type) == ("can be read again", "Normal")


@pytest.mark.parametrize(
    ("warnings", "said"),
    [
        ((), "on 1 target"),
        (("a.yaml:1:1: odd",), "on 1 target; warning: a.yaml:1:1: odd"),
        (("a: odd", "b: odd"), "on 1 target; 2 warnings (`froyo validate` shows all), the first: a: odd"),
    ],
)
def test_a_person_is_told_of_the_warnings_of_what_is_in_force(warnings, said, tmp_path):
    @staged
    async def test(stage):
        def warns(shown):
            return replace(load(shown), warnings=warnings)

        taking = intake(stage, warns)
        assert await taking.take(snapshot(GOOD, number=1))
        (told,) = await stage.events("SourceReady")
        assert told.message.endswith(said)
        assert [condition.message for condition in taking.state.conditions] == [told.message]

    test(tmp_path)


EMPTY = {"targets": {}, "resources": []}


@staged
async def test_a_source_that_was_emptied_is_warned_of_and_gives_nothing_up(stage):
    """A mount that is gone looks like an empty directory: everything was orphaned, in silence."""
    source = intake(stage)
    await source.take(snapshot(GOOD, number=1))
    await stage.settled()
    assert not await source.take(snapshot(EMPTY, number=2))
    assert stage.controller.in_force.revision == source.state.revision == "r1"
    (warned,) = await stage.events("SourceBroken")
    assert "declares nothing at all; the last good one stays in force" in warned.message
    assert "leave the targets declared" in warned.data["problems"][0]
    assert [c.reason for c in source.state.conditions] == ["Held"]
    assert await stage.events("Orphaned") == []
    stage.spoil("motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    # It is well again when the manifests are back, and gone on purpose when only the targets are left.
    assert await source.take(snapshot(GOOD, number=3))
    assert source.state.problems == ()
    assert await source.take(snapshot({**GOOD, "resources": []}, number=4))
    told = (await stage.events("SourceReady"))[-1].message
    assert told.endswith("on 1 target; 1 instance is no longer declared, and stays as it is on its target")
    assert source.state.conditions[0].message == "revision r4 is in force: 0 instances on 1 target"
    await stage.until(lambda: not stage.controller.lanes.get("m0").instances)
    assert stage.content("motd") == b"hello\n"


@staged
async def test_a_source_that_was_emptied_while_nobody_looked_gives_nothing_up_either(stage):
    await intake(stage).take(snapshot(GOOD, number=1))
    await stage.settled()
    await stage.again()
    stage.spoil("motd")
    await intake(stage).run(said(snapshot(EMPTY, number=2)))
    assert stage.controller.in_force.revision == "r1"
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    assert await stage.events("Orphaned") == []


@staged
async def test_a_source_that_was_empty_from_the_first_is_in_force(stage):
    source = intake(stage)
    assert await source.take(snapshot(EMPTY, number=1))
    await stage.again()
    assert await intake(stage).take(snapshot(EMPTY, number=2))
    assert await stage.events("SourceBroken") == []


@staged
async def test_a_source_that_can_only_be_looked_at_from_time_to_time_is_not_broken(stage):
    """The first look without inotify said SourceBroken of what was in force a moment later."""
    source = intake(stage)
    used_up = "inotify instances are used up"
    await source.run(
        said(SourceReport(degraded=used_up), snapshot(GOOD, number=1), SourceReport(degraded=used_up))
    )
    assert await stage.events("SourceBroken") == []
    (warned,) = await stage.events("WatchDegraded")
    assert warned.type == "Warning"
    assert used_up in warned.message
    assert source.state.degraded == used_up
    assert [condition.reason for condition in source.state.conditions] == ["InSync"]
    assert (await stage.store.load_source_states())[SOURCE] == source.state
    ready = len(await stage.events("SourceReady"))
    await source.run(said(SourceReport()))
    assert [event.message for event in await stage.events("Recovered")] == ["watched again"]
    assert source.state.degraded == ""
    assert len(await stage.events("SourceReady")) == ready
