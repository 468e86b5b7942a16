"""Every statement of the store, as SQLAlchemy Core constructs. They reach the database as `sql.py`.

Invariant: nothing here is particular to one database except `insert`, whose ON CONFLICT clause SQLAlchemy
offers per dialect and which is therefore a parameter.

Not imported when a store is opened (see `reconciler.store.compiler`).

It is one list, and so longer than a module should be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from reconciler.core.reasons import UNCLAIMED
from reconciler.model.plan import Action, Cause
from reconciler.store import schema as s
from reconciler.store.blobs import INLINE

if TYPE_CHECKING:
    from collections.abc import Callable


_SMALL = case((s.blobs.c.size <= INLINE, s.blobs.c.data))
"""A content, if it is small: large ones are read when they are asked for, wherever they are."""


def statements(insert: Callable[[Table], Any]) -> dict[str, ClauseElement]:
    """All statements by name.

    Args:
        insert: the dialect's `insert`, the one with `on_conflict_do_update`.
    """

    def add(table: Table, *left_out: str) -> Any:
        return insert(table).values({c.name: bindparam(c.name) for c in table.c if c.name not in left_out})

    def put(table: Table, kept: dict[str, ColumnElement[Any]] | None = None) -> ClauseElement:
        statement = add(table)
        key = {column.name for column in table.primary_key}
        return statement.on_conflict_do_update(  # type: ignore[no-any-return] # no common base
            index_elements=[c.name for c in table.primary_key],
            set_={c.name: statement.excluded[c.name] for c in table.c if c.name not in key} | (kept or {}),
        )

    return {
        "PUT_LEASE": put(s.lease),
        "LEASE": select(s.lease).with_only_columns(*(c for c in s.lease.c if c.name != "id")),
        **_sharing(add, put),
        "PUT_STATE": put(s.resource_state),
        "STATES": _between(select(s.resource_state), s.resource_state.c.address),
        "FORGET_STATE": delete(s.resource_state).where(s.resource_state.c.address == bindparam("address")),
        "PUT_TARGET_STATE": put(s.target_state),
        "TARGET_STATES": select(s.target_state),
        "FORGET_TARGET_STATE": delete(s.target_state).where(s.target_state.c.name == bindparam("name")),
        "PUT_SOURCE_STATE": put(s.source_state),
        "SOURCE_STATES": select(s.source_state),
        "PUT_SUSPENSION": put(s.suspensions),
        "SUSPENSIONS": select(s.suspensions).order_by(s.suspensions.c.object),
        "FORGET_SUSPENSION": delete(s.suspensions).where(s.suspensions.c.object == bindparam("object")),
        # How it came to be ours, and what was there before that, stays on record, whatever happens to it later.
        "PUT_INVENTORY": put(
            s.inventory,
            {
                "ownership": s.inventory.c.ownership,
                "preimage": func.coalesce(s.inventory.c.preimage, literal_column("excluded.preimage")),
            },
        ),
        "FORGET_INVENTORY": delete(s.inventory).where(s.inventory.c.address == bindparam("address")),
        "PUT_TARGET": put(s.targets),
        "TARGETS": select(s.targets),
        "FORGET_TARGET": delete(s.targets).where(s.targets.c.name == bindparam("name")),
        "PUT_FACTS": put(s.facts),
        "FACTS": select(s.facts).order_by(s.facts.c.target, s.facts.c.section),
        "FACTS_TAKEN": select(s.facts.c.target, func.max(s.facts.c.taken)).group_by(s.facts.c.target),
        "FORGET_FACTS": delete(s.facts).where(s.facts.c.target == bindparam("target")),
        "PUT_APPROVAL": put(s.approvals),
        "APPROVALS": select(s.approvals).order_by(s.approvals.c.address),
        "FORGET_APPROVAL": delete(s.approvals).where(s.approvals.c.address == bindparam("address")),
        "FORGET_SOURCE_STATE": delete(s.source_state).where(s.source_state.c.name == bindparam("name")),
        "INVENTORY": _between(
            select(
                *(s.inventory.c[n] for n in ("ownership", "digest", "instance", "recorded_at", "preimage"))
            ).order_by(s.inventory.c.address),
            s.inventory.c.address,
        ),
        "PUT_OWED": put(s.refresh_owed),
        "OWED": select(s.refresh_owed).order_by(s.refresh_owed.c.address, s.refresh_owed.c.cause),
        "FORGET_OWED": delete(s.refresh_owed).where(
            s.refresh_owed.c.address == bindparam("refreshed"), s.refresh_owed.c.cause == bindparam("because")
        ),
        "PUT_DISRUPTION": put(s.disruptions),
        "DISRUPTIONS": select(s.disruptions).order_by(s.disruptions.c.since, s.disruptions.c.target),
        "FORGET_DISRUPTION": delete(s.disruptions).where(s.disruptions.c.target == bindparam("target")),
        "PUT_QUEUED": put(s.queue),
        "QUEUE": select(s.queue).order_by(s.queue.c.priority.desc(), s.queue.c.added_at, s.queue.c.target),
        "FORGET_QUEUED": delete(s.queue).where(
            s.queue.c.target == bindparam("target"), s.queue.c.added_at <= bindparam("up_to")
        ),
        **_alerts(add, put),
        "PUT_WARM": put(s.warm),
        "FORGET_WARM": delete(s.warm),
        "PUT_HOUSEKEEPING": put(s.housekeeping),
        "HOUSEKEEPING": select(s.housekeeping.c.at),
        **_runs(add, put),
        **_journals(add),
        **_snapshots(add, put),
        **_rollouts(put),
        **_blobs(add),
    }


def _between(statement: Any, column: ColumnElement[str]) -> Any:
    return statement.where(column >= bindparam("low"), column < bindparam("high"))


def _runs(add: Callable[..., Any], put: Callable[[Table], ClauseElement]) -> dict[str, ClauseElement]:
    runs, units = s.runs.c, s.plan_units.c
    in_doubt = exists().where(units.run == runs.id, units.outcome.is_(None))
    counted = select(func.count()).where(units.run == runs.id).scalar_subquery().label("units")
    # Of what was cut off before it was known to be ours, this is all that still knows what was there before us.
    replaces, creates = (
        units.preimage.is_not(None),
        units.action == literal_column(f"'{Action.CREATE.value}'"),
    )
    cut_off = and_(
        or_(
            units.outcome.is_(None),
            *(units.outcome == literal_column(f"'{reason}'") for reason in sorted(UNCLAIMED)),
        ),
        # What was given up and is taken over once more has a row from before, of when nothing had been replaced.
        or_(
            units.address.not_in(select(s.inventory.c.address)),
            and_(
                units.cause == literal_column(f"'{Cause.ADOPT.value}'"),
                units.address.not_in(
                    select(s.inventory.c.address).where(s.inventory.c.preimage.is_not(None))
                ),
            ),
        ),
    )
    some_units = (
        select(units.address)
        .where(units.run == bindparam("of"))
        .order_by(units.address)
        .limit(bindparam("most"))
    )
    return {
        "ADD_RUN": add(s.runs),
        "FINISH_RUN": update(s.runs)
        .where(runs.id == bindparam("run"))
        .values({n: bindparam(n) for n in ("finished_at", "outcome", "message")}),
        "RUNS": select(s.runs, counted).order_by(runs.id.desc()).limit(bindparam("limit")),
        "RUNS_OF_TARGET": select(s.runs, counted)
        .where(runs.target == bindparam("of"))
        .order_by(runs.id.desc())
        .limit(bindparam("limit")),
        "UNFINISHED_RUNS": select(s.runs, counted).where(runs.finished_at.is_(None)).order_by(runs.id),
        "SIZES_OF_RUNS": select(runs.id, counted)
        .where(runs.id < bindparam("below"))
        .order_by(runs.id.desc())
        .limit(bindparam("most")),
        "SPENT_RUNS": select(runs.id)
        .where(
            runs.finished_at.is_not(None),
            or_(runs.id <= bindparam("up_to"), runs.started_at < bindparam("before")),
            ~in_doubt,
            ~exists().where(units.run == runs.id, replaces, cut_off),
        )
        .order_by(runs.id)
        .limit(bindparam("most")),
        "DROP_UNITS": delete(s.plan_units).where(units.run == bindparam("of"), units.address.in_(some_units)),
        "DROP_RUN": delete(s.runs).where(runs.id == bindparam("of")),
        "PUT_UNIT": put(s.plan_units),
        "SETTLE_UNIT": update(s.plan_units)
        .where(units.run == bindparam("of"), units.address == bindparam("instance"))
        .values({n: bindparam(n) for n in ("outcome", "message")}),
        "UNITS": select(s.plan_units).where(units.run == bindparam("run")).order_by(units.address),
        "IN_DOUBT": select(s.plan_units).where(units.outcome.is_(None)).order_by(units.run, units.address),
        # Of several, the oldest is what was there before us.
        "UNCLAIMED_PREIMAGES": select(
            units.address, func.coalesce(units.preimage, literal_column("''")), units.preimage_at
        )
        .where(or_(replaces, creates), cut_off)
        .order_by(units.run.desc(), units.address),
    }


def _sharing(add: Callable[..., Any], put: Callable[[Table], ClauseElement]) -> dict[str, ClauseElement]:
    """Who shares the targets out, and how."""
    m, shards, decisions = s.members.c, s.shards.c, s.decisions.c
    return {
        "ADD_MEMBER": add(s.members),
        "MEMBERS": select(s.members).order_by(m.number),
        "MEMBER": select(m.number).where(m.number == bindparam("number")),
        "FORGET_MEMBER": delete(s.members).where(m.number == bindparam("number")),
        "PUT_SHARD": put(s.shards),
        "SHARDS": select(s.shards).order_by(shards.shard),
        "LEAVE_SHARDS": update(s.shards).where(shards.member == bindparam("number")).values(member=0),
        "NEWEST_SHARD": select(func.max(shards.token)),
        "PUT_DECISION": put(s.decisions),
        "DECISIONS": select(s.decisions).order_by(decisions.source),
        "FORGET_DECISION": delete(s.decisions).where(decisions.source == bindparam("source")),
    }


def _alerts(add: Callable[..., Any], put: Callable[[Table], ClauseElement]) -> dict[str, ClauseElement]:
    incidents, outbox = s.alert_incidents.c, s.alert_outbox.c
    return {
        "PUT_ALERT": put(s.alerts),
        "ALERTS": select(s.alerts).order_by(s.alerts.c.name),
        "FORGET_ALERT": delete(s.alerts).where(s.alerts.c.name == bindparam("alert")),
        "PUT_INCIDENT": put(s.alert_incidents),
        "INCIDENTS": select(s.alert_incidents).order_by(incidents.alert, incidents.object, incidents.topic),
        "FORGET_INCIDENT": delete(s.alert_incidents).where(
            incidents.alert == bindparam("of"),
            incidents.object == bindparam("about"),
            incidents.topic == bindparam("which"),
        ),
        "FORGET_INCIDENTS": delete(s.alert_incidents).where(incidents.alert == bindparam("of")),
        "ADD_ALERT_MESSAGE": add(s.alert_outbox, "number"),
        "ALERT_MESSAGES": select(s.alert_outbox).order_by(outbox.number),
        "FORGET_ALERT_MESSAGE": delete(s.alert_outbox).where(outbox.id == bindparam("message")),
        "FORGET_ALERT_MESSAGES": delete(s.alert_outbox).where(outbox.alert == bindparam("of")),
    }


def _journals(add: Callable[..., Any]) -> dict[str, ClauseElement]:
    events, audit = s.events.c, s.audit.c
    page = select(s.events).where(events.id > bindparam("after"), events.at >= bindparam("since"))
    for name in ("reason", "type", "cause"):
        given: ColumnElement[str] = bindparam(name, type_=events[name].type)
        page = page.where(or_(given.is_(None), events[name] == given))
    of_object = _between(page, events.object)
    # Ages are looked at among the oldest only: ids rise with time, but for a clock that was moved.
    oldest = select(events.id, events.at).order_by(events.id).limit(bindparam("most")).subquery()
    spent = select(oldest.c.id).where(
        or_(oldest.c.id <= bindparam("up_to"), oldest.c.at < bindparam("before"))
    )
    return {
        "ADD_EVENT": add(s.events, "id"),
        "LAST_EVENT": select(func.max(events.id)),
        "EVENTS": page.order_by(events.id).limit(bindparam("limit")),
        "EVENTS_OF_OBJECT": of_object.order_by(events.id).limit(bindparam("limit")),
        "LATEST_EVENTS": page.order_by(events.id.desc()).limit(bindparam("limit")),
        "LATEST_EVENTS_OF_OBJECT": of_object.order_by(events.id.desc()).limit(bindparam("limit")),
        "DROP_EVENTS": delete(s.events).where(events.id.in_(spent)),
        "ADD_AUDIT": add(s.audit),
        "AUDIT": select(s.audit)
        .where(audit.id > bindparam("after"))
        .order_by(audit.id)
        .limit(bindparam("limit")),
        "AUDIT_HEAD": select(audit.id, audit.hash).order_by(audit.id.desc()).limit(1),
    }


def _snapshots(add: Callable[..., Any], put: Callable[[Table], ClauseElement]) -> dict[str, ClauseElement]:
    snapshots, files = s.snapshots.c, s.snapshot_files.c
    newer = s.snapshots.alias("newer")
    # The newest of its source that are too many.
    surplus = (
        select(newer.c.id)
        .where(newer.c.source == snapshots.source)
        .order_by(newer.c.id.desc())
        .limit(1)
        .offset(bindparam("keep"))
        .scalar_subquery()
    )
    some_files = (
        select(files.path)
        .where(files.snapshot == bindparam("of"))
        .order_by(files.path)
        .limit(bindparam("most"))
    )
    whole = select(*(snapshots[n] for n in ("id", "source", "revision", "digest", "root", "left_out")))
    newest = select(func.max(newer.c.id)).where(newer.c.source == bindparam("source")).scalar_subquery()
    rolled_back = (
        select(s.rollbacks.c.snapshot).where(s.rollbacks.c.source == bindparam("source")).scalar_subquery()
    )
    counted = select(func.count()).where(files.snapshot == snapshots.id).scalar_subquery().label("files")
    return {
        "ADD_SNAPSHOT": add(s.snapshots, "id"),
        "ADD_EARLIER_SNAPSHOT": add(s.snapshots),
        "FIRST_SNAPSHOT": select(func.min(snapshots.id)),
        "SNAPSHOT": whole.where(snapshots.id == bindparam("number")),
        "NEWEST_SNAPSHOT": whole.where(snapshots.id == newest),
        "SNAPSHOT_IN_FORCE": whole.where(snapshots.id == func.coalesce(rolled_back, newest)),
        "EARLIER_SNAPSHOT": select(snapshots.revision)
        .where(
            snapshots.source == bindparam("source"),
            snapshots.digest == bindparam("digest"),
            snapshots.id < newest,
        )
        .limit(1),
        "REVISIONS": select(
            *(snapshots[n] for n in ("id", "source", "revision", "digest", "taken_at")), counted
        ).order_by(snapshots.source, snapshots.id),
        "PUT_ROLLBACK": put(s.rollbacks),
        "ROLLBACKS": select(
            *(s.rollbacks.c[n] for n in ("source", "snapshot", "by", "reason", "since", "until")),
            snapshots.revision,
            snapshots.digest,
        )
        .join_from(s.rollbacks, s.snapshots)
        .order_by(s.rollbacks.c.source),
        "FORGET_ROLLBACK": delete(s.rollbacks).where(s.rollbacks.c.source == bindparam("source")),
        "ADD_SNAPSHOT_FILE": add(s.snapshot_files),
        "SNAPSHOT_FILES": select(files.path, files.digest, files.executable, s.blobs.c.size, _SMALL)
        .join_from(s.snapshot_files, s.blobs)
        .where(files.snapshot == bindparam("snapshot"))
        .order_by(files.path),
        "SURPLUS_SNAPSHOT": select(snapshots.id)
        .where(
            snapshots.id <= surplus,
            snapshots.id.not_in(select(s.rollbacks.c.snapshot)),
            ~exists().where(s.rollout_turns.c.snapshot == snapshots.id),
        )
        .order_by(snapshots.id)
        .limit(1),
        "DROP_SNAPSHOT_FILES": delete(s.snapshot_files).where(
            files.snapshot == bindparam("of"), files.path.in_(some_files)
        ),
        "DROP_SNAPSHOT": delete(s.snapshots).where(snapshots.id == bindparam("of")),
        # Their files go with them.
        "FORGET_SNAPSHOTS": delete(s.snapshots).where(snapshots.source == bindparam("source")),
    }


def _rollouts(put: Callable[[Table], ClauseElement]) -> dict[str, ClauseElement]:
    rollouts, turns = s.rollouts.c, s.rollout_turns.c
    of = (turns.source == bindparam("of"), turns.rollout == bindparam("by"))
    return {
        "PUT_ROLLOUT": put(s.rollouts),
        "ROLLOUTS": select(s.rollouts).order_by(rollouts.source, rollouts.name),
        "FORGET_ROLLOUT": delete(s.rollouts).where(
            rollouts.source == bindparam("of"), rollouts.name == bindparam("by")
        ),
        "FORGET_ROLLOUTS": delete(s.rollouts).where(rollouts.source == bindparam("of")),
        "PUT_TURN": put(s.rollout_turns),
        "TURNS": select(s.rollout_turns).order_by(turns.source, turns.rollout, turns.target),
        "FORGET_TURN": delete(s.rollout_turns).where(*of, turns.target == bindparam("on")),
        "FORGET_TURNS": delete(s.rollout_turns).where(*of),
        "FORGET_TURNS_OF_SOURCE": delete(s.rollout_turns).where(turns.source == bindparam("of")),
    }


def _blobs(add: Callable[..., Any]) -> dict[str, ClauseElement]:
    blobs = s.blobs.c
    statement = add(s.blobs)
    referenced = (
        exists().where(reference == blobs.digest)
        for reference in (
            s.snapshot_files.c.digest,
            s.inventory.c.preimage,
            s.plan_units.c.preimage,
            s.inventory.c.body,
        )
    )
    return {
        "PUT_BLOB": statement.on_conflict_do_update(
            index_elements=["digest"], set_={"used_at": statement.excluded.used_at}
        ),
        "BLOB": select(blobs.size, _SMALL).where(blobs.digest == bindparam("digest")),
        "BODY": select(blobs.data).where(blobs.digest == bindparam("digest")),
        "BLOB_SIZE": select(blobs.size).where(blobs.digest == bindparam("digest")),
        "BLOB_BYTES": select(func.coalesce(func.sum(blobs.size), 0)),
        "AGED_BLOBS": select(
            blobs.used_at,
            blobs.digest,
            blobs.size,
            blobs.data.is_(None),
            and_(*(~reference for reference in referenced)),
        )
        .where(
            blobs.used_at < bindparam("before"),
            blobs.used_at >= bindparam("at"),
            or_(blobs.used_at > bindparam("at"), blobs.digest > bindparam("after")),
        )
        .order_by(blobs.used_at, blobs.digest)
        .limit(bindparam("most")),
        "DROP_BLOB": delete(s.blobs).where(blobs.digest == bindparam("digest")),
    }
