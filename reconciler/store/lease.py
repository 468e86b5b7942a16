"""The lease: one controller a store, and a fence that keeps out the one that does not know yet that it lost.

Invariants: the token rises with every change of hands and never falls; whoever writes with an older one is
refused in the same transaction, whatever clocks say.

Beside the row there is a lock file, and holding the lease is holding its lock: that costs no write, however long
it lasts. The kernel drops the lock with the process, whatever ended that, so a newcomer who gets it has proof that
the holder is gone: WAL wants all users of the database on one kernel, hence this works across containers too,
where process ids prove nothing. The proof is only taken from the same boot or the same host. From anywhere else, or
on a file system that knows no such locks, the lease's expiry decides, which is then put off in the row.
"""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.errors import LeaseHeld, LeaseLost
from reconciler.store import codec, sql
from reconciler.store.records import Lease, LeaseHolder

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


class LeaseLock:
    """The lock file. Only ever touched from the writer's lane.

    Args:
        path: of the file; it is made when it is missing, and stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self.taken = False
        """Whether somebody else had it when it was tried last."""

    def try_lock(self) -> bool:
        """Take it if nobody else has it. True if it is held now."""
        self.taken = False
        if self._file is not None:
            return True
        # Not the database itself: closing any descriptor of that would drop SQLite's own locks.
        file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:  # somebody has it, or this file system knows no such locks
            self.taken = error.errno in (errno.EWOULDBLOCK, errno.EAGAIN)
            os.close(file)
            return False
        self._file = file
        return True

    def unlock(self) -> None:
        """Give it back. May be called twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def current(connection: sqlite3.Connection) -> Lease | None:
    """The lease as it stands; None if nobody ever held it."""
    row = connection.execute(sql.LEASE).fetchone()
    return None if row is None else codec.lease(row)


def check_token(connection: sqlite3.Connection, token: int, path: Path) -> None:
    """See that `token` is the newest.

    Raises:
        LeaseLost: it is not.
    """
    row = connection.execute(sql.LEASE).fetchone()
    if row is None or row[0] != token:
        holder = f"{row[1]} (pid {row[2]})" if row else "somebody"
        raise LeaseLost(
            f"{path}: froyo on {holder} has taken the store over; this one writes nothing any more and ends. "
            "Start it again once the other one has ended"
        )


def acquire(
    connection: sqlite3.Connection,
    lock: LeaseLock,
    holder: LeaseHolder,
    *,
    ttl: float,
    now: float,
    path: Path,
) -> int:
    """Take the lease.

    Args:
        connection: to the store.
        lock: this process's part of what shows that a holder lives.
        holder: who takes it.
        ttl: seconds until it expires, unless it is renewed, or kept by the lock.
        now: the wall clock.
        path: of the store, for the error.

    Returns:
        The token.

    Raises:
        LeaseHeld: somebody holds it; says who.
    """
    found = current(connection)
    locked = lock.try_lock()
    if found is not None and _is_held(found, lock, holder, now, locked=locked):
        lock.unlock()  # whoever does hold the lease takes it when it renews
        raise _held(found, path)
    taken = Lease(holder, (found.token if found else 0) + 1, now + ttl, locked)
    connection.execute(sql.PUT_LEASE, codec.lease_row(taken))
    return taken.token


def _is_held(found: Lease, lock: LeaseLock, newcomer: LeaseHolder, now: float, *, locked: bool) -> bool:
    """Whether the holder of `found` has to be taken for alive. A paused process is: it keeps its lock."""
    if found.locked and lock.taken:
        return True
    return found.expires > now and not (locked and _had_lock(found, newcomer))


def _had_lock(found: Lease, newcomer: LeaseHolder) -> bool:
    """Whether the holder of `found` would still have the lock if it were alive."""
    holder = found.holder
    return found.locked and (holder.boot_id == newcomer.boot_id or holder.host == newcomer.host)


def _held(found: Lease, path: Path) -> LeaseHeld:
    holder = found.holder
    since = datetime.fromtimestamp(holder.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return LeaseHeld(
        f"{path}: froyo on {holder.host} (pid {holder.pid}, since {since}) holds the store; "
        "end that one first, or give this one another state directory"
    )


def renew(connection: sqlite3.Connection, lock: LeaseLock, *, ttl: float, now: float) -> None:
    """Put off the expiry of the lease, which is known to be ours, where the lock does not keep it anyway.

    Args:
        connection: to the store.
        lock: as in `acquire`.
        ttl: seconds until it expires, unless it is renewed again.
        now: the wall clock.
    """
    # Whoever was paused through its own expiry may have kept the lock until now.
    locked = lock.try_lock()
    found = current(connection)
    if found is not None and not (found.locked and locked):
        renewed = replace(found, expires=now + ttl, locked=locked)
        connection.execute(sql.PUT_LEASE, codec.lease_row(renewed))


def release(connection: sqlite3.Connection) -> None:
    """Give the lease, which is known to be ours, back. The row stays, for the token in it."""
    found = current(connection)
    if found is not None:
        connection.execute(sql.PUT_LEASE, codec.lease_row(replace(found, expires=0.0, locked=False)))
