"""Refreshes as parts of a plan: what is done once because something else has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import replace

from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.observing import Observed
from reconciler.model.names import Address
from reconciler.model.owed import Owed
from reconciler.model.plan import Action, Cause, Operation, PlanUnit
from reconciler.model.resource import Policy


def refreshing(lane: Lane, reading: Observed, owed: Collection[Owed]) -> PlanUnit:
    """What refreshing an instance takes, for all that it is owed for.

    Args:
        lane: the target.
        reading: the instance as it is.
        owed: what it is owed.
    """
    instance = lane.instances[reading.address]
    return PlanUnit(
        address=reading.address,
        action=Action.REFRESH,
        cause=Cause.REFRESH,
        diffs=(),
        operation=Operation(
            reading.address,
            Action.REFRESH,
            payload={
                "spec": instance.spec,
                "id": identity(lane.refreshes.named(reading.address)),
                "causes": sorted(one.cause for one in owed),
            },
        ),
        desired=instance.digest,
        observed=reading.digest,
    )


def foreseen(lane: Lane, units: Collection[PlanUnit]) -> tuple[PlanUnit, ...]:
    """A plan with what would have to be refreshed because of it, or has to be already."""
    owed = {unit.address for unit in units if lane.refreshes.of(unit.address)}
    changing = {
        unit.address
        for unit in units
        if unit.action is not Action.NONE and unit.held is None and not unit.fails
    }
    due = owed | lane.declared.notified_by(owed | changing)
    return tuple(
        replace(unit, action=Action.REFRESH, cause=Cause.REFRESH)
        if unit.action is Action.NONE
        and not unit.is_moot
        and unit.address in due
        and _may_be_touched(lane, unit.address)
        else unit
        for unit in units
    )


def _may_be_touched(lane: Lane, address: Address) -> bool:
    return lane.instances[address].common.policy is Policy.ENFORCE


def identity(owed: Iterable[Owed]) -> str:
    """Names one refresh: the same for each attempt at it, another one as soon as anything has changed again."""
    parts = sorted(f"{one.address}\n{one.cause}\n{one.run}" for one in owed)
    return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()[:32]
