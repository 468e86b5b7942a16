"""A controller that was told to end begins nothing new."""

import asyncio
from types import SimpleNamespace

from reconciler.engine.loop.controller import Controller
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import LocalTransport, Target
from reconciler.runtime import Runtime


async def test_a_snapshot_that_comes_after_the_end_opens_no_session():
    """Nobody closed the session: `froyo up` that got SIGTERM while it evaluated its directory hung for ever."""
    opened = []

    async def open_session(target, **_given):
        opened.append(target.name)
        await asyncio.Event().wait()

    controller = Controller(
        store=None, host=None, runtime=Runtime(connect=None, offload=None), open_session=open_session
    )
    assert await controller.stop(grace=0) == []
    target = Target(TargetName("here"), {}, LocalTransport(), Digest("sha256:here"))
    await controller.submit(SimpleNamespace(targets={target.name: target}, instances={}))
    await asyncio.sleep(0)
    assert opened == []
    assert not controller.in_force
