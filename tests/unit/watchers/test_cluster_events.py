"""What hears of a cluster, and ends."""

import asyncio

import kopf
import pytest
from kopf._cogs.aiokits.aioadapters import wait_flag

from watchers.kubernetes.events import ClusterEvents


@pytest.fixture
def operators(monkeypatch):
    """What is run instead of kopf's: it waits for the word to end as that does, and fails where that is never said."""
    fails = []

    async def operator(*, stop_flag, **_):
        waiting = asyncio.ensure_future(wait_flag(stop_flag))
        await asyncio.sleep(0)
        if fails:
            raise ValueError(fails.pop())
        await waiting

    monkeypatch.setattr(kopf, "operator", operator)
    return fails


async def test_that_nothing_is_heard_any_more_is_told_where_it_has_ended_by_itself(operators):
    """Its thread waited for a word that nobody said, and so nothing was heard, nor asked for again."""
    ended = asyncio.Event()
    events = ClusterEvents("default", [], lambda *_: None, ended.set)
    operators.append("no way in")
    events.begin()
    await ended.wait()
    assert events.why_not == "the events of the cluster cannot be had: no way in"
    await events.closed()
    ended.clear()
    events.begin()
    events.end()
    await ended.wait()
    assert events.why_not == "the events of the cluster have ended"
    await events.closed()


async def test_one_that_is_asked_for_anew_does_not_tell_of_the_end_of_the_one_before(operators):
    told = []
    events = ClusterEvents("default", [], lambda *_: None, lambda: told.append(1))
    events.begin()
    events.anew()
    events.anew()
    events.end()
    await events.closed()
    assert told == [1]


async def test_what_has_ended_by_itself_is_heard_again_where_that_is_asked_for_as_soon_as_it_is_told(
    operators, monkeypatch
):
    """Its thread was still there at that moment, so that it was taken for one that hears."""
    monkeypatch.setattr("watchers.kubernetes.events.BREATH", 0.0)
    twice = asyncio.Event()

    def ended():
        told.append(events.why_not)
        (twice.set if len(told) == 2 else events.begin)()

    told, events = [], ClusterEvents("default", [], lambda *_: None, ended)
    operators += ["no way in", "none yet"]
    events.begin()
    await twice.wait()
    assert [why.rpartition(": ")[2] for why in told] == ["none yet", "no way in"]
    await events.closed()
