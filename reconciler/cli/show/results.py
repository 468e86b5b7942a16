"""What an apply did, as people read it, and as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.cli.phrases import DRIFT, advised, count, nothing_to_do, without_name
from reconciler.cli.show.fleets import grouped
from reconciler.cli.show.messages import message_lines
from reconciler.cli.show.plans import REFRESH, named, spoken
from reconciler.cli.terminal import Terminal
from reconciler.core.visible import one_line
from reconciler.engine.wording import advice
from reconciler.model.conditions import Reason
from reconciler.model.envelope import envelope

if TYPE_CHECKING:
    from reconciler.core.conditions import Summary
    from reconciler.engine.single.oneshot import TargetResult
    from reconciler.model.event import Event
    from reconciler.model.names import Address

Document = dict[str, Any]

_SIGNS = {
    "Created": ("good", "+"),
    "Updated": ("warn", "~"),
    "Removed": ("bad", "-"),
    "Restored": ("warn", "↶"),
    "Repaired": ("warn", DRIFT),
    "Refreshed": ("warn", REFRESH),
}

_COUNTED = ("Created", "Repaired", "Removed", "Refreshed")
_WAITS = Reason.DEPENDENCY_NOT_READY.value


def result_document(
    results: Sequence[TargetResult],
    events: Mapping[str, Sequence[Event]],
    subjects: Mapping[Address, str],
    *,
    seconds: float,
) -> Document:
    """What came of it, as a document.

    Args:
        results: target by target.
        events: by address, those that say what was done to it, in order.
        subjects: by address, what it is about on its target, such as its path.
        seconds: that it took.
    """
    targets: list[Document] = []
    for result in results:
        changed = []
        for address in result.changed:
            told = {"address": address, "subject": subjects.get(address, "")}
            for event in events.get(address, ()):
                entry = {**told, "reason": event.reason, "message": event.message}
                changed.append(entry | ({"cause": event.cause} if event.cause else {}))
            if address not in events:
                changed.append({**told, "reason": "Updated", "message": "changed"})
        targets.append(
            {
                "target": result.target,
                "instances": result.instances,
                "changed": changed,
                "failed": [_entry(address, known, subjects) for address, known in result.failed.items()],
                "left": [_entry(address, known, subjects) for address, known in result.left.items()],
                "error": result.error,
            }
        )
    return {
        **envelope("ApplyResult"),
        "changed": sum(len(result.changed) for result in results),
        "failed": sum(len(entry["failed"]) for entry in targets),
        "unreachable": sum(bool(entry["error"]) for entry in targets),
        "left": sum(len(entry["left"]) for entry in targets),
        "instances": sum(entry["instances"] for entry in targets),
        "seconds": round(seconds, 3),
        "targets": targets,
    }


def _entry(address: Address, known: Summary, subjects: Mapping[Address, str]) -> Document:
    """What is said of an instance: the reason for programs, the message for people."""
    entry = {
        "address": address,
        "subject": subjects.get(address, ""),
        "reason": known.reason.value,
        "message": known.message,
    }
    return entry | ({"advice": said} if (said := advice(address, known.reason)) else {})


def result_lines(screen: Terminal, document: Document) -> list[str]:
    """What was changed, what failed, and what was left alone; what is the same on several targets once."""
    lines: list[str] = []
    for targets, block in grouped(_blocks(screen, document)):
        lines += [screen.paint("bold", screen.fit(one_line(", ".join(targets)))), *block]
    for entry in document["targets"]:
        if entry["error"]:
            name, why = one_line(entry["target"]), one_line(without_name(entry["target"], entry["error"]))
            lines.append(f"{screen.paint('bold', name)}  {screen.paint('bad', why)}")
    return lines


def _blocks(screen: Terminal, document: Document) -> Iterator[tuple[str, Sequence[str]]]:
    """The lines of each thing that is told, with its target."""
    for entry in document["targets"]:
        for change in () if screen.quiet else entry["changed"]:
            style, sign = _SIGNS.get(change["reason"], ("warn", "~"))
            name = _name(change)
            said = screen.fit(change["message"], len(name) + 6)
            yield entry["target"], [f"  {screen.paint(style, sign)} {name}  {said}"]
        for what, style, sign in (("left", "note", "!"), ("failed", "bad", "✘")):
            for found in entry[what]:
                first, *rest = message_lines(screen, _without_subject(found), indent="      ")
                yield entry["target"], [f"  {screen.paint(style, sign)} {_name(found)}  {first}", *rest]


def _name(entry: Document) -> str:
    return named(entry["address"].partition("/")[2], entry)


def _without_subject(entry: Document) -> str:
    """What is said, without what it is about where that stands beside it already."""
    return without_name(spoken(entry), advised(entry))


def result_summary(screen: Terminal, document: Document) -> str:
    """All of it in one line."""
    changed, failed, left = document["changed"], document["failed"], document["left"]
    targets, lost = len(document["targets"]), document["unreachable"]
    if not (changed or failed or left or lost):
        return nothing_to_do(document["instances"], targets)
    reasons = [change["reason"] for entry in document["targets"] for change in entry["changed"]]
    parts = [f"{number:,} {reason.lower()}" for reason in _COUNTED if (number := reasons.count(reason))]
    other = sum(reason not in _COUNTED for reason in reasons)
    if other or not parts:
        parts.append(f"{other:,} changed")
    waits = sum(one["reason"] == _WAITS for entry in document["targets"] for one in entry["failed"])
    if failed > waits:
        parts.append(screen.paint("bad", f"{failed - waits:,} failed"))
    if waits:
        parts.append(screen.paint("bad", f"{waits:,} waiting"))
    if left:
        parts.append(f"{left:,} left alone")
    unknown = sum(entry["instances"] for entry in document["targets"] if entry["error"])
    told = sum(
        len({one["address"] for what in ("changed", "failed", "left") for one in entry[what]})
        for entry in document["targets"]
        if not entry["error"]
    )
    parts.append(f"{document['instances'] - told - unknown:,} as declared before")
    where = f"on {count(targets, 'target')}"
    if lost:
        where += f", {screen.paint('bad', f'{lost} of them unreachable')}"
    return f"Applied: {', '.join(parts)}, {where} ({document['seconds']:.1f} s)"
