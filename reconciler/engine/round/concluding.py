"""Concluding something about an instance: its conditions, what follows for others, and a warning where that is news.

Invariant: whatever a round concludes about an instance goes through `conclude`. This module must not know why.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from reconciler.core import conditions, reasons
from reconciler.core.reasons import LEFT_ALONE
from reconciler.engine import wording
from reconciler.engine.attributing import who
from reconciler.engine.lane.lane import Lane
from reconciler.engine.report import Report
from reconciler.engine.round.outcome import RoundOutcome
from reconciler.engine.round.services import Services
from reconciler.model.conditions import Reason, Verdict
from reconciler.model.evidence import Evidence
from reconciler.model.names import Address
from reconciler.model.plan import PlanUnit


class Conclusions:
    """Those of one round.

    Args:
        lane: the target, as it is held in memory.
        report: says what is concluded.
        outcome: what the round leads to; added to.
        services: what the round works with.
    """

    def __init__(self, lane: Lane, report: Report, outcome: RoundOutcome, services: Services) -> None:
        self._lane = lane
        self._report = report
        self._outcome = outcome
        self._services = services

    def conclude(self, address: Address, verdict: Verdict) -> bool:
        """Set the conditions of an instance, and note what follows; whether that is news.

        What fails as it had failed before it was tried again is none, however long the try took.
        """
        state, attempts = self._lane.states[address], self._lane.attempts
        if state.held is not None and verdict.reason not in reasons.ASKS:
            self._report.put(replace(state, held=None))
        if goes_on := verdict.reason is Reason.APPLYING:
            attempts.goes_on(address, generation=state.generation, said=self.summary(address).reason)
        news = self._report.conclude(address, verdict)
        self._services.progress.ended(address)
        if not goes_on:
            said = attempts.said_before(address, generation=state.generation)
            news = news and (verdict.ready or verdict.reason is not said)
            attempts.concluded(address, ready=verdict.ready)
        if verdict.ready:
            self._lane.unsettled.wait_no_more(address)
        if verdict.ready and news:
            self._outcome.woken |= {
                edge.dependent
                for edge in self._lane.graph.dependents.get(address, ())
                if self.summary(edge.dependent).reason is Reason.DEPENDENCY_NOT_READY
            }
        return news

    def summary(self, address: Address) -> conditions.Summary:
        """What is known of an instance, in short."""
        return conditions.summarize(self._lane.states[address].conditions)

    def passes(self, address: Address) -> bool:
        """Whether what depends on an instance may go on. What people decided to leave alone holds nobody up."""
        summary = self.summary(address)
        return summary.ready or summary.reason in LEFT_ALONE

    def broken_above(self, members: Collection[Address]) -> set[Address]:
        """What `members` depend on, is not among them, and is not in sync."""
        broken: set[Address] = set()
        seen, stack = set(members), list(members)
        while stack:
            for edge in self._lane.graph.dependencies.get(stack.pop(), ()):
                if edge.dependency in seen:
                    continue
                seen.add(edge.dependency)
                stack.append(edge.dependency)
                if not self.passes(edge.dependency):
                    broken.add(edge.dependency)
        return broken

    def warn(
        self, unit: PlanUnit, reason: Reason, message: str, evidence: Evidence | None, *, untold: int = 0
    ) -> None:
        """Say that something is left as somebody has made it."""
        said, advice = who(evidence), wording.advice(unit.address, reason)
        self._report.event(
            unit.address,
            reason.value,
            message
            + (f"; {advice}" if advice else "")
            + (f"; last changed {said}" if said else "")
            + (f"; {wording.untold(untold, 'changed')} before" if untold else ""),
            warning=True,
            cause=unit.cause,
            evidence=evidence,
            data={**details(unit), **({"times": untold + 1} if untold else {})},
        )


def differing(unit: PlanUnit) -> list[str]:
    """The fields for whose sake it is done."""
    return [diff.field for diff in unit.diffs if not diff.ignored]


def details(unit: PlanUnit) -> dict[str, object]:
    """What an event keeps of a plan, for machines."""
    found: dict[str, object] = {
        "action": unit.action.value,
        "diffs": [diff.document() for diff in unit.diffs],
    }
    return {**found, "decisions": [*unit.ruling.decisions]} if unit.ruling.decisions else found
