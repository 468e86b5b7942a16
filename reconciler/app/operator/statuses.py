"""What the status of a cluster's object says: documents, made of what is concluded about what the object declares.

Invariant: what is said of an object depends on what is known and on nothing else, so that equal knowledge makes equal
documents, and nothing need be written. So no time is part of one that moves while nothing happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.api import views
from reconciler.engine.wording import REASONS
from reconciler.model.conditions import ConditionType, Reason
from reconciler.model.plan import Action

if TYPE_CHECKING:
    from reconciler.model.conditions import Condition
    from reconciler.model.facts import Facts

INVALID = "Invalid"
"""The reason of an object that is wrong in itself, or needs what there is not."""

WORST = 10
"""How many targets a status names."""

_MESSAGE_MAX = 4096
_DIFF_MAX = 4096
_HISTORY = 5
_ENTRY_MAX = 256
_TYPES = frozenset(type_.value for type_ in ConditionType)
_ABNORMAL = tuple(type_.value for type_ in ConditionType if type_ is not ConditionType.READY)

Status = dict[str, Any]


def condition(type_: str, status: str, reason: str, message: str, since: str | None = None) -> Status:
    """A condition, without the generation that it is about; since when, may not be on record."""
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": _cut(message, _MESSAGE_MAX),
        "lastTransitionTime": since,
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def of_instances(found: Sequence[views.Document], revision: str) -> Status:
    """Of an object that is something on targets.

    Args:
        found: what is known of its instances, as documents of the API.
        revision: that is in force.
    """
    # What is wrong before what is not known: a status names ten of them.
    worst = sorted((one for one in found if one["ready"] != "True"), key=lambda one: one["ready"] != "False")
    shown = worst[0] if worst else found[0]
    alone = len(found) == 1
    since = max((one["since"] for one in found if one["since"]), default=None)
    said = shown["message"] if alone or not worst else f"{shown['target']}: {shown['message']}"
    return {
        "conditions": [
            condition("Ready", shown["ready"], shown["reason"], said, since),
            *_abnormal(found),
        ],
        "target": found[0]["target"] if alone else f"{len(found)} targets",
        "targets": {
            "total": len(found),
            "ready": len(found) - len(worst),
            "failed": sum(one["ready"] == "False" for one in found),
            "worst": [{key: one[key] for key in ("target", "reason", "message")} for one in worst[:WORST]],
        },
        "revision": revision,
        **_done(found),
    }


def _done(found: Sequence[views.Document]) -> Status:
    """What was done last, as far as that is on record: of all targets together, the newest first.

    What is said of a change is what its event says: fields, and of those that are sensitive the name alone.
    """
    # Two of one time have an order, too: else equal knowledge could make another document.
    rounds = sorted(
        ((entry, one["target"]) for one in found for entry in one["history"]),
        key=lambda each: (each[0]["at"], each[1]),
        reverse=True,
    )
    if not rounds:
        return {}
    said: Status = {
        "history": [
            {
                **{key: entry[key] for key in ("at", "cause", "outcome", "revision")},
                "target": target,
                "message": _cut(entry["message"], _ENTRY_MAX),
            }
            for entry, target in rounds[:_HISTORY]
        ]
    }
    changes = [(entry, target) for entry, target in rounds if entry["outcome"] != REASONS[Action.REFRESH]]
    if changes:
        entry, target = changes[0]
        message = entry["message"] if len(found) == 1 else f"{target}: {entry['message']}"
        said["lastDiff"] = _cut(message, _DIFF_MAX)
    return said


def _abnormal(found: Sequence[views.Document]) -> Iterable[Status]:
    """What else is to be said: of each type the first, and on how many targets it is so."""
    for type_ in _ABNORMAL:
        said = [(one, c) for one in found for c in one["conditions"] if c["type"] == type_]
        if said:
            view, first = said[0]
            more = f", and {len(said) - 1} more" if len(said) > 1 else ""
            message = first["message"] if len(found) == 1 else f"{view['target']}: {first['message']}{more}"
            yield condition(type_, "True", first["reason"], message, first["lastTransitionTime"])


def of_nobody(revision: str, *, waiting: Sequence[str]) -> Status:
    """Of an object that is in force and for no target.

    Args:
        revision: that is in force.
        waiting: the targets that nothing is known of yet.
    """
    ready = condition("Ready", "True", Reason.IN_SYNC, "it is for no target: none is selected")
    if waiting:
        names = ", ".join(waiting[:WORST])
        ready = condition("Ready", "Unknown", Reason.PENDING, f"waits for the facts of {names}")
    return {
        "conditions": [ready],
        "target": "0 targets",
        "targets": {"total": 0, "ready": 0, "failed": 0, "worst": []},
        "revision": revision,
    }


def of_target(
    view: views.Document, instances: Sequence[views.Document], facts: Facts | None, revision: str
) -> Status:
    """Of a Target.

    Args:
        view: what is known of it, as a document of the API.
        instances: of what is declared on it.
        facts: what it is, as far as that is known.
        revision: that is in force.
    """
    conditions = [
        condition(c["type"], c["status"], c["reason"], c["message"], c["lastTransitionTime"])
        for c in view["conditions"]
    ]
    if not any(one["type"] == "Ready" for one in conditions):
        said = "nobody has reached it yet" if instances else "nothing is declared on it, so nobody reaches it"
        conditions = [condition("Ready", "Unknown", Reason.PENDING, said), *conditions]
    ready = Counter(one["ready"] for one in instances)
    status: Status = {
        "conditions": conditions,
        "instances": {
            "total": len(instances),
            "ready": ready["True"],
            "failed": ready["False"],
            "unknown": ready["Unknown"],
            "drifted": sum(any(c["type"] == "Drifted" for c in one["conditions"]) for one in instances),
        },
        "revision": revision,
    }
    if facts and (known := _summary(facts)):
        status["facts"] = known
    if view["connectedSince"]:
        status["connectedSince"] = view["connectedSince"]
    elif view["lastSeen"]:
        # Only where it is not seen any more: else it would be another one with every look.
        status["lastSeen"] = view["lastSeen"]
    return status


def _summary(facts: Facts) -> Status:
    wanted = {
        "os": ("os", "name"),
        "kernel": ("kernel", "release"),
        "architecture": ("cpu", "arch"),
        "hostname": ("network", "hostname"),
        "virtualization": ("virtualization", "kind"),
    }
    sections: Mapping[str, Mapping[str, Any]] = {f"{name}": one for name, one in facts.sections.items()}
    found = {name: sections.get(section, {}).get(fact) for name, (section, fact) in wanted.items()}
    return {name: f"{value}" for name, value in found.items() if value}


def of_source(conditions: Sequence[Condition], revision: str) -> Status:
    """Of a Source, by what is known of the place that it names."""
    shown = [views.condition(one) for one in conditions]
    said = [
        condition(c["type"], c["status"], c["reason"], c["message"], c["lastTransitionTime"]) for c in shown
    ] or [condition("Ready", "Unknown", Reason.PENDING, "not looked at yet")]
    return {"conditions": said, "revision": revision}


def of_waiting(why: str) -> Status:
    """Of an object that is right, and not in force, since others of its namespace are not.

    Args:
        why: not.
    """
    return {
        "conditions": [
            condition("Ready", "Unknown", Reason.PENDING, f"waits for others of its namespace: {why}")
        ]
    }


def of_values(message: str, revision: str) -> Status:
    """Of what is there for others to read, such as values, and is right."""
    return {"conditions": [condition("Ready", "True", Reason.IN_SYNC, message)], "revision": revision}


def of_wrong(why: str, before: Status | None) -> Status:
    """Of an object that is wrong.

    Args:
        why: for who wrote it.
        before: of its last good version, if that counts.
    """
    counts = "; the last good version counts until then" if before is not None else ""
    ready = condition("Ready", "False", INVALID, f"{why}{counts}")
    others = [one for one in (before or {}).get("conditions", ()) if one["type"] not in {"Ready", "Stalled"}]
    return {**(before or {}), "conditions": [ready, condition("Stalled", "True", INVALID, why), *others]}


def settled(status: Status, generation: int, before: Mapping[str, Any] | None, *, now: str) -> Status:
    """A status as it is written.

    A condition that has not changed has not changed either when it was written in another life of the operator.

    Args:
        status: without the generation.
        generation: of the object that it is about.
        before: what the object's status says until now.
        now: since when what is not on record is so, unless it has been said before.
    """
    known = {one.get("type"): one for one in (before or {}).get("conditions") or ()}
    conditions = []
    for one in status["conditions"]:
        old = known.get(one["type"])
        since = one["lastTransitionTime"] or now
        if old is not None and old.get("status") == one["status"] and old.get("lastTransitionTime"):
            since = old["lastTransitionTime"]
        elif old is not None and since <= (old.get("lastTransitionTime") or ""):
            since = now  # it became so when what was said meanwhile was so no longer
        conditions.append({**one, "lastTransitionTime": since, "observedGeneration": generation})
    return {"observedGeneration": generation, **status, "conditions": conditions}


def same(before: Mapping[str, Any] | None, now: Status) -> bool:
    """Whether it says what is there: the revision alone, that others have made, is nothing new.

    A condition of a type that is none of ours is somebody else's, and nothing to us; nor is their order.
    """
    return before is not None and _ours(before) == _ours(now)


def _ours(status: Mapping[str, Any]) -> Status:
    conditions = {one.get("type"): one for one in status.get("conditions") or ()}
    ours = {type_: one for type_, one in conditions.items() if type_ in _TYPES}
    return {**status, "revision": "", "conditions": ours}
