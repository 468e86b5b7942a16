"""One target's trouble is not another's, and a snapshot may come at any time."""

import asyncio

from reconciler.model.source import SnapshotGone
from reconciler.plugins.calls import Phase
from tests.unit.engine.stage import address, file, staged


@staged(machines=("m0", "m1"))
async def test_a_target_that_cannot_be_reached_does_not_delay_the_others(stage):
    stage.machines["m1"].powered = False
    begun = stage.loop.time()
    await stage.declare(file("motd", "hello\n"), file("motd", "hello\n", on="m1"))
    await stage.until(lambda: stage.summary("motd").ready)
    assert stage.loop.time() - begun < 1
    stage.spoil("motd")
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 1
    assert stage.content("motd", on="m1") is None
    stage.machines["m1"].powered = True
    await stage.until(lambda: stage.content("motd", on="m1") == b"hello\n")


@staged(machines=("m0", "m1"))
async def test_a_target_that_falls_silent_does_not_delay_the_others(stage):
    await stage.declare(file("motd", "hello\n"), file("motd", "hello\n", on="m1"))
    await stage.settled()
    stage.machines["m1"].partition(100)
    for _ in range(10):
        stage.spoil("motd")
        assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 1
        await asyncio.sleep(5)


@staged
async def test_what_was_changed_while_the_session_was_lost_is_put_right_with_the_next(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.machines["m0"].lose_sessions()
    stage.spoil("motd")
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 5
    assert stage.machines["m0"].sessions == 2


@staged
async def test_a_snapshot_that_comes_in_the_middle_of_a_round_is_what_is_so_in_the_end(stage):
    def submits(phase, _request):
        if phase is Phase.APPLY and stage.revision == 1:
            under_way.append(asyncio.create_task(stage.controller.submit(second)))
            stage.revision = 2

    under_way = []
    first = stage.desired(file("motd", "first\n"), file("gone", "gone\n"))
    second = stage.desired(file("motd", "second\n"), file("new", "new\n"))
    stage.revision = 1
    stage.host.instead = submits
    await stage.controller.submit(first)
    await stage.until(lambda: stage.content("motd") == b"second\n" and stage.content("new") == b"new\n")
    await stage.settled()
    assert [task.done() for task in under_way] == [True]
    assert address("gone") not in stage.controller.states()
    assert address("gone") not in await stage.store.load_states()


@staged(machines=("m0", "m1"))
async def test_a_target_that_is_no_longer_declared_is_left_and_its_session_closed(stage):
    await stage.declare(file("motd", "hello\n"), file("motd", "hello\n", on="m1"))
    await stage.settled()
    gone = stage.machines.pop("m1")
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: not gone.runners)
    assert gone.files.nodes["/srv/motd"].content == b"hello\n"
    assert [one.object for one in await stage.events("Orphaned")] == [address("motd", on="m1")]
    assert set(await stage.store.load_states()) == {address("motd")}


def moved_on(wanted):
    """All bodies of a snapshot have moved on since it was taken."""

    def read():
        raise SnapshotGone("it has moved on")

    for digest, blob in wanted.blobs.items():
        wanted.blobs[digest] = type(blob)(digest, blob.size, read)
    return wanted


@staged
async def test_a_body_that_moved_on_is_waited_for(stage):
    await stage.controller.submit(moved_on(stage.desired(file("motd", "hello\n"))))
    await asyncio.sleep(30)
    assert stage.content("motd") is None
    await stage.declare(file("motd", "hello again\n"))
    await stage.until(lambda: stage.content("motd") == b"hello again\n")


@staged
async def test_a_body_whose_file_moved_on_is_taken_from_the_store(stage):
    await stage.store.blobs.put(b"hello\n")
    await stage.controller.submit(moved_on(stage.desired(file("motd", "hello\n"))))
    await stage.until(lambda: stage.content("motd") == b"hello\n")
