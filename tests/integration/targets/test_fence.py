"""A session under an older lease ends when one under a newer has come, and changes nothing from then on."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from reconciler.errors import TransportError
from reconciler.model.fence import Fence
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import LocalTransport, Target
from reconciler.targets.session import Session

HERE = Target(TargetName("here"), {}, LocalTransport(), Digest("sha256:0"))


async def opened(runtime, store, token):
    return await Session.open(
        HERE, runtime=runtime, on_event=lambda _: None, fence=lambda _: Fence(store, token)
    )


async def make(session, path):
    (reply,) = await session.command("dir.ensure", [{"path": str(path), "mode": "0755"}])
    return reply


async def test_whose_lease_is_older_is_ended_and_does_not_come_back(world, artifacts, tmp_path):
    runtime = world.runtime(artifacts)
    store = secrets.token_hex(16)
    old = await opened(runtime, store, 7)
    assert (await make(old, tmp_path / "old")).value["changed"]
    newer = await opened(runtime, store, 8)
    assert (await make(newer, tmp_path / "newer")).value["changed"]
    async with asyncio.timeout(20):
        assert "another controller has taken over (a controller with a newer lease" in await old.wait_closed()
    with pytest.raises(TransportError):
        await make(old, tmp_path / "late")
    back = await opened(runtime, store, 7)
    with pytest.raises(TransportError, match="token 8, ours is 7"):
        await make(back, tmp_path / "late")
    assert not (tmp_path / "late").exists()
    other = await opened(runtime, secrets.token_hex(16), 1)
    assert (await make(other, tmp_path / "other")).value["changed"]
    for session in (newer, other, back):
        await session.close()
