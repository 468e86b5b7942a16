"""A long task that ends is started again, and one that is not heard of is seen."""

import asyncio

import pytest

from reconciler.core.backoff import Backoff
from reconciler.engine.loop.supervisor import Supervisor
from reconciler.errors import LeaseLost, StoreError
from reconciler.runtime import Runtime
from tests.sim.loop import run


class Act:
    """A supervisor with one task that ends as it is told, one start after the other, and then goes on for ever."""

    def __init__(self, *endings, deadline=None):
        self.endings = list(endings)
        self.starts = []
        self.supervisor = Supervisor(
            runtime=Runtime(connect=None, offload=None), backoff=Backoff(base=1.0, cap=8.0)
        )
        self.supervisor.add("source", self.work, deadline=deadline)

    async def work(self):
        self.starts.append(asyncio.get_running_loop().time())
        if not self.endings:
            await asyncio.Event().wait()
        if (ending := self.endings.pop(0)) is not None:
            raise ending

    def play(self, seconds, then=lambda: None):
        """What `then` gives after so many seconds."""

        async def played():
            running = asyncio.create_task(self.supervisor.run())
            await asyncio.wait([running], timeout=seconds)
            given = then()
            running.cancel()
            await asyncio.wait([running])
            if not running.cancelled():
                running.result()
            return given

        return run(played())


def test_a_task_that_fails_is_started_again_with_growing_pauses():
    act = Act(*[StoreError("disk is full")] * 5)
    act.play(100)
    pauses = [after - before for before, after in zip(act.starts, act.starts[1:], strict=False)]
    assert len(pauses) == 5
    assert pauses[-1] > 2 * pauses[0]


def test_a_deadline_may_change_while_the_task_is_looked_after():
    deadlines = [30.0]
    act = Act(deadline=lambda: deadlines[0])

    def healthy_with(deadline):
        deadlines[0] = deadline
        return not act.supervisor.health()

    assert act.play(20, lambda: (healthy_with(30.0), healthy_with(10.0))) == (True, False)


def test_a_task_that_ends_by_itself_is_started_again():
    act = Act(None)
    act.play(100)
    assert len(act.starts) == 2


def test_why_a_task_is_not_running_is_said_until_it_runs_again():
    def health(seconds):
        act = Act(StoreError("disk is full"))
        return act.play(seconds, act.supervisor.health)

    assert "disk is full" in health(0.01)["source"]
    assert health(10) == {}


def test_a_failure_that_nobody_foresaw_is_called_a_defect():
    act = Act(ZeroDivisionError("by zero"))
    assert "which is a defect" in act.play(0.01, act.supervisor.health)["source"]


def test_a_task_that_does_not_beat_within_its_deadline_is_said():
    act = Act(deadline=30.0)
    assert act.play(29, act.supervisor.health) == {}
    act = Act(deadline=30.0)
    assert act.play(50, act.supervisor.health) == {"source": "has not been heard of for 50 s"}


def test_a_task_that_beats_is_well():
    act = Act(deadline=30.0)

    def beats():
        act.supervisor.beat("source")
        return act.supervisor.health()

    assert act.play(50, beats) == {}


def test_everything_ends_when_another_controller_has_taken_over():
    act = Act(LeaseLost("another one holds it"))
    with pytest.raises(LeaseLost):
        act.play(100)
    assert len(act.starts) == 1


def test_a_task_that_ends_because_everything_does_is_not_started_again(caplog):
    async def play():
        supervisor = Supervisor(runtime=Runtime(connect=None, offload=None))
        begun = []

        async def work():
            begun.append(1)
            await told.wait()

        told = asyncio.Event()
        supervisor.add("work", work)
        running = asyncio.create_task(supervisor.run())
        await asyncio.sleep(1)
        supervisor.end()
        told.set()
        await asyncio.wait_for(running, 60)
        return begun, supervisor.health()

    assert run(play()) == ([1], {})
    assert "started again" not in caplog.text


def test_a_task_that_is_looked_after_no_longer_ends_and_nobody_misses_it():
    act = Act(deadline=5.0)

    async def played():
        running = asyncio.create_task(act.supervisor.run())
        await asyncio.sleep(1)
        await act.supervisor.remove("source")
        act.supervisor.beat("source")
        await act.supervisor.remove("source")
        await asyncio.sleep(100)
        assert (act.starts, act.supervisor.health(), running.done()) == ([0.0], {}, True)

    run(played())
