"""Rows ↔ values of rollouts: how far each is, and what it is for each of its targets.

The same invariants as in `reconciler.store.codec`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.model.names import Digest, SourceName, TargetName
from reconciler.model.rollout import RolloutName, RolloutPhase, RolloutRecord, RolloutTurn, TargetSeen
from reconciler.store.codec import Row, document, parse

_HEAD = (
    *("revision", "digest", "since", "phase", "message", "wave", "waves"),
    *("well_since", "unwell_since", "promoted", "full", "paused"),
)
_TURN = ("wave", "entry", "wanted", "revision", "begun", "clock", "seen", "done", "failed")


def record_row(record: RolloutRecord) -> Row:
    """For PUT_ROLLOUT: all but its turns."""
    whole = {name: getattr(record, name) for name in _HEAD}
    return {"source": record.source, "name": record.name, "document": document(whole)}


def turn_row(record: RolloutRecord, turn: RolloutTurn) -> Row:
    """For PUT_TURN."""
    return {
        "source": record.source,
        "rollout": record.name,
        "target": turn.target,
        "snapshot": turn.before,
        "document": document({name: getattr(turn, name) for name in _TURN}),
    }


def records(rows: Iterable[Sequence[Any]], turns: Iterable[Sequence[Any]]) -> list[RolloutRecord]:
    """From ROLLOUTS and TURNS."""
    of: dict[tuple[SourceName, RolloutName], dict[TargetName, RolloutTurn]] = {}
    for source, name, target, snapshot, text in turns:
        of.setdefault((source, name), {})[target] = _turn(target, snapshot, parse(text))
    return [replace(_record(*row), turns=of.get((row[0], row[1]), {})) for row in rows]


def _record(source: SourceName, name: RolloutName, text: str) -> RolloutRecord:
    known = _known(_HEAD, parse(text))
    known["phase"] = RolloutPhase(known.get("phase", RolloutPhase.PROGRESSING))
    known["digest"] = Digest(known["digest"])
    return RolloutRecord(source=source, name=name, **known)


def _turn(target: TargetName, snapshot: int | None, whole: Mapping[str, Any]) -> RolloutTurn:
    known = _known(_TURN, whole)
    known["seen"] = TargetSeen(known.get("seen", TargetSeen.READY))
    return RolloutTurn(target=target, before=snapshot, **known)


def _known(names: Iterable[str], whole: Mapping[str, Any]) -> dict[str, Any]:
    return {name: whole[name] for name in names if name in whole}
