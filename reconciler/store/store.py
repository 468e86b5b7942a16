"""The store: what outlives the process. Everything is asynchronous, and takes and gives model values.

    store = await Store.open(state / "froyo.db", runtime=runtime)
    await store.acquire_lease(LeaseHolder.of_this_process(runtime.now()), ttl=30)
    await store.write(Batch().begin_run(run).intend(run.id, units))
    ...
    await store.close()

Invariants: one writer, in `reconciler.store.writer`, and short readers beside it on a lane and a connection
of their own; once the lease was taken through a store, all that is written through it is fenced by the
token; a caller may be cancelled, a transaction may not. No error leaves but StoreError (and SnapshotGone,
which is none).
"""

from __future__ import annotations

import contextlib
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from reconciler.errors import StoreError
from reconciler.store import audit as audit_log
from reconciler.store import lease as leases
from reconciler.store import migrate, queries, snapshots
from reconciler.store.blobs import BlobFiles
from reconciler.store.connection import connect_reader, connect_writer
from reconciler.store.digests import DigestStore
from reconciler.store.failures import explain, failure
from reconciler.store.garbage import Housekeeping
from reconciler.store.queries import EventFilter
from reconciler.store.records import Receipt, Retention
from reconciler.store.writer import LANE, Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reconciler.model.event import Event
    from reconciler.model.names import Address, SourceName, TargetName
    from reconciler.model.source import Snapshot
    from reconciler.model.state import ResourceState, SourceState, Suspension, TargetState
    from reconciler.runtime import Runtime
    from reconciler.store.batch import Batch
    from reconciler.store.blobs import Staged
    from reconciler.store.records import (
        AuditRecord,
        InventoryEntry,
        Lease,
        LeaseHolder,
        QueuedKey,
        Run,
        RunUnit,
        StoreStats,
    )

T = TypeVar("T")

READ_LANE = "store-read"
DATABASE = "froyo.db"


