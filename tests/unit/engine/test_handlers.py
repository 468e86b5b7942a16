"""What is notified is refreshed once after a change, whatever dies in between, and never without one."""

import asyncio

import pytest

from reconciler.engine.loop.lanes import Lanes
from reconciler.engine.settings import EngineSettings
from reconciler.errors import ErrorClass, ProviderError, StoreError
from reconciler.model.resource import Deletion, Policy
from reconciler.plugins.calls import Phase
from tests.sim.loop import run
from tests.unit.engine.stage import Stage, execution, file, staged
from tests.unit.engine.test_depending import first_fails
from tests.unit.engine.test_suspending import suspension

RELOAD = execution("reload", "note", "reload")


def watched(name, content, *notified, **common):
    return file(name, content, notify=notified or ("Exec/reload",), **common)


@staged
async def test_a_handler_runs_once_for_all_that_has_changed(stage):
    await stage.declare(RELOAD, *(watched(name, name) for name in "abc"))
    await stage.settled()
    assert stage.ran() == ["note reload"]
    (told,) = await stage.events("Refreshed")
    assert told.object == "m0/Exec/reload"
    assert told.message == "refreshed, since File/a and 2 others have changed"
    assert await stage.store.load_owed() == []
    assert stage.machines["m0"].programs.kept == 0


@staged
async def test_what_is_in_sync_already_owes_nothing(stage):
    stage.spoil("a", b"a", by=None)
    await stage.declare(RELOAD, watched("a", "a"))
    await stage.settled()
    assert stage.ran() == []


@staged
async def test_a_repair_is_a_change_even_if_the_handler_was_not_looked_at_in_that_round(stage):
    await stage.declare(RELOAD, watched("a", "a"))
    await stage.settled()
    stage.spoil("a")
    await stage.settled()
    assert stage.content("a") == b"a"
    assert stage.ran() == ["note reload"] * 2


@staged
async def test_it_runs_before_what_depends_on_it_and_after_all_that_cause_it(stage):
    await stage.declare(
        file("served", "x", require=("Exec/reload",)),
        RELOAD,
        watched("b", "b", require=("File/a",)),
        watched("a", "a"),
    )
    await stage.settled()
    made = [(change.at, change.path) for change in stage.machines["m0"].changes if change.ours]
    ((ran, _),) = stage.machines["m0"].programs.ran
    assert [path for at, path in made if at < ran] == ["/srv/a", "/srv/b"]
    assert [path for at, path in made if at > ran] == ["/srv/served"]


@staged
async def test_what_a_refresh_that_is_owed_waits_for_is_said(stage):
    """`apply` showed the handler as failed without a word of why, and one that had run before as declared."""
    failing = first_fails(stage)
    handler = execution("reload", "note", "reload", require=("File/first",))
    await stage.declare(file("first", "1\n"), handler, watched("a", "a"))
    waits = ("DependencyNotReady", "waits for m0/File/first, which is not ready")
    await stage.until(lambda: told_of(stage) == waits)
    failing.clear()
    await stage.until(lambda: stage.ran() == ["note reload"])
    await stage.settled()
    failing.append(True)
    stage.spoil("first")
    stage.spoil("a")
    await stage.until(lambda: told_of(stage) == waits)
    assert stage.ran() == ["note reload"]
    failing.clear()
    await stage.settled()
    assert stage.ran() == ["note reload"] * 2


def told_of(stage):
    summary = stage.summary("reload", kind="Exec")
    return summary.reason, summary.message


@staged
async def test_a_refresh_counts_as_a_change_to_what_it_notifies(stage):
    await stage.declare(
        watched("a", "a"),
        execution("reload", "note", "reload", notify=("Exec/second",)),
        execution("second", "note", "second"),
    )
    await stage.settled()
    assert stage.ran() == ["note reload", "note second"]


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("includes", [False, True])
def test_what_does_all_that_a_refresh_would_do_is_not_refreshed_besides(slow, includes, tmp_path):
    """A service that was started since its file had changed was reloaded right afterwards."""

    async def main():
        stage = Stage(tmp_path, "m0")
        await stage.begin()
        address = "m0/Exec/reload"

        def instead(phase, request):
            if phase is not Phase.PLAN or request["resources"][0]["address"] != address or stage.ran():
                return None
            begin = {"address": address, "action": "update", "payload": request["resources"][0]["spec"]}
            diff = {"field": "state", "before": "stopped", "after": "running", "ignored": False}
            begin |= {"diffs": [diff], "slow": slow, "refreshes": includes}
            return {"operations": [begin | {"blobs": [], "preimage": None, "calls": []}]}

        stage.host.instead = instead
        await stage.declare(RELOAD, watched("a", "a"))
        await stage.settled()
        assert stage.ran() == ["note reload"] * (1 if includes else 2)
        assert await stage.store.load_owed() == []
        stage.spoil("a")
        await stage.settled()
        assert stage.ran() == ["note reload"] * (2 if includes else 3)
        await stage.end()

    run(main())


