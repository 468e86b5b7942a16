"""Connections to PostgreSQL, set up the one way in which this store may use it.

Invariants: whoever waits for a server waits no longer than `PATIENCE`, be the server dead, frozen or cut off, and then
has no connection any more; a server does not wait longer for us, so that what we hold there, locks above all, is free
soon after we are gone. Knows no tables.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from reconciler.errors import StoreError, UsageError
from reconciler.store.failures import failure
from reconciler.store.postgresql import pooling
from reconciler.store.postgresql.address import password

if TYPE_CHECKING:
    from psycopg.abc import PQGen

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds that a server has for one answer."""
SLOWEST = 256 << 10
"""Bytes a second that a connection carries at least: a large content has that much longer."""
CONNECT = 5
"""Seconds that it has to let us in."""
OLDEST = 14
"""The oldest server that notices by itself that a client is gone while it works for it."""

# What a connection is like on our side, and how soon either side notices that the other one is gone.
_OURS: dict[str, Any] = {
    "application_name": "froyo",
    "gssencmode": "disable",
    "client_encoding": "utf8",
    "connect_timeout": CONNECT,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": int(PATIENCE * 1000),
}
_THEIRS = (
    "SET lock_timeout = '10s'",
    f"SET statement_timeout = '{int(PATIENCE)}s'",
    "SET idle_in_transaction_session_timeout = '60s'",
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    # A bytea is written as numbers, and JSON is text: nothing else depends on these.
    "SET standard_conforming_strings = on",
)

_WHICH = """
SELECT system_identifier || '/' || CASE WHEN pg_is_in_recovery() THEN 'standby'
       ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END FROM pg_control_system()
"""


class ServerSession(psycopg.Connection[tuple[Any, ...]]):
    """A connection that gives up on a server that does not answer.

    Attributes:
        patience: seconds that it has for an answer.
        backend: the process of the server that works for it.
        server: which server that is, and which of its histories: another one after a standby was promoted; "" where
            it does not say.
    """

    patience = PATIENCE
    backend = 0
    server = ""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """What `gen` gives, which talks to the server."""
        limit = self.patience if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError as error:
            if error.sqlstate is None and not self.closed and _is_timeout(error):
                # What comes back later would be taken for the answer to something else.
                self.close()
                raise psycopg.OperationalError(f"the server has not answered for {limit:g} s") from error
            raise


def _is_timeout(error: psycopg.OperationalError) -> bool:
    return type(error).__name__ == "_WaitTimeout"


def connect(address: str, *, read_only: bool = False) -> ServerSession:
    """A connection to the store at `address`.

    Raises:
        psycopg.Error: it cannot be had.
        StoreError: the server is none that this store can be in.
    """
    session = _connected(address)
    try:
        session.backend = pooling.see_that_it_is_ours(session, lambda: _connected(address), address)
        _set_up(session, address, read_only=read_only)
    except BaseException:
        session.close()
        raise
    return session


def _connected(address: str) -> ServerSession:
    wanted = _OURS | conninfo_to_dict(address)
    try:
        secret = password(os.environ)
    except UsageError as error:
        raise StoreError(f"{address}: {error}") from error
    if secret is not None:
        wanted["password"] = secret
    return ServerSession.connect(**wanted, autocommit=True)


def _set_up(session: ServerSession, address: str, *, read_only: bool) -> None:
    if session.info.server_version < OLDEST * 10_000:
        raise failure(
            address,
            f"its server is PostgreSQL {session.info.server_version // 10_000}",
            f"froyo needs {OLDEST} or newer",
        )
    if (encoding := session.info.parameter_status("server_encoding")) != "UTF8":
        raise failure(
            address,
            f"the encoding of the database is {encoding}",
            "make one in UTF8: createdb --encoding UTF8 --template template0 NAME",
        )
    session.execute("; ".join(_THEIRS))
    if read_only:
        session.execute("SET default_transaction_read_only = on")
    with contextlib.suppress(psycopg.Error):  # not on every system
        session.execute("SET client_connection_check_interval = '5s'")
    with contextlib.suppress(psycopg.DatabaseError):  # some are PostgreSQL by name, and have another log
        (session.server,) = session.execute(_WHICH).fetchone() or ("",)
