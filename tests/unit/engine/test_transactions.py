"""What is to be done at once about instances of a kind with transactions is one operation, with a verdict for each."""

import asyncio

import pytest

from reconciler.model.state import Suspension
from reconciler.plugins.calls import Phase
from tests.sim.manifests import instance
from tests.sim.programs import MAKE
from tests.unit.engine.stage import VIM, Declared, execution, file, staged

ALL = "sleep 30 make /srv/a /srv/b /srv/c"


def bundle(name, *, path="", **common):
    """A file that is brought, and taken away, with others in one command."""
    return Declared(instance("m0", "Bundle", name, {"path": path or f"/srv/{name}"}, **common), None)


THREE = [bundle(name) for name in "abc"]


def reasons(stage, names="abc"):
    return {stage.reason(name, kind="Bundle") for name in names}


async def begun(stage, names="abc"):
    await stage.until(lambda: reasons(stage, names) == {"Applying"})


def asked(stage):
    """How often the provider was asked to do something."""
    return sum(phase in {Phase.APPLY, Phase.DESTROY} for phase in stage.host.calls)


@staged
async def test_all_that_is_to_be_done_at_once_is_one_operation_and_delays_nobody(stage):
    await stage.declare(*THREE, file("other", "x"))
    await begun(stage)
    await stage.until(lambda: stage.content("other") == b"x")
    doing = asked(stage)
    stage.spoil("other")
    assert await stage.until(lambda: stage.content("other") == b"x") < 0.5
    await stage.settled()
    assert stage.ran() == [ALL]
    assert (doing, asked(stage)) == (2, 3)
    assert reasons(stage) == {"Applied"}
    run = (await stage.store.runs())[-1]
    assert (run.units, run.outcome, run.message) == (4, "Applied", "4 applied")
    assert await stage.store.in_doubt() == []
    assert stage.machines["m0"].programs.kept == 0


@staged
async def test_what_fails_of_it_is_told_of_that_alone(stage):
    await stage.declare(bundle("a"), bundle("b", path="/none/b"), bundle("c"))
    await stage.until(lambda: stage.content("c") is not None)
    await stage.until(lambda: reasons(stage, "ac") == {"Applied"})
    assert stage.reason("b", kind="Bundle") == "PermanentError"
    assert stage.summary("b", kind="Bundle").message == "/none/b cannot be had"
    run = (await stage.store.runs())[-1]
    assert (run.units, run.outcome, run.message) == (3, "PermanentError", "2 applied, 1 failed")
    outcomes = {unit.address: unit.outcome for unit in await stage.store.run_units(run.id)}
    assert outcomes == {"m0/Bundle/a": "Applied", "m0/Bundle/b": "PermanentError", "m0/Bundle/c": "Applied"}


@staged
async def test_what_failed_before_it_ended_is_not_made_good_by_it(stage):
    """The run was called Applied as soon as the last of it had gone well."""
    await stage.declare(*THREE, execution("bad", "false", spec={"creates": "/srv/never"}))
    await begun(stage)
    await stage.until(lambda: stage.reason("bad", kind="Exec") == "PermanentError")
    await asyncio.sleep(1)
    run = (await stage.store.runs())[-1]
    assert (run.outcome, run.message) == ("PermanentError", "0 applied, 1 failed, 3 under way")
    await stage.until(lambda: reasons(stage) == {"Applied"})
    run = (await stage.store.runs())[-1]
    assert (run.outcome, run.message) == ("PermanentError", "3 applied, 1 failed")


@staged
async def test_what_comes_later_waits_for_the_lock_and_is_one_operation_too(stage):
    await stage.declare(*THREE)
    await begun(stage)
    await stage.declare(*THREE, bundle("d"), bundle("e"))
    await stage.until(lambda: reasons(stage, "de") == {"Applying"})
    assert "which holds the lock bundles" in stage.summary("d", kind="Bundle").message
    await stage.settled()
    assert stage.ran() == [ALL, "sleep 30 make /srv/d /srv/e"]


