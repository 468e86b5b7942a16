"""What is known of a source, and how that is said: condition, event and log together, and on record.

One method a verdict. Invariant: what could not be stored is shown for as long as it is so, and is said again when the
source is begun anew.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.engine import wording
from reconciler.engine.intake.wanted import Taken
from reconciler.engine.keeping import store_report
from reconciler.engine.report import Report
from reconciler.errors import ConfigError
from reconciler.model.conditions import Reason, Verdict
from reconciler.model.desired import Desired
from reconciler.model.names import SourceName
from reconciler.model.source import Snapshot
from reconciler.model.state import Rollback, SourceState
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

    def restored(self, snapshot: Snapshot) -> None:
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

    async def taken(
        self, snapshot: Snapshot, desired: Desired, taken: Taken | None, over: Rollback | None
    ) -> None:
        """A snapshot has come to be in force.

        Args:
            snapshot: which.
            desired: what it declares.
            taken: what follows from it.
            over: what the source was rolled back to until now.
        """
        ended = "" if over is None else f"the rollback to {over.revision} is over; "
        await self._say(
            Verdict(reason=Reason.IN_SYNC, message=_in_force(desired), ready=True),
            replace(self.state, revision=snapshot.revision, digest=snapshot.digest, problems=()),
            event="RollbackEnded" if ended else "",
            told=ended + _in_force(desired, taken),
        )

    async def rolled_back(
        self, rollback: Rollback, snapshot: Snapshot, desired: Desired, *, broken: bool
    ) -> None:
        """A person has put an earlier snapshot in force again.

        Args:
            rollback: their wish.
            snapshot: which.
            desired: what it declares.
            broken: whether the source itself says something that is wrong.
        """
        reason = Reason.PERMANENT_ERROR if broken else Reason.IN_SYNC
        await self._say(
            Verdict(reason=reason, message=_in_force(desired), ready=not broken),
            replace(self.state, revision=snapshot.revision, digest=snapshot.digest),
            event="RolledBack",
            told=wording.rolled_back(rollback),
        )

    async def waits(self, snapshot: Snapshot, rollback: Rollback, stays: str) -> None:
        """A snapshot is right, and waits for the end of a rollback; what `stays` says is in force."""
        message = f"{stays} ({rollback.revision}), and {snapshot.revision}, which is right, waits"
        verdict = Verdict(reason=Reason.IN_SYNC, message=message, ready=True)
        await self._say(verdict, replace(self.state, problems=()))

    async def emptied(self, snapshot: Snapshot, stays: str) -> None:
        """A snapshot declares nothing at all any more; what `stays` says is in force."""
        verdict = Verdict(reason=Reason.HELD, message=f"{snapshot.revision} declares nothing at all; {stays}")
        await self._say(verdict, replace(self.state, problems=(wording.EMPTIED,)))

    async def refused(self, snapshot: Snapshot, error: ConfigError, stays: str) -> None:
        """A snapshot is wrong; what `stays` says is in force."""
        problems = tuple(str(problem.within(snapshot.root)) for problem in error.problems)
        message = f"{wording.count(len(problems), 'problem')} in {snapshot.revision}; {stays}"
        verdict = Verdict(reason=Reason.PERMANENT_ERROR, message=message)
        await self._say(verdict, replace(self.state, problems=problems))

    async def unserved(self) -> None:
        """Nothing says any more that the source is to be served, and it is not."""
        message = (
            "no Source is about it any more, so it is not served; what it declared stays as it is, and on record until:"
            f" froyo forget {self.state.name}"
        )
        await self._say(Verdict(reason=Reason.PENDING, message=message), self.state, event="Orphaned")

    async def unreadable(self, why: str, stays: str) -> None:
        """The source cannot be read; what `stays` says is in force."""
        verdict = Verdict(reason=Reason.TRANSIENT_ERROR, message=f"cannot be read: {why}; {stays}")
        await self._say(verdict, self.state)

    async def readable(self) -> None:
        """The source can be read again. What it says now may be what it said last, and then no snapshot follows."""
        state = self.state
        verdict = Verdict(reason=Reason.PENDING, message="can be read again")
        if state.problems:
            verdict = replace(verdict, reason=Reason.PERMANENT_ERROR)
        elif state.revision:
            message = f"{verdict.message}; revision {state.revision} is in force"
            verdict = Verdict(reason=Reason.IN_SYNC, message=message, ready=True)
        await self._say(verdict, state, event="Recovered" if verdict.reason is Reason.PENDING else "")

    async def _say(self, verdict: Verdict, state: SourceState, *, event: str = "", told: str = "") -> None:
        """Say how the source is, where that is news.

        Args:
            verdict: on it; it is ready where what it says is in force, or what a person has rolled it back to.
            state: what is known of it now.
            event: what has happened, where that is more than that it is ready or not; then it is always said.
            told: what is said of that, where it is something else.
        """
        report = Report(self._runtime.now, {})
        state = report.conclude_on(state, verdict)
        if state == self.state and not event:
            self._unkept = None
            return
        report.event(
            state.object,
            event or ("SourceReady" if verdict.ready else "SourceBroken"),
            told or verdict.message,
            warning=not verdict.ready and event != "Recovered",
            data={"problems": list(state.problems), "revision": state.revision},
        )
        await self._keep(report, state)

    async def _keep(self, report: Report, state: SourceState) -> None:
        self._unkept = state
        await store_report(self._store, report, sources=[state])
        # Only now: what could not be stored is said again when the source is begun anew.
        self.state, self._unkept = state, None


def _in_force(desired: Desired, taken: Taken | None = None) -> str:
    """What is in force, in words for a person.

    Args:
        desired: what is declared.
        taken: what follows for what is declared no longer, where that is to be said: it is over soon, and so no part of
            a condition.
    """
    told = wording.no_longer_declared(len(taken.left), taken.removals.values()) if taken is not None else ""
    return (
        f"revision {desired.revision} is in force: {wording.count(len(desired.instances), 'instance')} "
        f"on {wording.count(len(desired.targets), 'target')}"
        + (f"; {told}" if told else "")
        + wording.warned(desired.warnings)
    )