@staged
async def test_what_failed_was_no_change(stage):
    def instead(phase, request):
        if phase is Phase.APPLY and request["operations"][0]["action"] != "refresh":
            fault = {"class": "permanent", "message": "no"}
            return {"results": [{"address": one["address"], "fault": fault} for one in request["operations"]]}
        return None

    stage.host.instead = instead
    await stage.declare(RELOAD, watched("a", "a"))
    await stage.until(lambda: stage.reason("a") == "PermanentError")
    await asyncio.sleep(100)
    assert stage.ran() == []
    stage.host.instead = lambda _phase, _request: None
    await stage.controller.request()
    await stage.settled()
    assert stage.ran() == ["note reload"]


@staged
async def test_what_was_changed_by_somebody_else_after_a_failed_attempt_is_decided_from_what_is_seen(stage):
    await stage.declare(RELOAD, watched("a", "a"))
    await stage.settled()
    (before,) = stage.ran()
    assert stage.reason("reload", kind="Exec") == "Applied"
    await stage.again()
    await stage.settled()
    assert stage.ran() == [before]


@staged
async def test_a_handler_that_fails_is_owed_and_tried_again_with_pauses(stage):
    await stage.declare(execution("reload", "false"), watched("a", "a"))
    await stage.until(lambda: stage.reason("reload", kind="Exec") == "PermanentError")
    (owed,) = await stage.store.load_owed()
    assert (owed.address, owed.cause, owed.certain) == ("m0/Exec/reload", "m0/File/a", True)
    assert "false failed (exit status 1)" in stage.summary("reload", kind="Exec").message
    assert stage.reason("a") == "Applied"
    await stage.declare(execution("reload", "note", "reload"), watched("a", "a"))
    await stage.settled()
    assert stage.ran()[-1] == "note reload"
    assert await stage.store.load_owed() == []
    assert {run.cause for run in await stage.store.runs() if run.units == 1} == {"refresh"}


@staged
async def test_what_is_suspended_is_refreshed_when_it_no_longer_is(stage):
    await stage.controller.suspend(suspension(stage, "m0/Exec/reload"))
    await stage.declare(RELOAD, watched("a", "a"))
    await stage.until(lambda: stage.content("a") == b"a")
    await asyncio.sleep(50)
    assert stage.ran() == []
    await stage.controller.resume("m0/Exec/reload")
    await stage.settled()
    assert stage.ran() == ["note reload"]


@staged
async def test_what_is_not_declared_any_more_is_owed_nothing(stage):
    await stage.declare(execution("reload", "false"), watched("a", "a"))
    await stage.until(lambda: stage.reason("reload", kind="Exec") == "PermanentError")
    await stage.declare(file("a", "a"))
    await stage.settled()
    assert await stage.store.load_owed() == []


@staged
async def test_a_lost_session_between_change_and_handler_loses_neither(stage):
    lost = []

    def instead(phase, request):
        if phase is Phase.READ and stage.content("a") and not lost:
            lost.append(True)
            stage.machines["m0"].lose_sessions()

    stage.host.instead = instead
    await stage.declare(RELOAD, watched("a", "a"))
    await stage.settled()
    assert lost
    assert stage.ran() == ["note reload"]


@staged
async def test_a_store_that_cannot_be_written_in_between_loses_neither(stage):
    def instead(phase, request):
        if phase is Phase.READ and stage.content("a"):
            stage.store_fails = StoreError("disk full")
            stage.host.instead = lambda _phase, _request: None
            stage.loop.call_later(20, lambda: setattr(stage, "store_fails", None))

    stage.host.instead = instead
    await stage.declare(RELOAD, watched("a", "a"))
    await stage.settled(within=300)
    assert stage.ran() == ["note reload"]


@staged
async def test_a_look_that_fails_in_between_loses_neither(stage):
    """By the next look, which finds nothing to change, nobody had anything to do with the handler."""
    await stage.declare(RELOAD, watched("a", "a"))
    await stage.settled()

    def instead(phase, request):
        if phase is Phase.READ and stage.sent("file.write") == 2:
            stage.host.instead = lambda _phase, _request: None
            raise ProviderError("busy", error_class=ErrorClass.TRANSIENT)

    stage.host.instead = instead
    stage.spoil("a")
    await stage.until(lambda: stage.reason("a") == "TransientError")
    await stage.until(lambda: stage.ran() == ["note reload"] * 2)
    await stage.settled()
    assert await stage.store.load_owed() == []


