"""Who is heard on the port for webhooks, and what comes of it."""

import asyncio
import contextlib
import hashlib
import hmac
import socket
import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from reconciler.api import ports, webhooks
from reconciler.api.ports import bound
from reconciler.api.webhooks import HookLimit, is_signed, serve_webhooks

SECRET = "it's a s€cret"
BODY = b'{"ref": "refs/heads/main"}'


def mac(body: bytes = BODY, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("headers", "signed"),
    [
        ({"X-Hub-Signature-256": f"sha256={mac()}"}, True),
        ({"X-Gitea-Signature": mac()}, True),
        ({"X-Forgejo-Signature": mac()}, True),
        ({"X-Signature": f"sha256={mac()}"}, True),
        ({"X-Gitlab-Token": SECRET}, True),
        ({"X-Hub-Signature-256": f"sha256={mac(b'other')}"}, False),
        ({"X-Hub-Signature-256": f"sha256={mac(secret='guess')}"}, False),
        ({"X-Hub-Signature-256": ""}, False),
        ({"X-Hub-Signature-256": "sha256=\udcff"}, False),
        ({"X-Gitlab-Token": "guess"}, False),
        ({"X-Gitlab-Token": ""}, False),
        ({"X-Hub-Signature-256": "wrong", "X-Gitlab-Token": SECRET}, False),
        ({}, False),
    ],
)
def test_only_who_knows_the_secret_is_heard(headers: dict[str, str], *, signed: bool) -> None:
    assert is_signed(headers, BODY, SECRET) is signed


def test_so_many_are_heard_in_a_row_and_then_one_after_the_other() -> None:
    now = [0.0]
    gate = HookLimit(lambda: now[0])
    assert [gate.opens() for _ in range(12)] == [True] * 10 + [False] * 2
    now[0] = 1.0
    assert [gate.opens() for _ in range(2)] == [True, False]
    now[0] = 1000.0
    assert [gate.opens() for _ in range(11)] == [True] * 10 + [False]


@contextlib.asynccontextmanager
async def hearing(secret: str | None = SECRET) -> AsyncIterator[tuple[str, list[int]]]:
    heard: list[int] = []
    with contextlib.closing(bound("0")) as listening:
        port = listening.getsockname()[1]
        serving = asyncio.create_task(
            serve_webhooks(listening, lambda: secret, lambda: heard.append(1), clock=lambda: 0.0)
        )
        try:
            yield f"http://127.0.0.1:{port}", heard
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


async def test_a_push_has_the_sources_looked_at_and_nothing_else() -> None:
    good = {"X-Hub-Signature-256": f"sha256={mac()}"}
    async with hearing() as (url, heard), aiohttp.ClientSession() as client:
        async with client.post(f"{url}/hook", data=BODY, headers=good) as answer:
            assert answer.status == 202
        assert heard == [1]
        async with client.post(f"{url}/hook", data=b"other", headers=good) as answer:
            assert answer.status == 403
        async with client.get(f"{url}/hook", headers=good) as answer:
            assert answer.status == 405
        async with client.get(f"{url}/v1/status") as answer:
            assert answer.status == 404
        assert heard == [1]
        for _ in range(8):
            async with client.post(f"{url}/hook", data=BODY) as answer:
                assert answer.status == 403
        async with client.post(f"{url}/hook", data=BODY, headers=good) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "5")


async def test_what_is_too_large_or_too_slow_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "BODY", 1000)
    monkeypatch.setattr(webhooks, "PATIENCE", 0.05)
    async with hearing() as (url, heard), aiohttp.ClientSession() as client:
        async with client.post(f"{url}/hook", data=b"x" * 2000, headers={"X-Gitlab-Token": SECRET}) as answer:
            assert answer.status == 413
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        assert b" 408 " in await reader.readline()
        writer.close()
        assert heard == []


async def test_who_connects_and_says_nothing_takes_no_more_than_some_places_and_none_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ports, "AT_ONCE", 2)
    monkeypatch.setattr(ports, "IDLE", 0.2)
    async with hearing() as (url, heard), aiohttp.ClientSession() as client:
        port = int(url.rpartition(":")[2])
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        silent[0][1].write(b"POST /hook HTTP/1.1\r\nHost:")
        headers = {"X-Gitlab-Token": SECRET}
        async with client.post(f"{url}/hook", data=BODY, headers=headers) as answer:
            assert answer.status == 202
        for reader, writer in silent:
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
        assert heard == [1]


async def test_what_speaks_no_tls_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "AT_ONCE", 1)
    monkeypatch.setattr(ports, "HANDSHAKE", 0.2)
    runner = web.AppRunner(web.Application())
    with contextlib.closing(bound("0")) as listening:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving = asyncio.create_task(ports.served(runner, listening, context))
        try:
            for said in (b"GET / HTTP/1.1\r\n\r\n", b"", b"x"):
                reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
                writer.write(said)
                with contextlib.suppress(ConnectionError):
                    await reader.read()
                writer.close()
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


async def test_who_cannot_be_accepted_now_is_accepted_later(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    accept, failed = loop.sock_accept, [OSError(24, "Too many open files")]

    async def accepting(listening: socket.socket) -> object:
        if failed:
            raise failed.pop()
        return await accept(listening)

    monkeypatch.setattr(loop, "sock_accept", accepting)
    monkeypatch.setattr(ports, "AGAIN", 0.0)
    async with hearing() as (url, heard), aiohttp.ClientSession() as client:
        async with client.post(f"{url}/hook", data=BODY, headers={"X-Gitlab-Token": SECRET}) as answer:
            assert answer.status == 202
        assert heard == [1]


async def test_nobody_is_heard_while_there_is_no_secret() -> None:
    async with hearing(None) as (url, heard), aiohttp.ClientSession() as client:
        async with client.post(f"{url}/hook", data=BODY, headers={"X-Gitlab-Token": ""}) as answer:
            assert answer.status == 403
        assert heard == []
