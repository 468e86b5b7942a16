"""What takes long delays nobody, and is cut in half by nobody."""

import asyncio
from dataclasses import replace
from unittest import mock

import pytest

from reconciler.model.names import Address
from reconciler.model.plan import Action
from reconciler.model.state import Suspension
from reconciler.plugins.calls import Phase
from tests.sim.files import Node
from tests.sim.manifests import instance
from tests.sim.runner import Runner, fault
from tests.unit.engine.stage import Declared, address, execution, file, staged

LONG = execution("long", "sleep", "30", "make", "/srv/made", spec={"creates": "/srv/made"})
NEXT = file("next", "x", require=("Exec/long",))


async def begun(stage):
    await stage.until(lambda: stage.reason("long", kind="Exec") == "Applying")


@staged
async def test_what_is_spoiled_meanwhile_is_put_right_at_once(stage):
    await stage.declare(LONG, file("a", "a"))
    await begun(stage)
    await stage.until(lambda: stage.reason("a") == "Applied")
    for _ in range(3):
        await asyncio.sleep(4)
        stage.spoil("a")
        assert await stage.until(lambda: stage.content("a") == b"a") < 0.5
    assert stage.content("made") is None
    await stage.settled()
    assert stage.ran() == ["sleep 30 make /srv/made"]
    assert stage.content("made") == b"made\n"
    assert stage.machines["m0"].programs.kept == 0


@staged
async def test_what_depends_on_it_waits_and_goes_on_when_it_has_ended(stage):
    await stage.declare(NEXT, LONG)
    await begun(stage)
    await stage.until(lambda: stage.reason("next") == "DependencyNotReady")
    await stage.until(lambda: stage.content("made") is not None)
    assert await stage.until(lambda: stage.content("next") == b"x") < 1
    await stage.settled()
    runs = await stage.store.runs()
    assert {run.outcome for run in runs} == {"Applied"}
    assert await stage.store.in_doubt() == []


@staged
async def test_a_lost_session_neither_ends_it_nor_starts_it_again(stage):
    await stage.declare(LONG)
    await begun(stage)
    await asyncio.sleep(5)
    stage.machines["m0"].lose_sessions()
    await stage.settled()
    assert stage.ran() == ["sleep 30 make /srv/made"]
    assert stage.loop.time() < 60


@staged
async def test_a_daemon_that_ends_leaves_it_running_and_the_next_one_waits_for_it(stage):
    await stage.declare(LONG)
    await begun(stage)
    assert await stage.controller.stop(grace=1.0) == ["m0/Exec/long"]
    await stage.store.close()
    await stage.begin()
    await stage.declare(LONG)
    await stage.settled()
    assert stage.ran() == ["sleep 30 make /srv/made"]
    assert stage.content("made") == b"made\n"


@staged
async def test_a_handler_that_takes_long_runs_once_and_once_more_after_a_change_meanwhile(stage):
    reload = execution("reload", "sleep", "20", "note", "reload")
    watched = file("a", "a", notify=("Exec/reload",))
    await stage.declare(reload, watched)
    await stage.until(lambda: stage.reason("reload", kind="Exec") == "Applying")
    assert len(await stage.store.load_owed()) == 1
    stage.spoil("a")
    await stage.until(lambda: stage.content("a") == b"a")
    await asyncio.sleep(60)
    assert stage.ran() == ["sleep 20 note reload"] * 2
    assert stage.reason("reload", kind="Exec") == "Applied"
    assert await stage.store.load_owed() == []


@staged
async def test_a_refresh_that_goes_on_is_in_doubt_although_a_change_of_the_same_has_been_made_before_it(
    stage,
):
    """What came of the change was put on record as what had come of the refresh, which had hardly begun."""
    made = Address("m0/Exec/long")

    def at_once(phase, request):
        mine = [one for one in request.get("operations", ()) if one["address"] == made]
        if phase is not Phase.APPLY or not mine or mine[0]["action"] == "refresh":
            return None
        stage.machines["m0"].files.put("/srv/made", Node(content=b"made\n"), None)
        return {"results": [{"address": made, "changed": True}]}

    stage.host.instead = at_once
    await stage.declare(LONG, file("a", "a", notify=("Exec/long",)))
    await begun(stage)
    await asyncio.sleep(5)
    assert [(unit.address, unit.action) for unit in await stage.store.in_doubt()] == [(made, Action.REFRESH)]
    await stage.settled()
    assert stage.ran() == ["sleep 30 make /srv/made"]
    assert await stage.store.in_doubt() == []


