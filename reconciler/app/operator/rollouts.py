"""Rollouts in the statuses of objects: how far one is, and what of a revision waits for its turn.

Invariant: what is as declared where its turn was, and is not elsewhere yet, is not called ready: who waits for an
object waits for all of its targets. What is wrong with what is in force there until then is said before that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from reconciler.api import views
from reconciler.app.operator import statuses
from reconciler.model.rollout import FAILED

if TYPE_CHECKING:
    from reconciler.app.operator.statuses import Status
    from reconciler.model.desired import Desired
    from reconciler.model.rollout import RolloutRecord, RolloutTurn

AWAITING = "AwaitingRollout"
"""The reason of what is not as declared where it is to be, since it is not its turn there."""
TURN = ("target", "wave", "state", "revision", "message")
"""What a status says of a target of a rollout."""
_NO_FURTHER = frozenset(phase.value for phase in FAILED)
_NOTHING: views.Document = {"conditions": [], "history": []}


def of_rollout(view: views.Document) -> Status:
    """Of a Rollout, by how far it is.

    Args:
        view: that, as a document of the API.
    """
    phase, message = view["phase"], view["message"]
    ready = {"Complete": "True", **dict.fromkeys(_NO_FURTHER, "False")}.get(phase, "Unknown")
    conditions = [statuses.condition("Ready", ready, phase, message, None)]
    if ready == "False":
        conditions.append(statuses.condition("Stalled", "True", phase, message, None))
    # A status names ten of them.
    rest = [one for one in view["targets"] if one["state"] != "Ready"]
    rest.sort(key=lambda one: (one["state"] != "Failed", one["state"] == "Awaiting"))
    return {
        "conditions": conditions,
        **{key: view[key] for key in ("phase", "wave", "waves", "paused", "reached", "since")},
        "targets": {
            "total": view["total"],
            "ready": view["total"] - len(rest),
            "failed": view["failed"],
        },
        "turns": [{key: one[key] for key in TURN} for one in rest[: statuses.WORST]],
        "revision": view["revision"],
    }


def with_turns(
    found: Mapping[str, list[views.Document]],
    desired: Desired,
    records: Iterable[RolloutRecord],
    declared: Collection[str],
) -> Mapping[str, list[views.Document]]:
    """What is known of instances, with what waits for its turn.

    Args:
        found: by the object that declares them.
        desired: what is in force of the source.
        records: how far its rollouts are.
        declared: the objects that its newest revision has.
    """
    pinned = {turn.target: (record, turn) for record in records for turn in record.pinned}
    turns = {name: one for name, one in pinned.items() if name in desired.elsewhere}
    if not turns:
        return found
    there = {view["address"] for those in found.values() for view in those}
    made = defaultdict(list)
    for path, those in found.items():
        for view in those:
            waits = view["address"] in desired.awaiting or path not in declared
            said = _said(*turns[view["target"]]) if waits and view["target"] in turns else {}
            made[path].append(view if view["ready"] != "True" else {**view, **said})
    for address, one in desired.awaiting.items():
        if one.target in turns and address not in there:
            made[one.origin.file].append({**_NOTHING, "target": one.target, **_said(*turns[one.target])})
    return made


def _said(record: RolloutRecord, turn: RolloutTurn) -> views.Document:
    there = f"revision {turn.revision} is in force there" if turn.revision else "nothing is in force there"
    said = {"reason": AWAITING, "since": views.instant(record.since)}
    if record.phase in FAILED:
        why = f"the rollout {record.name} goes no further ({record.phase.value}); {there}"
        return {**said, "ready": "False", "message": why}
    wave = f"wave {turn.wave + 1} of {record.waves} of the rollout {record.name}"
    return {**said, "ready": "Unknown", "message": f"its turn is in {wave}; until then {there}"}
