"""Real processes, real lanes, real disks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.runtime import Runtime, ThreadLanes
from reconciler.store.store import Store


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    async def connect(_target):
        raise AssertionError("nothing here reaches a target")

    lanes = ThreadLanes()
    yield Runtime(connect=connect, offload=lanes)
    lanes.close()


@pytest.fixture
async def open_store(runtime: Runtime) -> AsyncIterator[Callable[..., Awaitable[Store]]]:
    opened: list[Store] = []

    async def open_(path: Path, **options: Any) -> Store:
        opened.append(await Store.open(path, runtime=runtime, **options))
        return opened[-1]

    yield open_
    for store in opened:
        await store.close()


ROOT = Path(__file__).parents[3]


@contextmanager
def python(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python process of this checkout, killed at the end of the block if it is still there."""
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


WRITER = ("-m", "tests.integration.store.writer")


class Disk:
    """A small file system of its own.

    Attributes:
        path: where it is mounted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def remount(self, options: str) -> None:
        """Mount it again with other options."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.path)], check=True, capture_output=True)

    def fill(self, *, leave: int = 0) -> Path:
        """Take all of its space but `leave` bytes; remove the file to give it back."""
        ballast = self.path / "ballast"
        free = os.statvfs(self.path)
        with open(ballast, "wb", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_frsize - leave))
        return ballast


@contextmanager
def mounted(path: Path, megabytes: int) -> Iterator[Disk]:
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Disk]]:
    """Mounts a file system of so many megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system takes root")
    with ExitStack() as stack:
        yield lambda megabytes: stack.enter_context(mounted(tmp_path / "disk", megabytes))
