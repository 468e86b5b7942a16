"""Who shares the targets of a store: one row a controller, and for each part of the targets who has it.

Invariants: a part is taken from nobody who is a member; so a member has its parts for as long as it is one, whatever
clocks say, and each of its transactions looks whether it is. A member is taken for dead by who has the lock that dies
with its session, and by then has no row any more. The token of a part rises with every change of hands, and is newer
than any that a controller ever had alone; and the other way round.

Blocking: to be used within a transaction on the writer's lane, but for what only reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from reconciler.errors import ErrorClass, LeaseHeld, LeaseLost
from reconciler.store import codec, lease, sql
from reconciler.store.failures import failure
from reconciler.store.records import Lease
from reconciler.store.sharing import (
    ControllerShare,
    Decided,
    Member,
    ShardLease,
    Sharing,
    decision,
    member,
    member_row,
)

if TYPE_CHECKING:
    from reconciler.store.connecting import LeaseLock, MemberLocks
    from reconciler.store.database import Database, Place


def members(connection: Database) -> tuple[Member, ...]:
    """All that are on record, living or not."""
    return tuple(member(row) for row in connection.execute(sql.MEMBERS))


def shards(connection: Database) -> dict[int, ShardLease]:
    """Who has which part."""
    return {shard: ShardLease(*rest) for shard, *rest in connection.execute(sql.SHARDS)}


def sharing(connection: Database, locks: MemberLocks) -> Sharing:
    """How the targets are shared out; to be read in one transaction."""
    signs = locks.signs(connection)
    return Sharing(
        members=members(connection),
        shards=shards(connection),
        living=signs.living,
        lease=lease.current(connection),
        led=signs.led,
        written=signs.written,
    )


def controllers(connection: Database) -> list[ControllerShare]:
    """What each of them has, the one that leads first; whether they live is not on record."""
    there, found = shards(connection), lease.current(connection)
    every = [
        ControllerShare(
            one.holder,
            frozenset(shard for shard, held in there.items() if held.member == one.number),
            found is not None and found.locked and one.holder.is_process(found.holder),
        )
        for one in members(connection)
    ]
    return sorted(every, key=lambda one: (not one.leads, one.holder.host, one.holder.pid))


def decisions(connection: Database) -> list[Decided]:
    """What has been put in force for all of them."""
    return [decision(row) for row in connection.execute(sql.DECISIONS)]


def must_be_one(connection: Database, number: int, path: Place) -> None:
    """See that a member still is one.

    Raises:
        LeaseLost: it was taken for dead.
    """
    if connection.execute(sql.MEMBER, {"number": number}).fetchone() is None:
        raise LeaseLost(
            f"{path}: the other controllers that share the store have heard nothing of this one, and have taken its "
            "targets over; this one writes nothing any more and ends. Started again, it takes its part"
        )


def must_be_nobody(connection: Database, locks: MemberLocks, path: Place) -> None:
    """See that nobody shares the store, for who wants it alone. Whoever is dead shares it no longer.

    Raises:
        LeaseHeld: somebody does; says who.
    """
    known = members(connection)
    left = evict(connection, locks, [one.number for one in known])
    if living := [one.holder for one in known if one.number not in left]:
        who = ", ".join(f"{one.host} (pid {one.pid})" for one in living)
        raise LeaseHeld(
            f"{path}: it is shared by froyo on {who}; end them first, or start this one with --share as well"
        )


def join(
    connection: Database, lock: LeaseLock, locks: MemberLocks, us: Member, *, now: float, new_store: str
) -> str:
    """Become one of those who share the store.

    Args:
        connection: to the store.
        lock: of its lease.
        locks: what shows that members live.
        us: which one.
        now: the wall clock.
        new_store: what a store that has no name yet is called.

    Returns:
        The name of the store.

    Raises:
        LeaseHeld: somebody has it alone; says who.
    """
    found, known = lease.current(connection), members(connection)
    shares = found is not None and any(one.holder.is_process(found.holder) for one in known)
    free = lock.try_lock()
    if found is not None and not shares and lease.is_held(found, lock, us.holder, now, locked=free):
        lock.unlock()
        raise lease.held(found, connection.place)
    if free:
        lock.unlock()  # who leads is another question
    store = found.store if found is not None and found.store else new_store
    if not shares:
        # Who had it alone may have lost its session, and no more: once it is shared, that one writes nothing any more.
        token = lease.next_token(connection, found, now)
        shared = Lease(us.holder, token, 0.0, locked=False, store=store)
        connection.execute(sql.PUT_LEASE, codec.lease_row(shared))
    if not locks.take(us.number):
        raise LeaseHeld(f"{connection.place}: member {us.number} is there already; try again")
    connection.execute(sql.ADD_MEMBER, member_row(us))
    return store


def must_have(connection: Database, number: int, wanted: Collection[int]) -> None:
    """See that a member has these parts.

    Raises:
        StoreError: it has not: it is about to begin something on a target that it has given away.
    """
    there = shards(connection)
    if any(shard not in there or there[shard].member != number for shard in wanted):
        raise failure(
            connection.place,
            "another controller works on this target by now",
            "nothing was begun there",
            ErrorClass.TRANSIENT,
        )


def leave(connection: Database, number: int) -> None:
    """Be a member no longer: all that it has may be taken by others."""
    connection.execute(sql.LEAVE_SHARDS, {"number": number})
    connection.execute(sql.FORGET_MEMBER, {"number": number})


def evict(connection: Database, locks: MemberLocks, numbers: Iterable[int]) -> set[int]:
    """Have those of these leave that are dead; which they are."""
    dead = {number for number in numbers if locks.is_dead(number)}
    for number in dead:
        leave(connection, number)
    return dead


def take(connection: Database, number: int, wanted: Collection[int], *, now: float) -> dict[int, int]:
    """Take those of these parts that nobody has.

    Args:
        connection: to the store.
        number: of the member.
        wanted: the parts.
        now: the wall clock.

    Returns:
        The tokens of those that it has got.
    """
    there, known = shards(connection), {one.number for one in members(connection)}
    found = lease.current(connection)
    alone = found.token if found is not None else 0
    got: dict[int, int] = {}
    for shard in sorted(wanted):
        before = there.get(shard, ShardLease(0, 0))
        if before.member not in known:
            # By the clock, too, for the reason that the lease's token is.
            token = got[shard] = max(before.token + 1, alone + 1, int(now))
            connection.execute(sql.PUT_SHARD, {"shard": shard, "member": number, "token": token})
    return got


def give(connection: Database, number: int, given: Collection[int]) -> None:
    """Have these parts no longer."""
    there = shards(connection)
    for shard in sorted(given):
        if (one := there.get(shard)) is not None and one.member == number:
            connection.execute(sql.PUT_SHARD, {"shard": shard, "member": 0, "token": one.token})
