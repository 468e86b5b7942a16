"""Connections to SQLite, set up the one way in which this store may use it.

Invariants: the database is in WAL mode, its files are 0600, transactions are begun and ended explicitly, and
a PRAGMA that did not take is an error and not a surprise. Knows no tables.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from typing import TYPE_CHECKING
from urllib.parse import quote

from reconciler.store.failures import failure
from reconciler.store.sqlite.failures import explain
from reconciler.store.sqlite.maintenance import BUSY_TIMEOUT, WAL_LIMIT, wal_bytes

if TYPE_CHECKING:
    from pathlib import Path

_INDEX = 64 << 10
"""Bytes that the index of a write-ahead log takes at first, and a little more."""


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes. Makes the database, and its directory, when they are missing.

    Raises:
        StoreError: it cannot be made, or is none.
    """
    try:
        # An existing directory keeps its mode: it may be one that others need to enter, and the files are
        # 0600 anyway.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
        # -wal and -shm take the mode of the database.
        connection = _connect(path, "rw")
    except (OSError, sqlite3.Error) as error:
        raise explain(_reason(error, path), path) from error
    try:
        _configure(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise explain(_reason(error, path), path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection, path: Path) -> None:
    # May silently stay what it was: on a file system without shared memory, or while somebody else is in it.
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise failure(
            path,
            f"its journal mode stays {mode!r} although WAL was asked for",
            "put the state directory on a local file system, and see that nothing else has the database open",
        )
    # NORMAL does not sync at each commit. It suffices: a commit is in the kernel when COMMIT returns, so
    # intents outlive the process whatever ends it. Only when the controller's machine itself loses power may
    # the last commits be missing (never torn, never out of order), and then everything is observed again
    # anyway. What could not be observed again, the content that was there before us, is committed with FULL:
    # see `Writer`.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
    # The writer cuts the log back itself, between two transactions instead of within one that somebody waits
    # for.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA foreign_keys = ON")
    if connection.execute("PRAGMA foreign_keys").fetchone()[0] != 1:
        raise failure(
            path, "this SQLite was built without foreign keys", "use a Python with a complete SQLite"
        )


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write.

    Raises:
        StoreError: there is no database, or it cannot be read.
    """
    try:
        # SQLite's own words for a missing file are "unable to open".
        os.stat(path)
        connection = _connect(path, "ro")
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            # A reader of a WAL needs to write its index beside it, which a read-only file system forbids, and a full
            # one has no room for; after a clean end there is no WAL, and the database can be read as it stands.
            if not (_on_read_only_file_system(path) or _is_full(path)) or wal_bytes(path):
                raise
            connection = _connect(path, "ro&immutable=1")
    except FileNotFoundError as error:
        raise failure(
            path, "there is no store here yet", "apply something first, or name another one"
        ) from error
    except (OSError, sqlite3.Error) as error:
        raise explain(_reason(error, path, os.R_OK), path) from error
    return connection


def _reason(
    error: sqlite3.Error | OSError, path: Path, access: int = os.R_OK | os.W_OK
) -> sqlite3.Error | OSError:
    """What the system has to say where SQLite's own words are "unable to open database file", or "disk I/O error"."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary == sqlite3.SQLITE_IOERR and path.exists() and _is_full(path):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if primary != sqlite3.SQLITE_CANTOPEN or not os.path.exists(path):
        return error
    if _on_read_only_file_system(path):
        return OSError(errno.EROFS, os.strerror(errno.EROFS))
    if not os.access(path, access, effective_ids=True):
        return OSError(errno.EACCES, os.strerror(errno.EACCES))
    return error


def _is_full(path: Path) -> bool:
    """Whether there is no room for the index of a write-ahead log, without which nobody works with the database."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize < _INDEX


def _on_read_only_file_system(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    if not stat.S_ISREG(os.stat(path).st_mode):  # SQLite would wait for the other end of a pipe
        raise failure(
            path, "it is no regular file", "move it away and start again (everything is observed anew)"
        )
    # A lane is one thread, but an inline lane is whichever thread is running; the calls never overlap.
    return sqlite3.connect(
        f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
