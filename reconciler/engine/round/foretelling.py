"""Of what is planned, what would fail, and why: what stands in its way now, or would be left as it is above it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from reconciler.core.obstacles import standing
from reconciler.core.reasons import LEFT_ALONE
from reconciler.engine import wording
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.advice import told
from reconciler.model.names import Address, split_address
from reconciler.model.plan import Action, Obstacle, PlanUnit


def foretold(
    lane: Lane, units: Collection[PlanUnit], broken: Collection[Address], *, uid: int
) -> list[PlanUnit]:
    """The units, with why those that would fail do.

    Args:
        lane: the target.
        units: what is planned.
        broken: what could not be planned.
        uid: as whom it would be done.
    """
    changes = {
        unit.address: unit.operation.obstacles
        for unit in units
        if unit.action is not Action.NONE and unit.held is None
    }
    left = {
        unit.address
        for unit in units
        if unit.action is not Action.NONE and unit.held is not None and unit.held not in LEFT_ALONE
    }
    failing = standing(changes, lane.instances, lane.graph, broken={*broken, *left})

    def why(failure: Obstacle | Address | None) -> str:
        if failure is None:
            return ""
        if isinstance(failure, Obstacle):
            return told(failure.fault, lane.target, uid=uid)
        reason = wording.LEFT if failure in left else "which would fail"
        return f"waits for {split_address(failure)[1]}, {reason}"

    return [replace(one, fails=why(failing.get(one.address))) for one in units]
