"""What is known of a source, and how that is said: condition, event and log together, and on record.

Invariant: what could not be stored is shown for as long as it is so, and is said again when the source is begun anew.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.engine import wording
from reconciler.engine.intake.wanted import Taken
from reconciler.engine.report import Report
from reconciler.engine.round.journal import store_report
from reconciler.model.conditions import Reason, Verdict
from reconciler.model.desired import Desired
from reconciler.model.names import SourceName
from reconciler.model.source import Snapshot
from reconciler.model.state import SourceState
from reconciler.runtime import Runtime
from reconciler.store.store import Store


class Telling:
    """See the module.

    Args:
        name: of the source.
        store: keeps it.
        runtime: gives the time.

    Attributes:
        state: what is known of the source, and stored.
    """

    def __init__(self, name: SourceName, store: Store, runtime: Runtime) -> None:
        self.state = SourceState(name=name)
        self._unkept: SourceState | None = None
        self._store = store
        self._runtime = runtime

    @property
    def shown(self) -> SourceState:
        """How the source is, also where that could not be stored."""
        return self._unkept or self.state

    def in_force(self, snapshot: Snapshot) -> None:
        """That was in force when an earlier controller ended, and is again: no news."""
        self.state = replace(self.state, revision=snapshot.revision, digest=snapshot.digest)

    async def watched(self, degraded: str) -> None:
        """Say that changes are seen only at rescans, and why, or at once again; the source is as Ready as it was."""
        report = Report(self._runtime.now, {})
        report.event(
            self.state.object,
            "WatchDegraded" if degraded else "Recovered",
            f"{degraded}; only looked at from time to time" if degraded else "watched again",
            warning=bool(degraded),
        )
        await self._keep(report, replace(self.state, degraded=degraded))

    async def say(
        self,
        *,
        ready: bool,
        reason: Reason,
        message: str,
        state: SourceState,
        event: str = "",
        told: str = "",
    ) -> None:
        """Say how the source is, where that is news.

        Args:
            ready: whether what it says is in force, or what a person has rolled it back to.
            reason: why, or why not.
            message: for a person.
            state: what is known of it now.
            event: what has happened, where that is more than that it is ready or not; then it is always said.
            told: what is said of that, where it is something else.
        """
        report = Report(self._runtime.now, {})
        state = report.conclude_on(state, Verdict(ready=ready, reason=reason, message=message))
        if state == self.state and not event:
            self._unkept = None
            return
        report.event(
            state.object,
            event or ("SourceReady" if ready else "SourceBroken"),
            told or message,
            warning=not ready,
            data={"problems": list(state.problems), "revision": state.revision},
        )
        await self._keep(report, state)

    async def _keep(self, report: Report, state: SourceState) -> None:
        self._unkept = state
        await store_report(self._store, report, sources=[state])
        # Only now: what could not be stored is said again when the source is begun anew.
        self.state, self._unkept = state, None


def in_force(desired: Desired, taken: Taken | None, *, rolled_back: bool = False) -> str:
    """What is in force, with what follows for what is declared no longer, in words for a person."""
    told = ""
    if taken is not None:
        told = wording.no_longer_declared(len(taken.left), taken.removals.values(), rolled_back=rolled_back)
    return (
        f"revision {desired.revision} is in force: {wording.count(len(desired.instances), 'instance')} "
        f"on {wording.count(len(desired.targets), 'target')}"
        + (f"; {told}" if told else "")
        + wording.warned(desired.warnings)
    )
