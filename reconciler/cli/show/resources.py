"""What is known of resources, targets, sources and suspensions: in tables, and everything about one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.api import times
from reconciler.cli.here import from_here
from reconciler.cli.phrases import count, without_name
from reconciler.cli.show.events import event_lines
from reconciler.cli.show.messages import message_lines
from reconciler.cli.show.plans import diff_lines, spoken
from reconciler.cli.show.tables import Cell, table
from reconciler.cli.terminal import Terminal
from reconciler.core.reasons import AS_DECLARED
from reconciler.core.visible import one_line
from reconciler.model.conditions import Reason

Document = dict[str, Any]

READY = {"True": "good", "False": "bad", "Unknown": "warn"}


def resource_table(screen: Terminal, resources: Sequence[Document], *, now: float, wide: bool) -> list[str]:
    """A line for each resource."""
    header = ["RESOURCE", "READY", "REASON", "AGE"]
    if wide:
        header += ["SUBJECT", "GENERATION", "OBSERVED", "DECLARED AT", "SUSPENDED"]
    header.append("MESSAGE")
    rows: list[list[Cell]] = []
    for view in resources:
        style = READY[view["ready"]]
        row: list[Cell] = [
            ("", named(view)),
            (style, view["ready"]),
            ("" if view["ready"] == "True" else style, view["reason"]),
            ("", times.age(view["since"], now=now)),
        ]
        if wide:
            row += [
                ("", spoken(view) or "-"),
                ("", f"{view['observedGeneration']}/{view['generation']}"),
                ("", times.age(view["observedAt"], now=now)),
                ("", from_here(view.get("declaredAt", "-"))),
                ("", ", ".join(entry["object"] for entry in view.get("suspended", ())) or "-"),
            ]
        rows.append([*row, ("", view["message"])])
    return table(screen, header, rows)


def named(view: Document) -> str:
    """A resource, or as many of its target as are the same."""
    if not view.get("more"):
        return str(view["address"])
    return f"{view['target']}: {count(1 + view['more'], 'resource')}"


def target_table(screen: Terminal, targets: Sequence[Document], *, now: float, live: bool) -> list[str]:
    """A line for each target."""
    rows: list[list[Cell]] = []
    for view in targets:
        style, state, message = target_state(view, now=now, live=live)
        rows.append([("", view["name"]), (style, state), ("", f"{view['instances']:,}"), ("", message)])
    return table(screen, ["TARGET", "STATE", "INSTANCES", "MESSAGE"], rows)


def target_state(view: Document, *, now: float, live: bool) -> tuple[str, str, str]:
    """A style, one word, and a sentence on how a target is."""
    ready = next((c for c in view["conditions"] if c["type"] == "Ready"), None)
    if ready is None:
        return ("dim", "connecting", "") if live else ("dim", "unknown", "only a daemon keeps track of it")
    if ready["status"] == "False":
        return "bad", "unreachable", without_name(view["name"], ready["message"])
    if not live:
        return "dim", "last seen", f"{ready['message']}, {times.clock(view['lastSeen'], now=now)}"
    told = f"{ready['message']}, for {times.age(view['connectedSince'], now=now)}"
    degraded = next((c for c in view["conditions"] if c["type"] == "WatchDegraded"), None)
    if degraded is not None:
        return "warn", "connected", f"{told}; {degraded['message']}"
    return "good", "connected", told


def source_table(screen: Terminal, sources: Sequence[Document], *, now: float) -> list[str]:
    """A line for each source, one for what it was rolled back to, and one for each of its problems."""
    lines: list[str] = []
    for view in sources:
        rollback = _rolled_back(view, now=now)
        ready = next((c for c in view["conditions"] if c["type"] == "Ready"), None)
        good = ready is not None and ready["status"] == "True"
        sign = screen.paint("good", "●") if good else screen.paint("bad", "✘")
        if ready is None and rollback:
            sign = screen.paint("warn", "●")
        told = (
            f"{one_line(view['name'])}  {one_line(ready['message'] if ready else 'not read by a daemon yet')}"
        )
        first, *rest = screen.wrapped(told, by=2)
        lines += [f"{sign} {first}", *(f"  {line}" for line in rest)]
        problems = (("bad", from_here(problem)) for problem in view["problems"])
        for style, text in (("warn", rollback), *problems, ("warn", view["degraded"])):
            if text:
                lines += [f"    {screen.paint(style, line)}" for line in screen.wrapped(one_line(text), by=4)]
    return lines


def _rolled_back(view: Document, *, now: float) -> str:
    """What a source was rolled back to, by whom, why, until when, and how that is ended; "" where it was not."""
    rollback = view["rollback"]
    if rollback is None:
        return ""
    until = rollback["until"]
    if until is None:
        ends = "until that is ended"
    elif times.seconds(until) <= now:
        ends = f"until {times.clock(until, now=now)}, which is over: the next apply, or the daemon, goes on"
    else:
        ends = f"until {times.clock(until, now=now)}"
    return (
        f"rolled back to {rollback['revision']} by {rollback['by']} {ends}: {rollback['reason']};"
        f" to end it: froyo rollback --end --source {view['name']}"
    )


def revision_table(screen: Terminal, revisions: Sequence[Document], *, now: float) -> list[str]:
    """A line for each revision that is kept, the newest last."""
    rows: list[list[Cell]] = []
    for view in revisions:
        state = " and ".join(
            word for word, so in (("in force", view["inForce"]), ("newest", view["newest"])) if so
        )
        rows.append(
            [
                ("", view["revision"]),
                ("", times.clock(view["takenAt"], now=now)),
                ("", f"{view['files']:,}"),
                ("good" if view["inForce"] else "dim", state or "-"),
                ("", view["source"]),
            ]
        )
    return table(screen, ["REVISION", "SINCE", "FILES", "STATE", "SOURCE"], rows)


def broken_sources(screen: Terminal, sources: Sequence[Document], *, now: float) -> list[str]:
    """The sources whose newest state is not the one in force, and why: what else is shown is from before."""
    broken = [
        view
        for view in sources
        if view["rollback"] is not None or any(c["status"] == "False" for c in view["conditions"])
    ]
    return source_table(screen, broken, now=now)


def orphan_table(screen: Terminal, orphans: Sequence[Document]) -> list[str]:
    """A line for each orphan."""
    rows: list[list[Cell]] = [
        [
            ("", view["address"]),
            ("", view["subject"].removeprefix("path:")),
            ("dim", from_here(view["declaredAt"])),
        ]
        for view in orphans
    ]
    return table(screen, ["RESOURCE", "SUBJECT", "WAS DECLARED AT"], rows)


def suspension_lines(screen: Terminal, suspensions: Sequence[Document], *, now: float) -> list[str]:
    """A line for each suspension."""
    rows: list[list[Cell]] = [
        [
            ("", "all" if view["object"] == "*" else view["object"]),
            ("", view["by"]),
            ("", times.clock(view["since"], now=now)),
            ("", times.clock(view["until"], now=now) if view["until"] else "resumed"),
            ("", view["reason"]),
        ]
        for view in suspensions
    ]
    return table(screen, ["OBJECT", "BY", "SINCE", "UNTIL", "REASON"], rows)


def description(screen: Terminal, view: Document, events: Sequence[Document], *, now: float) -> list[str]:
    """Everything about one resource."""

    def head(title: str) -> str:
        return screen.paint("bold", title)

    lines = [f"{head('Resource')}    {one_line(view['address'])}"]
    if spoken(view):
        lines.append(f"{head('Subject')}     {one_line(spoken(view))}")
    if view.get("declaredAt"):
        lines.append(f"{head('Declared at')} {one_line(from_here(view['declaredAt']))}")
    ready = screen.paint(READY[view["ready"]], view["ready"])
    first, *rest = message_lines(screen, view["message"], indent=" " * 12)
    lines += [f"{head('Ready')}       {ready}, {view['reason']}: {first}", *rest]
    lines.append(
        f"{head('Generation')}  {view['generation']}, observed {view['observedGeneration']}, "
        f"seen so for {times.age(view['observedAt'], now=now)}"
        if view["observedAt"]
        else f"{head('Generation')}  {view['generation']}, not observed in sync yet"
    )
    for entry in view.get("suspended", ()):
        until = f" until {times.clock(entry['until'], now=now)}" if entry["until"] else ""
        lines.append(
            f"{head('Suspended')}   {one_line(entry['object'])} by {one_line(entry['by'])}"
            f" since {times.clock(entry['since'], now=now)}{until}: {one_line(entry['reason'])}"
        )
    if view.get("metadata", {}).get("labels"):
        labels = ", ".join(f"{key}={value}" for key, value in sorted(view["metadata"]["labels"].items()))
        lines.append(f"{head('Labels')}      {one_line(labels)}")
    if view.get("require"):
        lines.append(f"{head('Requires')}    {one_line(', '.join(view['require']))}")
    if "spec" in view:
        lines += ["", head("Spec")]
        lines += _mapping({**view["spec"], "policy": view["policy"], "adopt": view["adopt"]})
    return lines + _past(screen, view, events, now=now)


def _past(screen: Terminal, view: Document, events: Sequence[Document], *, now: float) -> list[str]:
    """How it came to be as it is."""

    def head(title: str) -> str:
        return screen.paint("bold", title)

    lines = ["", head("Conditions")]
    for condition in view["conditions"]:
        since = times.clock(condition["lastTransitionTime"], now=now)
        lines.append(
            f"  {condition['type']}={condition['status']}  {condition['reason']}  since {since}  "
            f"{one_line(condition['message'])}"
        )
    if not view["conditions"]:
        lines.append("  none yet: it has not been looked at")
    lines += ["", head("What was done last")]
    for entry in reversed(view["history"]):
        lines.append(
            f"  {times.clock(entry['at'], now=now)}  {entry['outcome']}  {one_line(entry['message'])}"
            f"  {screen.paint('dim', entry['cause'])}"
        )
    if not view["history"]:
        lines.append("  nothing")
    if events:
        lines += ["", head("Last events")]
        lines += [f"  {line}" for line in event_lines(screen, events, now=now)]
        diffs = next((e["data"]["diffs"] for e in reversed(events) if e.get("data", {}).get("diffs")), None)
        if diffs:
            lines += ["", head("What differed last")]
            lines += diff_lines(screen, diffs, indent="  ")
    return lines


def _mapping(value: dict[str, Any], indent: str = "  ") -> list[str]:
    lines = []
    width = max((len(key) for key in value), default=0)
    for key, found in value.items():
        if isinstance(found, dict) and found and "digest" not in found:
            lines.append(f"{indent}{one_line(key)}:")
            lines += _mapping(found, indent + "  ")
        elif isinstance(found, dict) and "digest" in found:
            told = f"{found['digest']} ({found.get('size', '?')} B)"
            lines.append(f"{indent}{one_line(key):<{width}}  {one_line(told)}")
        elif isinstance(found, list):
            lines.append(f"{indent}{one_line(key):<{width}}  {one_line(', '.join(map(str, found))) or '[]'}")
        else:
            text = str(found).lower() if isinstance(found, bool) else str(found)
            lines.append(f"{indent}{one_line(key):<{width}}  {one_line(text)}")
    return lines


def status_lines(screen: Terminal, status: Document, *, now: float, where: str) -> list[str]:
    """How everything is, in short; `where` is the store that it is from, "" where that was said already."""
    lines: list[str] = []
    inner = screen.indented(2)
    if not status["live"] and where:
        lines += [
            screen.paint("warn", f"no daemon runs; this is what the store in {one_line(where)} knows"),
            "",
        ]
    if status["problems"]:
        lines.append(screen.paint("bold", "Problems of the daemon"))
        for name, trouble in status["problems"].items():
            told = f"{one_line(name)}: {one_line(trouble)}"
            lines += _indented(inner.wrapped(told))
        lines.append("")
    if status["sources"]:
        lines += [
            screen.paint("bold", "Sources"),
            *_indented(source_table(inner, status["sources"], now=now)),
            "",
        ]
    if status["targets"]:
        lines.append(screen.paint("bold", "Targets"))
        shown = target_table(inner, status["targets"][:SHOWN], now=now, live=status["live"])
        lines += _indented(shown)
        if len(status["targets"]) > SHOWN:
            lines.append(f"  … and {count(len(status['targets']) - SHOWN, 'more target')}: froyo get targets")
        lines.append("")
    if status["suspensions"]:
        lines.append(screen.paint("bold", "Suspensions"))
        lines += [*_indented(suspension_lines(inner, status["suspensions"], now=now)), ""]
    if status["notReady"]:
        lines.append(screen.paint("bold", "Not as declared"))
        lines += _indented(_not_ready(inner, status["notReady"]))
        told = sum(1 + view["more"] for view in status["notReady"])
        if left := status["instances"] - status["ready"] - told:
            lines.append(f"  … and {count(left, 'more resource')}: froyo get")
        lines.append("")
    if status["contested"]:
        lines.append(screen.paint("bold", "Put back again and again"))
        lines += [*_indented(_not_ready(inner, status["contested"])), ""]
    lines.append(summary(screen, status))
    return lines


def _not_ready(screen: Terminal, views: Sequence[Document]) -> list[str]:
    """What is not as declared: in a table, or where the terminal is too narrow for messages, in two lines each."""
    rows: list[list[Cell]] = [
        [(READY[view["ready"]], view["reason"]), ("", named(view)), ("", view["message"])] for view in views
    ]
    lines = table(screen, ["REASON", "RESOURCE", "MESSAGE"], rows, key=1)
    if "MESSAGE" in lines[0]:
        return lines
    lines = []
    for view in views:
        reason = screen.paint(READY[view["ready"]], view["reason"])
        told = screen.fit(view["message"], len(view["reason"]) + 4)
        lines += [one_line(named(view)), f"  {reason}: {told}"]
    return lines


SHOWN = 30
"""Targets that a status lists."""


SPOKEN = {
    Reason.PENDING: "not looked at yet",
    Reason.APPLYING: "at work",
    Reason.DEPENDENCY_NOT_READY: "waiting for another one",
    Reason.DIFFERS: "observed to differ",
    Reason.HELD: "held for approval",
    Reason.PRUNE_HELD: "to go once that is approved",
    Reason.PAUSED: "paused",
    Reason.SUSPENDED: "suspended",
    Reason.CONTESTED: "fought about",
    Reason.DID_NOT_CONVERGE: "not made so by its apply",
    Reason.UNREACHABLE: "not reachable",
    Reason.TRANSIENT_ERROR: "failed and tried again",
    Reason.THROTTLED: "told to wait",
    Reason.CONFLICT: "changed meanwhile",
    Reason.PERMANENT_ERROR: "failed for good",
    Reason.ABANDONED: "cut off",
}
"""Reasons as a person says them, behind a number."""


def summary(screen: Terminal, status: Document) -> str:
    """The one line."""
    ready, total = status["ready"], status["instances"]
    if not total:
        return "nothing is known of any instance yet"
    others = [
        f"{number:,} {SPOKEN.get(reason, reason)}"
        for reason, number in status["counts"].items()
        if reason not in AS_DECLARED
    ]
    style = "good" if ready == total else "warn"
    text = f"{ready:,} of {count(total, 'instance')} as declared"
    return f"{screen.paint(style, text)} ({', '.join(others)})" if others else screen.paint(style, text)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
