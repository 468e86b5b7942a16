"""What the system says as a wake-up: what wakes, what does not, and what is said where it cannot be had."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from watchers import hints as module
from watchers.hints import FileEvents, Hints
from watchers.walk import Directory

DEADLINE = 60


def directory(path: Path) -> Directory:
    status = path.stat()
    return str(path), status.st_dev, status.st_ino


@pytest.fixture
async def events(monkeypatch: pytest.MonkeyPatch) -> FileEvents:
    monkeypatch.setattr(module, "STEP", 10)
    return FileEvents()


@pytest.fixture
async def hints(events: FileEvents) -> AsyncIterator[Hints]:
    hints = events.hints()
    yield hints
    hints.close()


async def woken(hints: Hints) -> None:
    async with asyncio.timeout(DEADLINE):
        await hints.wait()


async def quiet(hints: Hints, probe: Path) -> None:
    """Wait until what has happened so far would have been told: something after it has."""
    probe.touch()  # noqa: ASYNC240 - what it does is to make an event
    await woken(hints)


async def test_wakes_for_any_name_or_for_the_one_that_matters(tmp_path: Path, events: FileEvents) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "one").mkdir()
    everything, one = events.hints(), events.hints()
    assert await everything.watch({directory(tmp_path / "all"): None}) == (True, "")
    assert await one.watch({directory(tmp_path / "one"): "root"}) == (True, "")
    assert await one.watch({directory(tmp_path / "one"): "root"}) == (False, "")
    (tmp_path / "one/other").touch()
    await quiet(everything, tmp_path / "all/x")
    assert not one.woken.is_set()
    (tmp_path / "one/root").touch()
    await woken(one)
    everything.close()
    one.close()


@pytest.mark.parametrize("again", range(20))
async def test_what_happens_right_after_a_directory_has_come_to_be_watched_wakes(
    tmp_path: Path, hints: Hints, again: int
) -> None:
    assert await hints.watch({directory(tmp_path): None}) == (True, "")
    (tmp_path / f"x{again}").touch()
    await woken(hints)


async def test_a_directory_that_is_not_wanted_any_more_does_not_wake(
    tmp_path: Path, events: FileEvents, hints: Hints
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    other = events.hints()
    await other.watch({directory(tmp_path / "c"): None})
    await hints.watch({directory(tmp_path / "a"): None})
    assert await hints.watch({directory(tmp_path / "b"): None}) == (True, "")
    (tmp_path / "a/x").touch()
    await quiet(other, tmp_path / "c/x")
    assert not hints.woken.is_set()
    other.close()


async def test_who_closes_leaves_what_others_watch(tmp_path: Path, events: FileEvents, hints: Hints) -> None:
    other = events.hints()
    await hints.watch({directory(tmp_path): None})
    await other.watch({directory(tmp_path): None})
    other.close()
    (tmp_path / "x").touch()
    await woken(hints)


async def test_a_directory_that_is_replaced_is_watched_anew(tmp_path: Path, hints: Hints) -> None:
    # It may well have the number of the one before.
    path = tmp_path / "a"
    path.mkdir()
    await hints.watch({directory(path): None, directory(tmp_path): "a"})
    path.rmdir()
    await woken(hints)
    path.mkdir()
    assert await hints.watch({directory(path): None, directory(tmp_path): "a"}) == (True, "")
    (path / "x").touch()
    await woken(hints)


async def test_a_directory_that_is_gone_already_is_left_to_the_next_look(
    tmp_path: Path, hints: Hints
) -> None:
    (tmp_path / "a").mkdir()
    gone = directory(tmp_path / "a")
    (tmp_path / "a").rmdir()
    assert await hints.watch({gone: None}) == (True, "")
    assert await hints.watch({gone: None}) == (True, "")


async def test_a_name_that_is_not_utf_8_wakes_everybody_to_watch_anew(
    tmp_path: Path, events: FileEvents, hints: Hints
) -> None:
    (tmp_path / "a").mkdir()
    other = events.hints()
    await other.watch({directory(tmp_path): "other"})
    await hints.watch({directory(tmp_path / "a"): None})
    (tmp_path / "a" / os.fsdecode(b"caf\xe9")).touch()
    await woken(hints)
    await woken(other)
    assert await other.watch({directory(tmp_path): "other"}) == (True, "")
    (tmp_path / "other").touch()
    await woken(other)
    other.close()


async def test_a_directory_whose_name_is_not_utf_8_is_said_and_the_others_are_watched(
    tmp_path: Path, hints: Hints
) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    wanted = {directory(odd): None, directory(tmp_path): None}
    added, why = await hints.watch(wanted)
    assert added
    assert why == f"'{tmp_path}/caf\\udce9' cannot be watched: its name is not UTF-8"
    assert await hints.watch(wanted) == (False, why)
    (tmp_path / "x").touch()
    await woken(hints)


async def test_a_directory_that_must_not_be_watched_is_said_and_the_others_are_watched(
    tmp_path: Path, hints: Hints, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: path != str(tmp_path / "a"))  # also for root
    assert await hints.watch({directory(tmp_path / "a"): None, directory(tmp_path): None}) == (
        True,
        f"{tmp_path}/a: permission denied",
    )
    (tmp_path / "x").touch()
    await woken(hints)


async def test_it_logs_no_changes(tmp_path: Path, hints: Hints, caplog: pytest.LogCaptureFixture) -> None:
    # Somebody may keep the log below what is watched.
    caplog.set_level(logging.DEBUG)
    await hints.watch({directory(tmp_path): None})
    (tmp_path / "x").touch()
    await woken(hints)
    assert "watchfiles" not in {record.name.partition(".")[0] for record in caplog.records}


LIMITED = """
import asyncio, os, sys
from pathlib import Path
from watchers.hints import FileEvents

def directory(path):
    status = os.stat(path)
    return path, status.st_dev, status.st_ino

async def main(limit, first, second):
    hints, other = FileEvents().hints(), FileEvents().hints()
    assert await hints.watch({directory(first): None}) == (True, "")
    Path(f"/proc/sys/user/{limit}").write_text("1")
    both = {directory(first): None, directory(second): None}
    refused = await (hints if limit == "max_inotify_watches" else other).watch(both)
    print(refused)
    if limit == "max_inotify_watches":
        Path(f"/proc/sys/user/{limit}").write_text("100")
        assert await hints.watch(both) == refused, "it was tried again at once"
    async with asyncio.timeout(60):
        Path(first, "x").touch()
        await hints.wait()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("limit", "setting"),
    [
        ("max_inotify_watches", "fs.inotify.max_user_watches"),
        ("max_inotify_instances", "fs.inotify.max_user_instances"),
    ],
)
def test_what_is_used_up_is_said_with_the_setting_and_what_was_watched_still_is(
    tmp_path: Path, limit: str, setting: str
) -> None:
    # The limits of a user namespace of its own, so that nobody else's are touched.
    apart = ["unshare", "--user", "--map-root-user"]
    attempt = [*apart, "sh", "-c", f"echo 9 >/proc/sys/user/{limit}"]
    if subprocess.run(attempt, check=False, capture_output=True).returncode:
        pytest.skip("a user namespace cannot be had here")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    done = subprocess.run(
        [*apart, sys.executable, "-c", LIMITED, limit, str(tmp_path / "a"), str(tmp_path / "b")],
        check=True,
        capture_output=True,
        text=True,
    )
    added, why = eval(done.stdout)  # what it printed
    assert not added
    assert setting in why