@staged
async def test_a_handler_that_ended_unheard_is_not_run_again_where_who_asks_for_it_is_turned_away(stage):
    reload = execution("reload", "sleep", "20", "note", "reload")
    await stage.declare(reload, file("a", "a", notify=("Exec/reload",)))
    await stage.until(lambda: stage.reason("reload", kind="Exec") == "Applying")
    begin, turned_away = Runner._begin, []

    def busy(runner, command):
        if command.name == "exec.run" and stage.loop.time() < 25:
            turned_away.append(command)
            runner._commands[command.id] = command
            runner._fail(command, fault("too_many_commands", "throttled", retry_after_ms=1000))
        else:
            begin(runner, command)

    with mock.patch.object(Runner, "_begin", busy):
        stage.machines["m0"].lose_sessions()
        await asyncio.sleep(60)
    assert turned_away
    assert stage.ran() == ["sleep 20 note reload"]
    assert stage.reason("reload", kind="Exec") == "Applied"
    assert stage.machines["m0"].programs.kept == 0


@staged
async def test_what_is_declared_otherwise_meanwhile_is_looked_at_anew_when_it_has_ended(stage):
    await stage.declare(LONG)
    await begun(stage)
    await stage.declare(execution("long", "make", "/srv/other", spec={"creates": "/srv/other"}))
    await stage.settled()
    assert stage.ran() == ["sleep 30 make /srv/made", "make /srv/other"]
    assert await stage.store.in_doubt() == []


@staged
async def test_what_is_not_declared_any_more_meanwhile_runs_to_its_end(stage):
    await stage.declare(LONG, file("a", "a"))
    await begun(stage)
    await stage.declare(file("a", "a"))
    await stage.until(lambda: stage.content("made") is not None)
    await stage.settled()
    assert stage.ran() == ["sleep 30 make /srv/made"]


def validated(name, content, *, path=""):
    return file(name, content, spec={"path": path or f"/srv/{name}", "validate": ["sleep", "30", "%s"]})


@staged
async def test_one_thing_has_one_writer_though_it_is_declared_by_another_name_meanwhile(stage):
    """Both wrote: what was declared first went live after what was declared last."""
    await stage.declare(validated("a", "first"))
    await stage.until(lambda: stage.reason("a") == "Applying")
    await stage.declare(file("b", "second", spec={"path": "/srv/a"}), file("other", "x"))
    await stage.until(lambda: stage.content("other") == b"x")
    assert stage.reason("b") == "Applying"
    assert stage.summary("b").message == "waits until what was begun there as File/a has ended"
    await asyncio.sleep(10)
    assert stage.content("a") is None
    assert await stage.until(lambda: stage.content("a") == b"first") < 30
    assert await stage.until(lambda: stage.content("a") == b"second") < 1
    await stage.settled()
    assert stage.reason("b") == "Applied"


@staged
async def test_a_container_waits_for_what_is_begun_in_it_and_declared_no_longer(stage):
    """It purged the file, and the operation put it back."""
    purging = Declared(instance("m0", "Directory", "d", {"path": "/srv/d", "purge": True}), None)
    await stage.declare(Declared(instance("m0", "Directory", "d", {"path": "/srv/d"}), None))
    await stage.settled()
    await stage.declare(purging, validated("a", "first", path="/srv/d/a"))
    await stage.until(lambda: stage.reason("a") == "Applying")
    assert stage.reason("d", kind="Directory") == "Applied"  # what is declared in it does not hold it up
    await stage.declare(purging)
    await stage.until(lambda: stage.reason("d", kind="Directory") == "Applying")
    await stage.settled()
    assert "/srv/d/a" not in stage.machines["m0"].files.nodes


