"""The documents of the API, of `-o json`, and of what is read from the store without a daemon: one place for all three.

Invariant: a document is built from model values only, and has `apiVersion` and `kind`. `docs/cli.md` is normative.

There is a function for each kind of document, and so it is longer than a module should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reconciler.core.conditions import get_condition, summarize
from reconciler.core.sharing import shard_of
from reconciler.engine.wording import advice
from reconciler.model.alert import KnownAlert
from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.envelope import envelope
from reconciler.model.event import Event
from reconciler.model.evidence import Evidence
from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.plan import Plan, PlanUnit
from reconciler.model.resource import Instance
from reconciler.model.rollout import RolloutRecord, RolloutTurn
from reconciler.model.sensitive import HIDDEN, is_sensitive
from reconciler.model.source import Revision
from reconciler.model.state import (
    HistoryEntry,
    ResourceState,
    Rollback,
    SourceState,
    Suspension,
    TargetState,
    covers,
)

if TYPE_CHECKING:
    from reconciler.store.feed import News
    from reconciler.store.records import QueuedKey, Run, RunUnit
    from reconciler.store.sharing import ControllerShare

Document = dict[str, Any]
document = envelope


def items(kind: str, views: Iterable[Document], **fields: Any) -> Document:
    """A list of documents, `kind` being that of the list."""
    return document(kind, **fields, items=list(views))


def instant(seconds: float | None) -> str | None:
    """A time as RFC 3339 has it, in UTC; None for "never".

    Example:
        >>> instant(0.25)
        '1970-01-01T00:00:00.250000Z'
    """
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def condition(value: Condition) -> Document:
    """A condition as Kubernetes writes it."""
    return {
        "type": value.type.value,
        "status": "True" if value.status else "False",
        "reason": value.reason.value,
        "message": value.message,
        "lastTransitionTime": instant(value.since),
        "observedGeneration": value.observed_generation,
    }


def evidence(value: Evidence) -> Document:
    """Who did it: only what is known."""
    view = {key: found for key, found in asdict(value).items() if found not in ("", None, (), False)}
    if value.at is not None:
        view["at"] = instant(value.at)
    return view


def event(value: Event) -> Document:
    """An event."""
    view: Document = {
        "id": value.id,
        "at": instant(value.at),
        "type": value.type.value,
        "reason": value.reason,
        "object": value.object,
        "message": value.message,
    }
    if value.cause:
        view["cause"] = value.cause
    if value.evidence is not None:
        view["evidence"] = evidence(value.evidence)
    if value.duration is not None:
        view["duration"] = value.duration
    if value.data:
        view["data"] = dict(value.data)
    return view


def change(value: News) -> Document:
    """Of what something else is on record; `missed` if there was more than fits."""
    return document("Change", objects=sorted(value.objects), missed=value.missed)


def plan_unit(value: PlanUnit, instance: Instance | None = None) -> Document:
    """What is planned for an instance."""
    view: Document = {
        "address": value.address,
        "action": value.action.value,
        "cause": value.cause.value,
        "diffs": [diff.document() for diff in value.diffs],
        "desired": value.desired,
        "observed": value.itself or value.observed,
    }
    if value.held is not None:
        view["held"] = value.held.value
        view["heldBecause"] = value.held_because
        view |= {"advice": said} if (said := advice(value.address, value.held)) else {}
    if value.fails:
        view["fails"] = value.fails
    if value.remark:
        view["remark"] = value.remark
    if instance is not None:
        view["declaredAt"] = str(instance.origin)
        view["subject"] = instance.subject
        view |= _rendered(instance)
    return view


def plan(value: Plan, instances: Mapping[Address, Instance] | None = None) -> Document:
    """What is planned for a target.

    Args:
        value: the plan.
        instances: as declared, where they are at hand, to say where each was declared.
    """
    known = instances or {}
    return {
        "target": value.target,
        "revision": value.revision,
        "observedAt": instant(value.observed_at),
        "units": [plan_unit(unit, known.get(unit.address)) for unit in value.units],
        "errors": dict(value.errors),
        "declaredAt": {
            address: str(known[Address(address)].origin) for address in value.errors if address in known
        },
        "decisions": [one.document(recorded=True) for one in value.decisions],
    }


def suspension(value: Suspension) -> Document:
    """What is left alone, why, and until when."""
    return {
        "object": value.object,
        "by": value.by,
        "reason": value.reason,
        "since": instant(value.since),
        "until": instant(value.until),
    }


def alert(value: KnownAlert) -> Document:
    """Who is told, and how that gets on. Of its way out nothing that could be secret."""
    state = value.state
    return {
        "name": state.name,
        "way": value.way,
        "declaredAt": value.declared_at,
        "firing": value.firing,
        "waiting": value.waiting,
        "sent": state.sent,
        "sentAt": instant(state.sent_at or None),
        "dropped": state.dropped,
        "failures": state.failures,
        "error": state.error,
        "nextTry": instant(state.next_try or None),
    }


def rollback(value: Rollback) -> Document:
    """What a source was rolled back to, by whom, why, and until when."""
    return {
        "revision": value.revision,
        "digest": value.digest,
        "by": value.by,
        "reason": value.reason,
        "since": instant(value.since),
        "until": instant(value.until),
    }


def rollout(value: RolloutRecord) -> Document:
    """How far a rollout is, and what it is for each of its targets."""
    turns = sorted(value.turns.values(), key=lambda turn: (turn.wave, turn.target))
    return {
        "name": value.name,
        "source": value.source,
        "revision": value.revision,
        "digest": value.digest,
        "phase": value.phase.value,
        "message": value.message,
        "since": instant(value.since),
        "wave": value.wave + 1,
        "waves": value.waves,
        "paused": value.paused,
        "total": len(turns),
        "reached": sum(turn.begun is not None for turn in turns),
        "failed": sum(bool(turn.failed) for turn in turns),
        "targets": [_turn(value, turn) for turn in turns],
    }


def _turn(record: RolloutRecord, turn: RolloutTurn) -> Document:
    waits = turn.begun is None
    return {
        "target": turn.target,
        "wave": turn.wave + 1,
        "state": "Awaiting" if waits else "Failed" if turn.failed else turn.seen.value,
        "revision": turn.revision if waits else record.revision,
        "since": instant(turn.begun),
        "message": turn.failed,
    }


def revision(value: Revision, *, in_force: bool, newest: bool) -> Document:
    """A revision that is kept."""
    return {
        "source": value.source,
        "revision": value.revision,
        "digest": value.digest,
        "takenAt": instant(value.taken_at),
        "files": value.files,
        "inForce": in_force,
        "newest": newest,
    }


def source(value: SourceState, rolled_back: Rollback | None = None) -> Document:
    """What is known of a source."""
    return {
        "name": value.name,
        "revision": value.revision,
        "digest": value.digest,
        "conditions": [condition(c) for c in value.conditions],
        "problems": list(value.problems),
        "degraded": value.degraded,
        "rollback": None if rolled_back is None else rollback(rolled_back),
    }


def target(value: TargetState, instances: int, seen: float, next_try: float | None) -> Document:
    """What is known of a target.

    Args:
        value: what is on record.
        instances: how many are declared on it.
        seen: when something on it was looked at last; 0 for never.
        next_try: when somebody tries again to reach it.
    """
    ready = get_condition(value.conditions, ConditionType.READY)
    heard = ready.since if ready is not None and ready.status else 0.0
    return {
        "name": value.name,
        "instances": instances,
        "conditions": [condition(c) for c in value.conditions],
        "connectedSince": instant(value.connected_since),
        "lastSeen": instant(max(seen, heard) or None),
        "nextTry": instant(next_try),
    }


def orphan(value: Instance) -> Document:
    """Something that is ours and declared by nobody, as it was declared last."""
    return {
        "address": value.address,
        "target": value.target,
        "kind": value.kind,
        "subject": value.subject,
        "declaredAt": str(value.origin),
    }


def _history_entry(value: HistoryEntry) -> Document:
    return {**asdict(value), "at": instant(value.at)}


def resource(
    state: ResourceState,
    *,
    targets: Mapping[TargetName, TargetState],
    suspensions: Sequence[Suspension] = (),
    instance: Instance | None = None,
) -> Document:
    """What is known of an instance, with what its target's condition means for it.

    Args:
        state: what is on record.
        targets: what is known of the targets.
        suspensions: those in force.
        instance: as declared, where that is at hand: then the spec is part of the document.
    """
    name, reference = split_address(state.address)
    summary = summarize(state.conditions)
    ready, reason, message = summary.ready, summary.reason.value, summary.message
    said = get_condition(state.conditions, ConditionType.READY)
    if said is not None and said.observed_generation < state.generation:
        ready, reason = None, Reason.PENDING.value
        message = "declared otherwise since it was last looked at"
    lost = next((c for c in targets[name].conditions if not c.status), None) if name in targets else None
    if lost is not None:
        ready, reason, message = (
            None,
            Reason.UNREACHABLE.value,
            (f"last known: {reason}" if state.conditions else "never looked at")
            + f"; {lost.message.removeprefix(f'{name}: ')}",
        )
    held = [s for s in suspensions if covers(s.object, state.address)]
    view: Document = {
        "address": state.address,
        "target": name,
        "kind": reference.partition("/")[0],
        "name": reference.partition("/")[2],
        "ready": {True: "True", False: "False", None: "Unknown"}[ready],
        "reason": reason,
        "message": message,
        "advice": advice(state.address, reason),
        "since": instant(summary.since) if summary.since else None,
        "generation": state.generation,
        "observedGeneration": state.observed_generation,
        "observedAt": instant(state.observed_at) if state.observed_at else None,
        "conditions": [condition(c) for c in state.conditions],
        "history": [_history_entry(entry) for entry in state.history],
    }
    view |= {"subject": state.subject, "declaredAt": state.declared_at}
    if held:
        view["suspended"] = [suspension(s) for s in held]
    if instance is not None:
        view["declaredAt"] = str(instance.origin)
        view["subject"] = instance.subject
        view["metadata"] = {
            "name": instance.metadata.name,
            "namespace": instance.metadata.namespace,
            "labels": dict(instance.metadata.labels),
            "annotations": dict(instance.metadata.annotations),
        }
        view["policy"] = instance.common.policy.value
        view["adopt"] = instance.common.adopt.value
        view["deletion"] = instance.common.deletion.value
        view["require"] = list(instance.common.require)
        view["before"] = list(instance.common.before)
        view["notify"] = list(instance.common.notify)
        view["spec"] = _spec(instance)
        view |= _rendered(instance)
    return view


def _rendered(instance: Instance) -> Document:
    """The fields that were not written out, if there are any."""
    hide = is_sensitive(instance.spec)
    return {"rendered": [one.document(hide=hide) for one in instance.rendered]} if instance.rendered else {}


def _spec(instance: Instance) -> Document:
    """As declared; of a sensitive content not even the digest, by which a short one could be guessed.

    Of a tree only how much it is: nobody reads through a thousand files, and each may have a mode of its own.
    """
    spec = dict(instance.spec)
    if tree := spec.get("tree"):
        spec["tree"] = {"files": len(tree), "size": sum(size for _, size, _ in tree.values())}
    if "body" in spec and is_sensitive(spec):
        spec["body"] = HIDDEN
    return spec


def run(value: Run, units: Iterable[RunUnit]) -> Document:
    """A run with what it set out to do, and what became of it."""
    return {
        "id": value.id,
        "target": value.target,
        "cause": value.cause,
        "revision": value.revision,
        "startedAt": instant(value.started_at),
        "finishedAt": instant(value.finished_at),
        "outcome": value.outcome,
        "message": value.message,
        "units": [
            {
                "address": unit.address,
                "action": unit.action.value,
                "cause": unit.cause.value,
                "diffs": [diff.document() for diff in unit.diffs],
                "outcome": unit.outcome,
                "message": unit.message,
            }
            for unit in units
        ],
    }


def queued(value: QueuedKey) -> Document:
    """What somebody asked for and has not been looked at yet."""
    return {
        "target": value.target,
        "addresses": sorted(value.scope.named),
        "addedAt": instant(value.added_at),
    }


def controllers(shares: Iterable[ControllerShare], targets: Iterable[TargetName]) -> list[Document]:
    """Which of several controllers that share the store works on what."""
    names = sorted(targets)
    return [
        {
            "host": one.holder.host,
            "pid": one.holder.pid,
            "since": instant(one.holder.since),
            "leads": one.leads,
            "targets": [name for name in names if shard_of(name) in one.shards],
        }
        for one in shares
    ]


def counts(resources: Iterable[Document]) -> dict[str, int]:
    """How many instances have each reason."""
    found: dict[str, int] = {}
    for view in resources:
        found[view["reason"]] = found.get(view["reason"], 0) + 1
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))
