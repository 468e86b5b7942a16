"""Keeping what is concluded outside of any round, and ending on record what an earlier controller left open.

Invariant: what was said is on record in one transaction with what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.engine.report import Report
from reconciler.model.conditions import Reason
from reconciler.model.names import Address, TargetName
from reconciler.model.state import SourceState, TargetState
from reconciler.store.batch import Batch
from reconciler.store.records import UnitOutcome
from reconciler.store.store import Store


async def store_report(
    store: Store,
    report: Report,
    *,
    targets: Iterable[TargetState] = (),
    sources: Iterable[SourceState] = (),
    forget: Iterable[Address] = (),
    forget_targets: Iterable[TargetName] = (),
) -> None:
    """Keep what was concluded outside of any round, in one transaction.

    Args:
        store: where it is kept.
        report: states and events.
        targets: what is known of targets now.
        sources: what is known of sources now.
        forget: instances of which nothing is known any more.
        forget_targets: the same for targets.
    """
    batch = Batch().put_states(report.changed.values()).add_events(report.events).forget_states(forget)
    for target in targets:
        batch.put_target_state(target)
    for source in sources:
        batch.put_source_state(source)
    for name in forget_targets:
        batch.forget_target(name)
    await store.write(batch)


async def settle_in_doubt(store: Store, report: Report) -> None:
    """Say of every operation that an earlier controller left in doubt that it is observed again, and end its runs."""
    unfinished, in_doubt = await store.unfinished_runs(), await store.in_doubt()
    if not unfinished and not in_doubt:
        return
    batch = Batch()
    doubtful: dict[str, list[UnitOutcome]] = {}
    told: set[Address] = set()
    for unit in in_doubt:
        message = "was being applied when the controller ended; observed again now"
        if unit.address not in told:
            told.add(unit.address)
            report.event(unit.address, "Abandoned", message, warning=True, cause=unit.cause)
        doubtful.setdefault(unit.run, []).append(UnitOutcome(unit.address, Reason.ABANDONED.value, message))
    for run in unfinished:
        outcomes = doubtful.pop(run.id, [])
        batch.settle(run.id, outcomes)
        batch.finish_run(
            run.id,
            at=report.now(),
            outcome=Reason.ABANDONED.value,
            message=f"interrupted: {len(outcomes)} of {run.units} in doubt",
        )
    for ended, outcomes in doubtful.items():  # what outlasted its round, whose run had ended
        batch.settle(ended, outcomes)
    await store.write(batch.add_events(report.events))
