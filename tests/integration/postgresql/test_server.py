"""A store on a server that is short of something, or that refuses: what a person is told, and what is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.errors import ErrorClass, LeaseHeld, LeaseLost, StoreError
from reconciler.store.batch import Batch
from reconciler.store.records import LeaseHolder
from tests.integration.store.conftest import mounted
from tests.unit.store.values import event, state


def holder(pid: int) -> LeaseHolder:
    return LeaseHolder("here", pid, "boot", 0.0)


@pytest.fixture
def place(shared_server):
    return shared_server.place()


@pytest.mark.parametrize(
    ("change", "told", "error_class"),
    [
        (("/froyo", "/nowhere"), "there is no such database (", "permanent"),
        (("postgresql://t", "postgresql://nobody"), "the server does not let this user in (", "permanent"),
        (("%2Ftmp", "%2Fnowhere"), "no server answers there (", "transient"),
    ],
    ids=["database", "user", "server"],
)
async def test_what_cannot_be_reached_is_said_with_what_to_do(open_store, place, change, told, error_class):
    address = place.replace(*change)
    for read_only in (False, True):
        with pytest.raises(StoreError) as caught:
            await open_store(address, read_only=read_only)
        assert str(caught.value).startswith(f"{address}: {told}")
        assert "; " in str(caught.value)
        assert caught.value.error_class is ErrorClass(error_class)


async def test_who_only_reads_makes_nothing(open_store, place, shared_server):
    with pytest.raises(
        StoreError, match=r"its schema \(none\) is older than .*; run a command that may write"
    ):
        await open_store(place, read_only=True)
    (await open_store(place)).abandon()
    reader = await open_store(place, read_only=True)
    assert await reader.load_states() == {}
    with pytest.raises(StoreError, match="opened to be read only"):
        await reader.write(Batch().put_states([state()]))


async def test_a_database_that_is_somebody_elses_is_left_alone(open_store, place, shared_server):
    user = place.split("://")[1].split("@")[0]
    shared_server.ask(f"CREATE TABLE {user}.theirs (x int)")
    with pytest.raises(
        StoreError, match=r"it is no store of froyo; .*; name another database, or give this user"
    ):
        await open_store(place)


async def test_a_user_that_may_make_nothing_is_said_to(open_store, place, shared_server):
    user = place.split("://")[1].split("@")[0]
    shared_server.ask(f"ALTER SCHEMA {user} OWNER TO admin; GRANT USAGE ON SCHEMA {user} TO {user}")
    with pytest.raises(StoreError, match=r"this user may not do that there .*permission denied for schema"):
        await open_store(place)


def test_two_may_make_the_same_store_at_once(place):
    code = """
import asyncio, sys
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.store import Store

async def inline(lane, function):
    return function()

async def main():
    store = await Store.open(sys.argv[1], runtime=Runtime(connect=None, offload=inline))
    await store.write(Batch().put_warm(b"x"))
    await store.close()
    assert not {"sqlalchemy", "alembic", "reconciler.store.sqlite.connection"} & sys.modules.keys()