@staged
async def test_a_change_that_nobody_saw_has_its_handler_run_although_what_it_depends_on_is_not_ready_any_more(
    stage,
):
    stage.spoil("c", b"c", by=None)
    other = file("c", "c", policy=Policy.OBSERVE)
    await stage.declare(RELOAD, other, watched("a", "a", require=("File/c",)))
    await stage.settled()

    def instead(phase, request):
        if phase is Phase.READ and stage.sent("file.write") == 2:
            stage.host.instead = lambda _phase, _request: None
            stage.spoil("c")
            raise ProviderError("busy", error_class=ErrorClass.TRANSIENT)

    stage.host.instead = instead
    stage.spoil("a")
    await stage.until(lambda: stage.ran() == ["note reload"] * 2)
    await asyncio.sleep(3)
    assert stage.reason("c") == "Differs"
    assert await stage.store.load_owed() == []


@staged
async def test_a_plan_shows_what_would_be_refreshed(stage):
    shown = stage.desired(RELOAD, watched("a", "a"), execution("other", "note", "other"))
    (plan,) = await stage.once(shown).plan()
    actions = {unit.address: unit.action.value for unit in plan.units}
    assert actions == {"m0/Exec/reload": "refresh", "m0/File/a": "create", "m0/Exec/other": "none"}


@staged
async def test_a_single_run_refreshes_too(stage):
    await stage.controller.stop(grace=1)
    (result,) = await stage.once(stage.desired(RELOAD, watched("a", "a"))).apply()
    assert stage.ran() == ["note reload"]
    assert result.failed == {}


@pytest.mark.parametrize("killed_at", range(1, 12))
def test_a_controller_that_dies_at_any_instant_between_change_and_handler_loses_neither(tmp_path, killed_at):
    async def play():
        stage = Stage(tmp_path, "m0")
        await stage.begin()
        steps = []

        def instead(phase, _request):
            steps.append(phase)
            if len(steps) == killed_at:
                stage.store_fails = StoreError("killed")  # nothing that it still does has any effect

        stage.host.instead = instead
        await stage.declare(RELOAD, watched("a", "a"))
        await asyncio.sleep(3)
        stage.host.instead = lambda _phase, _request: None
        await stage.controller.stop(grace=0)
        stage.store_fails = None
        stage.store.abandon()
        await stage.begin()
        await stage.declare(RELOAD, watched("a", "a"))
        await stage.settled()
        assert stage.ran() == ["note reload"]
        assert await stage.store.load_owed() == []
        await stage.end()

    run(play())


@staged
async def test_what_has_gone_while_its_handler_ran_makes_one_more_run_and_no_third(stage):
    """It stayed in doubt, since nobody could look at it any more, until anything else was declared."""
    slow = execution("reload", "sleep", "20", "note", "reload")
    await stage.declare(slow, watched("a", "a", deletion=Deletion.DELETE), file("c", "c"))
    await stage.until(lambda: stage.ran() == ["sleep 20 note reload"])
    await asyncio.sleep(1)  # by then it is known to be ours
    await stage.declare(slow, watched("b", "b"), file("c", "c"))
    await asyncio.sleep(60)
    assert (stage.content("a"), stage.content("b")) == (None, b"b")
    assert len(stage.ran()) == 2
    assert await stage.store.load_owed() == []
    await stage.declare(slow, watched("b", "b"), file("c", "other"))
    await asyncio.sleep(60)
    assert len(stage.ran()) == 2


@staged
async def test_what_is_taken_up_once_more_is_what_is_on_record_by_then(stage):
    """An attempt to take targets up that did not come to its end left what it had read, beside what is read then."""
    lanes = Lanes(stage.store, stage.runtime, settings=EngineSettings(), loop_time=stage.loop.time)
    await stage.declare(execution("reload", "false"), watched("a", "a"))
    await stage.until(lambda: stage.reason("reload", kind="Exec") == "PermanentError")
    await lanes.load(lambda _: True)
    assert len(lanes._owed) == 1
    await stage.declare(execution("reload", "note", "reload"), watched("a", "a"))
    await stage.settled()
    await lanes.load(lambda name: name != "m0")
    assert len(lanes._owed) == 1  # of others nothing is known anew
    await lanes.load(lambda name: name == "m0")
    assert lanes._owed == []
    assert lanes.states().keys() == stage.controller.states().keys()
