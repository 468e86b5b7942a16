"""The directory source on a real file system: what it yields, and what it keeps to itself."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.model.names import SourceName
from reconciler.model.source import Snapshot, SourceReport
from reconciler.runtime import Runtime, ThreadLanes
from watchers import directory as watching
from watchers import tree
from watchers.directory import DirectorySource
from watchers.hints import Hints
from watchers.walk import Directory

DEADLINE = 60
NEVER = 3600.0


async def never(_: object) -> object:
    raise AssertionError("no target is reached for")


class Silent:
    """Events that are all lost."""

    async def watch(self, directories: dict[Directory, str | None]) -> tuple[bool, str]:
        return False, ""

    async def wait(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        pass


class Follower:
    """Takes what a source yields, one at a time."""

    def __init__(self, source: DirectorySource) -> None:
        self.source = source
        self.items = source.snapshots()

    async def next(self) -> Snapshot | SourceReport:
        async with asyncio.timeout(DEADLINE):
            return await anext(self.items)

    async def snapshot(self) -> dict[str, str]:
        item = await self.next()
        assert isinstance(item, Snapshot), item
        return {path: file.read().decode() for path, file in item.files.items()}

    async def until(self, wanted: dict[str, str]) -> None:
        """Take snapshots until one is `wanted`: of several changes any number may be seen together."""
        while await self.snapshot() != wanted:
            pass

    async def report(self) -> SourceReport:
        item = await self.next()
        assert isinstance(item, SourceReport), item
        return item


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    lanes = ThreadLanes()
    yield Runtime(connect=never, offload=lanes)  # type: ignore[arg-type] # nobody connects
    lanes.close()


Open = Callable[[Path], contextlib.AbstractAsyncContextManager[Follower]]


@contextlib.asynccontextmanager
async def following(
    root: Path, runtime: Runtime, *, hints: Callable[[], Hints] | None = None, every: float = NEVER
) -> AsyncIterator[Follower]:
    source = DirectorySource(
        SourceName("site"), root, runtime=runtime, rescan_interval=lambda: every, hints=hints
    )
    follower = Follower(source)
    try:
        yield follower
    finally:
        await follower.items.aclose()


@pytest.fixture
def follow(runtime: Runtime) -> Open:
    """Follows a directory by its events; rescans come too late."""
    return partial(following, runtime=runtime)


def save(path: Path, text: str) -> None:
    """As editors do: a new file takes the place of the old one."""
    temporary = path.with_name(f".{path.name}.swp")
    temporary.write_text(text)
    temporary.rename(path)


async def test_the_first_snapshot_and_one_after_every_change(tmp_path: Path, follow: Open) -> None:
    (tmp_path / "a").write_text("1")
    async with follow(tmp_path) as source:
        assert await source.snapshot() == {"a": "1"}
        (tmp_path / "a").write_text("2")
        await source.until({"a": "2"})
        save(tmp_path / "a", "3")
        await source.until({"a": "3"})
        (tmp_path / "b").write_text("new")
        await source.until({"a": "3", "b": "new"})
        (tmp_path / "a").unlink()
        await source.until({"b": "new"})


async def test_directories_that_come_are_watched_too(tmp_path: Path, follow: Open) -> None:
    async with follow(tmp_path) as source:
        assert await source.snapshot() == {}
        (tmp_path / "x/y").mkdir(parents=True)
        (tmp_path / "x/y/a").write_text("1")
        await source.until({"x/y/a": "1"})
        (tmp_path / "x/y/a").write_text("2")
        await source.until({"x/y/a": "2"})


async def test_a_directory_that_takes_anothers_place_is_watched(tmp_path: Path, follow: Open) -> None:
    for name in ("old", "new"):
        (tmp_path / name / "d").mkdir(parents=True)
        (tmp_path / name / "d/a").write_text(name)
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "old").rename(root / "conf")
    async with follow(root) as source:
        assert await source.snapshot() == {"conf/d/a": "old"}
        (root / "conf").rename(tmp_path / "away")
        (tmp_path / "new").rename(root / "conf")
        await source.until({"conf/d/a": "new"})
        (root / "conf/d/a").write_text("newer")
        await source.until({"conf/d/a": "newer"})


async def test_what_makes_no_difference_is_not_yielded(tmp_path: Path, follow: Open) -> None:
    (tmp_path / "a").write_text("1")
    async with follow(tmp_path) as source:
        assert await source.snapshot() == {"a": "1"}
        os.utime(tmp_path / "a", (1, 1))
        save(tmp_path / "a", "1")
        (tmp_path / ".git").mkdir()
        (tmp_path / "a~").write_text("backup")
        (tmp_path / "b").write_text("2")
        await source.until({"a": "1", "b": "2"})


async def test_a_configmap_is_swapped_as_a_whole(tmp_path: Path, follow: Open) -> None:
    def version(name: str, text: str) -> None:
        (tmp_path / name).mkdir()
        for file in ("a.yaml", "b.yaml"):
            (tmp_path / name / file).write_text(text)
            os.utime(tmp_path / name / file, (1, 1))

    version("..2024_01", "one")
    os.symlink("..2024_01", tmp_path / "..data")
    for file in ("a.yaml", "b.yaml"):
        os.symlink(f"..data/{file}", tmp_path / file)
    async with follow(tmp_path) as source:
        assert await source.snapshot() == {"a.yaml": "one", "b.yaml": "one"}
        version("..2024_02", "two")
        os.symlink("..2024_02", tmp_path / "..data_tmp")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        assert await source.snapshot() == {"a.yaml": "two", "b.yaml": "two"}
        (tmp_path / "..2024_02/a.yaml").write_text("three")
        await source.until({"a.yaml": "three", "b.yaml": "two"})


async def test_a_root_that_vanishes_and_comes_back(tmp_path: Path, follow: Open) -> None:
    root = tmp_path / "above/root"
    root.mkdir(parents=True)
    (root / "a").write_text("1")
    async with follow(root) as source:
        assert await source.snapshot() == {"a": "1"}
        (tmp_path / "above").rename(tmp_path / "away")
        report = await source.report()
        assert report.unreadable == f"{root}: there is no such directory"
        (tmp_path / "away").rename(tmp_path / "above")
        assert await source.report() == SourceReport()
        (root / "a").write_text("2")
        await source.until({"a": "2"})


async def test_a_root_that_is_not_there_yet(tmp_path: Path, follow: Open) -> None:
    root = tmp_path / "x/root"
    async with follow(root) as source:
        assert (await source.report()).unreadable
        root.mkdir(parents=True)
        (root / "a").write_text("1")
        assert await source.report() == SourceReport()
        await source.until({"a": "1"})


async def test_a_root_that_is_a_link_to_another_release(tmp_path: Path, follow: Open) -> None:
    for name in ("one", "two"):
        (tmp_path / "releases" / name).mkdir(parents=True)
        (tmp_path / "releases" / name / "a").write_text(name)
    current = tmp_path / "current"
    os.symlink("releases/one", current)
    async with follow(current) as source:
        assert await source.snapshot() == {"a": "one"}
        os.symlink("releases/two", tmp_path / "next")
        (tmp_path / "next").rename(current)
        assert await source.snapshot() == {"a": "two"}
        (tmp_path / "releases/two/a").write_text("three")
        await source.until({"a": "three"})


async def test_names_that_are_not_utf_8_do_not_end_the_watch(tmp_path: Path, follow: Open) -> None:
    name = os.fsdecode(b"caf\xe9")
    async with follow(tmp_path) as source:
        assert await source.snapshot() == {}
        (tmp_path / name).write_text("1")
        await source.until({name: "1"})
        (tmp_path / "b").write_text("2")
        await source.until({name: "1", "b": "2"})
        (tmp_path / name).write_text("3")
        await source.until({name: "3", "b": "2"})


async def test_a_manifest_that_cannot_be_had_yields_no_partial_snapshot(tmp_path: Path, follow: Open) -> None:
    (tmp_path / "a.yaml").write_text("1")
    (tmp_path / "b").write_text("1")
    async with follow(tmp_path) as source:
        assert await source.snapshot() == {"a.yaml": "1", "b": "1"}
        os.symlink("gone", tmp_path / "x")
        (tmp_path / "x").rename(tmp_path / "a.yaml")
        report = await source.report()
        assert report.unreadable == "a.yaml: a symbolic link that leads nowhere"
        (tmp_path / "x").write_text("2")
        (tmp_path / "x").rename(tmp_path / "a.yaml")
        assert await source.report() == SourceReport()
        await source.until({"a.yaml": "2", "b": "1"})


async def test_a_log_that_is_ignored_does_not_hide_a_change(tmp_path: Path, follow: Open) -> None:
    (tmp_path / ".froyoignore").write_text("*.log\n")
    async with follow(tmp_path) as source:
        assert await source.snapshot() == {".froyoignore": "*.log\n"}

        async def write() -> None:
            while True:
                with (tmp_path / "busy.log").open("a") as log:
                    log.write("line\n")
                await asyncio.sleep(0.001)

        writing = asyncio.create_task(write())
        try:
            for number in range(3):
                (tmp_path / "a").write_text(str(number))
                await source.until({".froyoignore": "*.log\n", "a": str(number)})
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing


async def test_a_manifest_that_is_emptied_and_written_slowly_is_never_seen_empty(
    tmp_path: Path, follow: Open
) -> None:
    save(tmp_path / "a.yaml", "before")
    async with follow(tmp_path) as source:
        assert await source.snapshot() == {"a.yaml": "before"}
        with (tmp_path / "a.yaml").open("w") as file:
            for part in ("af", "ter"):
                await asyncio.sleep(0.3)
                file.write(part)
                file.flush()
        assert await source.snapshot() == {"a.yaml": "after"}


async def test_who_only_closes_what_was_open_for_writing_is_noticed_without_an_event(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A close changes no stat, and not every system tells of it.
    monkeypatch.setattr(watching, "POLL", 0.01)
    monkeypatch.setattr(tree, "PATIENCE", 0.1)
    with (tmp_path / "a.yaml").open("w") as manifest, (tmp_path / "b").open("w") as body:
        for file in (manifest, body):
            file.write("1")
            file.flush()
        async with following(tmp_path, runtime, hints=Silent) as source:
            report = await source.report()
            assert report.unreadable.startswith("a.yaml: somebody has it open for writing")
            manifest.close()
            assert await source.report() == SourceReport()
            assert await source.snapshot() == {"a.yaml": "1"}
            body.close()
            await source.until({"a.yaml": "1", "b": "1"})


async def test_a_thousand_overwrites_end_with_the_last(tmp_path: Path, follow: Open) -> None:
    path = tmp_path / "a"
    path.write_text("start")
    async with follow(tmp_path) as source:
        assert await source.snapshot() == {"a": "start"}

        def overwrite() -> None:
            for number in range(1000):
                path.write_text(str(number))

        await asyncio.gather(asyncio.to_thread(overwrite), source.until({"a": "999"}))


async def test_the_rescan_interval_is_asked_for_before_each_wait(tmp_path: Path, runtime: Runtime) -> None:
    asked: list[float] = []

    def interval() -> float:
        asked.append(0.01)
        if len(asked) == 2:
            (tmp_path / "a").write_text("1")
        return asked[-1]

    source = DirectorySource(
        SourceName("site"), tmp_path, runtime=runtime, rescan_interval=interval, hints=Silent
    )
    follower = Follower(source)
    try:
        await follower.until({"a": "1"})
    finally:
        await follower.items.aclose()


async def test_lost_events_are_made_up_for_by_the_rescan(tmp_path: Path, runtime: Runtime) -> None:
    async with following(tmp_path, runtime, hints=Silent, every=0.01) as source:
        assert await source.snapshot() == {}
        (tmp_path / "a").write_text("1")
        await source.until({"a": "1"})


async def test_without_events_it_says_so_and_looks_all_the_same(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused(Silent):
        async def watch(self, directories: dict[Directory, str | None]) -> tuple[bool, str]:
            return False, "no watches are left"

    monkeypatch.setattr(watching, "POLL", 0.01)
    async with following(tmp_path, runtime, hints=Refused) as source:
        assert await source.report() == SourceReport(degraded="no watches are left")
        assert await source.snapshot() == {}
        (tmp_path / "a").write_text("1")
        await source.until({"a": "1"})


async def test_a_change_before_its_directory_was_watched_is_seen(tmp_path: Path, runtime: Runtime) -> None:
    class Late(Silent):
        """The first watch is in place only after something has happened."""

        def __init__(self) -> None:
            self.watched: set[Directory] = set()

        async def watch(self, directories: dict[Directory, str | None]) -> tuple[bool, str]:
            added = not directories.keys() <= self.watched
            self.watched |= directories.keys()
            if added:
                (tmp_path / f"a{len(self.watched)}").write_text("1")
            return added, ""

    async with following(tmp_path, runtime, hints=Late) as source:
        assert list(await source.snapshot()) == ["a2"]


async def test_directories_that_never_stay_the_same_do_not_keep_it_from_yielding(
    tmp_path: Path, runtime: Runtime
) -> None:
    class Restless(Silent):
        async def watch(self, directories: dict[Directory, str | None]) -> tuple[bool, str]:
            return True, ""

    async with following(tmp_path, runtime, hints=Restless) as source:
        assert await source.snapshot() == {}


class TestOnce:
    def test_takes_a_snapshot(self, tmp_path: Path, runtime: Runtime) -> None:
        (tmp_path / "a").write_text("1")
        source = DirectorySource(SourceName("site"), str(tmp_path), runtime=runtime)
        assert {path: file.read() for path, file in source.take().files.items()} == {"a": b"1"}

    def test_says_what_cannot_be_read(self, tmp_path: Path, runtime: Runtime) -> None:
        source = DirectorySource(SourceName("site"), tmp_path / "gone", runtime=runtime)
        with pytest.raises(UsageError, match="there is no such directory"):
            source.take()


def test_importing_it_does_not_import_watchfiles() -> None:
    import subprocess

    code = "import sys, watchers.directory; sys.exit('watchfiles' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
