"""inotify as a wake-up: what wakes, what does not, and what is said where it cannot be had."""

import asyncio
import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from watchers.hints import NoHints, WatchfilesHints, open_hints
from watchers.inotify import InotifyHints
from watchers.walk import Directory

DEADLINE = 60


def directory(path: Path) -> Directory:
    status = path.stat()
    return str(path), status.st_dev, status.st_ino


@pytest.fixture
async def hints() -> Iterator[InotifyHints]:
    hints = InotifyHints()
    yield hints
    hints.close()


async def woken(hints: InotifyHints) -> None:
    async with asyncio.timeout(DEADLINE):
        await hints.wait()


async def test_wakes_for_any_name_or_for_the_one_that_matters(tmp_path: Path, hints: InotifyHints) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "one").mkdir()
    watched = {directory(tmp_path / "all"): None, directory(tmp_path / "one"): "root"}
    assert hints.watch(watched) == (True, "")
    assert hints.watch(watched) == (False, "")
    (tmp_path / "all/x").touch()
    await woken(hints)
    (tmp_path / "one/other").touch()
    await asyncio.sleep(0)
    hints._read()
    assert not hints._woken.is_set()
    (tmp_path / "one/root").touch()
    await woken(hints)


async def test_a_directory_that_is_not_wanted_any_more_does_not_wake(
    tmp_path: Path, hints: InotifyHints
) -> None:
    (tmp_path / "a").mkdir()
    hints.watch({directory(tmp_path / "a"): None})
    assert hints.watch({}) == (False, "")
    (tmp_path / "a/x").touch()
    hints._read()
    assert not hints._woken.is_set()


async def test_a_directory_that_is_replaced_is_watched_anew(tmp_path: Path, hints: InotifyHints) -> None:
    path = tmp_path / "a"
    path.mkdir()
    hints.watch({directory(path): None})
    path.rmdir()
    await woken(hints)
    path.mkdir()
    assert hints.watch({directory(path): None}) == (True, "")
    (path / "x").touch()
    await woken(hints)


async def test_a_directory_that_is_gone_already_is_left_to_the_next_look(
    tmp_path: Path, hints: InotifyHints
) -> None:
    (tmp_path / "a").mkdir()
    gone = directory(tmp_path / "a")
    (tmp_path / "a").rmdir()
    assert hints.watch({gone: None}) == (True, "")


async def test_an_overflow_wakes(hints: InotifyHints, monkeypatch: pytest.MonkeyPatch) -> None:
    overflow = struct.pack("iIII", -1, 0x4000, 0, 0)
    monkeypatch.setattr(os, "read", lambda _descriptor, _size: overflow)
    hints._read()
    assert hints._woken.is_set()


def failing(**results: int) -> Any:
    """A C library in which these functions fail with these numbers."""

    def fail(number: int) -> int:
        ctypes.set_errno(number)
        return -1

    functions = {name: (lambda *_, number=number: fail(number)) for name, number in results.items()}
    real = ctypes.CDLL(None, use_errno=True)
    return SimpleNamespace(**{"inotify_init1": real.inotify_init1, **functions})


async def test_watches_that_are_used_up_are_said_with_the_setting(
    tmp_path: Path, hints: InotifyHints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "_libc", failing(inotify_add_watch=errno.ENOSPC))
    added, why = hints.watch({directory(tmp_path): None})
    assert not added
    assert "fs.inotify.max_user_watches" in why


async def test_a_directory_that_must_not_be_watched_is_said(
    tmp_path: Path, hints: InotifyHints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "_libc", failing(inotify_add_watch=errno.EACCES))
    assert hints.watch({directory(tmp_path): None}) == (False, f"{tmp_path}: permission denied")


async def test_instances_that_are_used_up_leave_only_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = failing(inotify_init1=errno.EMFILE)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    hints = open_hints(None, "lane")  # type: ignore[arg-type] # it needs no offload
    assert isinstance(hints, NoHints)
    added, why = hints.watch({directory(tmp_path): None})
    assert not added
    assert "fs.inotify.max_user_instances" in why
    hints.close()


async def test_other_systems_have_watchfiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    hints = open_hints(None, "lane")  # type: ignore[arg-type] # it needs no offload
    assert isinstance(hints, WatchfilesHints)


async def test_what_the_kernel_has_not_said_yet_is_no_error(hints: InotifyHints) -> None:
    hints._read()
    assert not hints._woken.is_set()
