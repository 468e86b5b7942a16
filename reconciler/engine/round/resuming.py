"""Concluding what came of operations that outlasted their rounds and have ended since."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.retry import requeue_error
from reconciler.engine.lane.lane import Lane
from reconciler.engine.lane.preimages import NOTHING
from reconciler.engine.round.carrying import Carrying
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.under_way import LongOperation, UnderWay
from reconciler.model.conditions import Reason
from reconciler.model.names import Address
from reconciler.model.plan import Cause


async def resume(
    ended: Iterable[LongOperation],
    lane: Lane,
    *,
    journal: Journal,
    carrying: Carrying,
    under_way: UnderWay,
) -> list[Address]:
    """Conclude what came of `ended`; returns the instances about which that could be done.

    Args:
        ended: what was taken from `under_way`.
        lane: their target, as it is held in memory.
        journal: of this round.
        carrying: looks at what was done.
        under_way: gets back what cannot be concluded now.

    Raises:
        TransportError: the session was lost. A later round concludes the rest.
    """
    concluded: list[Address] = []
    left = list(ended)
    try:
        while left:
            concluded += await _resume(left.pop(0), lane, journal, carrying)
    except BaseException:
        for operation in left:
            under_way.put(operation)
        raise
    return concluded


async def _resume(
    operation: LongOperation, lane: Lane, journal: Journal, carrying: Carrying
) -> Iterable[Address]:
    units, task = operation.units, operation.task
    journal.take_over(operation.tally, units, operation.preimages)
    # Where it was not declared in between, all else is forgotten by now.
    before_us = {
        address: digest
        for address, digest in operation.preimages.items()
        if units[address].cause is Cause.ADOPT or digest == NOTHING
    }
    lane.recall_preimages(operation.instances, before_us)
    lane.manage_anew(
        lane.declared.beside({address: operation.instances[address] for address in operation.units})
    )
    if task.cancelled() or task.exception() is not None:
        why = "it was cut off" if task.cancelled() else str(task.exception())
        for address in units:
            journal.outcome(address, Reason.PENDING, f"not known what came of it, looked at again: {why}")
        return ()
    declared = {
        address: unit
        for address, unit in units.items()
        if (one := lane.instances.get(address)) is not None and one.digest == unit.desired
    }
    carried = task.result()
    for address in (one for one in units if one not in declared):
        fault, why = carried.applied[address].fault, "declared otherwise before it had ended"
        if fault is None:
            journal.outcome(address, Reason.PENDING, why)
            continue
        if not fault.partial:
            journal.preimages.spare(address)
        journal.outcome(address, requeue_error(fault, now=0.0).reason, f"{why}: {fault}")
    await carrying.conclude(declared, operation.owed, carried)
    return declared
