"""What a run without a loop has learned about the targets: which it has reached, and which not, and why.

Invariant: what a target is asked for and does not answer leaves a trace. An instance that is declared on a target which
could not be reached is on record from then on, as not looked at, and so is its target with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from reconciler.core.conditions import get_condition, next_generation
from reconciler.engine.intake.wanted import Wanted
from reconciler.engine.loop.reachability import reached as said
from reconciler.engine.report import Report
from reconciler.model.conditions import ConditionType, Reason, Verdict
from reconciler.model.names import SourceName, TargetName
from reconciler.model.resource import Instance
from reconciler.model.state import ResourceState, TargetState
from reconciler.store.batch import Batch
from reconciler.store.store import Store


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of an attempt to reach a target.

    Attributes:
        ready: whether there was a session until all was done.
        message: as whom, or why not.
    """

    ready: bool
    message: str


async def account(
    store: Store,
    *,
    wanted: Mapping[TargetName, Wanted],
    reached: Mapping[TargetName, Reached],
    now: Callable[[], float],
) -> Batch:
    """What is to be put on record about the targets.

    Args:
        store: with what is on record so far.
        wanted: how each target should be.
        reached: what came of the attempts, by target.
        now: the wall clock.
    """
    targets = await store.load_target_states()
    lost = {name for name, attempt in reached.items() if not attempt.ready}
    report = Report(now, dict(await store.load_states()) if lost else {})
    batch = Batch()
    for name, attempt in reached.items():
        known = targets.get(name) or TargetState(name=name)
        batch.put_target_state(_said(known, attempt, report))
    for name in sorted(lost):
        for address, instance in wanted[name].instances.items():
            report.put(_declared(report.states.get(address), instance, wanted[name].sources[address]))
            if instance.removal is not None and instance.removal.hold:
                report.conclude(address, Verdict(reason=Reason.PRUNE_HELD, message=instance.removal.hold))
    return batch.put_states(report.changed.values()).add_events(report.events)


def _said(known: TargetState, attempt: Reached, report: Report) -> TargetState:
    """What is known of a target after an attempt to reach it; how it went is reported where that is news."""
    before = get_condition(known.conditions, ConditionType.READY)
    news = before is None or before.status != attempt.ready
    news = news and not (before is None and attempt.ready)
    # Each run has a session of its own: one that was had is newer than the one before, and has ended, too.
    known = said(report, known, attempt.message, ready=attempt.ready, news=news, anew=attempt.ready)
    return replace(known, connected_since=None)


def _declared(known: ResourceState | None, instance: Instance, source: SourceName) -> ResourceState:
    """What is known of an instance that could not be looked at: what was known, at what is declared now."""
    if known is None:
        return ResourceState.unseen(instance, source)
    return next_generation(known, instance.digest).at(instance, source)