class Store:
    """See the module. Made by `open`.

    Attributes:
        path: of the database.
        blobs: the digest store.
        token: of the lease, once it was taken through this store.
    """

    def __init__(
        self,
        path: Path,
        runtime: Runtime,
        reader: sqlite3.Connection,
        writer: Writer | None,
        housekeeping: Housekeeping,
    ) -> None:
        self.path = path
        self.token: int | None = None
        self._runtime = runtime
        self._reader = reader
        self._writer = writer
        self._housekeeping = housekeeping
        self._lock = leases.LeaseLock(path.with_suffix(".lock"))
        self._files = housekeeping.files
        self.blobs = DigestStore(self._files, runtime, submit=self._submit, query=self._query)

    @classmethod
    async def open(
        cls, path: Path, *, runtime: Runtime, read_only: bool = False, retention: Retention | None = None
    ) -> Self:
        """Open the store, and make it, or bring its schema up to date, where needed.

        Args:
            path: of the database, or of the directory that has it as `froyo.db`.
            runtime: clock and lanes.
            read_only: never write anything; the store must be there.
            retention: how much of the past is kept.

        Raises:
            StoreError: it cannot be opened, is damaged, or was written by a newer froyo.
        """
        path = await runtime.offload(READ_LANE, partial(_database, path))
        files = BlobFiles(path.parent / "blobs")
        housekeeping = Housekeeping(retention or Retention(), files, runtime.now)
        writer = None
        if not read_only:
            opened = await runtime.offload(LANE, partial(_open_writer, path, housekeeping))
            writer = Writer(opened, path, runtime.offload, housekeeping)
        try:
            reader = await runtime.offload(READ_LANE, partial(_open_reader, path))
        except BaseException:
            if writer is not None:
                writer.abandon()
            raise
        return cls(path, runtime, reader, writer, housekeeping)

    async def close(self) -> None:
        """Write what waits, give the lease back, and close everything. May be called twice."""
        writing = self._writer is not None and not self._writer.closed
        if writing and self.token is not None:
            # Whatever is wrong with it, a lease expires by itself.
            with contextlib.suppress(StoreError):
                await self.release_lease()
        # The reader first: only the last one to leave can take the log away.
        await self._runtime.offload(READ_LANE, self._reader.close)
        if writing:
            await self._writing().close()
        self._lock.unlock()

    def abandon(self) -> None:
        """Drop everything as a crash of this process would: a simulation's kill -9."""
        if self._writer is not None:
            self._writer.abandon()
        self._reader.close()
        self._lock.unlock()

    # --- Writing --------------------------------------------------------------------------------------

    async def write(self, batch: Batch) -> Receipt:
        """Write all of a batch or none of it. An empty one costs nothing.

        Raises:
            LeaseLost: another controller has taken the store over.
            StoreError: it was not written.
        """
        if not batch:
            return Receipt()
        return await self._submit(batch.write, durable=batch.durable)

    async def _submit(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        return await self._writing().submit(work, token=self.token, durable=durable)

    def _writing(self) -> Writer:
        if self._writer is None:
            raise failure(self.path, "the store was opened to be read only", "open it for writing")
        return self._writer

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Make a snapshot the one in force, with all of its contents.

        Raises:
            SnapshotGone: a content has moved on before it was read.
            StoreError: it was not written.
        """
        save = partial(snapshots.save, files=self._files, snapshot=snapshot, now=self._runtime.now())
        staged: list[Staged] = []
        while lacking := await self._submit(partial(save, staged=staged)):
            staged = await self.blobs.stage(partial(snapshots.stage, self._files, snapshot, lacking))

    async def collect_garbage(self, quota: int | None = None) -> int:
        """Bring the digest store below `quota` bytes (default: the retention's) as far as that is possible.

        Housekeeping does it by itself from time to time.

        Returns:
            How many bytes it holds then.
        """
        collect = self._housekeeping.collect
        return await self._writing().alone(lambda connection: collect(connection, quota))

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
            StoreError: another process holds it; says which.
        """
        acquire = partial(
            leases.acquire, lock=self._lock, holder=holder, ttl=ttl, now=self._runtime.now(), path=self.path
        )
        self.token = await self._writing().submit(acquire)
        return self.token

    async def renew_lease(self, ttl: float) -> None:
        """Keep it for another `ttl` seconds.

        Raises:
            LeaseLost: another controller has taken the store over.
        """
        await self._submit(partial(leases.renew, lock=self._lock, ttl=ttl, now=self._runtime.now()))

    async def release_lease(self) -> None:
        """Give it back. What is written through this object afterwards is not fenced any more.

        Raises:
            LeaseLost: it was not ours any more.
        """
        try:
            await self._submit(leases.release)
        finally:
            self.token = None
            await self._writing().alone(lambda _connection: self._lock.unlock())

    async def lease(self) -> Lease | None:
        """Who holds the store, or held it last."""
        return await self._query(leases.current)

    # --- Reading --------------------------------------------------------------------------------------

    async def _query(self, function: Callable[[sqlite3.Connection], T]) -> T:
        return await self._runtime.offload(READ_LANE, partial(self._read, function))

    def _read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._reader.execute("BEGIN")
            try:
                return function(self._reader)
            finally:
                self._reader.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise explain(error, self.path) from error
        except (KeyError, TypeError, ValueError) as error:
            raise failure(
                self.path,
                f"it holds something that this froyo does not understand ({error!r})",
                "use the newer froyo that wrote it; if there is none, please report this",
            ) from error

    async def load_states(self, target: TargetName | None = None) -> dict[Address, ResourceState]:
        """What is known about all instances, or those of one target."""
        return await self._query(partial(queries.states, target=target))

    async def load_target_states(self) -> dict[TargetName, TargetState]:
        """What is known about all targets."""
        return await self._query(queries.target_states)

    async def load_source_states(self) -> dict[SourceName, SourceState]:
        """What is known about all sources."""
        return await self._query(queries.source_states)

    async def load_suspensions(self) -> list[Suspension]:
        """All suspensions, also those whose time is over."""
        return await self._query(queries.suspensions)

    async def load_inventory(self, target: TargetName | None = None) -> dict[Address, InventoryEntry]:
        """What is ours, everywhere or on one target."""
        return await self._query(partial(queries.inventory, target=target))

    async def load_queue(self) -> list[QueuedKey]:
        """The pending keys, the most urgent first."""
        return await self._query(queries.queue)

    async def runs(self, *, target: TargetName | None = None, limit: int = 50) -> list[Run]:
        """The newest runs first."""
        return await self._query(partial(queries.runs, target=target, limit=limit))

    async def unfinished_runs(self) -> list[Run]:
        """Runs that are under way, or were when their controller ended."""
        return await self._query(queries.unfinished_runs)

    async def run_units(self, run: str) -> list[RunUnit]:
        """What one run set out to do."""
        return await self._query(partial(queries.run_units, run=run))

    async def in_doubt(self) -> list[RunUnit]:
        """Intents without an outcome: after a crash, what has to be observed again."""
        return await self._query(queries.in_doubt)

    async def events(self, chosen: EventFilter | None = None, *, limit: int = 1_000) -> list[Event]:
        """Events in order: the first ones after `chosen.after`, or without it, the newest ones."""
        return await self._query(partial(queries.events, chosen=chosen or EventFilter(), limit=limit))

    async def audit(self, *, after: int = 0, limit: int = 1_000) -> list[AuditRecord]:
        """Audit records in order."""
        return await self._query(partial(queries.audit_records, after=after, limit=limit))

    async def verify_audit(self) -> audit_log.ChainHead:
        """Follow the chain of the audit log.

        Raises:
            StoreError: it is broken; says where.
        """
        return await self._query(partial(audit_log.verify, path=self.path))

    async def load_facts(self, target: TargetName) -> dict[str, Any] | None:
        """A target's facts, unless they are too old."""
        return await self._query(partial(queries.facts, target=target, now=self._runtime.now()))

    async def load_memo(self, target: TargetName, key: str) -> bytes | None:
        """What was remembered about a target."""
        return await self._query(partial(queries.memo, target=target, key=key))

    async def last_snapshot(self, source: SourceName) -> Snapshot | None:
        """The snapshot of a source that is in force, with its contents."""
        return await self._query(partial(snapshots.last, files=self._files, source=source))

    async def stats(self) -> StoreStats:
        """How the store is."""
        trouble = self._writer.trouble if self._writer is not None else ""
        return await self._query(partial(queries.stats, path=self.path, trouble=trouble))

    async def damages(self) -> list[str]:
        """What is wrong with the database, one line each; empty when it is sound. Takes its time."""
        return await self._query(queries.damages)


def _database(path: Path) -> Path:
    return path / DATABASE if path.is_dir() else path


def _open_writer(path: Path, housekeeping: Housekeeping) -> sqlite3.Connection:
    connection = connect_writer(path)
    try:
        migrate.ensure(connection, path)
        housekeeping.load(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _open_reader(path: Path) -> sqlite3.Connection:
    connection = connect_reader(path)
    try:
        migrate.check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection
