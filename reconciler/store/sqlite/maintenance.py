"""What SQLite's files want from time to time: a log that is cut back, and a look at whether they are sound."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

BUSY_TIMEOUT = 5.0
"""Seconds that a statement waits for another process."""

WAL_LIMIT = 4 << 20
"""Bytes: at this size the log is put into the database and cut back."""


def wal_bytes(path: Path) -> int:
    """Size of the write-ahead log."""
    try:
        return os.stat(f"{path}-wal").st_size
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return 0


def is_overgrown(path: Path) -> bool:
    """Whether the log wants to be cut back."""
    return wal_bytes(path) >= WAL_LIMIT


def cut_back(connection: sqlite3.Connection) -> None:
    """Put the log into the database. Never waits for readers: what they hold back is cut back the next time."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}")


def damages(connection: sqlite3.Connection) -> list[str]:
    """What is wrong with the database, one line each; empty when it is sound."""
    found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    found += [f"a row of {table} refers to one of {parent} that is gone" for table, _, parent, _ in broken]
    return [line for line in found if line != "ok"]
