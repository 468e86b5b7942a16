"""One controller's part in a store that several share: which it is, what it has, and what it may write.

Invariants: what is written through a store that has joined is refused once it is no member any more, and, where it
leads, once another one does. A part that was given away keeps its token here: a session that is still under it is
known for what it is by the target.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from reconciler.core.sharing import shard_of
from reconciler.errors import TransportError
from reconciler.model.fence import Fence
from reconciler.store import lease as leases
from reconciler.store.failures import failure
from reconciler.store.sharing import Member, Sharing, members

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from reconciler.model.names import TargetName
    from reconciler.runtime import Runtime
    from reconciler.store.connecting import LeaseLock, MemberLocks
    from reconciler.store.database import Database, Place
    from reconciler.store.records import LeaseHolder
    from reconciler.store.writer import Writer


_BITS = 62
"""Of a member's number: drawn at random, so that none is given twice."""


class Membership:
    """See the module.

    Args:
        place: of the store.
        runtime: the clock, and randomness.
        writer: gives what writes.
        query: reads, in one transaction.
        lock: of the lease.
        locks: what shows that members live; None where the store cannot be shared.

    Attributes:
        us: which member this is; None for who has not joined.
        token: of the lease, where this one leads; None otherwise.
    """

    def __init__(
        self,
        place: Place,
        runtime: Runtime,
        *,
        writer: Callable[[], Writer],
        query: Callable[[Callable[[Database], Sharing]], Awaitable[Sharing]],
        lock: LeaseLock,
        locks: MemberLocks | None,
    ) -> None:
        self.us: Member | None = None
        self.token: int | None = None
        self._place = place
        self._runtime = runtime
        self._writer = writer
        self._query = query
        self._lock = lock
        self._locks = locks
        self._store = ""
        self._tokens: dict[int, int] = {}

    # --- Being one of them --------------------------------------------------------------------------------------------

    async def join(self, holder: LeaseHolder) -> Member:
        """Become one of those who share the store. From now on all that is written through it is fenced by that.

        Args:
            holder: this process.

        Raises:
            LeaseHeld: another one has the store alone; says which.
            StoreError: it cannot be shared, or not be written.
        """
        us = Member(self._runtime.random.getrandbits(_BITS) + 1, holder)
        joining = partial(
            members.join,
            lock=self._lock,
            locks=self._shown(),
            us=us,
            now=self._runtime.now(),
            new_store=f"{self._runtime.random.getrandbits(128):032x}",
        )
        try:
            self._store = await self._writer().submit(joining)
        except BaseException:
            await self._writer().alone(lambda _database: self._shown().leave())
            raise
        self.us = us
        return us

    async def lead(self, ttl: float) -> None:
        """Have the last word for all of them, where nobody has it.

        Args:
            ttl: seconds; renew it well before they are over.

        Raises:
            LeaseHeld: another one has it.
            LeaseLost: this one is a member no longer.
        """
        us, now = self._one(), self._runtime.now()

        def leading(connection: Database) -> int:
            members.must_be_one(connection, us.number, self._place)
            taken = leases.acquire(
                connection, self._lock, us.holder, ttl=ttl, now=now, path=self._place, new_store=self._store
            )
            return taken.token

        try:
            self.token = await self._writer().submit(leading)
        except BaseException:
            # Else it would show for as long as this session lives that somebody leads.
            await self._writer().alone(lambda _database: self._lock.unlock())
            raise

    async def hold(self) -> None:
        """Show that this one lives, also where what showed it was lost with a session.

        Raises:
            LeaseLost: it is a member no longer, or another one leads.
        """
        shown = self._shown()

        def holding(_database: Database) -> None:
            shown.keep()
            if self.token is not None:
                self._lock.try_lock()

        await self._writer().alone(holding)
        await self._writer().alone(self._look)

    def _look(self, database: Database) -> None:
        with database.reading():
            self.guard(database)

    async def leave(self) -> None:
        """Be one of them no longer: what this one had is free at once."""
        us = self._one()
        try:
            await self._writer().submit(partial(members.leave, number=us.number), guard=self.guard)
        finally:
            await self._writer().alone(lambda _database: self._shown().leave())

    def guard(self, connection: Database, begins_on: Collection[TargetName] = ()) -> None:
        """See within a transaction that this one may write.

        Args:
            connection: that is in it.
            begins_on: the targets on which something is about to be done.

        Raises:
            LeaseLost: it may not.
            StoreError: one of the targets is another one's.
        """
        if self.us is not None:
            members.must_be_one(connection, self.us.number, self._place)
            if begins_on:
                members.must_have(connection, self.us.number, {shard_of(name) for name in begins_on})
        if self.token is not None:
            leases.check_token(connection, self.token, self._place)

    # --- Parts of the targets -----------------------------------------------------------------------------------------

    async def look(self) -> Sharing:
        """How the targets are shared out now."""
        return await self._query(partial(members.sharing, locks=self._shown()))

    async def take(self, wanted: Collection[int]) -> Collection[int]:
        """Take those of these parts that nobody has; which they are.

        Raises:
            LeaseLost: this one is a member no longer.
        """
        us, now = self._one(), self._runtime.now()
        taking = partial(members.take, number=us.number, wanted=wanted, now=now)
        got = await self._writer().submit(taking, guard=self.guard)
        self._tokens |= got
        return got.keys()

    async def give(self, given: Collection[int]) -> None:
        """Have these parts no longer: nothing is under way on any target of them, and nothing will be begun.

        Raises:
            LeaseLost: this one is a member no longer.
        """
        us = self._one()
        await self._writer().submit(partial(members.give, number=us.number, given=given), guard=self.guard)

    async def evict(self, numbers: Collection[int]) -> Collection[int]:
        """Have those of these members leave that are dead; which they are.

        Raises:
            LeaseLost: this one is a member no longer.
        """
        evicting = partial(members.evict, locks=self._shown(), numbers=numbers)
        return await self._writer().submit(evicting, guard=self.guard)

    def fence_of(self, target: TargetName) -> Fence:
        """Under which lease this one works on a target, or did last.

        Raises:
            TransportError: it never did.
        """
        shard = shard_of(target)
        if shard not in self._tokens:
            raise TransportError(f"{target}: another controller works on it")
        return Fence.of_shard(self._store, shard, self._tokens[shard])

    def _one(self) -> Member:
        if self.us is None:
            raise failure(self._place, "it was not joined", "this is a defect of froyo: please report it")
        return self.us

    def _shown(self) -> MemberLocks:
        if self._locks is None:
            raise failure(
                self._place, "only a store on PostgreSQL can be shared", "name one: --store postgresql://…"
            )
        return self._locks
