"""How all is, on one screen: what is not as declared, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.api import times
from reconciler.cli.phrases import advised, count, nobody_looks
from reconciler.cli.show.resources import READY, named, source_table, suspension_lines, target_table
from reconciler.cli.show.rollouts import rollout_table
from reconciler.cli.show.tables import Cell, table
from reconciler.cli.terminal import Terminal
from reconciler.core.reasons import AS_DECLARED
from reconciler.core.visible import one_line
from reconciler.model.conditions import Reason

Document = dict[str, Any]

SHOWN = 30
"""Targets that a status lists."""


SPOKEN = {
    Reason.PENDING: "not looked at yet",
    Reason.APPLYING: "at work",
    Reason.DEPENDENCY_NOT_READY: "waiting for another one",
    "AwaitingRollout": "waiting for their turn in a rollout",
    Reason.DIFFERS: "observed to differ",
    Reason.HELD: "held for approval",
    Reason.PRUNE_HELD: "to go once that is approved",
    Reason.POLICY_DENIED: "denied by policy",
    Reason.POLICY_HELD: "held for approval by policy",
    Reason.PAUSED: "paused",
    Reason.SUSPENDED: "suspended",
    Reason.CONTESTED: "fought about",
    Reason.DID_NOT_CONVERGE: "not made so by its apply",
    Reason.UNREACHABLE: "not reachable",
    Reason.UNHEALTHY: "not well",
    Reason.TRANSIENT_ERROR: "failed and tried again",
    Reason.THROTTLED: "told to wait",
    Reason.CONFLICT: "changed meanwhile",
    Reason.PERMANENT_ERROR: "failed for good",
    Reason.ABANDONED: "cut off",
}
"""Reasons as a person says them, behind a number."""


def status_lines(screen: Terminal, status: Document, *, now: float, where: str) -> list[str]:
    """How everything is, in short; `where` is the store that it is from, "" where that was said already."""
    lines: list[str] = []
    inner = screen.indented(2)
    if not status["live"] and where:
        lines += [
            screen.paint("warn", nobody_looks(one_line(where))),
            "",
        ]
    if status["problems"]:
        lines.append(screen.paint("bold", "Problems of the daemon"))
        for name, trouble in status["problems"].items():
            told = f"{one_line(name)}: {one_line(trouble)}"
            lines += _indented(inner.wrapped(told))
        lines.append("")
    lines += _section(screen, "Sources", source_table(inner, status["sources"], now=now))
    served = [one["name"] for one in status["sources"]]
    lines += _section(screen, "Rollouts", rollout_table(inner, status["rollouts"], now=now, served=served))
    if status["targets"]:
        lines.append(screen.paint("bold", "Targets"))
        shown = target_table(inner, status["targets"][:SHOWN], now=now, live=status["live"])
        lines += _indented(shown)
        if len(status["targets"]) > SHOWN:
            lines.append(f"  … and {count(len(status['targets']) - SHOWN, 'more target')}: froyo get targets")
        lines.append("")
    if status["controllers"]:
        table = controller_table(inner, status["controllers"], now=now)
        lines += _section(screen, "Controllers", table)
    if status["suspensions"]:
        table = suspension_lines(inner, status["suspensions"], now=now)
        lines += _section(screen, "Suspensions", table)
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


def controller_table(screen: Terminal, controllers: Sequence[Document], *, now: float) -> list[str]:
    """A line for each of those that share the store."""
    rows: list[list[Cell]] = [
        [
            ("", f"{view['host']} (pid {view['pid']})"),
            ("", "leads" if view["leads"] else "follows"),
            ("", times.age(view["since"], now=now)),
            ("", f"{len(view['targets']):,}"),
            ("", " ".join(view["targets"])),
        ]
        for view in controllers
    ]
    return table(screen, ["CONTROLLER", "STATE", "AGE", "COUNT", "TARGETS"], rows)


def _not_ready(screen: Terminal, views: Sequence[Document]) -> list[str]:
    """What is not as declared: in a table, or where the terminal is too narrow for messages, in two lines each."""
    rows: list[list[Cell]] = [
        [(READY[view["ready"]], view["reason"]), ("", named(view)), ("", advised(view))] for view in views
    ]
    lines = table(screen, ["REASON", "RESOURCE", "MESSAGE"], rows, key=1)
    if "MESSAGE" in lines[0]:
        return lines
    lines = []
    for view in views:
        reason = screen.paint(READY[view["ready"]], view["reason"])
        told = screen.fit(advised(view), len(view["reason"]) + 4)
        lines += [one_line(named(view)), f"  {reason}: {told}"]
    return lines


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


def _section(screen: Terminal, title: str, shown: list[str]) -> list[str]:
    """Lines with what they are about above them, if there are any."""
    return [screen.paint("bold", title), *_indented(shown), ""] if shown else []


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
