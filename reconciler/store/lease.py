"""The lease: one controller a store, and a fence that keeps out the one that does not know yet that it lost.

Invariants: the token rises with every change of hands and never falls; whoever writes with an older one is
refused in the same transaction, whatever clocks say.

Beside the row there is a lock, and holding the lease is holding it: that costs no write, however long it lasts. It is
dropped with the process, whatever ended that, so a newcomer who gets it has proof that the holder is gone, as far as
each database says so: SQLite has a lock file for it, and PostgreSQL an advisory lock of the session. Where the lock
proves nothing, or cannot be had, the lease's expiry decides, which is then put off in the row.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.errors import LeaseHeld, LeaseLost
from reconciler.store import codec, sql
from reconciler.store.records import Lease, LeaseHolder

if TYPE_CHECKING:
    from reconciler.store.connecting import LeaseLock
    from reconciler.store.database import Database, Place


def current(connection: Database) -> Lease | None:
    """The lease as it stands; None if nobody ever held it."""
    row = connection.execute(sql.LEASE).fetchone()
    return None if row is None else codec.lease(row)


def check_token(connection: Database, token: int, path: Place) -> None:
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
    connection: Database,
    lock: LeaseLock,
    holder: LeaseHolder,
    *,
    ttl: float,
    now: float,
    path: Place,
    new_store: str,
) -> Lease:
    """Take the lease.

    Args:
        connection: to the store.
        lock: this process's part of what shows that a holder lives.
        holder: who takes it.
        ttl: seconds until it expires, unless it is renewed, or kept by the lock.
        now: the wall clock.
        path: of the store, for the error.
        new_store: what a store that has no name yet is called.

    Returns:
        The lease.

    Raises:
        LeaseHeld: somebody holds it; says who.
    """
    found = current(connection)
    locked = lock.try_lock()
    if found is not None and is_held(found, lock, holder, now, locked=locked):
        lock.unlock()  # whoever does hold the lease takes it when it renews
        raise held(found, path)
    token = next_token(connection, found, now)
    store = found.store if found is not None and found.store else new_store
    taken = Lease(holder, token, now + ttl, locked, store)
    connection.execute(sql.PUT_LEASE, codec.lease_row(taken))
    return taken


def next_token(connection: Database, found: Lease | None, now: float) -> int:
    """The token of whoever has it next."""
    # By the clock, too, which goes on where a store is put back from a backup: targets know the tokens from after that.
    # And above those that parts of it had while it was shared.
    (newest,) = connection.execute(sql.NEWEST_SHARD).fetchone()
    return max(found.token + 1 if found is not None else 1, (newest or 0) + 1, int(now))


def is_held(found: Lease, lock: LeaseLock, newcomer: LeaseHolder, now: float, *, locked: bool) -> bool:
    """Whether the holder of `found` has to be taken for alive. A paused process is: it keeps its lock."""
    if found.locked and lock.taken:
        return True
    return found.expires > now and not (locked and lock.is_proof(found, newcomer))


def held(found: Lease, path: Place) -> LeaseHeld:
    """What is said to who wants a lease that another one has."""
    holder = found.holder
    since = datetime.fromtimestamp(holder.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return LeaseHeld(
        f"{path}: froyo on {holder.host} (pid {holder.pid}, since {since}) holds the store; "
        "end that one first, or give this one another state directory"
    )


def renew(connection: Database, lock: LeaseLock, *, ttl: float, now: float) -> None:
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


def release(connection: Database) -> None:
    """Give the lease, which is known to be ours, back. The row stays, for the token in it."""
    found = current(connection)
    if found is not None:
        connection.execute(sql.PUT_LEASE, codec.lease_row(replace(found, expires=0.0, locked=False)))
