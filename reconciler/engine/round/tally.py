"""How the units of one run have ended so far: what a run as a whole is called.

A run whose slow operations outlast its round ends more than once, the last time when they have: later rounds add to the
tally what came of them. Invariant: what has failed is not made good by what ends well later.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from reconciler.core import reasons
from reconciler.model.conditions import Reason
from reconciler.model.names import TargetName
from reconciler.model.plan import Cause
from reconciler.store.records import Run


def run_of(
    id_: str, target: TargetName, causes: Collection[Cause], revision: str, *, now: float, units: int
) -> Run:
    """A run that begins, because of these causes."""
    cause = next(iter(causes)).value if len(causes) == 1 else "mixed"
    return Run(id=id_, target=target, cause=cause, revision=revision, started_at=now, units=units)


@dataclass(slots=True, eq=False)
class Tally:
    """That of one run.

    Attributes:
        run: its id.
        done: how many units have ended well.
        failed: how many have not.
        under_way: how many outlast the round, and have not ended yet.
        outcome: of the run as a whole: that of the first that has failed.
    """

    run: str
    done: int = 0
    failed: int = 0
    under_way: int = 0
    outcome: str = Reason.APPLIED.value

    def add(self, outcome: str) -> None:
        """One more unit has ended."""
        if outcome in reasons.DONE:
            self.done += 1
            return
        if not self.failed:
            self.outcome = outcome
        self.failed += 1

    def __str__(self) -> str:
        parts = (
            f"{self.done} applied",
            f"{self.failed} failed" if self.failed else "",
            f"{self.under_way} under way" if self.under_way else "",
        )
        return ", ".join(filter(None, parts))
