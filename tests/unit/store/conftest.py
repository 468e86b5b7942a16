"""A store in a world where functions run at once and time stands still until it is moved."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.runtime import Runtime
from reconciler.store.database import Place
from reconciler.store.records import LeaseHolder
from reconciler.store.store import Store


class World:
    """Clock and lanes of a test.

    Attributes:
        time: seconds since the epoch.
        calls: the lanes that were used, in order.
        before: called with the lane before each function; may raise, which is a crash before it.
        after: called with the lane after each function; may raise, which is a crash after it.
    """

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.calls: list[str] = []
        self.before: Callable[[str], object] = lambda _lane: None
        self.after: Callable[[str], object] = lambda _lane: None
        ids = itertools.count(1)

        async def connect(_target):
            raise AssertionError("nothing here reaches a target")

        self.runtime = Runtime(
            connect=connect, now=lambda: self.time, offload=self.offload, new_id=lambda: f"{next(ids):022x}"
        )

    async def offload(self, lane: str, function: Callable[[], Any], /) -> Any:
        self.calls.append(lane)
        self.before(lane)
        result = function()
        self.after(lane)
        return result


@pytest.fixture
def world() -> World:
    return World()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module that says `BOTH = True` is about any database; `of_files` says of a test in it that it is not."""
    if "database_kind" in metafunc.fixturenames:
        both = getattr(metafunc.module, "BOTH", False) and not getattr(metafunc.function, "of_files", False)
        metafunc.parametrize(
            "database_kind", ["sqlite", "postgresql"] if both else ["sqlite"], scope="session"
        )


def of_files(test):
    """Marks a test as one about SQLite, or about files."""
    test.of_files = True
    return test


@pytest.fixture
def path(tmp_path: Path, database_kind: str, request: pytest.FixtureRequest) -> Place:
    if database_kind == "sqlite":
        return tmp_path / "state" / "froyo.db"
    return request.getfixturevalue("shared_server").place()


def driver(store: Store) -> Any:
    """The driver's own connection of who writes: what `execute` takes there is a statement's text."""
    return store._writer._database.driver


Opener = Callable[..., Awaitable[Store]]


@pytest.fixture
async def open_store(path: Path, world: World) -> AsyncIterator[Opener]:
    """Opens as many stores as a test likes, and ends them all as a crash would."""
    opened: list[Store] = []

    async def open_(at: Place = path, **options: Any) -> Store:
        opened.append(await Store.open(at, runtime=world.runtime, **options))
        return opened[-1]

    yield open_
    for store in opened:
        store.abandon()


@pytest.fixture
async def store(open_store: Opener) -> Store:
    return await open_store()


def holder(pid: int = 1, *, host: str = "here", boot_id: str = "boot-1", since: float = 0.0) -> LeaseHolder:
    return LeaseHolder(host, pid, boot_id, since)
