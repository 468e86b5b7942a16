"""An advisory lock of the writer's session: the server drops it with the session, whatever ended that.

So whoever gets it has proof that the session of the holder is gone, wherever that ran; that the holder does not know it
yet is what the lease's token is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from reconciler.store.postgresql.keys import LEASE, OF_THIS_SCHEMA

if TYPE_CHECKING:
    from reconciler.store.postgresql.database import PostgreSQLDatabase
    from reconciler.store.records import Lease, LeaseHolder

PATIENCE = 0.5
"""Seconds that a newcomer waits: the server needs a moment to see that a session has ended."""


class AdvisoryLock:
    """See the module. Only ever touched from the writer's lane.

    Args:
        database: that of the writer; None for who does not write.
        keys: both keys of the lock; of the lease's unless it is another one's.
    """

    waits = True

    def __init__(self, database: PostgreSQLDatabase | None, keys: str = f"{LEASE}, {OF_THIS_SCHEMA}") -> None:
        self._keys = keys
        self._database = database
        self._session: object = None
        self.taken = False
        """Whether somebody else had it when it was tried last."""

    def try_lock(self) -> bool:
        """Take it if nobody else has it. True if it is held now."""
        self.taken = False
        if self._is_held():
            return True
        (got,) = self._ask(f"SELECT pg_try_advisory_lock({self._keys})")
        self._note(got=bool(got))
        return bool(got)

    def wait(self) -> bool:
        """Take it as soon as nobody else has it. Outside of a transaction, since whoever writes would wait, too."""
        if self._is_held():
            return True
        database = self._writer()
        database.have_connection()
        session = database.driver
        session.execute(f"SET lock_timeout = '{int(PATIENCE * 1000)}ms'")
        try:
            session.execute(f"SELECT pg_advisory_lock({self._keys})")
        except psycopg.errors.LockNotAvailable:
            self._note(got=False)
        else:
            self._note(got=True)
        session.execute("SET lock_timeout = '10s'")
        return not self.taken

    def unlock(self) -> None:
        """Give it back. May be called twice."""
        if self._is_held():
            self._ask(f"SELECT pg_advisory_unlock({self._keys})")
        self._session = None

    def is_proof(self, found: Lease, newcomer: LeaseHolder) -> bool:  # noqa: ARG002 - wherever they are
        """Whether the holder of `found` would still have the lock if it were alive."""
        return found.locked

    def _is_held(self) -> bool:
        return (
            self._database is not None
            and self._session is self._database.driver
            and not self._database.driver.closed
        )

    def _note(self, *, got: bool) -> None:
        self.taken = not got
        self._session = self._writer().driver if got else None

    def _ask(self, statement: str) -> Any:
        return self._writer().driver.execute(statement).fetchone()

    def _writer(self) -> PostgreSQLDatabase:
        if self._database is None:
            raise RuntimeError("who only reads takes no lease")
        return self._database
