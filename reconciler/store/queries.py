"""What can be read from the store, as functions of a connection. Blocking: to be used on a lane.

Invariant: every function is one short read, so that no reader keeps the log from being cut back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.model.source import Revision
from reconciler.store import alerts, codec, instances, journals, lease, sql
from reconciler.store.records import (
    AuditRecord,
    InventoryEntry,
    QueuedKey,
    Run,
    RunUnit,
    StoreStats,
)
from reconciler.store.rollouts import records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.model.alert import AlertMessage, AlertState, Incident
    from reconciler.model.disruption import Disruption
    from reconciler.model.event import Event, EventFilter
    from reconciler.model.facts import Facts
    from reconciler.model.names import Address, Digest, SourceName, TargetName
    from reconciler.model.owed import Owed
    from reconciler.model.rollout import RolloutRecord
    from reconciler.model.state import (
        Approval,
        ResourceState,
        Rollback,
        SourceState,
        Suspension,
        TargetState,
    )
    from reconciler.model.target import Target
    from reconciler.store.database import Database

V = TypeVar("V")

_LAST = "\U0010ffff"  # sorts after everything that a name can go on with


def _rows(
    connection: Database,
    statement: str,
    decode: Callable[[Any], V],
    parameters: Mapping[str, object] | None = None,
) -> list[V]:
    given = {
        name: codec.words(value) if isinstance(value, str) else value
        for name, value in (parameters or {}).items()
    }
    return [decode(row) for row in connection.execute(statement, given)]


def _starting_with(prefix: str) -> dict[str, object]:
    return {"low": prefix, "high": prefix + _LAST}


def _of_target(target: TargetName | None) -> dict[str, object]:
    return _starting_with("" if target is None else f"{target}/")


def states(connection: Database, target: TargetName | None) -> dict[Address, ResourceState]:
    """What is known about all instances, or those of one target."""
    found = _rows(connection, sql.STATES, codec.state, _of_target(target))
    return {state.address: state for state in found}


def alert_states(connection: Database) -> list[AlertState]:
    """How all alerts get on."""
    return _rows(connection, sql.ALERTS, alerts.state)


def incidents(connection: Database) -> list[Incident]:
    """What all alerts have found, and is not over."""
    return _rows(connection, sql.INCIDENTS, alerts.incident)


def alert_messages(connection: Database) -> list[AlertMessage]:
    """What is to be told, in that order."""
    return _rows(connection, sql.ALERT_MESSAGES, alerts.message)


def target_states(connection: Database) -> dict[TargetName, TargetState]:
    """What is known about all targets."""
    return {state.name: state for state in _rows(connection, sql.TARGET_STATES, codec.target_state)}


def source_states(connection: Database) -> dict[SourceName, SourceState]:
    """What is known about all sources."""
    return {state.name: state for state in _rows(connection, sql.SOURCE_STATES, codec.source_state)}


def suspensions(connection: Database) -> list[Suspension]:
    """All suspensions, also those whose time is over."""
    return _rows(connection, sql.SUSPENSIONS, codec.suspension)


def disruptions(connection: Database) -> list[Disruption]:
    """The targets that are disrupted by what was done to them."""
    return _rows(connection, sql.DISRUPTIONS, codec.disruption)


def owed(connection: Database) -> list[Owed]:
    """All refreshes that are owed, or may turn out to be."""
    return _rows(connection, sql.OWED, codec.owed)


def inventory(connection: Database, target: TargetName | None) -> dict[Address, InventoryEntry]:
    """What is ours, everywhere or on one target."""
    found = _rows(connection, sql.INVENTORY, instances.inventory_entry, _of_target(target))
    return {entry.instance.address: entry for entry in found}


def targets(connection: Database) -> dict[TargetName, Target]:
    """All targets, as they were last declared."""
    return {target.name: target for target in _rows(connection, sql.TARGETS, codec.target)}


def facts(connection: Database) -> dict[TargetName, Facts]:
    """What targets are, as they said themselves."""
    return codec.facts(connection.execute(sql.FACTS))


def facts_taken(connection: Database) -> dict[TargetName, float]:
    """When anything of what a target is was asked last."""
    return dict(_rows(connection, sql.FACTS_TAKEN, tuple))


def approvals(connection: Database) -> dict[Address, Approval]:
    """What people have approved and is not done yet."""
    return {one.address: one for one in _rows(connection, sql.APPROVALS, codec.approval)}


def rollbacks(connection: Database) -> dict[SourceName, Rollback]:
    """What sources were rolled back to, also those whose time is over."""
    return {one.source: one for one in _rows(connection, sql.ROLLBACKS, codec.rollback)}


def rollouts(connection: Database) -> list[RolloutRecord]:
    """How far each rollout is."""
    return records(connection.execute(sql.ROLLOUTS), connection.execute(sql.TURNS))


def revisions(connection: Database) -> list[Revision]:
    """The snapshots that are kept: by source, and the oldest first."""
    return _rows(connection, sql.REVISIONS, lambda row: Revision(*row))


def queue(connection: Database) -> list[QueuedKey]:
    """The pending keys, the most urgent first."""
    return _rows(connection, sql.QUEUE, codec.queued)


def runs(connection: Database, target: TargetName | None, limit: int) -> list[Run]:
    """The newest runs first."""
    if target is None:
        return _rows(connection, sql.RUNS, journals.run, {"limit": limit})
    return _rows(connection, sql.RUNS_OF_TARGET, journals.run, {"of": target, "limit": limit})


def unfinished_runs(connection: Database) -> list[Run]:
    """Runs that are under way, or were when their controller ended."""
    return _rows(connection, sql.UNFINISHED_RUNS, journals.run)


def run_units(connection: Database, run: str) -> list[RunUnit]:
    """What one run set out to do."""
    return _rows(connection, sql.UNITS, journals.run_unit, {"run": run})


def in_doubt(connection: Database) -> list[RunUnit]:
    """Intents without an outcome."""
    return _rows(connection, sql.IN_DOUBT, journals.run_unit)


def unclaimed_preimages(connection: Database) -> dict[Address, list[tuple[Digest, str]]]:
    """What was there before something that was cut off, and that is not in the inventory, each with its path or "".

    The newest first: of several, the oldest is what was there before us.
    """
    found: dict[Address, list[tuple[Digest, str]]] = {}
    for address, digest, path in connection.execute(sql.UNCLAIMED_PREIMAGES):
        found.setdefault(address, []).append((digest, path))
    return found


def events(connection: Database, chosen: EventFilter, limit: int) -> list[Event]:
    """Events in order: the first ones after `chosen.after`, or without it, the newest ones."""
    newest = chosen.after is None
    parameters = {
        **_starting_with(chosen.object),
        "reason": chosen.reason,
        "type": chosen.type,
        "cause": chosen.cause,
        "since": chosen.since,
        "after": chosen.after or 0,
        "limit": limit,
    }
    if chosen.object:
        statement = sql.LATEST_EVENTS_OF_OBJECT if newest else sql.EVENTS_OF_OBJECT
    else:
        statement = sql.LATEST_EVENTS if newest else sql.EVENTS
    found = _rows(connection, statement, journals.event, parameters)
    return found[::-1] if newest else found


def audit_records(connection: Database, after: int, limit: int) -> list[AuditRecord]:
    """Audit records in order."""
    return _rows(connection, sql.AUDIT, journals.audit_record, {"after": after, "limit": limit})


def damages(connection: Database) -> list[str]:
    """What is wrong with the database, one line each; empty when it is sound."""
    return connection.damages()


def stats(connection: Database) -> StoreStats:
    """How the store is."""
    (blob_bytes,) = connection.execute(sql.BLOB_BYTES).fetchone()
    database_bytes, log_bytes = connection.bytes()
    return StoreStats(
        path=str(connection.place),
        schema=connection.revision(),
        database_bytes=database_bytes,
        wal_bytes=log_bytes,
        blob_bytes=int(blob_bytes),
        rows={table: connection.count(table) for table in sql.TABLES},
        lease=lease.current(connection),
    )
