import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import TransportError
from reconciler.model.calls import Ok
from reconciler.model.target import LocalTransport
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.targets import local, starting
from reconciler.targets.artifacts import Artifacts, architecture
from reconciler.targets.connect import make_connect
from reconciler.targets.session import Session
from reconciler.targets.settings import SessionSettings
from tests.unit.targets.conftest import SCRIPT
from tests.unit.targets.fake_runner import LOCAL

ARCH = architecture(os.uname().machine)


@pytest.fixture
def runtime(build, tmp_path):
    """The world, with an environment that a test may change."""
    lanes = ThreadLanes()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/home/ada",
        "USER": "ada",
        "SECRET": "hunter2",
        "XDG_RUNTIME_DIR": str(tmp_path),
    }
    connect = make_connect(
        state=tmp_path / "state", offload=lanes, artifacts=Artifacts(build.directory), environ=environ, ttl=90
    )
    yield Runtime(connect=connect, offload=lanes, environ=environ)
    lanes.close()


def open_session(runtime, target=LOCAL, **settings):
    return Session.open(
        target, runtime=runtime, on_event=lambda event: None, settings=SessionSettings(**settings)
    )


def alive(pid):
    return os.path.exists(f"/proc/{pid}")


async def look(session):
    (reply,) = await session.command("look", [{}])
    return reply.value


async def test_a_runner_here_is_started_from_memory_with_little_of_our_environment(runtime, build, tmp_path):
    before = set(tmp_path.rglob("*"))
    session = await open_session(runtime)
    seen = await look(session)
    assert seen["argv"][0].startswith(f"/proc/{os.getpid()}/fd/")
    assert seen["argv"][1] == "serve"
    assert seen["argv"][2::2] == ["--sha256", "--signature", "--ttl"]
    assert seen["argv"][-1] == "90000ms"
    assert seen["cwd"] == "/"
    assert seen["sid"] == session.ready.pid
    assert seen["environ"]["HOME"] == "/home/ada"
    assert "SECRET" not in seen["environ"]
    assert set(tmp_path.rglob("*")) == before
    await session.close()
    assert not alive(session.ready.pid)


async def test_where_memory_cannot_be_executed_the_file_has_no_name_either(runtime, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "memfd_create", refuse)
    before = set(tmp_path.rglob("*"))
    session = await open_session(runtime)
    assert (await look(session))["cwd"] == "/"
    assert session.passed_over == "memory (permission denied)"
    assert set(tmp_path.rglob("*")) == before
    await session.close()


async def test_a_kernel_that_does_not_know_the_flag_is_asked_without_it(runtime, monkeypatch):
    real = os.memfd_create

    def old(name, flags):
        if flags & starting._MFD_EXEC:
            raise OSError(22, "Invalid argument")
        return real(name, flags)

    monkeypatch.setattr(os, "memfd_create", old)
    session = await open_session(runtime)
    await session.close()


async def test_where_nothing_can_be_executed_every_place_that_was_tried_is_named(runtime, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    runtime.environ["XDG_RUNTIME_DIR"] = "/nowhere"
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(TransportError, match="here: there is no place on this machine to run") as caught:
        await open_session(runtime)
    for why in (
        "memory (mounted noexec)",
        "/nowhere (no such file or directory)",
        "/dev/shm (mounted noexec)",
    ):
        assert why in str(caught.value)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_the_memory_that_was_verified_cannot_be_changed_any_more():
    descriptor = starting._in_memory(b"#!/bin/sh\n")
    writable = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY)
    try:
        for change in (lambda: os.write(writable, b"evil"), lambda: os.ftruncate(writable, 0)):
            with pytest.raises(PermissionError):
                change()
    finally:
        os.close(writable)
        os.close(descriptor)


async def test_a_tampered_binary_is_not_started(runtime, build):
    build.path(ARCH).write_bytes(build.path(ARCH).read_bytes() + b"#")
    with pytest.raises(TransportError, match=r"here: .*not the file that MANIFEST"):
        await open_session(runtime)


async def test_a_binary_that_is_no_program_says_so(runtime, build):
    build.make(ARCH, b"hello")
    with pytest.raises(
        TransportError, match=r"here: the runner cannot be started on this machine: exec format"
    ):
        await open_session(runtime)


async def test_a_runner_that_fails_says_how_and_what_it_said(runtime, build):
    build.make(ARCH, b"#!/bin/sh\necho the disk is on fire >&2\nexit 70\n")
    with pytest.raises(TransportError, match="here: the runner ended with status 70: the disk is on fire"):
        await open_session(runtime)


@pytest.mark.parametrize("ready", [True, False])
async def test_a_runner_that_complains_without_end_is_ended(runtime, build, ready):
    begin = SCRIPT.partition("for line" if ready else "import")[0]
    build.make(ARCH, f"{begin}\nimport os\nwhile True: os.write(2, b'oh no\\n' * 1000)\n".encode())
    if ready:
        session = await open_session(runtime)
        why = await session.wait_closed()
    else:
        with pytest.raises(TransportError) as caught:
            await open_session(runtime)
        why = str(caught.value)
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})  # it is being killed
    assert "it sends more than anybody asked for: over 1 MiB on its standard error" in why
    assert "oh no / oh no" in why


async def test_a_runner_that_is_killed_fails_what_is_under_way(runtime, build):
    build.make(ARCH, build.path(ARCH).read_bytes().replace(b'== "CMD"', b'== "CMD" and False'))
    session = await open_session(runtime)
    asked = asyncio.ensure_future(session.command("look", [{}]))
    await asyncio.sleep(0)
    os.kill(session.ready.pid, signal.SIGKILL)
    with pytest.raises(TransportError, match="the session was lost: the runner was killed by SIGKILL"):
        await asked
    with pytest.raises(TransportError):
        await session._link._channel.write(b"x")
    await session.close()


