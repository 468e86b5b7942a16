"""What is said of a rollout as it goes on: events of its source, each once."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.core.spoken import some
from reconciler.engine.report import Report
from reconciler.model.event import Event
from reconciler.model.names import source_object
from reconciler.model.rollout import FAILED, RolloutPhase, RolloutRecord


def tell(before: RolloutRecord | None, after: RolloutRecord, now: Callable[[], float]) -> list[Event]:
    """What has happened to a rollout between two of its records."""
    report, object_ = Report(now, {}), source_object(after.source)
    data = {"rollout": after.name, "revision": after.revision, "phase": after.phase.value}

    def say(reason: str, message: str, *, warning: bool = False) -> None:
        report.event(object_, reason, f"rollout {after.name}: {message}", warning=warning, data=data)

    had = set() if before is None else {t.target for t in before.turns.values() if t.begun is not None}
    new = [turn.target for turn in after.turns.values() if turn.begun is not None and turn.target not in had]
    if new:
        say("RolloutWave", f"wave {after.wave + 1} of {after.waves}: {after.revision} reaches {some(new)}")
    if before is not None and before.phase is after.phase:
        return report.events
    if after.phase is RolloutPhase.AWAITING_PROMOTION:
        say("RolloutWaits", after.message)
    elif after.phase in FAILED:
        say("RolloutStopped", f"{after.revision} goes no further: {after.message}", warning=True)
    elif after.phase is RolloutPhase.COMPLETE and after.turns:
        say("RolloutComplete", after.message)
    return report.events
