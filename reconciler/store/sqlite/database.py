"""A connection to SQLite as the store asks of it; see `reconciler.store.database`."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.store.sqlite import maintenance
from reconciler.store.sqlite.failures import explain
from reconciler.store.sqlite.sql import SCHEMA, STATEMENTS

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.errors import StoreError


_NOTHING: Mapping[str, object] = {}


class SQLiteDatabase:
    """See the module.

    Args:
        connection: from `connect_writer` or `connect_reader`; owned from now on.
        path: of the database.

    Attributes:
        driver: the connection.
        place: of the database.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.driver = connection
        self.place = path

    def execute(self, name: str, parameters: Mapping[str, object] = _NOTHING, /) -> sqlite3.Cursor:
        """Execute the statement of that name."""
        return self.driver.execute(STATEMENTS[name], parameters)

    def execute_many(self, name: str, rows: Iterable[Mapping[str, object]], /) -> None:
        """Execute it once for each of these."""
        self.driver.executemany(STATEMENTS[name], rows)

    def append(self, name: str, rows: Sequence[Mapping[str, object]], /) -> Sequence[int]:
        """Insert rows into a table that numbers them; gives their numbers."""
        self.execute_many(name, rows)
        # There is one writer, and numbers are not given twice: they end at this one without a gap.
        (last,) = self.driver.execute("SELECT last_insert_rowid()").fetchone()
        return range(last - len(rows) + 1, last + 1)

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """A transaction that writes. It takes the lock at once: half-way, SQLite would not wait for it."""
        connection = self.driver
        if durable:
            connection.execute("PRAGMA synchronous = FULL")
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            finally:
                # Some errors, such as a full disk, have rolled back already.
                if connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
        finally:
            if durable:
                connection.execute("PRAGMA synchronous = NORMAL")

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction that reads."""
        self.driver.execute("BEGIN")
        try:
            yield
        finally:
            self.driver.execute("COMMIT")

    def explain(self, error: BaseException) -> StoreError | None:
        """What `error` means for this store."""
        return explain(error, self.place) if isinstance(error, sqlite3.Error | OSError) else None

    def is_gone(self, error: BaseException) -> bool:  # noqa: ARG002 - there is no way to a file
        """Each unit is tried by itself."""
        return False

    @property
    def elsewhere(self) -> str:
        """What to do where something is that is none of ours."""
        return "name another --state directory, or move this file away and start again (everything is observed anew)"

    # --- Its schema ---------------------------------------------------------------------------------------------------

    def revision(self) -> str:
        """The revision of the schema; "" when there is none, or when it is older than the first."""
        try:
            row = self.driver.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return ""
        return str(row[0]) if row else ""

    def has_tables(self) -> bool:
        """Whether there is anything but the note of a schema."""
        found = self.driver.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name != 'alembic_version'"
        )
        return found.fetchone() is not None

    def is_empty(self) -> bool:
        """Whether there is nothing at all."""
        return self.driver.execute("SELECT 1 FROM sqlite_master").fetchone() is None

    @contextlib.contextmanager
    def changing_schema(self) -> Iterator[None]:
        """A transaction in which a migration may rebuild a table that others refer to."""
        connection = self.driver
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            if connection.in_transaction:
                connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.execute("PRAGMA foreign_keys = ON")

    def make(self) -> None:
        """Make the newest schema, where there is nothing."""
        for statement in SCHEMA:
            self.driver.execute(statement)

    def upgrade(self) -> None:
        """Run the migrations that are missing."""
        from reconciler.store.sqlite.upgrade import upgrade

        upgrade(self.driver)

    # --- All of it, for a copy ----------------------------------------------------------------------------------------

    dialect = "sqlite"

    def select(self, text: str, parameters: Mapping[str, object], /) -> list[Any]:
        """What a statement gives that has no name."""
        return self.driver.execute(text, parameters).fetchall()

    def insert(self, text: str, rows: Iterable[Mapping[str, object]], /) -> None:
        """Insert rows by a statement that has no name."""
        self.driver.executemany(text, rows)

    def last_number(self, table: str, column: str) -> int:  # noqa: ARG002 - a table has one
        """The last number that a table has given to a row."""
        row = self.driver.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return int(row[0]) if row else 0

    def go_on_from(self, table: str, column: str, number: int) -> None:  # noqa: ARG002 - as above
        """Have a table give higher numbers than this."""
        self.driver.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        self.driver.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))

    # --- Keeping it ---------------------------------------------------------------------------------------------------

    def is_overgrown(self) -> bool:
        """Whether the log wants to be cut back."""
        return maintenance.is_overgrown(self.place)

    def tidy(self) -> None:
        """Cut the log back as far as readers let it be."""
        maintenance.cut_back(self.driver)

    def damages(self) -> list[str]:
        """What is wrong, one line each."""
        return maintenance.damages(self.driver)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        (found,) = self.driver.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - ours
        return int(found)

    def bytes(self) -> tuple[int, int]:
        """The size of the database, and of its log."""
        return os.stat(self.place).st_size, maintenance.wal_bytes(self.place)

    def finish(self) -> None:
        """Put the log into the database, and end."""
        # Should it not fit just now, it stays, and is read at the next start.
        with contextlib.suppress(sqlite3.Error):
            self.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.driver.close()

    def close(self) -> None:
        """End at once."""
        self.driver.close()