@staged
async def test_a_handler_waits_for_what_causes_it_and_is_changing_again(stage):
    """It ran before the second change was there, and took that for dealt with: the handler of it was lost."""
    reload = execution("reload", "note", "reload")

    async def declare(content):
        spec = {"validate": ["sleep", "30", "%s"]}
        await stage.declare(reload, file("a", content, spec=spec, notify=("Exec/reload",)))

    await declare("1")
    await stage.settled()
    handler = "m0/Exec/reload"
    await stage.controller.suspend(
        Suspension(object=handler, by="ada", reason="x", since=stage.now(), until=None)
    )
    await declare("2")
    await stage.until(lambda: stage.content("a") == b"2")
    await asyncio.sleep(1)
    await declare("3")
    await stage.until(lambda: stage.reason("a") == "Applying")
    await stage.controller.resume(handler)
    await stage.until(lambda: len(stage.ran()) == 2)
    assert stage.content("a") == b"3"
    await stage.settled()
    assert len(stage.ran()) == 2
    assert await stage.store.load_owed() == []


@staged
async def test_what_fails_after_a_while_says_why(stage):
    await stage.declare(execution("long", "sleep", "30", "false", spec={"creates": "/srv/made"}))
    await begun(stage)
    await stage.until(lambda: stage.reason("long", kind="Exec") == "PermanentError")
    assert "sleep failed (exit status 1): done" in stage.summary("long", kind="Exec").message
    (run, *_) = await stage.store.runs()
    assert run.outcome == "PermanentError"


async def fails_with_growing_pauses(stage):
    """It was told of, and begun with the first pause, each time: that it goes on was taken for an end."""
    await begun(stage)
    await asyncio.sleep(600)
    assert 5 < len(stage.ran()) < 15
    (said,) = await stage.events("PermanentError")
    assert said.object == "m0/Exec/long"


@staged
async def test_what_fails_after_a_while_is_said_once_and_tried_again_with_growing_pauses(stage):
    await stage.declare(execution("long", "sleep", "1", "false", spec={"creates": "/srv/made"}))
    await fails_with_growing_pauses(stage)


@staged
async def test_a_handler_that_fails_after_a_while_is_said_once_and_tried_again_with_growing_pauses(stage):
    await stage.declare(execution("long", "sleep", "1", "false"), file("a", "a", notify=("Exec/long",)))
    await fails_with_growing_pauses(stage)


@staged
async def test_what_has_no_effect_after_a_while_is_said_once(stage):
    await stage.declare(execution("long", "sleep", "1", "note", "x", spec={"creates": "/srv/made"}))
    await begun(stage)
    await asyncio.sleep(600)
    assert len(stage.ran()) > 3
    assert len(await stage.events("DidNotConverge")) == 1


@staged
async def test_a_single_run_waits_for_it_and_does_the_rest_meanwhile(stage):
    await stage.controller.stop(grace=1)
    shown = stage.desired(NEXT, LONG, file("a", "a"), file("b", "b", require=("File/a",)))
    running = asyncio.ensure_future(stage.once(shown).apply())
    await stage.until(lambda: stage.content("b") == b"b", within=5)
    assert stage.content("made") is None
    (result,) = await running
    assert (result.failed, stage.content("next")) == ({}, b"x")


@staged
async def test_what_was_heard_of_while_it_ran_is_looked_at_when_it_has_ended(stage):
    """The report of its own doing stayed, and was taken for the cause of the next difference."""
    await stage.declare(LONG)
    await begun(stage)
    await stage.settled()
    assert stage.content("made") is not None
    assert "m0/Exec/long" not in stage.controller.lanes.get("m0").sightings


@staged
async def test_of_those_that_ended_together_a_lost_session_leaves_none_in_doubt(stage):
    """All but the first were forgotten."""
    names = ("one", "two", "three")
    await stage.declare(
        *(execution(n, "sleep", "10", "make", f"/srv/{n}", spec={"creates": f"/srv/{n}"}) for n in names)
    )
    await stage.until(lambda: all(stage.reason(n, kind="Exec") == "Applying" for n in names))
    lost = []

    def instead(phase, _request):
        if phase is Phase.READ and stage.content("three") and not lost:
            lost.append(True)
            stage.machines["m0"].lose_sessions()

    stage.host.instead = instead
    await stage.settled()
    assert lost
    assert await stage.store.in_doubt() == []
    assert len(stage.ran()) == 3


