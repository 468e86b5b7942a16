"""The other side of a session, played by the test: a channel in memory, and a runner that obeys."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from reconciler.errors import TransportError
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import LocalTransport, SshTransport, Target
from reconciler.runtime import Runtime
from reconciler.targets.session import SecretsOf, Session, no_secrets
from reconciler.targets.settings import SessionSettings

READY = {
    "type": "READY",
    "protocol": 1,
    "version": "0.1.0",
    "os": "linux",
    "arch": "amd64",
    "pid": 4711,
    "uid": 0,
    "boot_id": "5f3c2a10-8a9e-4a55-9d0e-0d2b1c1f7a11",
    "commands": ["facts", "file.stat"],
    "watch": "fanotify",
}

LOCAL = Target(TargetName("here"), {}, LocalTransport(), Digest("sha256:0"))
REMOTE = Target(TargetName("web-1"), {}, SshTransport(host="10.0.0.5"), Digest("sha256:1"))


def fault(code: str, error_class: str = "transient", **more: Any) -> dict[str, Any]:
    return {"class": error_class, "code": code, "message": f"it is {code}", **more}


class FakeChannel:
    """What a session reads from and writes to."""

    def __init__(self) -> None:
        self.to_session: asyncio.Queue[bytes | TransportError] = asyncio.Queue()
        self.from_session: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed = 0
        self.stuck = asyncio.Event()
        self.stuck.set()
        self.diagnosis = ""

    async def read(self, limit: int) -> bytes:
        data = await self.to_session.get()
        if isinstance(data, TransportError):
            raise data
        assert len(data) <= limit
        return data

    async def write(self, data: bytes) -> None:
        await self.stuck.wait()
        for line in data.splitlines(keepends=True):
            self.from_session.put_nowait(line)

    async def close(self) -> None:
        self.closed += 1
        self.to_session.put_nowait(b"")


class FakeRunner:
    """Says and hears frames."""

    def __init__(self) -> None:
        self.channel = FakeChannel()

    def say(self, **frame: Any) -> None:
        self.say_bytes(json.dumps(frame).encode() + b"\n")

    def say_bytes(self, data: bytes) -> None:
        for start in range(0, max(len(data), 1), 100_000):
            self.channel.to_session.put_nowait(data[start : start + 100_000])

    def done(self, number: int, *results: dict[str, Any]) -> None:
        self.say(type="DONE", id=number, results=list(results))

    def end(self) -> None:
        self.say_bytes(b"")

    def lose(self, why: str) -> None:
        self.channel.to_session.put_nowait(TransportError(why))

    async def hear_any(self) -> dict[str, Any]:
        line = await self.channel.from_session.get()
        assert line.endswith(b"\n")
        frame: dict[str, Any] = json.loads(line)
        return frame

    async def hear(self, *types: str) -> dict[str, Any]:
        """The next frame that is no housekeeping, and must be of one of these types."""
        while (frame := await self.hear_any())["type"] in {"HEARTBEAT", "RENEW"} - set(types):
            pass
        assert frame["type"] in types, frame
        return frame

    def heard_nothing(self) -> bool:
        return self.channel.from_session.empty()

    async def open(
        self,
        target: Target = LOCAL,
        *,
        on_event: Callable[[Any], None] = lambda event: None,
        secrets: SecretsOf = no_secrets,
        **settings: float,
    ) -> Session:
        """A session with this runner, once it is ready."""
        self.say(**READY)
        return await self.open_unready(target, on_event=on_event, secrets=secrets, **settings)

    async def open_unready(
        self,
        target: Target = LOCAL,
        *,
        on_event: Callable[[Any], None] = lambda event: None,
        secrets: SecretsOf = no_secrets,
        **settings: float,
    ) -> Session:
        async def connect(_: Target) -> FakeChannel:
            return self.channel

        async def offload(_lane, function):
            await asyncio.sleep(0)
            return function()

        runtime = Runtime(connect=connect, offload=offload)
        return await Session.open(
            target, runtime=runtime, on_event=on_event, settings=SessionSettings(**settings), secrets=secrets
        )
