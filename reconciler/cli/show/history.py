"""Runs: what was set out to be done on a target, why, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.api import times
from reconciler.cli.phrases import count
from reconciler.cli.show.messages import message_lines
from reconciler.cli.show.plans import REFRESH, diff_lines
from reconciler.cli.terminal import Terminal
from reconciler.core.reasons import DONE
from reconciler.core.spoken import duration
from reconciler.core.visible import one_line
from reconciler.model.conditions import Reason

Document = dict[str, Any]

_SIGNS = {
    "create": ("good", "+"),
    "update": ("warn", "~"),
    "delete": ("bad", "-"),
    "refresh": ("warn", REFRESH),
}


def history_lines(screen: Terminal, history: Document, *, now: float) -> list[str]:
    """Runs, and the rollbacks between them, in the order in which they came about."""
    told = [(run["startedAt"], run_lines(screen, [run], now=now)) for run in history["items"]]
    told += [(event["at"], [_rollback_line(screen, event, now=now)]) for event in history["rollbacks"]]
    return [line for _, lines in sorted(told, key=lambda one: one[0]) for line in lines]


def _rollback_line(screen: Terminal, event: Document, *, now: float) -> str:
    name = event["object"].removeprefix("Source")
    return (
        f"{screen.paint('dim', times.clock(event['at'], now=now))} {screen.paint('warn', '↶')} "
        f"{screen.paint('bold', one_line(name))}  {one_line(event['message'])}"
    )


def run_lines(screen: Terminal, runs: Sequence[Document], *, now: float) -> list[str]:
    """Runs with their units; what differed only when more is to be said."""
    lines: list[str] = []
    for run in runs:
        good = run["outcome"] in DONE
        sign = screen.paint("good", "✔") if good else screen.paint("bad" if run["outcome"] else "warn", "✘")
        took = (
            times.seconds(run["finishedAt"]) - times.seconds(run["startedAt"]) if run["finishedAt"] else None
        )
        # Of what was cut off, the end is when somebody noticed.
        lasted = "" if took is None or run["outcome"] == Reason.ABANDONED else f" in {duration(took)}"
        ended = "" if took is None else f"{run['message'] or run['outcome']}{lasted}"
        told = ended or "not ended: under way, or cut off"
        lines.append(
            f"{screen.paint('dim', times.clock(run['startedAt'], now=now))} {sign} "
            f"{screen.paint('bold', one_line(run['target']))}  {run['cause']}, "
            f"{count(len(run['units']), 'instance')}: {one_line(told)}"
            f"  {screen.paint('dim', 'revision ' + one_line(run['revision']))}"
        )
        for unit in run["units"]:
            style, mark = _SIGNS.get(unit["action"], ("dim", " "))
            name = one_line(unit["address"].partition("/")[2])
            outcome = unit["outcome"] or "in doubt"
            said, *more = message_lines(screen, unit["message"], indent="        ")
            lines.append(
                f"    {screen.paint(style, mark)} {name}  "
                f"{screen.paint('dim' if outcome in DONE else 'bad', outcome)}{said and f': {said}'}"
            )
            lines += more
            if screen.verbose:
                lines += diff_lines(screen, unit["diffs"], indent="        ")
    return lines