async def test_a_runner_that_does_not_end_is_killed(runtime, build, monkeypatch):
    monkeypatch.setattr(local, "_FAREWELL", 0.1)
    stubborn = (
        build.path(ARCH)
        .read_bytes()
        .replace(b"for line", b"import time\nwhile True: time.sleep(1)\nfor line")
    )
    build.make(ARCH, stubborn)
    session = await open_session(runtime, farewell=0.1)
    await session.close()
    assert not alive(session.ready.pid)


async def test_a_runner_that_reads_slowly_is_waited_for(runtime, build):
    slow = build.path(ARCH).read_bytes().replace(b"for line", b"import time\ntime.sleep(0.3)\nfor line")
    build.make(ARCH, slow)
    session = await open_session(runtime)
    replies = await asyncio.gather(*(session.command("look", [{"padding": "x" * 500_000}]) for _ in range(8)))
    assert all(isinstance(reply, Ok) for (reply,) in replies)
    await session.close()


def test_it_ends_with_a_controller_that_is_killed(build, tmp_path):
    controller = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from reconciler.runtime import Runtime, ThreadLanes\n"
        "from reconciler.targets.artifacts import Artifacts\n"
        "from reconciler.targets.connect import make_connect\n"
        "from reconciler.targets.session import Session\n"
        "from tests.unit.targets.fake_runner import LOCAL\n"
        "async def main():\n"
        "    lanes = ThreadLanes()\n"
        f"    connect = make_connect(state=Path({str(tmp_path)!r}), offload=lanes, environ=os.environ,"
        f" artifacts=Artifacts(Path({str(build.directory)!r})))\n"
        "    runtime = Runtime(connect=connect, offload=lanes)\n"
        "    session = await Session.open(LOCAL, runtime=runtime, on_event=print)\n"
        "    print(session.ready.pid, flush=True)\n"
        "    await asyncio.sleep(3600)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", controller], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    with process:
        pid = int(process.stdout.readline())
        ended = os.pidfd_open(pid)
        process.kill()
    assert select.select([ended], [], [], 60)[0]
    os.close(ended)


# --- sudo ---------------------------------------------------------------------------------------------

ROOT = replace(LOCAL, transport=LocalTransport(become="sudo"))


def sudo(runtime, tmp_path, script):
    """Put another sudo before the real one, if there is any."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "sudo").write_text(f"#!/bin/sh\n{script}\n")
    (directory / "sudo").chmod(0o755)
    runtime.environ["PATH"] = f"{directory}:{runtime.environ['PATH']}"


@pytest.fixture
def nobody(monkeypatch):
    """We are not root, as far as anybody can tell."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


async def test_sudo_finds_the_runner_although_it_hands_no_descriptors_on(runtime, tmp_path, nobody):
    sudo(runtime, tmp_path, 'echo lecture >&2; [ "$1 $2" = "-n --" ] || exit 9; shift 2; exec "$@"')
    session = await open_session(runtime, ROOT)
    assert (await look(session))["argv"][1] == "serve"
    await session.close()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("sudo: a password is required", "sudo asks ada for a password, which nobody is there to type"),
        ("ada is not in the sudoers file.", "sudo does not let ada become root: add him to sudoers"),
        (
            "sudo: sorry, you must have a tty to run sudo",
            "sudo wants a terminal, which a session does not have",
        ),
        ("sudo: oops", "the runner ended with status 1: sudo: oops"),
    ],
)
async def test_what_sudo_complains_about_is_explained(runtime, tmp_path, nobody, said, why):
    sudo(runtime, tmp_path, f"echo '{said}' >&2; exit 1")
    with pytest.raises(TransportError, match=f"here: {why}"):
        await open_session(runtime, ROOT)


async def test_without_sudo_it_says_so(runtime, nobody, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(TransportError, match="here: `become: sudo`, but there is no sudo here"):
        await open_session(runtime, ROOT)


async def test_who_is_root_already_needs_no_sudo(runtime, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    session = await open_session(runtime, ROOT)
    await session.close()


async def test_an_unknown_machine_says_what_there_is(runtime, monkeypatch):
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "h", "6", "1", "riscv64")))
    with pytest.raises(TransportError, match="here: there is no runner for riscv64 machines"):
        await open_session(runtime)


@pytest.mark.parametrize("turns", range(8))
async def test_a_start_that_is_cancelled_at_any_moment_leaves_nothing_and_hangs_nobody(runtime, build, turns):
    """asyncio waits for ever for a process whose start is cancelled before its pipes are connected."""
    before = set(asyncio.all_tasks())
    opening = asyncio.ensure_future(open_session(runtime))
    loop = asyncio.get_running_loop()
    real, started = loop.subprocess_exec, asyncio.Event()

    def exec_(*args, **kwargs):
        started.set()
        return real(*args, **kwargs)

    loop.subprocess_exec = exec_
    try:
        await started.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])
    finally:
        del loop.subprocess_exec
    assert opening.cancelled()
    assert set(asyncio.all_tasks()) == before


async def test_what_goes_wrong_in_an_unusual_way_is_that_targets_error(runtime, monkeypatch):
    async def broken(*_, **__):
        raise ValueError("Certificate key mismatch")

    monkeypatch.setattr("reconciler.targets.connect.connect_local", broken)
    with pytest.raises(TransportError, match="it cannot be reached: ValueError: Certificate key mismatch"):
        await open_session(runtime)
