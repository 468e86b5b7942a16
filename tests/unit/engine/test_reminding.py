"""Somebody is called when a suspension ends by itself, and not before."""

import asyncio

from reconciler.engine.loop.reminders import Reminders
from reconciler.model.state import Suspension
from tests.sim.loop import run

EPOCH = 1_000.0


class Held:
    """The suspensions in force, by a wall clock that can be put back."""

    def __init__(self):
        self.known, self.off, self.ended = [], 0.0, []
        self.reminders = Reminders(self, now=self.now, ended=self.ended.append)

    def now(self):
        return EPOCH + asyncio.get_running_loop().time() + self.off

    def all(self):
        return [one for one in self.known if one.until is None or one.until > self.now()]

    def suspend(self, object_, until):
        self.known.append(Suspension(object=object_, by="ada", reason="x", since=self.now(), until=until))
        self.reminders.set(self.known[-1:])


def test_what_ends_by_itself_is_told_when_it_has_and_what_does_not_is_not():
    async def play():
        held = Held()
        held.suspend("a", EPOCH + 5.0)
        held.suspend("b", None)
        held.suspend("c", EPOCH + 50.0)
        await asyncio.sleep(4.9)
        assert held.ended == []
        await asyncio.sleep(0.2)
        assert held.ended == ["a"]
        held.reminders.close()
        await asyncio.sleep(100.0)
        assert held.ended == ["a"]

    run(play())


def test_a_later_one_on_the_same_object_and_a_cancelled_one_count_no_more():
    async def play():
        held = Held()
        held.suspend("a", EPOCH + 5.0)
        held.known.clear()
        held.suspend("a", EPOCH + 10.0)
        held.suspend("b", EPOCH + 5.0)
        held.reminders.cancel("b")
        held.reminders.cancel("never")
        await asyncio.sleep(7.0)
        assert held.ended == []
        await asyncio.sleep(4.0)
        assert held.ended == ["a"]

    run(play())


def test_a_clock_that_is_put_back_is_waited_for():
    async def play():
        held = Held()
        held.suspend("a", EPOCH + 5.0)
        held.off = -10.0
        await asyncio.sleep(6.0)
        assert held.ended == []
        await asyncio.sleep(10.0)
        assert held.ended == ["a"]

    run(play())
