"""What is told to who watches over a daemon, on its socket and on a port."""

import asyncio
import contextlib
import socket
import urllib.error
import urllib.request

import pytest

from reconciler.api.health import HealthCheck, lives, report
from reconciler.api.observing import listen_for_observers, serve_observers
from reconciler.api.ports import address
from reconciler.errors import UsageError
from tests.unit.api.known import Known

BROKEN = [
    HealthCheck("loop"),
    HealthCheck("writer", "has not been heard of\nfor 31 s"),
    HealthCheck("targets", "web-1: no", alive=True),
]


@contextlib.asynccontextmanager
async def observed(known, where="127.0.0.1:0"):
    with listen_for_observers(where) as listening:
        task = asyncio.create_task(serve_observers(known, listening))

        async def ask(path, **headers):
            def call():
                port = listening.getsockname()[1]
                request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
                try:
                    with urllib.request.urlopen(request, timeout=30) as answer:
                        return answer.status, answer.read().decode()
                except urllib.error.HTTPError as error:
                    with error:
                        return error.code, error.read().decode()

            return await asyncio.to_thread(call)

        try:
            yield ask
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_a_healthy_daemon_says_so_in_one_word():
    async with observed(Known()) as ask:
        for path in ("/healthz", "/livez", "/readyz", "/readyz/loop"):
            assert await ask(path) == (200, "ok")
        assert await ask("/readyz?verbose") == (200, "[+]ping ok\n[+]loop ok\nreadyz check passed\n")
        assert (await ask("/metrics"))[0] == 200


async def test_what_is_wrong_is_told_with_its_reason():
    async with observed(Known(known_checks=BROKEN)) as ask:
        assert await ask("/healthz") == (
            503,
            "[+]ping ok\n[+]loop ok\n[-]writer failed: has not been heard of for 31 s\nhealthz check failed\n",
        )
        status, text = await ask("/readyz")
        assert (status, "[-]targets failed: web-1: no" in text) == (503, True)
        assert await ask("/healthz?exclude=writer") == (200, "ok")
        assert (await ask("/healthz/loop")) == (200, "ok")
        assert (await ask("/readyz/writer"))[0] == 503
        assert (await ask("/healthz/none")) == (404, "there is no such check: none\n")


async def test_nothing_else_is_told_there():
    async with observed(Known()) as ask:
        for path in ("/", "/v1/status", "/v1/healthz", "/v1/events"):
            assert (await ask(path))[0] == 404


async def test_a_defect_is_said_and_logged(caplog):
    known = Known()
    known.checks = None
    async with observed(known) as ask:
        status, text = await ask("/readyz")
    assert status == 500
    assert "a defect" in text
    assert "a request failed" in caplog.text


def test_who_lives_may_yet_not_be_ready():
    assert [check.name for check in lives(BROKEN)] == ["loop", "writer"]
    well, text = report("readyz", BROKEN, verbose=True, exclude=["writer", "targets"])
    assert well
    assert text.splitlines()[-2:] == ["[+]targets excluded: ok", "readyz check passed"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("9469", ("127.0.0.1", 9469)),
        (":9469", ("127.0.0.1", 9469)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("[::1]:9469", ("::1", 9469)),
    ],
)
def test_where_to_listen_is_loopback_unless_it_is_said_otherwise(text, where):
    assert address(text) == where


@pytest.mark.parametrize("text", ["", "localhost:9469", "127.0.0.1", "127.0.0.1:", "1:70000", "::1:x"])
def test_what_is_nowhere_to_listen_is_refused_with_what_would_be(text):
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:9469"):
        address(text)


def test_a_port_that_somebody_has_is_an_error_at_the_start():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="ss -ltnp"):
        listen_for_observers(str(taken.getsockname()[1]))


def test_who_lets_everybody_ask_is_told_what_that_means(caplog):
    listen_for_observers("0.0.0.0:0").close()
    assert "no password and no TLS" in caplog.text
