"""What SQLite says, as what a person can act on."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from reconciler.errors import ErrorClass, StoreError
from reconciler.store import failures
from reconciler.store.failures import DENIED, DISK_ERROR, DISK_FULL, NOT_OPENED, NOT_WRITABLE, REFUSED, Why

if TYPE_CHECKING:
    from reconciler.store.database import Place

_LOCKED: Why = (
    "another process keeps it locked",
    "find it with `fuser` and wait for it, or end it",
    ErrorClass.TRANSIENT,
)
_DAMAGED_NEXT = "move it away and start again (everything is observed anew), or restore a backup"

# By primary result code.
_SQLITE: dict[int, Why] = {
    sqlite3.SQLITE_FULL: DISK_FULL,
    sqlite3.SQLITE_READONLY: NOT_WRITABLE,
    sqlite3.SQLITE_PERM: DENIED,
    sqlite3.SQLITE_AUTH: DENIED,
    sqlite3.SQLITE_CANTOPEN: NOT_OPENED,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_IOERR: DISK_ERROR,
    sqlite3.SQLITE_CORRUPT: ("it is damaged", _DAMAGED_NEXT, ErrorClass.PERMANENT),
    sqlite3.SQLITE_NOTADB: (
        "it is not a database of ours, or it is damaged",
        _DAMAGED_NEXT,
        ErrorClass.PERMANENT,
    ),
    sqlite3.SQLITE_CONSTRAINT: REFUSED,
}


def explain(error: sqlite3.Error | OSError, place: Place) -> StoreError:
    """What `error` means for the store at `place`."""
    if isinstance(error, OSError):
        return failures.explain(error, place)
    # The low byte is the primary code; errors of the driver itself have none.
    known = _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    return failures.explained(place, str(error), known)
