"""A source that a person has rolled back is as it was then, until the end of that; what comes meanwhile waits."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.app.rolling_back import RollingBack, wanted
from reconciler.engine.intake.intake import Intake
from reconciler.errors import ConfigError, Problem, UsageError
from reconciler.model.names import SourceName
from reconciler.model.source import SourceReport
from reconciler.store.batch import Batch
from tests.sim.manifests import SOURCE, load, snapshot
from tests.unit.engine.stage import EPOCH, staged


def declaring(*names, content="", **common):
    return {
        "targets": {"m0": 22},
        "resources": [
            {
                "kind": "File",
                "name": name,
                "spec": {"path": f"/srv/{name}", "content": content or f"{name}\n"},
                "common": common,
                "on": ["m0"],
            }
            for name in names
        ],
    }


def taking(stage, evaluates=load):
    return Intake(
        SOURCE,
        load=evaluates,
        submissions=stage.controller.submissions,
        store=stage.store,
        runtime=stage.runtime,
    )


def rolling(stage, intake):
    return RollingBack(stage.store, stage.runtime, {SOURCE: intake})


async def asked(stage, revision, *, until=None, source=""):
    return await wanted(
        stage.store, revision, source, by="alice", reason="too soon", since=stage.now(), until=until
    )


async def two_revisions(stage):
    """r1 with one content, r2 with another and with something more; r2 in force."""
    intake = taking(stage)
    assert await intake.take(snapshot(declaring("motd", content="one\n", deletion="delete"), number=1))
    await stage.settled()
    second = declaring("motd", "more", content="two\n", deletion="delete")
    assert await intake.take(snapshot(second, number=2))
    await stage.settled()
    return intake


async def said(*items):
    for item in items:
        yield item


@staged
async def test_what_was_declared_then_is_put_in_force_by_the_ordinary_road(stage):
    intake = await two_revisions(stage)
    await rolling(stage, intake).roll_back(await asked(stage, "r1", until=EPOCH + 1e6))
    await stage.until(lambda: stage.content("motd") == b"one\n")
    assert stage.controller.in_force.revision == intake.state.revision == "r1"
    assert (await stage.store.runs())[0].revision == "r1"
    [told] = await stage.events("RolledBack")
    assert told.message == "rolled back to r1 by alice until 2027-01-26 21:46:40 UTC: too soon"
    assert told.object == "Source/sim"
    [record] = [one for one in await stage.store.audit() if one.action == "rollback"]
    assert (record.actor, record.object, record.data["reason"]) == ("alice", SOURCE, "too soon")
    stage.spoil("motd")
    await stage.until(lambda: stage.content("motd") == b"one\n")


@staged
async def test_what_it_does_not_have_is_held_however_little_it_is_and_over_a_crash(stage):
    intake = await two_revisions(stage)
    await rolling(stage, intake).roll_back(await asked(stage, "r1"))
    # Ended at once: no round has put on record that anything is held.
    await stage.again()
    intake = taking(stage)
    await intake.run(said(SourceReport(unreadable="permission denied")))
    await stage.until(lambda: stage.reason("more") == "PruneHeld")
    assert "alice rolled back to r1, and it does not have this" in stage.summary("more").message
    await asyncio.sleep(120.0)
    assert stage.content("more") == b"two\n"


@staged
async def test_what_a_person_approves_meanwhile_takes_nothing_else_along(stage):
    intake = taking(stage)
    await intake.take(snapshot(declaring("motd", deletion="delete"), number=1))
    await intake.take(snapshot(declaring("motd", "a", "b", deletion="delete"), number=2))
    await stage.settled()
    await rolling(stage, intake).roll_back(await asked(stage, "r1"))
    await stage.controller.approve([])  # what is on record is looked at again, before any round
    await stage.until(lambda: stage.reason("b") == "PruneHeld")
    assert (stage.content("a"), stage.content("b")) == (b"a\n", b"b\n")


@staged
async def test_what_comes_meanwhile_is_read_and_said_and_waits_for_the_end(stage):
    intake = await two_revisions(stage)
    rollbacks = rolling(stage, intake)
    await rollbacks.roll_back(await asked(stage, "r1"))
    await stage.until(lambda: stage.content("motd") == b"one\n")
    assert not await intake.take(snapshot(declaring("motd", content="three\n"), number=3))
    assert stage.controller.in_force.revision == intake.state.revision == "r1"
    told = (await stage.events("SourceReady"))[-1].message
    assert told == "what it was rolled back to stays in force (r1), and r3, which is right, waits"
    assert not await intake.take(snapshot(["no declaration"], number=4))
    assert "1 problem in r4; what it was rolled back to stays in force" in (
        (await stage.events("SourceBroken"))[-1].message
    )
    ended = await rollbacks.end("", by="bob")
    assert ended.revision == "r1"
    await stage.until(lambda: stage.content("motd") == b"three\n")
    [over] = await stage.events("RollbackEnded")
    assert over.message.startswith("the rollback to r1 is over; revision r3 is in force: 1 instance on")
    assert intake.state.conditions[0].message == "revision r3 is in force: 1 instance on 1 target"
    assert await stage.store.load_rollbacks() == {}
    [record] = [one for one in await stage.store.audit() if one.action == "rollback.end"]
    assert record.actor == "bob"


@staged
async def test_it_outlives_the_daemon_and_its_end_may_come_while_none_runs(stage):
    intake = await two_revisions(stage)
    await rolling(stage, intake).roll_back(await asked(stage, "r1", until=stage.now() + 3600.0))
    await stage.again()
    intake = taking(stage)
    second = snapshot(declaring("motd", "more", content="two\n", deletion="delete"), number=2)
    await intake.run(said(second))
    await stage.until(lambda: stage.content("motd") == b"one\n")
    await stage.end()
    await asyncio.sleep(3600.0)
    await stage.begin()
    intake = taking(stage)
    await intake.run(said(second))
    await stage.settled()
    assert (stage.content("motd"), stage.content("more")) == (b"two\n", b"two\n")
    assert await stage.store.load_rollbacks() == {}


@staged
async def test_its_end_comes_by_itself_also_while_the_source_cannot_be_read(stage):
    intake = await two_revisions(stage)
    rollbacks = rolling(stage, intake)
    waiting = asyncio.create_task(rollbacks.run())
    await rollbacks.roll_back(await asked(stage, "r1", until=stage.now() + 100.0))
    await intake.run(said(SourceReport(unreadable="permission denied")))
    await stage.until(lambda: stage.content("motd") == b"one\n")
    begun = stage.now()
    await stage.until(lambda: stage.content("motd") == b"two\n")
    assert stage.now() - begun > 90.0
    await stage.until(lambda: stage.reason("more") != "PruneHeld")
    assert "cannot be read" in intake.state.conditions[0].message
    assert intake.state.revision == "r2"
    waiting.cancel()


@staged
async def test_what_is_wrong_with_the_source_by_the_end_is_said_again(stage):
    intake = await two_revisions(stage)
    rollbacks = rolling(stage, intake)
    await rollbacks.roll_back(await asked(stage, "r1"))
    await intake.run(said(snapshot(["no declaration"], number=4)))
    await rollbacks.end(SOURCE, by="alice")
    assert intake.state.revision == stage.controller.in_force.revision == "r2"
    assert "no declaration" in intake.state.problems[0]


@staged
async def test_where_nothing_newer_can_be_in_force_it_stays_until_something_can(stage):
    refused = set()

    def evaluates(shown):
        if shown.revision in refused:
            raise ConfigError([Problem("a.yaml", 1, 1, f"there is no kind in {shown.revision}")])
        return load(shown)

    intake = taking(stage, evaluates)
    await intake.take(snapshot(declaring("motd", content="one\n"), number=1))
    await intake.take(snapshot(declaring("motd", content="two\n"), number=2))
    rollbacks = rolling(stage, intake)
    await rollbacks.roll_back(await asked(stage, "r1"))
    await stage.settled()
    refused.add("r2")
    with pytest.raises(UsageError, match=r"nothing newer than r1 can be in force yet: a.yaml:1:1: there is"):
        await rollbacks.end("", by="alice")
    assert stage.controller.in_force.revision == "r1"
    running = asyncio.create_task(rollbacks.run())
    await asyncio.sleep(200.0)
    assert len(await stage.events("SourceBroken")) == 1
    await intake.take(snapshot(declaring("motd", content="three\n"), number=3))
    await stage.until(lambda: stage.content("motd") == b"three\n")
    running.cancel()


@staged
async def test_it_may_be_rolled_back_further_and_for_another_time(stage):
    intake = await two_revisions(stage)
    await intake.take(snapshot(declaring("motd", content="three\n"), number=3))
    rollbacks = rolling(stage, intake)
    running = asyncio.create_task(rollbacks.run())
    await rollbacks.roll_back(await asked(stage, "r2", until=stage.now() + 50.0))
    await stage.until(lambda: stage.content("motd") == b"two\n")
    await rollbacks.roll_back(await asked(stage, "r1", until=stage.now() + 500.0))
    await stage.until(lambda: stage.content("motd") == b"one\n")
    begun = stage.now()
    await stage.until(lambda: stage.content("motd") == b"three\n", within=1000.0)
    assert stage.now() - begun > 400.0
    assert len(await stage.events("RolledBack")) == 2
    running.cancel()


@staged
async def test_what_cannot_be_in_force_any_more_is_refused_and_changes_nothing(stage):
    def evaluates(shown):
        if shown.revision == "r1" and refusing:
            raise ConfigError([Problem("a.yaml", 1, 1, "there is no kind Fil")] * 2)
        return load(shown)

    refusing = False
    intake = taking(stage, evaluates)
    await intake.take(snapshot(declaring("motd", content="one\n"), number=1))
    await intake.take(snapshot(declaring("motd", content="two\n"), number=2))
    refusing = True
    rollbacks = rolling(stage, intake)
    wish = await asked(stage, "r1")
    with pytest.raises(
        UsageError, match=r"r1 cannot be in force: a.yaml:1:1: there is no kind Fil; and 1 more"
    ):
        await rollbacks.roll_back(wish)
    await stage.store.write(Batch().forget_source(SOURCE))
    with pytest.raises(UsageError, match=r"revision r1 cannot be had any more: .* not kept any more"):
        await rollbacks.roll_back(wish)
    assert stage.controller.in_force.revision == "r2"
    assert await stage.store.load_rollbacks() == {}


@staged
async def test_what_another_source_has_by_now_is_not_taken_from_it(stage):
    other = SourceName("other")
    intake = taking(stage)
    await intake.take(snapshot(declaring("motd", "a"), number=1))
    await intake.take(snapshot(declaring("motd"), number=2))
    theirs = Intake(
        other,
        load=lambda shown: replace(load(shown), source=other),
        submissions=stage.controller.submissions,
        store=stage.store,
        runtime=stage.runtime,
    )
    await theirs.take(replace(snapshot(declaring("a"), number=7), source=other))
    with pytest.raises(UsageError, match=r"r1 cannot be in force: .*declared by another source already"):
        await rolling(stage, intake).roll_back(await asked(stage, "r1"))
    assert stage.controller.in_force.of(SOURCE).revision == "r2"


@staged
async def test_a_revision_is_found_among_those_that_are_kept_or_was_once(stage):
    await two_revisions(stage)
    with pytest.raises(UsageError, match=r"there is no revision r777; there is: r2, r1"):
        await asked(stage, "r777")
    with pytest.raises(UsageError, match=r"no revision is kept of a source /srv/x; there is: sim"):
        await asked(stage, "r1", source="/srv/x")


@staged
async def test_an_end_needs_a_rollback_and_a_source_that_is_served(stage):
    intake = await two_revisions(stage)
    rollbacks = rolling(stage, intake)
    with pytest.raises(UsageError, match=r"nothing is rolled back"):
        await rollbacks.end("", by="alice")
    with pytest.raises(UsageError, match=r"/srv/x is not rolled back"):
        await rollbacks.end("/srv/x", by="alice")
    wish = await asked(stage, "r1")
    with pytest.raises(UsageError, match=r"sim is not served by this daemon"):
        await RollingBack(stage.store, stage.runtime, {}).roll_back(wish)


@staged
async def test_what_waits_for_another_source_is_not_taken_along_past_a_rollback(stage):
    """What another source let go of put the newest revision in force, although a person had rolled it back."""
    other = SourceName("other")

    def theirs_of(shown):
        return replace(load(shown), source=other)

    intake = taking(stage)
    await intake.take(snapshot(declaring("motd", content="one\n"), number=1))
    theirs = Intake(
        other,
        load=theirs_of,
        submissions=stage.controller.submissions,
        store=stage.store,
        runtime=stage.runtime,
    )
    await theirs.take(replace(snapshot(declaring("a", "b"), number=7), source=other))
    await stage.settled()
    await rolling(stage, intake).roll_back(await asked(stage, "r1"))
    assert not await intake.take(snapshot(declaring("motd", "a", content="two\n"), number=2))
    assert "declared by another source already" in intake.state.problems[0]
    await theirs.take(replace(snapshot(declaring("b"), number=8), source=other))
    await intake.again()
    await stage.settled()
    assert stage.controller.in_force.of(SOURCE).revision == "r1"
    assert stage.content("motd") == b"one\n"
    assert intake.state.problems == ()


async def followed(stage, until):
    intake = await two_revisions(stage)
    await stage.store.write(Batch().roll_back(await asked(stage, "r1", until=until)))
    running = asyncio.create_task(rolling(stage, intake).run())
    try:
        # What the source says by now is looked at first, and waits.
        await intake.run(said(snapshot(declaring("motd", content="two\n"), number=3)))
        await stage.until(lambda: stage.content("motd") == b"one\n")
        assert stage.controller.in_force.revision == "r1"
    finally:
        running.cancel()


@staged
async def test_what_a_command_has_put_on_record_while_the_daemon_was_beginning_is_followed(stage):
    """It counted only after the next start: the command had found nobody to ask, and had written it itself."""
    await followed(stage, None)


@staged
async def test_so_is_what_has_an_end(stage):
    await followed(stage, EPOCH + 1e6)
