"""The controller's own TCP connections."""

import asyncio
import time
from typing import Any

import pytest

from reconciler.errors import ErrorClass
from reconciler.model.calls import Call, Failure, Ok
from reconciler.outside.calls import Outside
from reconciler.targets.near import reach_here
from tests.integration.outside.conftest import serving


async def ask(address: str, name: str = "tcp.connect", **args: Any) -> Any:
    reply = await Outside(now=time.time)(Call(name, {"address": address} | args), reach_here)
    return reply.value if isinstance(reply, Ok) else reply


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 ")
    await writer.drain()
    await asyncio.sleep(0.01)
    writer.write(b"mail.example ready\r\n")
    await writer.drain()
    if await reader.read(100) == b"PING\r\n":
        writer.write(b"PONG\r\n")
    await writer.drain()
    await reader.read()


@pytest.mark.parametrize("name", ["tcp.connect", "tcp.connect.forwarded"])
async def test_a_connection_comes_about(name: str) -> None:
    async with serving(greet) as port:
        answer = await ask(f"127.0.0.1:{port}", name)
    assert answer.pop("elapsed_ms") >= 0
    assert answer == {"data": ""}


async def test_what_is_said_is_read_until_it_is_enough() -> None:
    async with serving(greet) as port:
        where = f"127.0.0.1:{port}"
        assert (await ask(where, max_read=4096, until="ready"))["data"] == "220 mail.example ready\r\n"
        assert (await ask(where, max_read=5))["data"] == "220 m"
        said = await ask(where, max_read=4096, until="PONG", send="PING\r\n")
        assert said["data"].endswith("ready\r\nPONG\r\n")


async def test_who_hangs_up_has_said_all() -> None:
    async def short(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no")
        await writer.drain()
        writer.close()

    async with serving(short) as port:
        assert (await ask(f"127.0.0.1:{port}", max_read=100, until="yes"))["data"] == "no"


async def test_tls(authority: Any, tmp_path: Any) -> None:
    async with serving(greet, tls=authority.context(tmp_path, "localhost")) as port:
        answer = await ask(f"127.0.0.1:{port}", tls=True, ca=authority.pem, server_name="localhost")
        assert answer["tls"]["names"] == ["localhost"]
        failure = await ask(f"127.0.0.1:{port}", tls=True)
        assert failure.code == "bad_certificate"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"address": "127.0.0.1"}, "bad_request"),
        ({"address": "127.0.0.1:0"}, "bad_request"),
        ({"address": "127.0.0.1:70000"}, "bad_request"),
        ({"tls": 1}, "bad_request"),
        ({"max_read": 5000}, "bad_request"),
        ({"address": "127.0.0.1:1"}, "no_connection"),
        ({"max_read": 4096, "until": "never", "timeout_ms": 200}, "deadline"),
    ],
)
async def test_what_goes_wrong(args: dict[str, Any], code: str) -> None:
    async with serving(greet) as port:
        failure = await ask(**({"address": f"127.0.0.1:{port}"} | args))
    assert isinstance(failure, Failure)
    assert failure.code == code
    assert (failure.error_class is ErrorClass.PERMANENT) is (code == "bad_request")


async def test_a_connection_that_is_reset_is_none() -> None:
    async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import socket
        import struct

        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with serving(reset) as port:
        failure = await ask(f"127.0.0.1:{port}", max_read=10, until="x")
    assert isinstance(failure, Failure)
    assert failure.code == "no_connection"
