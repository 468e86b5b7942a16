"""Transactions on a connection that may be lost at any time.

A connection that was lost is made again when the next transaction begins. Whether one whose end was not heard of was
committed, the server is asked by the transaction's id: what is told to have failed was not written, and nothing is
written twice. Where the server cannot be asked for a minute, it is told to have failed, and asked for before anything
else is written: see `reconciler.store.postgresql.writes`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg

from reconciler.errors import LeaseLost, StoreError
from reconciler.store.postgresql.connection import PATIENCE, SLOWEST, ServerSession
from reconciler.store.postgresql.keys import OF_THIS_SCHEMA, WRITING
from reconciler.store.postgresql.pooling import is_shared
from reconciler.store.postgresql.writes import MARK, Write, Writes

_PAUSE = 0.25
"""Seconds between two attempts to ask what became of a transaction."""
_ASKING = 60.0
"""Seconds for which that is tried: a server takes that long to come back, and nothing could be written meanwhile."""

# Whoever writes is alone from here on, as with SQLite: ids rise in the order of the commits, and what was read first
# still holds when it is written.
BEGIN = (
    f"BEGIN; SELECT pg_advisory_xact_lock({WRITING}, {OF_THIS_SCHEMA}); "
    "SELECT pg_current_xact_id()::text, pg_backend_pid()"
)


class Transactions:
    """See the module.

    Args:
        place: the address.
        connect: makes a connection.

    Attributes:
        driver: the connection; another one after it was lost.
        place: as above.
        commit: what ends one that has written.
        writes: what is known of those that have ended.
    """

    def __init__(self, place: str, connect: Callable[[], ServerSession]) -> None:
        self.place = place
        self._connect = connect
        self.driver = connect()
        self._closed = False
        self.writes = Writes(place)
        self.commit = f"{MARK}; COMMIT"

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
        number, backend = self._start(BEGIN).fetchone() or ("", 0)
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
            self.driver.execute(self.commit)
        except psycopg.Error:
            if not self.driver.closed:
                self._roll_back()
                raise
            if not self._was_committed(write):
                raise
            write = replace(write, server=self.driver.server)
        self.writes.acknowledged = write

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
                self.writes.check(session)
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
                if (found := self.writes.became(self.driver, write)) is not None:
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
        self.writes.in_doubt = write
        self.driver.close()

    def close(self) -> None:
        """End at once."""
        self._closed = True
        self.driver.close()
