import asyncio
import os
import signal

import pytest

from reconciler.app.ending import ENDS, run_until_told


@pytest.fixture(autouse=True)
def _heard():
    """Whoever runs these tests may have one of them ignored, as nohup does; an earlier test may have one blocked."""
    handlers = {number: signal.signal(number, signal.SIG_DFL) for number in ENDS}
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def say(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_who_is_told_before_it_has_begun_gives_back_what_it_has(number):
    done = []

    async def work(_ending):
        try:
            say(number)
            await asyncio.Event().wait()
        finally:
            say(number)
            await asyncio.sleep(0)
            done.append("given back")

    assert run_until_told(work) is None
    assert done == ["given back"]


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_who_waits_for_the_word_is_not_cut_off(number):
    async def work(ending):
        with ending.awaited() as told:
            say(number)
            await told.wait()
            say(number)
            await asyncio.sleep(0.01)
        return "ended"

    assert run_until_told(work) == "ended"


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:

        async def work(ending):
            say(signal.SIGHUP)
            await asyncio.sleep(0.01)
            return ending.told.is_set()

        assert run_until_told(work) is False
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_cancellation_that_is_nobodys_word_is_none():
    async def work(_ending):
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_until_told(work)
