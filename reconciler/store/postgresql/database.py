"""A connection to PostgreSQL as the store asks of it; see `reconciler.store.database`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg

from reconciler.errors import ErrorClass, StoreError
from reconciler.store.database import NOTHING
from reconciler.store.postgresql.connection import PATIENCE, SLOWEST
from reconciler.store.postgresql.failures import explain
from reconciler.store.postgresql.sql import SCHEMA, STATEMENTS
from reconciler.store.postgresql.transactions import BEGIN, Transactions


class PostgreSQLDatabase(Transactions):
    """See the module, and for what it is made of `Transactions`."""

    def execute(self, name: str, parameters: Mapping[str, object] = NOTHING, /) -> psycopg.Cursor[Any]:
        """Execute the statement of that name."""
        large = sum(len(value) for value in parameters.values() if isinstance(value, bytes))
        if large < SLOWEST:
            return self.driver.execute(STATEMENTS[name], parameters)
        with self.patient(large):
            return self.driver.execute(STATEMENTS[name], parameters)

    def execute_many(self, name: str, rows: Iterable[Mapping[str, object]], /) -> None:
        """Execute it once for each of these."""
        with self.driver.cursor() as cursor:
            cursor.executemany(STATEMENTS[name], rows)

    def append(self, name: str, rows: Sequence[Mapping[str, object]], /) -> Sequence[int]:
        """Insert rows into a table that numbers them; gives their numbers."""
        with self.driver.cursor() as cursor:
            cursor.executemany(STATEMENTS[name], rows, returning=True)
            numbers = [_number(cursor)]
            while cursor.nextset():
                numbers.append(_number(cursor))
        return numbers

    def explain(self, error: BaseException) -> StoreError | None:
        """What `error` means for this store."""
        return explain(error, self.place) if isinstance(error, psycopg.Error | OSError) else None

    def is_gone(self, error: BaseException) -> bool:
        """Whether nothing can be written just now, whatever it is."""
        return (
            isinstance(error, psycopg.Error)
            and explain(error, self.place).error_class is ErrorClass.TRANSIENT
        )

    @property
    def elsewhere(self) -> str:
        """What to do where something is that is none of ours."""
        return (
            "name another database, or give this user a schema of its own there: CREATE SCHEMA froyo AUTHORIZATION …; "
            "ALTER ROLE … SET search_path = froyo"
        )

    # --- Its schema ---------------------------------------------------------------------------------------------------

    def revision(self) -> str:
        """The revision of the schema; "" when there is none."""
        # Asked first: an error would end the transaction that this may be in.
        if not self._ask("SELECT to_regclass('alembic_version') IS NOT NULL"):
            return ""
        return str(self._ask("SELECT max(version_num) FROM alembic_version") or "")

    def has_tables(self) -> bool:
        """Whether there is anything but the note of a schema."""
        return bool(self._ask(f"SELECT EXISTS ({_TABLES} AND tablename <> 'alembic_version')"))

    def is_empty(self) -> bool:
        """Whether there is nothing at all."""
        return not self._ask(f"SELECT EXISTS ({_TABLES})")

    @contextlib.contextmanager
    def changing_schema(self) -> Iterator[None]:
        """A transaction in which tables are made anew, for as long as it takes."""
        marking, self.commit = self.commit, "COMMIT"  # there need not be anything yet to leave a mark in
        try:
            with self.transaction():
                self.driver.execute("SET LOCAL statement_timeout = 0")
                self.driver.patience = _MIGRATING
                try:
                    yield
                finally:
                    self.driver.patience = PATIENCE
        finally:
            self.commit = marking
            self.writes.acknowledged = None

    def make(self) -> None:
        """Make the newest schema, where there is nothing."""
        for statement in SCHEMA:
            self.driver.execute(statement)

    def upgrade(self) -> None:
        """Run the migrations that are missing."""
        from reconciler.store.postgresql.upgrade import upgrade

        upgrade(self.driver, BEGIN)

    # --- All of it, for a copy ----------------------------------------------------------------------------------------

    dialect = "postgresql"

    def select(self, text: str, parameters: Mapping[str, object], /) -> list[Any]:
        """What a statement gives that has no name."""
        return self.driver.execute(text, parameters).fetchall()

    def insert(self, text: str, rows: Iterable[Mapping[str, object]], /) -> None:
        """Insert rows by a statement that has no name."""
        with self.driver.cursor() as cursor:
            cursor.executemany(text, rows)

    def last_number(self, table: str, column: str) -> int:
        """The last number that a table has given to a row."""
        asked = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {table}_{column}_seq"  # noqa: S608 - ours
        return int(self._ask(asked))

    def go_on_from(self, table: str, column: str, number: int) -> None:
        """Have a table give higher numbers than this."""
        self.driver.execute(
            "SELECT setval(%s::regclass, %s, %s)", (f"{table}_{column}_seq", max(number, 1), number > 0)
        )

    # --- Keeping it ---------------------------------------------------------------------------------------------------

    def is_overgrown(self) -> bool:
        """The server sees to that."""
        return False

    def tidy(self) -> None:
        """The server sees to that."""

    def damages(self) -> list[str]:
        """The server says so when it is asked for what is damaged."""
        return []

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self._ask(f"SELECT count(*) FROM {table}"))  # noqa: S608 - ours

    def bytes(self) -> tuple[int, int]:
        """The size of the database; its log is the server's."""
        return int(self._ask("SELECT pg_database_size(current_database())")), 0

    def finish(self) -> None:
        """End: the session gives back what it holds."""
        self.close()

    def _ask(self, statement: str) -> Any:
        return _first(self.driver.execute(statement))


_MIGRATING = 3_600.0
_TABLES = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema()"


def _first(cursor: psycopg.Cursor[Any]) -> Any:
    (value,) = cursor.fetchone() or (None,)
    return value


def _number(cursor: psycopg.Cursor[Any]) -> int:
    return int(_first(cursor))