@staged
async def test_what_depends_on_another_of_its_kind_comes_in_an_operation_after_that(stage):
    await stage.declare(bundle("a"), bundle("b", require=("Bundle/a",)), bundle("c"))
    await stage.settled()
    assert stage.ran() == ["sleep 30 make /srv/a /srv/c", "sleep 30 make /srv/b"]


@staged
async def test_a_daemon_that_ends_in_the_middle_leaves_it_running_and_the_next_one_waits_for_it(stage):
    await stage.declare(*THREE)
    await begun(stage)
    assert await stage.controller.stop(grace=1.0) == [f"m0/Bundle/{name}" for name in "abc"]
    await stage.store.close()
    await stage.begin()
    await stage.declare(*THREE)
    await stage.settled()
    assert stage.ran() == [ALL]
    assert await stage.store.in_doubt() == []


@staged
async def test_a_lost_session_neither_ends_it_nor_starts_it_again(stage):
    await stage.declare(*THREE)
    await begun(stage)
    await asyncio.sleep(5)
    stage.machines["m0"].lose_sessions()
    await stage.settled()
    assert stage.ran() == [ALL]
    assert await stage.store.in_doubt() == []


def handled():
    """Each with a handler of its own."""
    handlers = [execution(f"after-{name}", "note", name) for name in "abc"]
    return [*handlers, *(bundle(name, notify=(f"Exec/after-{name}",)) for name in "abc")]


@staged
async def test_what_was_done_of_it_before_a_power_failure_is_refreshed_for_and_nothing_else(stage):
    """Of the three one was there: it is owed a refresh. What was not done owes none until it is."""
    await stage.declare(*handled())
    await begun(stage)
    assert {one.cause for one in await stage.store.load_owed()} == {f"m0/Bundle/{name}" for name in "abc"}
    for name in "bc":
        await stage.controller.suspend(
            Suspension(object=f"m0/Bundle/{name}", by="ada", reason="x", since=stage.now(), until=None)
        )
    stage.spoil("a", b"made\n", by=None)  # so far it had come
    stage.machines["m0"].power_failure(5.0)
    await stage.until(lambda: "note a" in stage.ran())
    await asyncio.sleep(60)
    assert stage.ran() == [ALL, "note a"]
    for name in "bc":
        await stage.controller.resume(f"m0/Bundle/{name}")
    await stage.settled()
    assert sorted(stage.ran()[2:]) == ["note b", "note c", "sleep 30 make /srv/b", "sleep 30 make /srv/c"]
    assert await stage.store.load_owed() == []


@staged
async def test_handlers_run_once_for_what_it_has_done(stage):
    reload = execution("reload", "note", "reload")
    await stage.declare(reload, *(bundle(name, notify=("Exec/reload",)) for name in "abc"))
    await stage.settled()
    assert stage.ran() == [ALL, "note reload"]
    assert await stage.store.load_owed() == []


@staged
async def test_each_of_them_that_is_notified_is_refreshed_by_itself_and_only_while_nothing_else_has_the_lock(
    stage,
):
    await stage.declare(*THREE, file("x", "x"))
    await stage.settled()
    notifying = file("x", "y", notify=("Bundle/a", "Bundle/b"))
    await stage.declare(*THREE, bundle("d"), notifying)
    await begun(stage, "d")
    await stage.until(lambda: stage.content("x") == b"y")
    await asyncio.sleep(5)
    assert len(await stage.store.load_owed()) == 2
    await stage.settled()
    assert stage.ran()[:2] == [ALL, "sleep 30 make /srv/d"]
    assert sorted(stage.ran()[2:]) == ["note /srv/a", "note /srv/b"]
    assert await stage.store.load_owed() == []


@staged
async def test_what_is_declared_otherwise_meanwhile_is_looked_at_anew_and_the_rest_is_concluded(stage):
    await stage.declare(*THREE)
    await begun(stage)
    await stage.declare(bundle("a"), bundle("b", path="/srv/other"))
    await stage.settled()
    assert stage.ran() == [ALL, "sleep 30 make /srv/other"]
    assert reasons(stage, "ab") == {"Applied"}
    assert await stage.store.in_doubt() == []


