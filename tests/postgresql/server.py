"""A real PostgreSQL server for tests: started as nobody important, below a temporary directory, on a Unix socket.

One a test process, made when it is first asked for; each test gets a user and a schema of its own there, which takes
milliseconds. What stops, freezes or fills a server starts one of its own.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

_USERS = ("postgres", "nobody")


def programs() -> Path | None:
    """Where `initdb` and `postgres` are; None where they are not."""
    found = [Path(p).parent for name in ("initdb",) if (p := shutil.which(name))]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found += sorted(Path("/").glob("usr/pgsql-*/bin"), reverse=True)
    return next((one for one in found if (one / "initdb").exists() and (one / "postgres").exists()), None)


def missing() -> str:
    """Why there can be no server here; "" if there can."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        return f"no driver for PostgreSQL: {error}"
    if programs() is None:
        return "no PostgreSQL server is installed here (CONTRIBUTING.md, 'A real PostgreSQL')"
    return ""


class Server:
    """A server that belongs to a test.

    Attributes:
        port: where it listens, on its socket and on loopback.
        directory: of its socket and its log.
    """

    def __init__(self, directory: Path, user: str | None) -> None:
        found = programs()
        assert found is not None
        self._programs = found
        self._user = user
        self.directory = directory
        self.data = directory / "data"
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    def make(self) -> None:
        """What `initdb` does."""
        initdb = [
            self._programs / "initdb",
            "-D",
            self.data,
            "-U",
            "admin",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        self._run(*initdb, "--locale=C")
        rules = self.data / "pg_hba.conf"
        # Who is granted this role is asked for a password, by TCP.
        rules.write_text("host all +guarded 127.0.0.1/32 scram-sha-256\n" + rules.read_text())

    def start(self, *settings: str) -> None:
        """Start it, and wait until it answers."""
        words = [self._programs / "postgres", "-D", self.data, "-k", self.directory, "-p", str(self.port)]
        words += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=60"]
        words += ["-c", "shared_buffers=16MB", "-c", "max_wal_size=128MB", "-c", "autovacuum=off"]
        for setting in settings:
            words += ["-c", setting]
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in words], stdout=log, stderr=log, cwd="/", **self._as()
            )
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        """Until it lets somebody in."""
        import psycopg

        for _ in range(600):
            assert self._process is not None
            assert self._process.poll() is None, (self.directory / "log").read_text()
            try:
                psycopg.connect(self.url("admin", "postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError((self.directory / "log").read_text())

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGTERM: smart; SIGINT: fast; SIGQUIT: immediate, as a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def standby(self, user: str = "admin") -> Server:
        """A second server that follows this one, as `pg_basebackup` makes it; it is started, and is to be stopped."""
        directory = self.owned(Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")))
        one = Server(directory, self._user)
        copying = [_where("pg_basebackup"), "-h", self.directory, "-p", self.port, "-U", user, "-R"]
        self._run(*copying, "-D", one.data, "-c", "fast", "-X", "stream", "--no-sync")
        one.start()
        return one

    def promote(self) -> None:
        """Have a standby become a primary, and wait for that."""
        assert self.ask("SELECT pg_promote(true, 60)", database="postgres") == [(True,)]

    def remove(self) -> None:
        """End it, whatever state it is in, and remove what it had."""
        if self._process is not None and self._process.poll() is None:
            self.signal_all(signal.SIGCONT)
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)

    def signal_all(self, number: int) -> None:
        """Send a signal to the server and to every process of it."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, children)):
            os.kill(pid, number)

    def url(self, user: str, database: str = "froyo") -> str:
        """Its address by way of the socket."""
        return f"postgresql://{user}@{quote(str(self.directory), safe='')}:{self.port}/{database}"

    def ask(self, statement: str, *, database: str = "froyo") -> list[tuple]:
        """Have the administrator say something; gives the rows."""
        import psycopg

        with psycopg.connect(self.url("admin", database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def place(self) -> str:
        """The address of a place where nothing is yet: a user with a schema of its own."""
        name = f"t{os.getpid()}x{next(self._numbers)}"
        self.ask(f"CREATE ROLE {name} LOGIN; CREATE SCHEMA {name} AUTHORIZATION {name}")
        return self.url(name)

    def owned(self, path: Path) -> Path:
        """A directory that is given to the server."""
        if self._user:
            os.chown(path, pwd.getpwnam(self._user).pw_uid, pwd.getpwnam(self._user).pw_gid)
        return path

    def _run(self, *words: object) -> None:
        done = subprocess.run(
            [str(word) for word in words], check=False, capture_output=True, text=True, cwd="/", **self._as()
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _as(self) -> dict:
        return (
            {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}
            if self._user
            else {}
        )


def _where(program: str) -> Path:
    """Where a program of the server's package is, be it beside the server or among its links."""
    found = programs()
    assert found is not None
    beside = [found / program, *sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), reverse=True)]
    return next(one for one in beside if one.exists())


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def server(*settings: str) -> Iterator[Server]:
    """One that is ended at the end, whatever happened to it."""
    if why := missing():
        pytest.skip(why)
    directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    user = None
    if os.geteuid() == 0:  # a server refuses to run as root
        user = next(name for name in _USERS if _exists(name))
        os.chown(directory, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    one = Server(directory, user)
    try:
        one.make()
        one.start(*settings)
        one.ask("CREATE DATABASE froyo", database="postgres")
        one.ask("CREATE ROLE guarded")
        yield one
    finally:
        one.remove()


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
