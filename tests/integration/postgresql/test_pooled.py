"""A real PgBouncer between a store and its server: what works behind it, and what is refused."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from reconciler.errors import LeaseHeld, StoreError
from reconciler.store.batch import Batch
from reconciler.store.records import LeaseHolder
from tests.postgresql.server import _free_port
from tests.unit.store.values import event

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no pgbouncer is installed here")


@contextmanager
def pooler(server, mode, directory: Path, size=10):
    """PgBouncer in front of a server; gives what makes an address by way of it."""
    port = _free_port()
    config = directory / "pgbouncer.ini"
    config.write_text(
        f"[databases]\nfroyo = host=127.0.0.1 port={server.port} dbname=froyo\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\nauth_file =\n"
        f"pool_mode = {mode}\ndefault_pool_size = {size}\nlogfile = {directory}/log\n"
    )
    config.write_text(config.read_text().replace("auth_type = any", "auth_type = trust"))
    users = directory / "users"
    users.write_text("".join(f'"{role}" ""\n' for (role,) in server.ask("SELECT rolname FROM pg_roles")))
    config.write_text(config.read_text().replace("auth_file =", f"auth_file = {users}"))
    words = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        words = {"user": "nobody", "group": nobody.pw_gid, "extra_groups": []}
        for path in (directory, config, users):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        for path in [directory, *directory.parents][:-2]:
            path.chmod(path.stat().st_mode | 0o011)
    running = subprocess.Popen(
        [PROGRAM, config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **words
    )
    try:
        for _ in range(200):
            assert running.poll() is None, (directory / "log").read_text()
            try:
                psycopg.connect(f"postgresql://admin@127.0.0.1:{port}/froyo", connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                break
        yield lambda user: f"postgresql://{user}@127.0.0.1:{port}/froyo"
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait()


def user_of(place):
    return place.split("://")[1].split("@")[0]


def holder(pid):
    return LeaseHolder("here", pid, "boot", 0.0)


async def test_sessions_that_are_ours_as_long_as_we_are_connected_do(open_store, shared_server, tmp_path):
    user = user_of(shared_server.place())
    with pooler(shared_server, "session", tmp_path) as by_way:
        store, other = await open_store(by_way(user)), await open_store(by_way(user))
        first = await store.acquire_lease(holder(1), ttl=30)
        kept = await store.blobs.put(os.urandom(100_000))
        await store.write(Batch().add_events([event("once")]))
        with pytest.raises(LeaseHeld, match="pid 1"):
            await other.acquire_lease(holder(2), ttl=30)
        assert len(await other.blobs.read(kept)) == 100_000
        store.abandon()  # what it held is given back with its connection
        assert await other.acquire_lease(holder(2), ttl=30) > first


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_sessions_that_are_shared_are_refused(open_store, shared_server, tmp_path, mode):
    user = user_of(shared_server.place())
    with pooler(shared_server, mode, tmp_path) as by_way:
        for read_only in (False, True):
            with pytest.raises(StoreError, match=r"shares sessions between .*; set pool_mode = session for"):
                await open_store(by_way(user), read_only=read_only)
        # Nothing of ours is left behind in sessions that others get.
        with psycopg.connect(by_way(user), autocommit=True) as somebody:
            assert somebody.execute("SHOW lock_timeout").fetchone() == ("0",)
