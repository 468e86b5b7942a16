"""Where a store is, and the connections to it, of a schema that this froyo knows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reconciler.store import migrate

if TYPE_CHECKING:
    from reconciler.store.connecting import Connecting
    from reconciler.store.database import Database, Place
    from reconciler.store.garbage import Housekeeping

DATABASE = "froyo.db"


def connecting(path: Place) -> Connecting:
    """Where a store is, or is going to be.

    Args:
        path: as `Store.open` takes it.

    Raises:
        UsageError: it is an address that is none, or has a password in it.
        StoreError: the driver for it is not installed.
    """
    # Imported here, each only where it is used: the other driver may not even be installed.
    if isinstance(path, str):
        from reconciler.store.postgresql.connecting import PostgreSQLPlace

        return PostgreSQLPlace(path)
    from reconciler.store.sqlite.connecting import SQLitePlace

    return SQLitePlace(path / DATABASE if os.path.isdir(path) else path)


def open_writer(where: Connecting, housekeeping: Housekeeping) -> Database:
    """The one connection that writes, to a store that is there, and up to date, by then."""
    database = where.writer()
    try:
        migrate.ensure(database)
        housekeeping.load(database)
    except BaseException:
        database.close()
        raise
    return database


def open_reader(where: Connecting) -> Database:
    """A connection that cannot write, to a store that is there."""
    database = where.reader()
    try:
        migrate.check(database)
    except BaseException:
        database.close()
        raise
    return database
