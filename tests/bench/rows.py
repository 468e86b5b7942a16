"""A measured figure beside its limit and its budget, and the forms in which it is told: a table, JSON, Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

HEADS = ("what", "limit", "measured", "budget", "ratio", "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure.

    Attributes:
        what: was measured.
        measured: in `unit`.
        unit: such as "s" or "ms".
        limit: what the machine itself takes for the same, measured in the same run; None where there is no such thing.
        budget: what it may be, in the same unit; None where it is only told.
        aim: what the budget is to become; None where that is all.
        note: how it was measured, where that needs saying.
    """

    what: str
    measured: float
    unit: str
    limit: float | None = None
    budget: float | None = None
    aim: float | None = None
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether it is within its budget; None where there is none."""
        return None if self.budget is None else self.measured <= self.budget

    @property
    def verdict(self) -> str:
        """In words."""
        if self.kept and self.aim is not None and self.measured > self.aim:
            return "kept, aim not yet"
        return {None: "", True: "kept", False: "MISSED"}[self.kept]

    @property
    def document(self) -> dict[str, Any]:
        """For machines."""
        return {**asdict(self), "kept": self.kept}

    @property
    def cells(self) -> tuple[str, ...]:
        """For people, as HEADS says."""
        limit = "" if self.limit is None else f"{_figure(self.limit)} {self.unit}"
        budget = "" if self.budget is None else f"{_figure(self.budget)} {self.unit}"
        budget += "" if self.aim is None else f", then {_figure(self.aim)}"
        ratio = f"{self.measured / self.limit:.2g}x" if self.limit else ""
        return (
            self.what,
            limit,
            f"{_figure(self.measured)} {self.unit}",
            budget,
            ratio,
            self.verdict,
            self.note,
        )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Sequence[float], part: float) -> float:
    """The value that `part` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def table(rows: Iterable[Row]) -> str:
    """All rows, aligned."""
    lines = [HEADS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown(rows: Iterable[Row]) -> str:
    """All rows, as a table of Markdown."""
    lines = [HEADS, ("---",) * len(HEADS), *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
