"""The store: what outlives the process. Everything is asynchronous, and takes and gives model values.

    store = await Store.open(state / "froyo.db", runtime=runtime)
    await store.acquire_lease(LeaseHolder.of_this_process(runtime.now()), ttl=30)
    await store.write(Batch().begin_run(run).intend(run.id, units))
    ...
    await store.close()

Invariants: one writer, in `reconciler.store.writer`, and short reads beside it, in
`reconciler.store.reading`; once the lease was taken through a store, all that is written through it is
fenced by the token; a caller may be cancelled, a transaction may not. No error leaves but StoreError (and
SnapshotGone, which is none).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from reconciler.core.sharing import shard_of
from reconciler.errors import FroyoError, StoreError
from reconciler.model.fence import Fence
from reconciler.model.names import Digest, TargetName
from reconciler.model.source import Snapshot
from reconciler.runtime import Runtime
from reconciler.store import lease as leases
from reconciler.store import queries, snapshots
from reconciler.store.batch import Batch
from reconciler.store.blobs import Staged
from reconciler.store.digests import DigestStore
from reconciler.store.failures import failure
from reconciler.store.feed import Feed
from reconciler.store.garbage import Housekeeping
from reconciler.store.opening import connecting, open_reader, open_writer
from reconciler.store.reading import LANE as READ_LANE
from reconciler.store.reading import Reading
from reconciler.store.records import Lease, LeaseHolder, Receipt, Retention, StoreStats
from reconciler.store.sharing import members
from reconciler.store.sharing.membership import Membership
from reconciler.store.writer import LANE, Writer

if TYPE_CHECKING:
    from reconciler.store.connecting import LeaseLock, MemberLocks
    from reconciler.store.database import Database, Place

T = TypeVar("T")


class Store(Reading):
    """See the module. Made by `open`.

    Attributes:
        path: of the database.
        blobs: the digest store.
        feed: what is written through this store, told after each commit.
        token: of the lease, once all of it was taken through this store.
        membership: the part that this one has in it, where several share it.
    """

    def __init__(
        self,
        path: Place,
        runtime: Runtime,
        reader: Database,
        writer: Writer | None,
        housekeeping: Housekeeping,
        feed: Feed,
        lock: LeaseLock,
        locks: MemberLocks | None,
    ) -> None:
        super().__init__(path, runtime, reader, housekeeping.files)
        self.token: int | None = None
        self._name = ""
        self.feed = feed
        self._writer = writer
        self._housekeeping = housekeeping
        self._lock = lock
        self._locks = locks
        self.membership = Membership(
            path, runtime, writer=self._writing, query=self._query, lock=lock, locks=locks
        )
        self.blobs = DigestStore(self._files, runtime, submit=self._submit, query=self._query)

    @classmethod
    async def open(
        cls, path: Place, *, runtime: Runtime, read_only: bool = False, retention: Retention | None = None
    ) -> Self:
        """Open the store, and make it, or bring its schema up to date, where needed.

        Args:
            path: of the database, or of the directory that has it as `froyo.db`; or the address of one of PostgreSQL.
            runtime: clock and lanes.
            read_only: never write anything; the store must be there.
            retention: how much of the past is kept.

        Raises:
            StoreError: it cannot be opened, is damaged, or was written by a newer froyo.
        """
        where = await runtime.offload(READ_LANE, partial(connecting, path))
        housekeeping = Housekeeping(retention or Retention(), where.blobs, runtime.now)
        feed, writer, opened = Feed(), None, None
        if not read_only:
            opened = await runtime.offload(LANE, partial(open_writer, where, housekeeping))
            writer = Writer(opened, runtime.offload, housekeeping, feed.committed, runtime.meter)
        try:
            reader = await runtime.offload(READ_LANE, partial(open_reader, where))
        except BaseException:
            if writer is not None:
                writer.abandon()
            raise
        lock, locks = where.lock(opened), where.members(opened)
        return cls(where.place, runtime, reader, writer, housekeeping, feed, lock, locks)

    async def close(self) -> None:
        """Write what waits, give the lease back, and close everything. May be called twice."""
        writing = self._writer is not None and not self._writer.closed
        if writing and self._guarded:
            # Whatever is wrong with it, a lease expires by itself, and who is no member any more is taken for dead.
            with contextlib.suppress(StoreError):
                await self.release_lease()
        try:
            # The reader first: only the last one to leave can take the log away.
            await self._runtime.offload(READ_LANE, self._reader.close)
            if writing:
                await self._writing().close()
        finally:
            self._lock.unlock()
            self._files.close()

    def abandon(self) -> None:
        """Drop everything as a crash of this process would: a simulation's kill -9."""
        if self._writer is not None:
            self._writer.abandon()
        self._reader.close()
        self._lock.unlock()
        self._files.close()

    # --- Writing --------------------------------------------------------------------------------------

    async def write(self, batch: Batch) -> Receipt:
        """Write all of a batch or none of it. An empty one costs nothing.

        Raises:
            LeaseLost: another controller has taken the store over.
            StoreError: it was not written.
        """
        if not batch:
            return Receipt()
        return await self._submit(batch.write, durable=batch.durable, begins_on=batch.begins_on)

    async def _submit(
        self,
        work: Callable[[Database], T],
        *,
        durable: bool = False,
        begins_on: Collection[TargetName] = (),
    ) -> T:
        guard = partial(self._guard, begins_on=begins_on) if self._guarded else None
        return await self._writing().submit(work, guard=guard, durable=durable)

    @property
    def _guarded(self) -> bool:
        return self.token is not None or self.membership.us is not None

    def _guard(self, connection: Database, *, begins_on: Collection[TargetName]) -> None:
        if self.token is not None:
            leases.check_token(connection, self.token, self.path)
        self.membership.guard(connection, begins_on)

    def _writing(self) -> Writer:
        if self._writer is None:
            raise failure(self.path, "the store was opened to be read only", "open it for writing")
        return self._writer

    async def save_snapshot(
        self, snapshot: Snapshot, *, earlier: bool = False, with_: Batch | None = None
    ) -> None:
        """Make a snapshot the newest of its source, with all of its contents: in force, unless that is rolled back.

        Args:
            snapshot: the snapshot.
            earlier: it is from before all that are kept instead, so that its source can be rolled back to it.
            with_: what goes on record in the same transaction.

        Raises:
            SnapshotGone: a content has moved on before it was read.
            StoreError: it was not written.
        """
        now = self._runtime.now()
        save = partial(snapshots.save, files=self._files, snapshot=snapshot, now=now, earlier=earlier)
        staged: list[Staged] = []

        def write(connection: Database) -> frozenset[Digest] | Receipt:
            lacking = save(connection, staged=staged)
            return lacking if lacking or with_ is None else with_.write(connection)

        try:
            while isinstance(lacking := await self._submit(write), frozenset) and lacking:
                staged = await self.blobs.stage(partial(snapshots.stage, self._files, snapshot, lacking))
        except FroyoError:
            for blob in staged:
                blob.discard()
            raise

    # --- The lease ------------------------------------------------------------------------------------

    async def acquire_lease(self, holder: LeaseHolder, ttl: float) -> int:
        """Take the store for this process. From now on all that is written through this object is fenced.

        A lease whose holder has ended is taken over at once, one from another machine once it has expired.

        Args:
            holder: this process.
            ttl: seconds; renew it well before they are over.

        Returns:
            The token.

        Raises:
            LeaseHeld: another process holds it; says which.
            StoreError: the store cannot be written.
        """
        now, new_store = self._runtime.now(), f"{self._runtime.random.getrandbits(128):032x}"

        def acquire(connection: Database) -> Lease:
            if self._locks is not None:
                members.must_be_nobody(connection, self._locks, self.path)
            return leases.acquire(
                connection, self._lock, holder, ttl=ttl, now=now, path=self.path, new_store=new_store
            )

        if self._lock.waits:
            await self._writing().alone(lambda _database: self._lock.wait())
        taken = await self._writing().submit(acquire)
        self.token, self._name = taken.token, taken.store
        return self.token

    def fence_of(self, target: TargetName) -> Fence | None:
        """Under which lease this one works on a target; None for who has none.

        Raises:
            TransportError: another one that shares the store works on it.
        """
        if self.membership.us is not None:
            return self.membership.fence_of(target)
        if self.token is None:
            return None
        return Fence.of_shard(self._name, shard_of(target), self.token)

    async def renew_lease(self, ttl: float) -> None:
        """Keep it for another `ttl` seconds.

        Raises:
            LeaseLost: another controller has taken the store over.
        """
        if self.membership.us is not None:
            await self.membership.hold()
            if self.membership.token is None:
                return
        await self._submit(partial(leases.renew, lock=self._lock, ttl=ttl, now=self._runtime.now()))

    async def has_lease(self) -> bool:
        """Whether nobody else has taken it: for what is written elsewhere, where no fence is asked."""
        found, ours = await self.lease(), self.membership.token if self.token is None else self.token
        return found is not None and found.token == ours

    async def release_lease(self) -> None:
        """Give it back. What is written afterwards stays fenced: it is refused as soon as another one has it.

        Raises:
            LeaseLost: it was not ours any more.
        """
        try:
            if self.token is not None or self.membership.token is not None:
                await self._submit(leases.release)
            if self.membership.us is not None:
                await self.membership.leave()
        finally:
            await self._writing().alone(lambda _database: self._lock.unlock())

    async def stats(self) -> StoreStats:
        """How the store is."""
        return await self._query(queries.stats)

    @property
    def trouble(self) -> str:
        """Why the last housekeeping failed, or ""."""
        return self._writer.trouble if self._writer is not None else ""
