"""A connection to PostgreSQL as the store asks of it; see `reconciler.store.database`.

A connection that was lost is made again when the next transaction begins. Whether one whose end was not heard of was
committed, the server is asked by the transaction's id: what is told to have failed was not written, and nothing is
written twice. Where the server cannot be asked for a minute, it is told to have failed, and asked for before anything
else is written: see `reconciler.store.postgresql.writes`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg

from reconciler.errors import ErrorClass, LeaseLost, StoreError
from reconciler.store.database import NOTHING
from reconciler.store.postgresql.connection import PATIENCE, SLOWEST, ServerSession
from reconciler.store.postgresql.failures import explain
from reconciler.store.postgresql.lock import OF_THIS_SCHEMA, WRITING
from reconciler.store.postgresql.pooling import is_shared
from reconciler.store.postgresql.sql import SCHEMA, STATEMENTS
from reconciler.store.postgresql.writes import MARK, Write, Writes

_PAUSE = 0.25
"""Seconds between two attempts to ask what became of a transaction."""
_ASKING = 60.0
"""Seconds for which that is tried: a server takes that long to come back, and nothing could be written meanwhile."""

# Whoever writes is alone from here on, as with SQLite: ids rise in the order of the commits, and what was read first
# still holds when it is written.
_BEGIN = (
    f"BEGIN; SELECT pg_advisory_xact_lock({WRITING}, {OF_THIS_SCHEMA}); "
    "SELECT pg_current_xact_id()::text, pg_backend_pid()"
)


class PostgreSQLDatabase:
    """See the module.

    Args:
        place: the address.
        connect: makes a connection.

    Attributes:
        driver: the connection; another one after it was lost.
        place: as above.
    """

    def __init__(self, place: str, connect: Callable[[], ServerSession]) -> None:
        self.place = place
        self._connect = connect
        self.driver = connect()
        self._closed = False
        self._writes = Writes(place)
        self._commit = f"{MARK}; COMMIT"

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

    @contextlib.contextmanager
    def patient(self, size: int) -> Iterator[None]:
        """Within it, and within a transaction, an answer may take as long as so many bytes do on a slow way."""
        session, limit = self.driver, PATIENCE + size / SLOWEST
        session.execute(f"SET LOCAL statement_timeout = '{int(limit)}s'")
        session.patience = limit
        try:
            yield
        finally:
            session.patience = PATIENCE

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:  # noqa: ARG002 - each of them is
        """A transaction that writes, alone."""
        number, backend = self._start(_BEGIN).fetchone() or ("", 0)
        if backend != self.driver.backend:
            self._roll_back()
            raise is_shared(self.place)
        try:
            yield
        except BaseException:
            self._roll_back()
            raise
        write = Write(self.driver.server, int(number))
        try:
            self.driver.execute(self._commit)
        except psycopg.Error:
            if not self.driver.closed:
                self._roll_back()
                raise
            if not self._was_committed(write):
                raise
            write = replace(write, server=self.driver.server)
        self._writes.acknowledged = write

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction that reads."""
        self._start("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            self._roll_back()

    def _start(self, statements: str) -> psycopg.Cursor[Any]:
        """Execute what begins something, on a connection that answers; gives what the last one of it gave."""
        self.have_connection()
        used = self.driver
        try:
            cursor = used.execute(statements)
        except psycopg.Error:
            self._roll_back()
            if not used.closed or self._closed:
                raise
            # It was lost while nobody used it.
            self.have_connection()
            cursor = self.driver.execute(statements)
        while cursor.nextset():
            pass
        return cursor

    def have_connection(self) -> None:
        """Connect again, where the connection is known to be lost.

        Raises:
            LeaseLost: the server that answers now does not have what was written.
        """
        if self.driver.closed and not self._closed:
            session = self._connect()
            try:
                self._writes.check(session)
            except BaseException:
                session.close()
                raise
            self.driver = session

    def _roll_back(self) -> None:
        if not self.driver.closed:
            with contextlib.suppress(psycopg.Error):
                self.driver.execute("ROLLBACK")

    def _was_committed(self, write: Write) -> bool:
        """What became of a transaction whose end was not heard of, because the connection was lost.

        Raises:
            psycopg.Error: the server cannot be asked in time; it is asked before anything else is written.
            LeaseLost: nobody can know.
        """
        end = time.monotonic() + _ASKING
        while True:
            try:
                if self.driver.closed:
                    self.driver = self._connect()
                if (found := self._writes.became(self.driver, write)) is not None:
                    return found
            except LeaseLost:
                self.driver.close()
                raise
            except (psycopg.Error, StoreError):
                if time.monotonic() > end:
                    self._leave_in_doubt(write)
                    raise
            if time.monotonic() > end:
                self._leave_in_doubt(write)
                return False
            time.sleep(_PAUSE)

    def _leave_in_doubt(self, write: Write) -> None:
        self._writes.in_doubt = write
        self.driver.close()

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
        marking, self._commit = self._commit, "COMMIT"  # there need not be anything yet to leave a mark in
        try:
            with self.transaction():
                self.driver.execute("SET LOCAL statement_timeout = 0")
                self.driver.patience = _MIGRATING
                try:
                    yield
                finally:
                    self.driver.patience = PATIENCE
        finally:
            self._commit = marking
            self._writes.acknowledged = None

    def make(self) -> None:
        """Make the newest schema, where there is nothing."""
        for statement in SCHEMA:
            self.driver.execute(statement)

    def upgrade(self) -> None:
        """Run the migrations that are missing."""
        from reconciler.store.postgresql.upgrade import upgrade

        upgrade(self.driver, _BEGIN)

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

    def close(self) -> None:
        """End at once."""
        self._closed = True
        self.driver.close()

    def _ask(self, statement: str) -> Any:
        return _first(self.driver.execute(statement))


_MIGRATING = 3_600.0
_TABLES = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema()"


def _first(cursor: psycopg.Cursor[Any]) -> Any:
    (value,) = cursor.fetchone() or (None,)
    return value


def _number(cursor: psycopg.Cursor[Any]) -> int:
    return int(_first(cursor))
