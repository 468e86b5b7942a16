"""The half of a store that only reads: short reads, on a connection and a lane of their own.

Invariant: every read is one transaction, as short as it can be, so that none keeps the log from being cut
back. Cancelling one leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from reconciler.errors import in_words
from reconciler.model.alert import AlertMessage, AlertState, Incident
from reconciler.model.disruption import Disruption
from reconciler.model.event import Event, EventFilter
from reconciler.model.facts import Facts
from reconciler.model.names import Address, Digest, SourceName, TargetName
from reconciler.model.owed import Owed
from reconciler.model.rollout import RolloutRecord
from reconciler.model.source import Revision, Snapshot
from reconciler.model.state import Approval, ResourceState, Rollback, SourceState, Suspension, TargetState
from reconciler.model.target import Target
from reconciler.runtime import Runtime
from reconciler.store import audit as audit_log
from reconciler.store import lease as leases
from reconciler.store import queries, snapshots
from reconciler.store.blobs import Blobs
from reconciler.store.failures import failure
from reconciler.store.records import (
    AuditRecord,
    InventoryEntry,
    Lease,
    QueuedKey,
    Run,
    RunUnit,
)
from reconciler.store.sharing import ControllerShare, Decided, members

if TYPE_CHECKING:
    from reconciler.store.database import Database, Place

T = TypeVar("T")

LANE = "store-read"


class Reading:
    """See the module; `Store` is the whole.

    Args:
        path: of the database, or its address.
        runtime: clock and lanes.
        connection: one that cannot write; owned from now on.
        files: of the digest store.
    """

    def __init__(self, path: Place, runtime: Runtime, connection: Database, files: Blobs) -> None:
        self.path = path
        self._runtime = runtime
        self._reader = connection
        self._files = files

    async def _query(self, function: Callable[[Database], T]) -> T:
        return await self._runtime.offload(LANE, partial(self._read, function))

    def _read(self, function: Callable[[Database], T]) -> T:
        try:
            with self._reader.reading():
                return function(self._reader)
        except Exception as error:
            if (explained := self._reader.explain(error)) is not None:
                raise explained from error
            if not isinstance(error, KeyError | TypeError | ValueError):
                raise
            raise failure(
                self.path,
                f"it holds something that this froyo does not understand ({in_words(error)})",
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

    async def load_disruptions(self) -> list[Disruption]:
        """The targets that are disrupted by what was done to them."""
        return await self._query(queries.disruptions)

    async def load_alerts(self) -> list[AlertState]:
        """How all alerts get on."""
        return await self._query(queries.alert_states)

    async def load_incidents(self) -> list[Incident]:
        """What all alerts have found, and is not over."""
        return await self._query(queries.incidents)

    async def load_alert_messages(self) -> list[AlertMessage]:
        """What is to be told, in that order."""
        return await self._query(queries.alert_messages)

    async def load_owed(self) -> list[Owed]:
        """The refreshes that are owed, or may turn out to be."""
        return await self._query(queries.owed)

    async def load_inventory(self, target: TargetName | None = None) -> dict[Address, InventoryEntry]:
        """What is ours, everywhere or on one target."""
        return await self._query(partial(queries.inventory, target=target))

    async def load_targets(self) -> dict[TargetName, Target]:
        """All targets, as they were last declared."""
        return await self._query(queries.targets)

    async def load_approvals(self) -> dict[Address, Approval]:
        """What people have approved and is not done yet."""
        return await self._query(queries.approvals)

    async def has_returned(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot is, or would be, in force once more, after another one."""
        return await self._query(partial(snapshots.has_returned, snapshot=snapshot))

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

    async def unclaimed_preimages(self) -> dict[Address, list[tuple[Digest, str]]]:
        """What was there before operations that were cut off, of what is not in the inventory (yet)."""
        return await self._query(queries.unclaimed_preimages)

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

    async def snapshot_in_force(self, source: SourceName) -> Snapshot | None:
        """The snapshot of a source that is in force, with its contents."""
        return await self._query(partial(snapshots.in_force, files=self._files, source=source))

    async def newest_snapshot(self, source: SourceName) -> Snapshot | None:
        """The newest good snapshot of a source, with its contents, be it that it was rolled back to another one."""
        return await self._query(partial(snapshots.newest, files=self._files, source=source))

    async def snapshot(self, number: int) -> Snapshot | None:
        """The snapshot of that number, with its contents, if it is still kept."""
        return await self._query(partial(snapshots.numbered, files=self._files, number=number))

    async def revisions(self) -> list[Revision]:
        """The snapshots that are kept: by source, and the oldest first."""
        return await self._query(queries.revisions)

    async def load_facts(self) -> dict[TargetName, Facts]:
        """What each target is, as it said itself."""
        return await self._query(queries.facts)

    async def facts_taken(self) -> dict[TargetName, float]:
        """When each target was asked last what it is."""
        return await self._query(queries.facts_taken)

    async def load_rollbacks(self) -> dict[SourceName, Rollback]:
        """What sources were rolled back to, also those whose time is over."""
        return await self._query(queries.rollbacks)

    async def load_rollouts(self) -> list[RolloutRecord]:
        """How far each rollout is."""
        return await self._query(queries.rollouts)

    async def lease(self) -> Lease | None:
        """Who holds the store, or held it last."""
        return await self._query(leases.current)

    async def load_controllers(self) -> list[ControllerShare]:
        """What each controller has that shares the store; nothing where nobody does."""
        return await self._query(members.controllers)

    async def load_decisions(self) -> list[Decided]:
        """What has been put in force for all that share the store."""
        return await self._query(members.decisions)

    async def damages(self) -> list[str]:
        """What is wrong with the database, one line each; empty when it is sound. Takes its time."""
        return await self._query(queries.damages)
