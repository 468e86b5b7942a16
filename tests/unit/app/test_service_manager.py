"""What a service manager is told, on a real socket."""

import asyncio
import contextlib
import re
import socket
from pathlib import Path

import pytest

from reconciler.api.health import HealthCheck
from reconciler.app.service_manager import ServiceManager

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.setblocking(False)
        yield line


@contextlib.asynccontextmanager
async def told(tmp_path, manager, checks, status=lambda: "one target", **environ):
    one = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify"), **environ}, pid=7)
    task = asyncio.create_task(one.keep_told(tmp_path / "froyo.sock", lambda: checks, status))

    async def heard():
        data = await asyncio.get_running_loop().sock_recv(manager, 4096)
        return data.decode().split("\n")

    try:
        yield heard, one
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_it_is_ready_once_it_can_be_asked_and_says_how_it_is(tmp_path, manager):
    async with told(tmp_path, manager, []) as (heard, one):
        await asyncio.sleep(0)
        (tmp_path / "froyo.sock").touch()
        assert await heard() == ["READY=1"]
        assert await heard() == ["STATUS=one target"]
        one.stopping()
        assert (await heard())[0] == "STOPPING=1"


async def test_a_watchdog_hears_of_it_for_as_long_as_it_lives(tmp_path, manager):
    (tmp_path / "froyo.sock").touch()
    checks = [HealthCheck("disk", "full", alive=True)]
    async with told(tmp_path, manager, checks, WATCHDOG_USEC="40000", WATCHDOG_PID="7") as (heard, _):
        assert await heard() == ["READY=1"]
        assert await heard() == ["STATUS=one target", "WATCHDOG=1"]
        assert await heard() == ["WATCHDOG=1"]
        checks.append(HealthCheck("writer", "hangs\nfor good"))
        while "WATCHDOG=1" in (said := await heard()):
            pass
        assert said == ["STATUS=not alive: writer: hangs for good"]
        checks.pop()
        assert await heard() == ["STATUS=one target", "WATCHDOG=1"]


def test_one_that_stands_by_has_begun_and_is_alive(tmp_path, manager):
    """It would be ended and started again every 90 s, for not having begun."""
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "3000000"}
    ServiceManager(environ, pid=7).standing_by("standing by: froyo\non a")
    assert manager.recv(4096) == b"READY=1\nSTATUS=standing by: froyo on a\nWATCHDOG=1"
    ServiceManager(environ, pid=7).standing_by("standing by: \udcff")
    assert b"STATUS=standing by: \\udcff\n" in manager.recv(4096)


def test_a_watchdog_may_be_meant_for_another_process():
    environ = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3000000"}
    assert ServiceManager(environ, pid=7).watchdog == 3.0
    assert ServiceManager({**environ, "WATCHDOG_PID": "8"}, pid=7).watchdog is None
    assert ServiceManager({"WATCHDOG_USEC": "x"}, pid=7).watchdog is None


def test_where_nobody_listens_nothing_is_told():
    assert not ServiceManager({}, pid=7).listens
    ServiceManager({}, pid=7).stopping()
    ServiceManager({"NOTIFY_SOCKET": "/nonexistent/x"}, pid=7).stopping()
    assert not ServiceManager({"NOTIFY_SOCKET": "vsock:2:1234"}, pid=7).listens


def test_a_socket_may_have_an_abstract_name():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("")
        ServiceManager({"NOTIFY_SOCKET": f"@{line.getsockname()[1:].decode()}"}, pid=7).tell("READY=1")
        assert line.recv(100) == b"READY=1"


def test_the_unit_that_is_documented_is_the_one_that_comes_with_it():
    [documented] = re.findall(
        r"```ini\n(\[Unit\].*?)```", (REPOSITORY / "docs/running.md").read_text(), re.DOTALL
    )
    assert documented == (REPOSITORY / "manifests/systemd/froyo.service").read_text()
