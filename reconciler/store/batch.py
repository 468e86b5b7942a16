"""A unit of work: what one round wants to write, collected, and then written together or not at all.

    batch = Batch().put_states(states).add_events(events).settle(run, outcomes).dequeue(target)
    receipt = await store.write(batch)

Invariant: collecting touches nothing; an empty batch writes nothing. Order is that of the calls, except that
events and audit records come last. Knows statements and rows, and neither lanes nor leases.

There is a method for each thing that is kept, and so it is longer than a module should be.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar

from reconciler.model.names import source_object, split_address, target_object
from reconciler.model.plan import Cause
from reconciler.store import audit, codec, instances, journals, rollouts, sql
from reconciler.store.blobs import inline_row
from reconciler.store.records import Receipt
from reconciler.store.sharing import decision_row
from reconciler.store.sharing.crowding import must_not_crowd

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from reconciler.model.disruption import Disruption
    from reconciler.model.event import Event
    from reconciler.model.facts import Facts, Section
    from reconciler.model.names import Address, Digest, SourceName, TargetName
    from reconciler.model.owed import Owed
    from reconciler.model.plan import PlanUnit
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
    from reconciler.store.records import AuditRecord, InventoryEntry, QueuedKey, Run, UnitOutcome
    from reconciler.store.sharing import Decided

V = TypeVar("V")


class Batch:
    """See the module. All methods but the last two collect, and return the batch itself."""

    __slots__ = ("_audit", "_events", "_most_disrupted", "_objects", "_writes", "begins_on", "durable")

    def __init__(self) -> None:
        self._writes: list[tuple[str, list[codec.Row]]] = []
        self._events: list[Event] = []
        self._audit: list[AuditRecord] = []
        self._objects: list[str] = []
        self._most_disrupted: int | None = None
        self.begins_on: set[TargetName] = set()
        """The targets on which something is about to be done."""
        self.durable = False
        """Whether it must survive that the controller's machine loses power."""

    def _add(self, statement: str, rows: Iterable[codec.Row], *, about: Iterable[str] = ()) -> Self:
        """Write `rows`, after which something else is on record about these objects."""
        rows = list(rows)
        self._objects.extend(about)
        if rows and self._writes and self._writes[-1][0] == statement:
            self._writes[-1][1].extend(rows)
        elif rows:
            self._writes.append((statement, rows))
        return self

    # --- What is known about things -------------------------------------------------------------------

    def put_states(self, states: Iterable[ResourceState]) -> Self:
        """Record what is known about instances."""
        states = list(states)
        return self._add(sql.PUT_STATE, map(codec.state_row, states), about=(one.address for one in states))

    def forget_states(self, addresses: Iterable[Address]) -> Self:
        """Forget instances that nobody declares any more."""
        addresses = list(addresses)
        rows = [{"address": address} for address in addresses]
        return self._add(sql.FORGET_STATE, rows, about=addresses)

    def put_target_state(self, state: TargetState) -> Self:
        """Record what is known about a target."""
        rows = [codec.target_state_row(state)]
        return self._add(sql.PUT_TARGET_STATE, rows, about=[target_object(state.name)])

    def forget_target(self, name: TargetName) -> Self:
        """Forget a target that nobody declares any more, with its place in the queue."""
        self._add(sql.FORGET_TARGET_STATE, [{"name": name}])
        self._add(sql.FORGET_TARGET, [{"name": name}])
        self._add(sql.FORGET_FACTS, [{"target": name}])
        self.end_disruption(name)
        return self.dequeue(name)

    def put_facts(self, name: TargetName, facts: Facts, sections: Collection[Section]) -> Self:
        """Record these sections of what a target is.

        What a one-shot run started from is forgotten: it may have been made of other ones.
        """
        rows = codec.facts_rows(name, facts, sections)
        return self._add(sql.PUT_FACTS, rows, about=[target_object(name)]).forget_warm()

    def put_source_state(self, state: SourceState) -> Self:
        """Record what is known about a source."""
        rows = [codec.source_state_row(state)]
        return self._add(sql.PUT_SOURCE_STATE, rows, about=[source_object(state.name)])

    def suspend(self, suspension: Suspension) -> Self:
        """Record that something is to be left alone; replaces what was said about the same object.

        What a one-shot run started from is forgotten: it knows nothing of this.
        """
        rows = [codec.suspension_row(suspension)]
        return self._add(sql.PUT_SUSPENSION, rows, about=[suspension.object]).forget_warm()

    def resume(self, suspended: str) -> Self:
        """Remove the suspension of that object, and with it what a one-shot run started from."""
        rows = [{"object": codec.words(suspended)}]
        return self._add(sql.FORGET_SUSPENSION, rows, about=[suspended]).forget_warm()

    def put_inventory(self, entries: Iterable[InventoryEntry]) -> Self:
        """Record what is ours. With a preimage, it is made to survive a power failure, too."""
        entries = list(entries)
        self.durable = self.durable or any(entry.preimage for entry in entries)
        rows = map(instances.inventory_row, entries)
        return self._add(sql.PUT_INVENTORY, rows, about=(entry.instance.address for entry in entries))

    def forget_inventory(self, addresses: Iterable[Address]) -> Self:
        """These are not ours any more: they are gone, or a person wants them left alone for good."""
        addresses = list(addresses)
        rows = [{"address": address} for address in addresses]
        return self._add(sql.FORGET_INVENTORY, rows, about=addresses)

    def put_targets(self, targets: Iterable[Target]) -> Self:
        """Record how targets are declared, for when they no longer are."""
        return self._add(sql.PUT_TARGET, map(codec.target_row, targets))

    def approve(self, approvals: Iterable[Approval]) -> Self:
        """Record that what waits may be done. What a one-shot run started from knows nothing of this."""
        approvals = list(approvals)
        rows = map(codec.approval_row, approvals)
        return self._add(sql.PUT_APPROVAL, rows, about=(one.address for one in approvals)).forget_warm()

    def forget_approvals(self, addresses: Iterable[Address]) -> Self:
        """What was approved is done, or is not wanted any more."""
        addresses = list(addresses)
        rows = [{"address": address} for address in addresses]
        return self._add(sql.FORGET_APPROVAL, rows, about=addresses)

    def roll_back(self, rollback: Rollback) -> Self:
        """Record which snapshot of a source is in force in the place of the newest, and until when.

        It is so on every target, however far a rollout was. What a one-shot run started from is forgotten: it knows
        nothing of this.
        """
        rows = [codec.rollback_row(rollback)]
        self._add(sql.PUT_ROLLBACK, rows, about=[source_object(rollback.source)])
        return self.forget_rollouts(rollback.source).forget_warm()

    def forget_rollback(self, source: SourceName) -> Self:
        """The newest snapshot of that source is in force again."""
        rows = [{"source": source}]
        return self._add(sql.FORGET_ROLLBACK, rows, about=[source_object(source)]).forget_warm()

    def put_rollout(self, record: RolloutRecord, known: RolloutRecord | None) -> Self:
        """Record how far a rollout is: what is new of it.

        What a one-shot run started from is forgotten: it knows nothing of this.

        Args:
            record: all of it.
            known: what is on record; None for nothing.
        """
        before = {} if known is None else known.turns
        gone = [{"of": record.source, "by": record.name, "on": name} for name in before.keys() - record.turns]
        turns = [turn for name, turn in record.turns.items() if before.get(name) != turn]
        self._add(sql.PUT_ROLLOUT, [rollouts.record_row(record)], about=[source_object(record.source)])
        self._add(sql.FORGET_TURN, gone)
        rows = [rollouts.turn_row(record, turn) for turn in turns]
        return self._add(
            sql.PUT_TURN, rows, about=[target_object(turn.target) for turn in turns]
        ).forget_warm()

    def forget_rollout(self, record: RolloutRecord) -> Self:
        """A rollout is over, or nobody declares it any more."""
        rows = [{"of": record.source, "by": record.name}]
        self._add(sql.FORGET_TURNS, rows)
        return self._add(sql.FORGET_ROLLOUT, rows, about=[source_object(record.source)]).forget_warm()

    def forget_rollouts(self, source: SourceName) -> Self:
        """What is in force of a source is so everywhere."""
        self._add(sql.FORGET_TURNS_OF_SOURCE, [{"of": source}])
        return self._add(sql.FORGET_ROLLOUTS, [{"of": source}], about=[source_object(source)])

    def decide(self, decision: Decided) -> Self:
        """Record what is in force of a source, for all that share the store."""
        return self._add(sql.PUT_DECISION, [decision_row(decision)], about=[source_object(decision.source)])

    def undecide(self, source: SourceName) -> Self:
        """Nothing is in force of that source any more."""
        return self._add(sql.FORGET_DECISION, [{"source": source}])

    def forget_source(self, name: SourceName) -> Self:
        """Forget a source, and all that it ever said."""
        self.forget_rollback(name).forget_rollouts(name)
        self._add(sql.FORGET_SNAPSHOTS, [{"source": name}])
        return self._add(sql.FORGET_SOURCE_STATE, [{"name": name}], about=[source_object(name)]).forget_warm()

    def put_contents(self, contents: Iterable[bytes], *, at: float) -> Self:
        """Keep small contents; a large one is a file, and `store.blobs` puts it in place ahead of this.

        Args:
            contents: each at most `blobs.INLINE` bytes.
            at: wall time.
        """
        return self._add(sql.PUT_BLOB, (inline_row(data, at) for data in contents))

    # --- What is to be done ---------------------------------------------------------------------------

    def enqueue(self, key: QueuedKey) -> Self:
        """Remember a pending key; replaces what was there for the same target."""
        return self._add(sql.PUT_QUEUED, [codec.queued_row(key)], about=[target_object(key.target)])

    def dequeue(self, target: TargetName, *, up_to: float = float("inf")) -> Self:
        """Forget a pending key, unless it was added after that wall time."""
        rows = [{"target": target, "up_to": up_to}]
        return self._add(sql.FORGET_QUEUED, rows, about=[target_object(target)])

    def begin_run(self, run: Run) -> Self:
        """Record that a run begins."""
        return self._add(sql.ADD_RUN, [journals.run_row(run)])

    def intend(
        self,
        run: str,
        units: Iterable[PlanUnit],
        preimages: Mapping[Address, Digest] | None = None,
        subjects: Mapping[Address, str] | None = None,
    ) -> Self:
        """Record what a run is about to do, before it does it: a crash leaves these to be observed again.

        Args:
            run: its id.
            units: what is about to be done.
            preimages: contents that are about to be overwritten, in the digest store by now. What was there before
                us cannot be observed again, so with it this survives a power failure, too.
            subjects: what each is about; "" where its kind does not say.
        """
        kept, about = preimages or {}, subjects or {}
        units = list(units)
        self.durable = self.durable or any(u.address in kept and u.cause is not Cause.DRIFT for u in units)
        rows = (journals.intent_row(run, u, kept.get(u.address), about.get(u.address, "")) for u in units)
        self.begins_on.update(split_address(unit.address)[0] for unit in units)
        return self._add(sql.PUT_UNIT, rows)

    def owe(self, owed: Iterable[Owed]) -> Self:
        """Record that these are owed, or may turn out to be; it survives that the controller's machine loses power.

        What a one-shot run started from is forgotten: it knows nothing of this.
        """
        rows = [codec.owed_row(one) for one in owed]
        if not rows:
            return self
        self.durable = True
        return self._add(sql.PUT_OWED, rows).forget_warm()

    def disrupt(self, disruptions: Iterable[Disruption], *, most: int | None = None) -> Self:
        """Record that these targets are about to be disrupted; it survives a power failure, too.

        With `most`, nothing of the batch is written where there would be more of them by then.
        """
        self._most_disrupted = most
        rows = [{"target": one.target, "cause": one.cause, "since": one.since} for one in disruptions]
        self.durable = self.durable or bool(rows)
        return self._add(sql.PUT_DISRUPTION, rows)

    def end_disruption(self, name: TargetName) -> Self:
        """Record that a target is not disrupted any more."""
        return self._add(sql.FORGET_DISRUPTION, [{"target": name}])

    def forget_owed(self, keys: Iterable[tuple[Address, Address]]) -> Self:
        """Record that these are owed no longer: what was refreshed, and because of what."""
        return self._add(sql.FORGET_OWED, ({"refreshed": a, "because": c} for a, c in keys))

    def settle(self, run: str, outcomes: Iterable[UnitOutcome]) -> Self:
        """Record what became of intents: they are not in doubt any more."""
        return self._add(
            sql.SETTLE_UNIT,
            (
                {"of": run, "instance": o.address, "outcome": o.outcome, "message": codec.words(o.message)}
                for o in outcomes
            ),
        )

    def finish_run(self, run: str, *, at: float, outcome: str, message: str = "") -> Self:
        """Record that a run has ended."""
        row = {"run": run, "finished_at": at, "outcome": outcome, "message": codec.words(message)}
        return self._add(sql.FINISH_RUN, [row])

    # --- What speeds things up ------------------------------------------------------------------------

    def put_warm(self, document: bytes) -> Self:
        """Keep the document from which the next one-shot run starts; `reconciler.store.warm` reads it."""
        return self._add(sql.PUT_WARM, [{"id": 1, "document": document}])

    def forget_warm(self) -> Self:
        """Forget that document."""
        return self._add(sql.FORGET_WARM, [{}])

    # --- What happened --------------------------------------------------------------------------------

    def join(self, other: Batch) -> Self:
        """All that another batch writes, too."""
        for statement, rows in other._writes:
            self._add(statement, rows)
        self._objects.extend(other._objects)
        self._events.extend(other._events)
        self._audit.extend(other._audit)
        return self

    def add_events(self, events: Iterable[Event]) -> Self:
        """Append events."""
        self._events.extend(events)
        return self

    def add_audit(self, records: Iterable[AuditRecord]) -> Self:
        """Append audit records."""
        self._audit.extend(records)
        return self

    def __bool__(self) -> bool:
        return bool(self._writes or self._events or self._audit)

    def write(self, connection: Database) -> Receipt:
        """Write all of it, within the transaction that the connection is in."""
        for statement, rows in self._writes:
            if statement == sql.PUT_DISRUPTION and self._most_disrupted is not None:
                must_not_crowd(connection, {row["target"] for row in rows}, self._most_disrupted)
            if len(rows) == 1:
                connection.execute(statement, rows[0])
            else:
                connection.execute_many(statement, rows)
        return Receipt(
            _append_events(connection, self._events) if self._events else (),
            tuple(audit.append(connection, self._audit)) if self._audit else (),
            tuple(self._objects),
        )


def _append_events(connection: Database, events: list[Event]) -> tuple[Event, ...]:
    numbers = connection.append(sql.ADD_EVENT, [journals.event_row(event) for event in events])
    return tuple(replace(event, id=number) for event, number in zip(events, numbers, strict=True))
