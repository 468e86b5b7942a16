"""A measured figure, beside its limit and its budget, and the table that they are printed in."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure.

    Attributes:
        what: was measured.
        measured: in `unit`.
        unit: such as "s" or "ms".
        limit: what the machine itself takes for the same, measured in the same run; None where there is no such thing.
        budget: what it may be, in the same unit; None where it is only told.
        note: more about how it was measured.
    """

    what: str
    measured: float
    unit: str
    limit: float | None = None
    budget: float | None = None
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether it is within its budget."""
        return None if self.budget is None else self.measured <= self.budget


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Sequence[float], part: float) -> float:
    """The value that `part` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def table(rows: Iterable[Row]) -> str:
    """All rows, aligned."""
    lines = [("what", "limit", "measured", "budget", "ratio", "", "")]
    for row in rows:
        limit = "" if row.limit is None else f"{row.limit:.3g} {row.unit}"
        budget = "" if row.budget is None else f"{row.budget:.3g} {row.unit}"
        ratio = "" if not row.limit else f"{row.measured / row.limit:.2g}x"
        verdict = {None: "", True: "kept", False: "MISSED"}[row.kept]
        lines.append((row.what, limit, f"{row.measured:.3g} {row.unit}", budget, ratio, verdict, row.note))
    widths = [max(len(line[column]) for line in lines) for column in range(7)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
