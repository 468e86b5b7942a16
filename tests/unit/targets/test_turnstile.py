"""Few at a time, and nobody who is slow keeps the others waiting for long."""

import asyncio

from reconciler.targets.turnstile import Turnstile
from tests.sim.loop import run


async def test_only_so_many_are_through_at_a_time():
    turnstile = Turnstile(2, 60.0)
    inside, most = 0, 0

    async def one():
        nonlocal inside, most
        turn = turnstile.turn()
        await turn.enter()
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        turn.leave()

    await asyncio.gather(*(one() for _ in range(10)))
    assert most == 2


def test_who_takes_longer_than_a_healthy_one_does_not_count_any_more():
    async def play():
        turnstile = Turnstile(1, 2.0)
        stuck, healthy = turnstile.turn(), turnstile.turn()
        await stuck.enter()
        await healthy.enter()
        waited = asyncio.get_running_loop().time()
        stuck.leave()  # late, and no second place comes of it
        third = asyncio.create_task(turnstile.turn().enter())
        await asyncio.sleep(0)
        assert not third.done()
        healthy.leave()
        await third
        return waited

    assert run(play()) == 2.0


async def test_entering_twice_takes_one_place_and_leaving_twice_gives_one_back():
    turnstile = Turnstile(1, 60.0)
    turn = turnstile.turn()
    turn.leave()
    await turn.enter()
    await turn.enter()
    turn.leave()
    turn.leave()
    first, second = turnstile.turn(), asyncio.create_task(turnstile.turn().enter())
    await second
    waiting = asyncio.create_task(first.enter())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_who_gives_up_while_it_waits_takes_no_place():
    turnstile = Turnstile(1, 60.0)
    holder = turnstile.turn()
    await holder.enter()
    waiting = asyncio.create_task(turnstile.turn().enter())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    holder.leave()
    await turnstile.turn().enter()
