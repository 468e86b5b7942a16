"""Nothing is done that is not on record first, and nothing that was concluded is lost."""

import asyncio

from reconciler.errors import StoreError
from reconciler.model.resource import Deletion
from reconciler.model.scope import Scope
from reconciler.plugins.calls import Phase
from tests.unit.engine.stage import VIM, address, execution, file, staged

FULL = StoreError("disk is full")


@staged
async def test_nothing_is_done_without_an_intent_on_record(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.store_fails = FULL
    stage.spoil("motd")
    await asyncio.sleep(100)
    assert stage.content("motd") == b"spoiled\n"
    stage.store_fails = None
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=400)


@staged
async def test_nothing_is_made_without_an_intent_on_record(stage):
    """Of what is not there nothing needs to be kept first: the intent is all that there is to write."""
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.store_fails = FULL
    stage.machines["m0"].files.remove("/srv/motd", VIM)
    await asyncio.sleep(100)
    assert stage.content("motd") is None
    stage.store_fails = None
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=400)


@staged
async def test_what_could_not_be_written_is_written_later(stage):
    phases = []

    def then_it_fails(phase, _request):
        phases.append(phase)
        if phases[-2:] == [Phase.APPLY, Phase.READ]:
            stage.store_fails = FULL

    stage.host.instead = then_it_fails
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    await asyncio.sleep(20)
    assert not any(one.owned for one in (await stage.store.load_states()).values())
    stage.store_fails = None
    await asyncio.sleep(400)
    assert [one.object for one in await stage.events("Created")] == [address("motd")]
    assert await stage.store.load_states() == stage.controller.states()
    assert address("motd") in await stage.store.load_inventory()
    assert await stage.store.unfinished_runs() == []


@staged
async def test_a_wish_outlives_the_controller(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.machines["m0"].powered = False
    stage.machines["m0"].lose_sessions()
    await stage.controller.request(Scope.of([address("motd")]))
    await asyncio.sleep(5)
    await stage.again()
    (kept,) = await stage.store.load_queue()
    assert kept.scope == Scope.of([address("motd")])
    stage.machines["m0"].powered = True
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.summary("motd").ready and stage.machines["m0"].sessions == 2)
    await asyncio.sleep(5)
    assert await stage.store.load_queue() == []


@staged
async def test_what_was_done_before_a_restart_is_neither_done_nor_said_again(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    before = await stage.store.load_states()
    written = stage.sent("file.write")
    await stage.again()
    await stage.declare(file("motd", "hello\n"))
    await asyncio.sleep(100)
    assert stage.sent("file.write") == written
    assert len(await stage.events("Created")) == 1
    assert await stage.store.load_states() == before


@staged
async def test_what_was_spoiled_while_no_controller_ran_is_drift(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    await stage.end()
    stage.spoil("motd")
    await stage.begin()
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    (said,) = await stage.events("Repaired")
    assert said.message.endswith("put back at a rescan")


@staged
async def test_what_is_abandoned_in_the_middle_of_an_apply_is_said_and_looked_at_again(stage):
    def then_no_answer_comes(phase, _request):
        stage.machines["m0"].weather.loses_reply = 1.0 if phase is Phase.APPLY else 0.0

    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.host.instead = then_no_answer_comes
    stage.spoil("motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    assert await stage.controller.stop(grace=0.1) == [address("motd")]
    stage.machines["m0"].weather.clear()
    stage.host.instead = lambda _phase, _request: None
    await stage.again()
    assert await stage.store.in_doubt() == []
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert await stage.store.unfinished_runs() == []


@staged
async def test_what_was_heard_of_and_could_not_be_looked_at_is_not_called_in_sync(stage):
    """A full disk once had everything green while the daemon could put nothing back."""
    await stage.declare(file("motd", "hello\n"), file("issue", "hello\n"))
    await stage.settled()
    assert stage.controller.doubtful() == {}
    stage.store_fails = FULL
    stage.spoil("motd")
    await stage.until(lambda: bool(stage.controller.troubles))
    assert stage.controller.troubles == {"m0": "disk is full"}
    assert stage.controller.doubtful() == {address("motd"): "disk is full"}
    stage.store_fails = None
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=400)
    await stage.settled()
    assert stage.controller.troubles == {}
    assert stage.controller.doubtful() == {}


@staged
async def test_a_store_that_takes_something_again_is_tried_at_once(stage):
    """Every event counted as a failure once, and the next try was half a minute away when the disk had room again."""
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.store_fails = FULL
    for _ in range(12):
        stage.spoil("motd")
        await asyncio.sleep(0.5)
    stage.store_fails = None
    stage.controller.retry()
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 1


@staged
async def test_a_handler_is_owed_nothing_for_what_could_not_be_put_on_record(stage):
    """It ran, although nobody but the one who had spoiled the file had put it right."""
    await stage.declare(
        execution("reload", "note", "reload"), file("motd", "hello\n", notify=("Exec/reload",))
    )
    await stage.settled()
    ran = len(stage.ran())
    stage.store_fails = FULL
    for content in (b"spoiled\n", b"and again\n", b"hello\n"):
        stage.spoil("motd", content)
        await asyncio.sleep(10)
    stage.store_fails = None
    await stage.settled(within=400)
    await asyncio.sleep(400)
    assert len(stage.ran()) == ran
    assert await stage.store.load_owed() == []


def until_it_is_made(stage):
    """From the moment on in which the machine has been changed, nothing goes on record: as of one that is killed."""
    phases = []

    def then_nothing_is_kept(phase, _request):
        phases.append(phase)
        if phases[-2:] == [Phase.APPLY, Phase.READ]:
            stage.store_fails = FULL

    stage.host.instead = then_nothing_is_kept


@staged
async def test_what_one_who_is_killed_had_just_made_goes_with_its_manifest(stage):
    """Nothing but an intent knew of it, and no manifest by then: it stayed there, and nobody ever knew whose it was."""
    until_it_is_made(stage)
    await stage.declare(file("motd", "hello\n", deletion=Deletion.DELETE))
    await stage.until(lambda: stage.store_fails is not None)
    await stage.killed()
    await stage.declare(file("other", "x\n"))
    await stage.until(lambda: stage.content("motd") is None)
    await stage.settled()
    assert address("motd") not in await stage.store.load_inventory()
    assert address("motd") not in stage.controller.states()
