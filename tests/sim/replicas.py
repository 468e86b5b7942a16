"""Several controllers on one store: one leads, and the others stand by until the server has heard nothing of it.

The store is SQLite, and what a server would do is done for it: that of a controller that is frozen, or cannot reach it,
it drops the session, and then another one leads; the first one learns of that when it next asks. It may have been about
to change something, and its sessions with targets are there as before.
"""

import asyncio
import random
from typing import TYPE_CHECKING

from reconciler.errors import LeaseLost
from tests.sim.process import PROCESS, Process

if TYPE_CHECKING:
    from contextvars import Context

    from tests.sim.world import World

REPLICAS = 3


async def replicas(world: "World") -> None:
    """Keep as many of them as there are to be, each begun again when it has ended."""

    def frozen(context: "Context") -> list[asyncio.Handle] | None:
        process = context.get(PROCESS)
        return process.frozen if process is not None else None

    world.loop.frozen = frozen
    numbers = range(random.Random(f"{world.seed}/replicas").choice([2, REPLICAS]))
    tasks = [asyncio.create_task(_replica(world, number), name=f"replica {number}") for number in numbers]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _replica(world: "World", place: int) -> None:
    pauses = random.Random(f"{world.seed}/replica {place}")
    while True:
        world.lives += 1
        process = Process(world, number=world.lives, directory=world.directory)
        world.replicas.append(process)
        main = process.spawn(process.main(), name="main")
        ended = asyncio.create_task(process.killed.wait(), name="killed")
        await asyncio.wait([main, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        process.up = False
        error = main.exception() if main.done() and not main.cancelled() else None
        if error is not None and not process.dead and not isinstance(error, LeaseLost):
            world.monitor.must_not("the controller ends by itself", repr(error))
        await process.reap()
        world.replicas.remove(process)
        world.note("the controller has ended", process=process.number, abandoned=process.left)
        await asyncio.sleep(pauses.choice([0.001, 0.01, 1.0, 20.0]))


async def freezers(world: "World", random_: random.Random) -> None:
    """The one that leads stops for a while, or reaches its store no longer; its session there is dropped, or is not."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 4.0))
        process = world.process
        if process is None or not process.up or process.superseded:
            continue
        pause = random_.choice([0.01, 0.5, 3.0, 15.0, 70.0])
        for _ in range(random_.randrange(40)):
            await asyncio.sleep(0)
        if process.dead or process.superseded:
            continue
        if random_.random() < 0.7:
            process.freeze()
            world.loop.call_later(pause, process.thaw)
        else:
            world.note("a controller reaches its store no longer", process=process.number, seconds=pause)
            process.cut_off_until = world.loop.time() + pause
        if random_.random() < 0.8:
            world.loop.call_later(random_.uniform(0.0, pause), process.dropped)