asyncio.run(main())
"""
    root = Path(__file__).parents[3]
    made = [subprocess.Popen([sys.executable, "-c", code, place], cwd=root) for _ in range(2)]
    assert [one.wait() for one in made] == [0, 0]


async def test_a_session_that_the_server_has_ended_is_made_anew(open_store, place, shared_server):
    store = await open_store(place)
    await store.acquire_lease(holder(1), ttl=30)
    await store.write(Batch().add_events([event("before")]))
    user = place.split("://")[1].split("@")[0]
    ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'"
    assert len(shared_server.ask(ended)) == 2
    await store.write(Batch().add_events([event("after")]))
    assert [one.message for one in await store.events()] == ["before", "after"]
    await store.renew_lease(30)  # and the lock with it
    other = await open_store(place)
    with pytest.raises(LeaseHeld, match="pid 1"):
        await other.acquire_lease(holder(2), ttl=30)


async def test_who_was_faster_after_a_lost_session_has_the_store(open_store, place, shared_server):
    store, other = await open_store(place), await open_store(place)
    first = await store.acquire_lease(holder(1), ttl=30)
    backend = store._writer._database.driver.info.backend_pid
    shared_server.ask(f"SELECT pg_terminate_backend({backend})")
    assert await other.acquire_lease(holder(2), ttl=30) > first
    with pytest.raises(LeaseLost, match=r"froyo on here \(pid 2\) has taken the store over"):
        await store.write(Batch().put_states([state()]))
    with pytest.raises(LeaseLost):
        await store.renew_lease(30)
    await other.write(Batch().put_states([state()]))


@pytest.mark.parametrize("committed", [True, False])
async def test_a_commit_whose_answer_is_lost_is_asked_for(open_store, place, monkeypatch, committed):
    """Tried again blindly, an event was there twice."""
    store = await open_store(place)
    session = store._writer._database.driver
    execute = session.execute

    def cut(statement, *rest, **words):
        if not str(statement).endswith("COMMIT"):
            return execute(statement, *rest, **words)
        if committed:
            execute(statement)
        session.close()
        return execute("SELECT 1")  # which fails, as the answer that never came

    monkeypatch.setattr(session, "execute", cut)
    writing = store.write(Batch().add_events([event("once")]))
    if committed:
        receipt = await writing
    else:
        with pytest.raises(StoreError, match="the connection to its server was lost"):
            await writing
        receipt = await store.write(Batch().add_events([event("once")]))
    [found] = await store.events()
    assert (found.message, found.id) == ("once", receipt.events[0].id)


async def test_what_cannot_be_text_there_is_written_out(open_store, place):
    store = await open_store(place)
    await store.write(Batch().add_events([event("a\0b \udcff")]))
    assert [one.message for one in await store.events()] == ["a\\x00b \\udcff"]


@pytest.mark.parametrize("of", ["LATIN1"])
async def test_another_encoding_is_refused(open_store, shared_server, of):
    name = f"other{os.getpid()}"
    shared_server.ask(
        f"CREATE DATABASE {name} ENCODING '{of}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    with pytest.raises(StoreError, match=f"the encoding of the database is {of}; make one in UTF8"):
        await open_store(shared_server.url("admin", name))


async def test_an_older_server_is_refused(open_store, place, monkeypatch):
    monkeypatch.setattr("reconciler.store.postgresql.connection.OLDEST", 99)
    with pytest.raises(StoreError, match=r"its server is PostgreSQL \d+; froyo needs 99 or newer"):
        await open_store(place)


async def test_a_server_that_does_not_answer_is_not_waited_for_without_end(open_store, place, monkeypatch):
    store = await open_store(place)
    backend = store._writer._database.driver.info.backend_pid
    store._writer._database.driver.patience = 0.3
    os.kill(backend, signal.SIGSTOP)
    try:
        store._writer._database._connect = _nobody
        with pytest.raises(StoreError, match=r"has not answered in time .*it is tried again") as caught:
            await store.write(Batch().put_states([state()]))
        assert caught.value.error_class is ErrorClass.TRANSIENT
    finally:
        os.kill(backend, signal.SIGCONT)


def _nobody():
    import psycopg

    raise psycopg.OperationalError("the server has not answered for 5 s")


# --- The way there ----------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(shared_server, place, tmp_path, monkeypatch):
    """A place that wants a password, by TCP: its address, and what writes the file with a password."""
    user = place.split("://")[1].split("@")[0]
    shared_server.ask(f"ALTER ROLE {user} PASSWORD 'hunter2'; GRANT guarded TO {user}")
    pgpass = tmp_path / "pgpass"
    monkeypatch.setenv("PGPASSFILE", str(pgpass))

    def write(password: str) -> None:
        pgpass.write_text(f"127.0.0.1:{shared_server.port}:froyo:{user}:{password}\n")
        pgpass.chmod(0o600)

    return f"postgresql://{user}@127.0.0.1:{shared_server.port}/froyo", write


async def test_a_password_is_found_where_libpq_looks_for_it(open_store, guarded):
    address, write = guarded
    with pytest.raises(StoreError, match=r"the server wants another password .*PGPASSFILE") as caught:
        await open_store(address)
    assert caught.value.error_class is ErrorClass.PERMANENT
    write("wrong")
    with pytest.raises(StoreError, match=r"the server wants another password .*failed for user") as caught:
        await open_store(address)
    assert "wrong;" not in str(caught.value)
    write("hunter2")
    store = await open_store(address)
    await store.write(Batch().put_states([state()]))
    assert len(await store.load_states()) == 1


async def fill(store) -> None:
    for number in range(200):
        await store.blobs.put(os.urandom(1 << 20))
        await store.write(Batch().add_events([event(f"{number}")]))


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system takes root")
@pytest.mark.e2e
@pytest.mark.postgresql
async def test_a_server_with_a_full_disk_says_so_and_goes_on_when_there_is_room(own_server, open_store):
    place = own_server.place()
    user = place.split("://")[1].split("@")[0]
    with mounted(own_server.directory / "disk", 48) as disk:
        tables = disk.path / "tables"
        tables.mkdir()
        own_server.owned(disk.path)
        own_server.ask(f"CREATE TABLESPACE small LOCATION '{own_server.owned(tables)}'")
        own_server.ask(f"GRANT CREATE ON TABLESPACE small TO {user}")
        own_server.ask(f"ALTER ROLE {user} SET default_tablespace = small")
        store = await open_store(place)
        await store.acquire_lease(holder(1), ttl=30)
        ballast = disk.fill(leave=4 << 20)
        kept = await store.blobs.put(os.urandom(1 << 20))
        with pytest.raises(StoreError) as caught:
            await fill(store)
        assert "the disk of its server is full" in str(caught.value), caught.value
        assert caught.value.error_class is ErrorClass.TRANSIENT
        assert len(await store.blobs.read(kept)) == 1 << 20
        ballast.unlink()
        await store.write(Batch().add_events([event("after")]))
        found = await store.events()
        assert [one.id for one in found] == sorted({one.id for one in found})
        assert found[-1].message == "after"
        store.abandon()
        own_server.stop(signal.SIGQUIT)


async def test_a_session_that_is_exchanged_later_is_noticed_before_anything_is_written(
    open_store, shared_server
):
    store = await open_store(shared_server.place())
    store._writer._database.driver.backend += 1
    with pytest.raises(StoreError, match="shares sessions between clients"):
        await store.write(Batch().add_events([event("lost")]))
    store._writer._database.driver.backend -= 1
    assert await store.events() == []
