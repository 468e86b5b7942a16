"""What the loop reports of itself while it works, in counts."""

import asyncio

from reconciler.core.workqueue import Priority
from reconciler.engine.loop.workers import STUCK, Workers
from reconciler.errors import StoreError
from reconciler.model import metrics
from tests.sim.loop import run
from tests.unit.engine.stage import file, staged


@staged
async def test_rounds_and_what_they_conclude_are_counted(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    rounds = stage.measured(metrics.RECONCILE)
    assert rounds["target", "success"] >= 1
    assert stage.measured(metrics.QUEUE_DURATION)["target",] == sum(rounds.values())
    assert stage.measured(metrics.WORK_DURATION) == stage.measured(metrics.RECONCILE_TIME)
    assert stage.measured(metrics.QUEUE_ADDS)["target",] >= sum(rounds.values())
    assert stage.measured(metrics.RESOURCE_RECONCILE)["File", "success"] >= 1
    assert stage.measured(metrics.APPLIES) == {("File", "spec", "Applied"): 1} | {
        labels: 1 for labels in stage.measured(metrics.APPLIES) if labels[1] == "adopt"
    }
    assert stage.measured(metrics.STORE_WRITE)[()] >= 1
    assert stage.controller.looked_at.keys() == {"m0"}


@staged
async def test_drift_is_counted_by_whose_doing_it_was_and_timed_from_when_it_was_heard_of(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.spoil("motd")
    await stage.settled()
    assert stage.measured(metrics.DRIFT) == {("File", "process", "corrected"): 1}
    assert stage.measured(metrics.DRIFT_LATENCY) == {("File",): 1}
    assert stage.measured(metrics.APPLIES)["File", "drift", "Applied"] == 1


@staged
async def test_drift_that_is_left_as_it_is_is_counted_as_such(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    await stage.declare(file("motd", "hello\n", policy="observe"))
    await asyncio.sleep(3)
    stage.spoil("motd")
    await stage.until(lambda: stage.reason("motd") == "Differs")
    assert stage.measured(metrics.DRIFT) == {("File", "process", "held"): 1}
    assert stage.measured(metrics.DRIFT_LATENCY) == {}
    assert stage.measured(metrics.RESOURCE_RECONCILE)["File", "held"] >= 1


@staged
async def test_a_steady_state_says_nothing_but_that_it_was_looked_at(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    before, resources = stage.controller.looked_at["m0"], stage.measured(metrics.RESOURCE_RECONCILE)
    await asyncio.sleep(2000)
    assert stage.controller.looked_at["m0"] > before
    assert stage.measured(metrics.RESOURCE_RECONCILE) == resources


@staged
async def test_a_round_that_fails_is_an_error_and_tried_again(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.store_fails = StoreError("disk is full")
    stage.spoil("motd")
    await stage.until(lambda: bool(stage.controller.troubles))
    assert stage.measured(metrics.RECONCILE_ERRORS)["target",] >= 1
    assert stage.measured(metrics.QUEUE_RETRIES) == stage.measured(metrics.RECONCILE_ERRORS)
    assert stage.measured(metrics.RECONCILE_PANICS) == {}
    stage.store_fails = None
    await stage.settled()


@staged
async def test_a_target_that_is_declared_no_longer_is_forgotten(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    await stage.controller.submissions.drop(next(iter(stage.controller.in_force.sources)))
    await stage.until(lambda: not stage.controller.looked_at)


def test_a_queue_from_which_nothing_is_handed_out_is_stuck_and_says_so():
    async def played():
        async def work(_work):
            return True

        workers = Workers(work, random=lambda: 0.5, most=2)
        running = asyncio.create_task(workers.run())
        await asyncio.sleep(1)
        assert not workers.stuck
        running.cancel()  # the hand-out dies, and nobody sees it
        await asyncio.wait([running])
        workers.add("web-1", priority=Priority.USER)
        assert not workers.stuck
        await asyncio.sleep(STUCK + 1)
        assert workers.stuck.startswith("a target waits for")
        assert workers.load.depth == 1
        workers.stopping = True
        assert not workers.stuck

    run(played())


def test_how_long_rounds_are_under_way_is_told():
    async def played():
        async def work(_work):
            await asyncio.sleep(10)
            return True

        workers = Workers(work, random=lambda: 0.5, most=1)
        running = asyncio.create_task(workers.run())
        workers.add("web-1", priority=Priority.USER)
        workers.add("web-2", priority=Priority.USER)
        await asyncio.sleep(4)
        load = workers.load
        assert (load.depth, load.under_way, load.most) == (1, (4.0,), 1)
        await asyncio.sleep(60)
        assert workers.load.under_way == ()
        running.cancel()
        await asyncio.wait([running])

    run(played())
