"""What shows that a controller lives which shares a store with others: an advisory lock of its writer's session.

Whoever gets that lock has proof that the session is gone; that its controller does not know it yet is what the row of
the member is for, which each of its transactions looks at.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psycopg

from reconciler.store.connecting import Signs
from reconciler.store.postgresql.keys import LEASE, MEMBER, OF_THIS_SCHEMA, of_member
from reconciler.store.postgresql.lock import AdvisoryLock

if TYPE_CHECKING:
    from reconciler.store.database import Database
    from reconciler.store.postgresql.database import PostgreSQLDatabase

STOPPED = 10
"""Seconds for which a transaction may be open without anything happening in it."""

# An advisory lock of two keys, in the view of all locks.
_LOCKED = """
SELECT 1 FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.classid::bigint = {first} AND l.objid::bigint = ({second}::bigint & 4294967295)
"""
_LIVING = f"""
SELECT m.number FROM members AS m WHERE EXISTS (
{_LOCKED.format(first=MEMBER, second="hashtext(current_schema() || '/' || m.number)")})
"""  # noqa: S608 - ours
_LED = f"SELECT EXISTS ({_LOCKED.format(first=LEASE, second=OF_THIS_SCHEMA)})"
# Each transaction that writes leaves its number there.
_WRITTEN = "SELECT coalesce(max(xmin::text::bigint), 0) FROM lease"


class AdvisoryMemberLocks:
    """See the module. Only ever touched from the writer's lane, but for `signs`.

    Args:
        database: that of the writer.
    """

    def __init__(self, database: PostgreSQLDatabase) -> None:
        self._database = database
        self._mine: AdvisoryLock | None = None
        self._hurried: object = None

    def take(self, number: int) -> bool:
        """Show from now on that the member of that number lives; whether that could be had."""
        self._mine = AdvisoryLock(self._database, of_member(number))
        self._hurry()
        return self._mine.try_lock()

    def keep(self) -> None:
        """The same again, where the session that showed it was lost, which this finds out."""
        with contextlib.suppress(psycopg.Error):
            self._database.have_connection()
            self._database.driver.execute("SELECT 1")
        self._database.have_connection()
        self._hurry()
        if self._mine is not None:
            self._mine.try_lock()

    def _hurry(self) -> None:
        """Have the server end a session that is stopped in the middle of a transaction: all the others wait for it."""
        if self._hurried is not self._database.driver:
            self._database.driver.execute(f"SET idle_in_transaction_session_timeout = '{STOPPED}s'")
            self._hurried = self._database.driver

    def leave(self) -> None:
        """Show it no longer. May be called twice."""
        if self._mine is not None:
            self._mine.unlock()
            self._mine = None

    def is_dead(self, number: int) -> bool:
        """Within a transaction: whether nobody shows that a member lives, and nobody can until its end."""
        asked = f"SELECT pg_try_advisory_xact_lock({of_member(number)})"
        (dead,) = self._database.driver.execute(asked).fetchone() or (False,)
        return bool(dead)

    def signs(self, reader: Database) -> Signs:
        """Who lives, as far as it is to be seen."""
        living = frozenset(int(number) for (number,) in reader.select(_LIVING, {}))
        [(led,)], [(written,)] = reader.select(_LED, {}), reader.select(_WRITTEN, {})
        return Signs(living, bool(led), int(written))