@staged
async def test_a_handler_that_still_runs_for_an_earlier_change_is_not_joined_by_another_run(stage):
    """After a lost session the next change began a second one beside it."""
    reload = execution("reload", "sleep", "20", "note", "reload")
    watched = file("a", "a", notify=("Exec/reload",))
    await stage.declare(reload, watched)
    await stage.until(lambda: stage.reason("reload", kind="Exec") == "Applying")
    stage.machines["m0"].lose_sessions()
    stage.spoil("a")
    await stage.settled()
    (first, _), (second, _) = stage.machines["m0"].programs.ran
    assert second - first >= 20
    assert await stage.store.load_owed() == []


@staged
async def test_a_refresh_does_not_stand_for_a_change_that_is_still_under_way(stage):
    """It was run before the change, and counted as done for it."""
    slowly = {"validate": ["sleep", "6", "true"]}
    reload = execution("reload", "note", "reload")
    a = file("a", "a", notify=("Exec/reload",), spec=slowly | {"path": "/srv/a"})
    await stage.declare(reload, a, file("b", "b", notify=("Exec/reload",)))
    await stage.until(lambda: stage.content("a") is not None)
    written = stage.loop.time()
    await stage.settled()
    assert [at > written for at, _ in stage.machines["m0"].programs.ran] == [False, True]
    stage.spoil("a")
    await asyncio.sleep(1)
    stage.spoil("b")
    await stage.settled()
    written = max(change.at for change in stage.machines["m0"].changes if change.path == "/srv/a")
    assert stage.machines["m0"].programs.ran[-1][0] > written
    assert await stage.store.load_owed() == []


@staged
async def test_what_was_there_before_is_kept_although_a_slow_attempt_was_overtaken(stage):
    """What the first attempt had found counted as replaced by it."""
    stage.spoil("a", b"first\n")
    await stage.declare(file("a", "a", spec={"validate": ["sleep", "6", "true"]}))
    await stage.until(lambda: stage.reason("a") == "Applying")
    stage.spoil("a", b"second\n")
    await stage.settled()
    entry = (await stage.store.load_inventory())["m0/File/a"]
    assert await stage.store.blobs.read(entry.preimage) == b"second\n"


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_there_before_is_kept_although_a_slow_attempt_ended_under_another_name(restarted, tmp_path):
    """It was adopted as if it had always been as declared."""

    @staged
    async def played(stage):
        slowly = {"path": "/srv/a", "validate": ["sleep", "6", "true"]}
        stage.spoil("a", b"first\n")
        await stage.declare(file("a", "a", spec=slowly))
        await stage.until(lambda: stage.reason("a") == "Applying")
        if restarted:
            await stage.end()
            stage.spoil("a", b"a")  # it came to pass all the same
            await stage.begin()
        await stage.declare(file("a-again", "a", spec=slowly))
        await stage.settled()
        entry = (await stage.store.load_inventory())[address("a-again")]
        assert entry.preimage is not None
        assert await stage.store.blobs.read(entry.preimage) == b"first\n"

    played(tmp_path)


@pytest.mark.parametrize("then", [("a", "a"), ("a", "other"), ("a-again", "a")], ids=str)
def test_what_was_there_before_is_kept_although_it_was_not_declared_while_it_was_replaced(then, tmp_path):
    """It was adopted as if it had always been as declared."""

    @staged
    async def played(stage):
        slowly = {"path": "/srv/a", "validate": ["sleep", "6", "true"]}
        stage.spoil("a", b"first\n")
        await stage.declare(file("a", "a", spec=slowly))
        await stage.until(lambda: stage.reason("a") == "Applying")
        await stage.declare(file("b", "b"))
        await stage.until(lambda: stage.content("b") == b"b")
        name, content = then
        await stage.declare(file("b", "b"), file(name, content, spec=slowly))
        await stage.until(lambda: stage.reason(name) in {"Applied", "InSync"})
        assert stage.content("a") == content.encode()
        await stage.settled()
        entry = (await stage.store.load_inventory())[address(name)]
        assert await stage.store.blobs.read(entry.preimage) == b"first\n"

    played(tmp_path)


