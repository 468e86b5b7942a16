"""Keeping what is concluded outside of any round, and ending on record what an earlier controller left open.

Invariant: what was said is on record in one transaction with what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from reconciler.engine.report import Report
from reconciler.model.conditions import Reason
from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.state import ResourceState, SourceState, TargetState
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


async def settle_in_doubt(
    store: Store,
    report: Report,
    *,
    transactions: Collection[str],
    ours: Callable[[TargetName], bool] = lambda _target: True,
) -> Mapping[Address, ResourceState]:
    """Say of every operation that an earlier controller left in doubt that it is observed again, and end its runs.

    Args:
        store: where they are on record.
        report: says it.
        transactions: the kinds of which several instances are one operation. It goes on by itself, and what it brings
            along, or takes, though that is declared otherwise, is nobody's drift.
        ours: whether a target is: what is under way on another one is the controller's that works on that.

    Returns:
        What is known now of what it may bring along or take.
    """
    unfinished = [run for run in await store.unfinished_runs() if ours(run.target)]
    in_doubt = [unit for unit in await store.in_doubt() if ours(split_address(unit.address)[0])]
    if not unfinished and not in_doubt:
        return {}
    beside = await _beside(store, {unit.address for unit in in_doubt}, transactions)
    batch = Batch().put_states(beside.values())
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
    return beside


async def _beside(
    store: Store, in_doubt: Collection[Address], transactions: Collection[str]
) -> dict[Address, ResourceState]:
    """What is of a kind and on a target of which a transaction is in doubt, as of what was not seen as declared."""
    doubtful = {_kind(address) for address in in_doubt}
    if not any(kind in transactions for _, kind in doubtful):
        return {}
    return {
        address: replace(state, observed=None)
        for address, state in (await store.load_states()).items()
        if state.observed is not None
        and address not in in_doubt
        and _kind(address)[1] in transactions
        and _kind(address) in doubtful
    }


def _kind(address: Address) -> tuple[TargetName, str]:
    target, ref = split_address(address)
    return target, ref.partition("/")[0]
