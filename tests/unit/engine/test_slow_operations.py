"""What takes long delays nobody, and is cut in half by nobody."""

import asyncio

from tests.unit.engine.stage import execution, file, staged

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


@staged
async def test_what_fails_after_a_while_says_why(stage):
    await stage.declare(execution("long", "sleep", "30", "false", spec={"creates": "/srv/made"}))
    await begun(stage)
    await stage.until(lambda: stage.reason("long", kind="Exec") == "PermanentError")
    assert "sleep failed (exit status 1): done" in stage.summary("long", kind="Exec").message
    (run, *_) = await stage.store.runs()
    assert run.outcome == "PermanentError"


@staged
async def test_a_single_run_waits_for_it_and_does_the_rest_meanwhile(stage):
    await stage.controller.stop(grace=1)
    shown = stage.desired(NEXT, LONG, file("a", "a"), file("b", "b", require=("File/a",)))
    running = asyncio.ensure_future(stage.once(shown).apply())
    await stage.until(lambda: stage.content("b") == b"b", within=5)
    assert stage.content("made") is None
    (result,) = await running
    assert (result.failed, stage.content("next")) == ({}, b"x")