@pytest.mark.parametrize("name", ["a", "a-again"])
def test_what_was_there_before_is_kept_although_what_was_overtaken_is_declared_otherwise_by_then(
    name, tmp_path
):
    @staged
    async def played(stage):
        slowly = {"path": "/srv/a", "validate": ["sleep", "6", "true"]}
        stage.spoil("a", b"first\n")
        await stage.declare(file("a", "a", spec=slowly))
        await stage.until(lambda: stage.reason("a") == "Applying")
        await stage.declare(file(name, "b", spec=slowly))
        stage.spoil("a", b"second\n")
        await stage.settled()
        entry = (await stage.store.load_inventory())[address(name)]
        assert await stage.store.blobs.read(entry.preimage) == b"second\n"

    played(tmp_path)


def locked(name, *argv, **more):
    """A command of a kind whose operations hold a lock."""
    declared = execution(name, *argv, **more)
    declared.instance = replace(declared.instance, lock="dpkg")
    return declared


@staged
async def test_of_what_needs_one_lock_one_is_done_at_a_time_and_nothing_else_waits(stage):
    first = locked("a", "sleep", "30", "make", "/srv/a", spec={"creates": "/srv/a"})
    second = locked("b", "sleep", "30", "make", "/srv/b", spec={"creates": "/srv/b"})
    await stage.declare(first, second, file("other", "x"))
    await stage.until(lambda: stage.content("other") == b"x")
    await stage.until(lambda: stage.reason("b", kind="Exec") == "Applying")
    await asyncio.sleep(10)
    assert stage.summary("b", kind="Exec").message == "waits for Exec/a, which holds the lock dpkg"
    stage.spoil("other")
    assert await stage.until(lambda: stage.content("other") == b"x") < 0.5
    await stage.until(lambda: stage.content("a") is not None)
    assert stage.content("b") is None
    await stage.settled()
    assert stage.ran() == ["sleep 30 make /srv/a", "sleep 30 make /srv/b"]
    assert {stage.reason(name, kind="Exec") for name in "ab"} == {"Applied"}
    assert await stage.store.in_doubt() == []


@staged
async def test_what_needs_a_lock_and_is_quick_is_done_in_one_round(stage):
    named = [locked(name, "make", f"/srv/{name}", spec={"creates": f"/srv/{name}"}) for name in "abc"]
    await stage.declare(*named)
    await stage.settled()
    assert len(stage.ran()) == 3
    assert len(await stage.store.runs()) == 1


@staged
async def test_what_is_suspended_while_it_waits_for_a_lock_is_left_alone(stage):
    argv = ("sleep", "0.02", "make")
    named = [locked(name, *argv, f"/srv/{name}", spec={"creates": f"/srv/{name}"}) for name in "ab"]
    await stage.declare(*named)
    await stage.until(stage.ran)
    [made] = stage.ran()
    left = "b" if made.endswith("a") else "a"
    await stage.controller.suspend(
        Suspension(object=f"m0/Exec/{left}", by="ada", reason="x", since=stage.now(), until=None)
    )
    await asyncio.sleep(60)
    assert len(stage.ran()) == 1
    assert stage.reason(left, kind="Exec") == "Suspended"


@staged
async def test_a_handler_waits_for_the_lock_and_is_still_owed(stage):
    long = locked("long", "sleep", "30", "make", "/srv/made", spec={"creates": "/srv/made"})
    reload = locked("reload", "note", "reload")
    await stage.declare(long)
    await begun(stage)
    await stage.declare(long, reload, file("a", "a", notify=("Exec/reload",)))
    await stage.until(lambda: stage.content("a") == b"a")
    await asyncio.sleep(5)
    assert len(await stage.store.load_owed()) == 1
    assert stage.ran() == ["sleep 30 make /srv/made"]
    await stage.settled()
    assert stage.ran() == ["sleep 30 make /srv/made", "note reload"]
    assert await stage.store.load_owed() == []
