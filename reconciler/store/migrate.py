"""Brings a database to the newest schema, and refuses one that is newer than that, or that is none of ours.

A new database is made at once from the compiled schema, and a current one costs a single SELECT; Alembic,
which takes 300 ms to import, is loaded only for an older one. Either way all of it is one transaction.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.store import sql
from reconciler.store.failures import explain, failure

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "0011"
"""The newest revision in `migrations/versions`. They are numbered, so that they compare."""


def revision(connection: sqlite3.Connection) -> str:
    """The revision of the schema; "" when there is none, or when it is older than the first."""
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return ""
    return str(row[0]) if row else ""


def check(connection: sqlite3.Connection, path: Path) -> None:
    """For who may only read: see that the schema is the one that we know.

    Raises:
        StoreError: it is another one.
    """
    try:
        found = revision(connection)
    except sqlite3.Error as error:
        raise explain(error, path) from error
    _refuse_unknown(connection, found, path)
    if found < HEAD:
        raise failure(
            path,
            f"its schema {found or '(none)'} is older than {HEAD}",
            "run a command that may write, such as `froyo apply`: it brings the store up to date",
        )


def must_be_known(connection: sqlite3.Connection, path: Path) -> None:
    """For who takes a store as it is, such as a backup: an older one will be brought up to date when it is written.

    Raises:
        StoreError: it is newer than this froyo, or none of ours.
    """
    try:
        _refuse_unknown(connection, revision(connection), path)
    except sqlite3.Error as error:
        raise explain(error, path) from error


def ensure(connection: sqlite3.Connection, path: Path) -> None:
    """Make the schema current.

    Raises:
        StoreError: it is newer than this froyo, none of ours, or cannot be changed.
    """
    try:
        if (found := revision(connection)) == HEAD:
            return
        _refuse_unknown(connection, found, path)
        connection.execute(
            "PRAGMA foreign_keys = OFF"
        )  # a migration may need to rebuild a table that others refer to
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Again, now that nobody else can be at it.
            if (found := revision(connection)) < HEAD:
                if _is_empty(connection):
                    for statement in sql.SCHEMA:
                        connection.execute(statement)
                else:
                    _upgrade(connection)
            if connection.in_transaction:
                connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        raise explain(error, path) from error


def _refuse_unknown(connection: sqlite3.Connection, found: str, path: Path) -> None:
    """See that the schema is one of ours, and that we know it: nothing may be guessed of what people rely on.

    Raises:
        StoreError: it is newer, or none of ours.
    """
    ours = f"this froyo is {__version__} and knows schema {HEAD}"
    if found.isdecimal() and len(found) == len(HEAD) and found > HEAD:
        raise failure(
            path,
            f"its schema {found} is newer than {HEAD}: {ours}",
            "use the newer froyo that wrote it, or name another --state directory",
        )
    known = {f"{number:0{len(HEAD)}}" for number in range(1, int(HEAD) + 1)}
    if found not in known and (found or _has_tables(connection)):
        raise failure(
            path,
            f"its schema {found!r} is none that froyo ever had; {ours}"
            if found
            else f"it is no store of froyo; {ours}",
            "name another --state directory, or move this file away and start again (everything is observed anew)",
        )


def _has_tables(connection: sqlite3.Connection) -> bool:
    """Whether there is anything but the note of a schema, which is all that there is before the first one."""
    found = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name != 'alembic_version'"
    )
    return found.fetchone() is not None


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None


def _upgrade(connection: sqlite3.Connection) -> None:
    from reconciler.store.upgrade import upgrade

    upgrade(connection)
