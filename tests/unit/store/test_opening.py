"""A store is made, opened again, brought up to date, or refused with a reason."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from reconciler.errors import ErrorClass, StoreError
from reconciler.store import migrate
from reconciler.store.batch import Batch
from reconciler.store.sqlite import connection, upgrade
from reconciler.store.store import Store
from tests.unit.store.conftest import driver
from tests.unit.store.values import state


def mode(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def generous_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("generous_umask")
async def test_everything_that_is_made_is_private(open_store, path):
    store = await open_store()
    await store.write(Batch().put_states([state()]))
    await store.acquire_lease(holder_of_this(), ttl=30)
    await store.blobs.put(bytes(100_000))
    assert mode(path.parent) == 0o700
    for name in ("froyo.db", "froyo.db-wal", "froyo.db-shm", "froyo.lock"):
        assert mode(path.parent / name) == 0o600, name
    made = list((path.parent / "blobs").rglob("*"))
    assert {mode(entry) for entry in made if entry.is_dir()} == {0o700}
    assert {mode(entry) for entry in made if entry.is_file()} == {0o600}


def holder_of_this():
    from reconciler.store.records import LeaseHolder

    return LeaseHolder.of_this_process(0.0)


async def test_a_database_that_others_can_read_is_made_private(open_store, path):
    (await open_store()).abandon()
    path.chmod(0o644)
    await open_store()
    assert mode(path) == 0o600


async def test_an_existing_directory_keeps_its_mode(open_store, path):
    path.parent.mkdir(mode=0o755)
    path.parent.chmod(0o755)
    await open_store()
    assert mode(path.parent) == 0o755


async def test_a_directory_may_be_named_instead_of_the_database_in_it(open_store, path):
    store = await open_store()
    await store.write(Batch().put_states([state()]))
    again = await open_store(path.parent)
    assert again.path == path
    assert await again.load_states()


async def test_names_that_mean_something_in_a_uri_are_names(open_store, tmp_path):
    strange = tmp_path / "a?mode=memory#b%41" / "froyo db"
    await (await open_store(strange)).write(Batch().put_states([state()]))
    assert strange.exists()
    assert await (await open_store(strange, read_only=True)).load_states()


async def test_a_newer_schema_is_refused_with_a_way_out(open_store, path):
    (await open_store()).abandon()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    for read_only in (False, True):
        with pytest.raises(
            StoreError,
            match=r"schema 9999 is newer than 0\d+: this froyo is .* and knows schema 0.*; use the newer",
        ) as refused:
            await open_store(read_only=read_only)
        assert str(path) in str(refused.value)


@pytest.mark.parametrize("version", ["0000", "zzz", "1.5", "00001", ""])
async def test_a_schema_that_was_never_ours_is_refused_and_left_as_it_is(open_store, path, version):
    """It ended in a traceback of what migrates."""
    (await open_store()).abandon()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (version,))
    database.close()
    for read_only in (False, True):
        with pytest.raises(
            StoreError, match=r"this froyo is .* and knows schema 0.*; name another"
        ) as refused:
            await open_store(read_only=read_only)
        assert str(refused.value).startswith(f"{path}: it")
        assert (repr(version) if version else "no store of froyo") in str(refused.value)


async def test_the_database_of_something_else_is_refused_and_left_alone(open_store, path):
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    with pytest.raises(StoreError, match="it is no store of froyo"):
        await open_store()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    database.close()


async def test_an_older_schema_is_migrated_by_whoever_may_write(open_store, path):
    path.parent.mkdir()
    with sqlite3.connect(
        path
    ) as database:  # as a first release would have left it before its first migration
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    database.close()
    with pytest.raises(StoreError, match=r"schema \(none\) is older than"):
        await open_store(read_only=True)
    store = await open_store()
    await store.write(Batch().put_states([state()]))
    assert (await store.stats()).schema == migrate.HEAD
    assert await store.damages() == []


async def test_a_migration_that_fails_changes_nothing(open_store, path, monkeypatch):
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    database.close()

    def break_half_way(database):
        database.execute("CREATE TABLE half (way)")
        raise sqlite3.OperationalError("the migration is wrong")

    monkeypatch.setattr(upgrade, "upgrade", break_half_way)
    with pytest.raises(StoreError, match="the migration is wrong"):
        await open_store()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
    database.close()


async def test_what_is_no_database_is_refused_and_left_alone(open_store, path):
    path.parent.mkdir()
    path.write_text("this is something else, and longer than a header would be" * 100)
    with pytest.raises(
        StoreError, match=re.escape(f"{path}: it is not a database of ours, or it is damaged")
    ) as caught:
        await open_store()
    assert caught.value.error_class is ErrorClass.PERMANENT
    assert path.read_text().startswith("this is something else")


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_pipe_in_the_place_of_the_database_is_not_waited_for(open_store, path, read_only):
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(StoreError, match="it is no regular file; move it away"):
        await open_store(read_only=read_only)


async def test_a_reader_makes_nothing_where_nothing_is(open_store, path):
    with pytest.raises(StoreError, match="there is no store here yet; apply something first"):
        await open_store(read_only=True)
    assert not path.parent.exists()


async def test_a_reader_cannot_write(open_store):
    await open_store()
    reader = await open_store(read_only=True)
    with pytest.raises(StoreError, match="opened to be read only"):
        await reader.write(Batch().put_states([state()]))
    with pytest.raises(StoreError, match="opened to be read only"):
        await reader.acquire_lease(holder_of_this(), ttl=30)


async def test_a_reader_sees_what_was_written_since_it_was_opened(open_store):
    store = await open_store()
    reader = await open_store(read_only=True)
    await store.write(Batch().put_states([state()]))
    assert await reader.load_states() == {state().address: state()}


async def test_a_journal_mode_that_does_not_take_is_an_error(open_store, monkeypatch):
    def in_memory(*_args):
        return sqlite3.connect(":memory:", isolation_level=None)

    monkeypatch.setattr(connection, "_connect", in_memory)
    with pytest.raises(
        StoreError, match="its journal mode stays 'memory' although WAL was asked for; put the state"
    ):
        await open_store()


async def test_foreign_keys_that_cannot_be_had_are_an_error(open_store, monkeypatch, path):
    class WithoutKeys(sqlite3.Connection):
        def execute(self, statement, *values):
            return super().execute("SELECT 0" if statement == "PRAGMA foreign_keys" else statement, *values)

    real = sqlite3.connect
    monkeypatch.setattr(connection.sqlite3, "connect", lambda *a, **o: real(*a, **o, factory=WithoutKeys))
    with pytest.raises(StoreError, match="this SQLite was built without foreign keys"):
        await open_store()


async def test_a_database_that_somebody_keeps_locked_is_said_to_be(open_store, path, monkeypatch):
    (await open_store()).abandon()
    monkeypatch.setattr(connection, "BUSY_TIMEOUT", 0.0)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="another process keeps it locked") as caught:
        await open_store()
    assert caught.value.error_class is ErrorClass.TRANSIENT
    other.close()


async def test_a_directory_that_cannot_be_made_is_said_to_be(open_store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"it cannot be opened .*; check that its directory exists"):
        await open_store(tmp_path / "file" / "froyo.db")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else takes root")
@pytest.mark.parametrize("read_only", [False, True])
async def test_somebody_elses_store_is_said_to_be_denied(open_store, read_only):
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        (await open_store(Path(directory))).abandon()
        path = Path(directory) / "froyo.db"
        await (await open_store(path)).close()
        os.seteuid(65_534)
        try:
            with pytest.raises(StoreError, match="access is denied") as caught:
                await open_store(path, read_only=read_only)
        finally:
            os.seteuid(0)
    assert str(caught.value).startswith(f"{path}: access is denied (Permission denied); check who owns")


async def test_a_reader_that_cannot_be_opened_takes_the_writer_with_it(world, path):
    world.before = lambda lane: crash() if world.calls.count("store-read") == 2 else None

    def crash():
        raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        await Store.open(path, runtime=world.runtime)


async def test_closing_leaves_one_file_and_may_be_done_twice(world, path):
    store = await Store.open(path, runtime=world.runtime)
    await store.write(Batch().put_states([state()]))
    await store.close()
    await store.close()
    assert [entry.name for entry in path.parent.iterdir()] == ["froyo.db"]
    with pytest.raises(StoreError, match="closed"):
        await store.write(Batch().put_states([state()]))


async def test_the_pragmas_are_those_that_the_design_counts_on(store):
    connected = driver(store)

    def pragma(name):
        return connected.execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 1
    assert pragma("foreign_keys") == 1
    assert pragma("busy_timeout") == 5_000
    assert pragma("journal_size_limit") == connection.WAL_LIMIT
    assert pragma("wal_autocheckpoint") == 0


async def test_a_sound_store_says_so_and_a_damaged_one_says_where(store):
    assert await store.damages() == []
    writing = driver(store)
    writing.execute("PRAGMA foreign_keys = OFF")
    writing.execute("INSERT INTO inventory VALUES ('a', 'created', '', '', 1.0, NULL, 'sha256:gone')")
    assert await store.damages() == ["a row of inventory refers to one of blobs that is gone"]


@pytest.mark.parametrize("heavy", ["sqlalchemy", "alembic"])
def test_neither_making_nor_opening_a_store_imports_what_is_heavy(heavy, tmp_path):
    code = f"""
import asyncio, sys
from pathlib import Path
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.store import Store

async def inline(lane, function):
    return function()

async def main():
    for _ in range(2):
        store = await Store.open(Path(sys.argv[1]), runtime=Runtime(connect=None, offload=inline))
        await store.write(Batch().put_warm(b"{{}}"))
        await store.close()

asyncio.run(main())
assert {heavy!r} not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, tmp_path / "froyo.db"], check=True)