@staged
async def test_what_is_to_go_goes_in_one_operation(stage):
    three = [bundle(name, deletion="delete") for name in "abc"]
    await stage.declare(*three, file("x", "x"))
    await stage.settled()
    await stage.declare(file("x", "x"), bundle("d"))
    await stage.until(lambda: stage.content("a") is None, within=200)
    await stage.settled()
    assert sorted(stage.ran()[1:]) == ["sleep 30 make /srv/d", "sleep 30 unmake /srv/a /srv/b /srv/c"]
    assert await stage.store.load_inventory() == {
        address: entry
        for address, entry in (await stage.store.load_inventory()).items()
        if address in {"m0/File/x", "m0/Bundle/d"}
    }


@staged
async def test_a_single_run_does_all_of_it_at_once_and_the_rest_meanwhile(stage):
    await stage.controller.stop(grace=1)
    running = asyncio.ensure_future(stage.once(stage.desired(*THREE, file("x", "x"))).apply())
    await stage.until(lambda: stage.content("x") == b"x", within=5)
    assert stage.content("a") is None
    (result,) = await running
    assert result.failed == {}
    assert stage.ran() == [ALL]


@staged
async def test_what_a_transaction_does_to_others_of_its_kind_is_nobodys_drift(stage):
    """A package that is declared absent, and that another one needs, was told as somebody's doing when it had gone."""
    await stage.declare(bundle("b"))
    await stage.settled()
    await stage.declare(bundle("b"), bundle("a"))
    await begun(stage, "a")
    stage.machines["m0"].files.remove("/srv/b", MAKE)  # as what is run for the other one may do
    await stage.until(lambda: stage.content("a") is not None and stage.content("b") is not None)
    await stage.settled()
    assert await stage.events("Repaired") == []
    stage.machines["m0"].files.remove("/srv/b", VIM)
    await stage.until(lambda: stage.content("b") is not None)
    await stage.settled()
    assert [event.object for event in await stage.events("Repaired")] == ["m0/Bundle/b"]


@staged
async def test_what_one_does_to_others_of_its_kind_after_its_session_was_lost_is_nobodys_drift(stage):
    await stage.declare(bundle("b"))
    await stage.settled()
    machine = stage.machines["m0"]
    await stage.declare(bundle("b"), bundle("a"))
    await stage.until(lambda: len(stage.ran()) == 2)
    machine.lose_sessions()  # its round still waits for it
    machine.files.remove("/srv/b", MAKE)
    await stage.until(lambda: stage.content("a") is not None and stage.content("b") is not None)
    await stage.settled()
    assert await stage.events("Repaired") == []


@pytest.mark.parametrize("ended", ["killed", "stopped", "stopped while it goes on"])
def test_what_one_of_an_earlier_controller_does_to_others_of_its_kind_is_nobodys_drift(ended, tmp_path):
    """It goes on when its controller has ended: the next one told as somebody's doing what it had taken."""

    @staged
    async def played(stage):
        await stage.declare(bundle("b"))
        await stage.settled()
        await stage.declare(bundle("b"), bundle("a"))
        await begun(stage, "a")
        if ended == "killed":
            stage.store.abandon()
            await stage.controller.stop(grace=0.0)
        else:
            await stage.controller.stop(grace=0.0 if ended == "stopped" else 5.0)
            await stage.store.close()
        await stage.begin()
        stage.machines["m0"].files.remove("/srv/b", MAKE)  # as what is run for the other one may do
        await stage.declare(bundle("b"), bundle("a"))
        await stage.until(lambda: stage.content("a") is not None and stage.content("b") is not None)
        await stage.settled()
        assert await stage.events("Repaired") == []
        stage.machines["m0"].files.remove("/srv/b", VIM)
        await stage.until(lambda: stage.content("b") is not None)
        await stage.settled()
        assert [event.object for event in await stage.events("Repaired")] == ["m0/Bundle/b"]

    played(tmp_path)
