"""Turns what SQLite and the operating system say into what a person can act on.

Invariant: whatever leaves the store as an error is a StoreError that names the file, the reason and the next
step. Row contents never appear in it.
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from reconciler.errors import ErrorClass, StoreError

_PERMANENT = ErrorClass.PERMANENT
_TRANSIENT = ErrorClass.TRANSIENT

# Primary result codes of SQLite: why, what to do, and whether trying again can help.
_SQLITE = {
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space; nothing was half-written", _TRANSIENT),
    sqlite3.SQLITE_READONLY: (
        "it may not be written",
        "check that the file system is mounted read-write and that you own the file",
        _PERMANENT,
    ),
    sqlite3.SQLITE_PERM: ("access is denied", "check who owns the file and its directory", _PERMANENT),
    sqlite3.SQLITE_AUTH: ("access is denied", "check who owns the file and its directory", _PERMANENT),
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened",
        "check that its directory exists and that you may read and write it",
        _PERMANENT,
    ),
    sqlite3.SQLITE_BUSY: (
        "another process keeps it locked",
        "find it with `fuser` and wait for it, or end it",
        _TRANSIENT,
    ),
    sqlite3.SQLITE_LOCKED: (
        "another process keeps it locked",
        "find it with `fuser` and wait for it, or end it",
        _TRANSIENT,
    ),
    sqlite3.SQLITE_IOERR: ("the disk reported an error", "look into the kernel's log (`dmesg`)", _TRANSIENT),
    sqlite3.SQLITE_CORRUPT: (
        "it is damaged",
        "move it away and start again (everything is observed anew), or restore a backup",
        _PERMANENT,
    ),
    sqlite3.SQLITE_NOTADB: (
        "it is not a database of ours, or it is damaged",
        "move it away and start again (everything is observed anew), or restore a backup",
        _PERMANENT,
    ),
    sqlite3.SQLITE_CONSTRAINT: (
        "the database refuses it",
        "this is a defect of froyo: please report it",
        _PERMANENT,
    ),
}

_OS = {
    errno.ENOSPC: _SQLITE[sqlite3.SQLITE_FULL],
    errno.EDQUOT: ("the disk quota is used up", "free some space; nothing was half-written", _TRANSIENT),
    errno.EROFS: _SQLITE[sqlite3.SQLITE_READONLY],
    errno.EACCES: _SQLITE[sqlite3.SQLITE_PERM],
    errno.EPERM: _SQLITE[sqlite3.SQLITE_PERM],
    errno.ENOENT: _SQLITE[sqlite3.SQLITE_CANTOPEN],
    errno.ENOTDIR: _SQLITE[sqlite3.SQLITE_CANTOPEN],
    errno.EEXIST: _SQLITE[sqlite3.SQLITE_CANTOPEN],
    errno.EISDIR: _SQLITE[sqlite3.SQLITE_CANTOPEN],
    errno.ELOOP: _SQLITE[sqlite3.SQLITE_CANTOPEN],
    errno.EIO: _SQLITE[sqlite3.SQLITE_IOERR],
}


def failure(path: Path, why: str, what_next: str, error_class: ErrorClass = _PERMANENT) -> StoreError:
    """A StoreError in the one form that all of them have."""
    error = StoreError(f"{path}: {why}; {what_next}")
    error.error_class = error_class
    return error


def explain(error: sqlite3.Error | OSError, path: Path) -> StoreError:
    """What `error` means for the store at `path`."""
    if isinstance(error, OSError):
        known = _OS.get(error.errno or 0)
        path = Path(error.filename) if isinstance(error.filename, str) else path
        raw = error.strerror or str(error)
    else:
        # The low byte is the primary code; errors of the driver itself have none.
        known = _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        raw = str(error)
    why, what_next, error_class = known or (
        "it cannot be used",
        "this is unexpected: please report it",
        _PERMANENT,
    )
    return failure(path, f"{why} ({raw})", what_next, error_class)
