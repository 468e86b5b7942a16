"""Rollouts as people see them: a line each, and one of them target by target."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.api import times
from reconciler.api.client import Document
from reconciler.cli.show.tables import Cell, table
from reconciler.cli.terminal import Terminal

_STYLES = {"Complete": "good", "Stopped": "bad", "RolledBack": "bad", "Aborted": "bad"}
_OF_TARGETS = {"Ready": "good", "Failed": "bad", "Awaiting": "dim"}


def rollout_table(
    screen: Terminal, rollouts: Sequence[Document], *, now: float, served: Collection[str] = ()
) -> list[str]:
    """A line for each rollout, with its source where there are several.

    Args:
        screen: where it is shown.
        rollouts: which.
        now: seconds since the epoch.
        served: sources that are shown beside them.
    """
    if not rollouts:
        return []
    several = len({*served, *(view["source"] for view in rollouts)}) > 1
    rows: list[list[Cell]] = [
        [
            ("", view["name"]),
            (_STYLES.get(view["phase"], "warn"), view["phase"]),
            ("", f"{view['wave']}/{view['waves']}"),
            ("", f"{view['reached']}/{view['total']}"),
            ("bad" if view["failed"] else "", f"{view['failed']}"),
            ("", view["revision"]),
            ("", times.age(view["since"], now=now)),
            *([("", view["source"])] if several else []),
            ("", view["message"]),
        ]
        for view in rollouts
    ]
    heads = ["ROLLOUT", "PHASE", "WAVE", "REACHED", "FAILED", "REVISION", "AGE"]
    return table(screen, [*heads, *(["SOURCE"] if several else []), "MESSAGE"], rows)


def rollout_lines(screen: Terminal, rollouts: Sequence[Document], *, now: float) -> list[str]:
    """Each rollout with its targets."""
    lines: list[str] = []
    for view in rollouts:
        lines += [*rollout_table(screen, [view], now=now), ""]
        rows: list[list[Cell]] = [
            [
                ("", turn["target"]),
                ("", str(turn["wave"])),
                (_OF_TARGETS.get(turn["state"], "warn"), turn["state"]),
                ("", turn["revision"] or "-"),
                ("", turn["message"]),
            ]
            for turn in view["targets"]
        ]
        lines += table(screen, ["TARGET", "WAVE", "STATE", "REVISION", "MESSAGE"], rows)
    return lines
