"""What is known of resources, targets, sources and suspensions: in tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.api import times
from reconciler.cli.here import from_here
from reconciler.cli.phrases import advised, count, without_name
from reconciler.cli.show.plans import spoken
from reconciler.cli.show.tables import Cell, table
from reconciler.cli.terminal import Terminal
from reconciler.core.visible import one_line

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
                ("", from_here(view.get("declaredAt") or "-")),
                ("", ", ".join(entry["object"] for entry in view.get("suspended", ())) or "-"),
            ]
        rows.append([*row, ("", advised(view))])
    return table(screen, header, rows)


def named(view: Document) -> str:
    """A resource, or as many of its target as are the same; or on how many targets that are not named."""
    if "instances" in view:
        return f"{view['address']} on {count(view['instances'], 'target')}"
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
    if ready["status"] == "Unknown":
        return "dim", "unknown", ready["message"]
    if ready["status"] == "False":
        return "bad", "unreachable", without_name(view["name"], ready["message"]) + _next_try(view, now=now)
    if not live:
        return "dim", "last seen", f"{ready['message']}, {times.clock(view['lastSeen'], now=now)}"
    told = f"{ready['message']}, for {times.age(view['connectedSince'], now=now)}"
    degraded = next((c for c in view["conditions"] if c["type"] == "WatchDegraded"), None)
    if degraded is not None:
        return "warn", "connected", f"{told}; {degraded['message']}"
    return "good", "connected", told


def _next_try(view: Document, *, now: float) -> str:
    """How long it is until somebody tries again, as the end of a sentence; "" where nobody does."""
    if not view["nextTry"]:
        return ""
    left = times.seconds(view["nextTry"]) - now
    return f"; next try in {times.span(left)}" if left >= 1 else "; next try now"


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


def alert_table(screen: Terminal, alerts: Sequence[Document], *, now: float) -> list[str]:
    """A line for each alert."""
    rows: list[list[Cell]] = []
    for view in alerts:
        told = view["error"]
        if view["failures"]:
            told = f"not taken {count(view['failures'], 'time')}: {told}{_next_try(view, now=now)}"
        elif told:
            told = f"given up: {told}"
        rows.append(
            [
                ("", view["name"]),
                ("bad" if view["failures"] else "good", "failing" if view["failures"] else "well"),
                ("warn" if view["firing"] else "", f"{view['firing']:,}"),
                ("", f"{view['waiting']:,}"),
                ("", f"{view['sent']:,}"),
                ("warn" if view["dropped"] else "", f"{view['dropped']:,}"),
                ("", view["way"] or "-"),
                ("", told or (f"last {times.age(view['sentAt'], now=now)} ago" if view["sentAt"] else "")),
            ]
        )
    header = ["ALERT", "STATE", "FIRING", "WAITING", "SENT", "GIVEN UP", "BY", "MESSAGE"]
    return table(screen, header, rows)


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
