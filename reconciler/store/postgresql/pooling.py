"""Whether a session is ours as long as we are connected, which locks and settings depend on.

A pooler between us and the server may give each transaction another of its sessions (PgBouncer: `pool_mode =
transaction`). A lock would then be held by a session that somebody else works with, and our settings would be theirs.

Invariant: nothing is set, and nothing is locked, in a session that is not known to be ours alone.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psycopg

from reconciler.store.failures import failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.errors import StoreError
    from reconciler.store.postgresql.connection import ServerSession

_TURNS = 3
"""How often it is looked at: a busy pooler may give the same session twice by chance."""
_PATIENCE = 8.0
"""Seconds in which a pooler that has room gives a second session."""


def see_that_it_is_ours(session: ServerSession, another: Callable[[], ServerSession], place: str) -> int:
    """See that nobody else gets the server's process that works for us; gives its number.

    Args:
        session: newly connected.
        another: connects once more, to see which process works for somebody else.
        place: the address.

    Raises:
        StoreError: it is shared, or a pooler has no more of them.
    """
    ours = _backend(session)
    if ours == session.info.backend_pid:
        return ours
    # A pooler made that number up: there is one.
    with contextlib.closing(another()) as other:
        other.patience = _PATIENCE
        try:
            for _ in range(_TURNS):
                other.execute("BEGIN")
                if _backend(other) == ours or _backend(session) != ours:
                    raise is_shared(place)
                other.execute("ROLLBACK")
        except psycopg.OperationalError as error:
            if "statement pooling" in str(error):
                raise is_shared(place) from error
            if other.closed and not session.closed:
                raise failure(
                    place,
                    "a pooler in front of its server has no second session for us",
                    "let it have four for each froyo (PgBouncer: default_pool_size)",
                ) from error
            raise
    return ours


def is_shared(place: str) -> StoreError:
    """What is said where a session is not ours."""
    return failure(
        place,
        "a pooler in front of its server shares sessions between clients, so that no lock would hold",
        "set pool_mode = session for this database there (PgBouncer), or name the server itself",
    )


def _backend(session: ServerSession) -> int:
    (number,) = session.execute("SELECT pg_backend_pid()", prepare=False).fetchone() or (0,)
    return int(number)
