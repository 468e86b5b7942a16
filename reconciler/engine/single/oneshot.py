"""One look at every target, without a loop: what `froyo plan` and `froyo apply` do. The rounds are the controller's.

Invariant: targets do not wait for each other, and one that cannot be reached costs the others nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from reconciler.core.conditions import Summary, summarize
from reconciler.core.contest import Contests
from reconciler.core.reasons import DECIDED
from reconciler.engine import wording
from reconciler.engine.facts import TargetFacts
from reconciler.engine.intake.wanted import Wanted
from reconciler.engine.lane.lane import Lane
from reconciler.engine.lane.unclaimed import Unclaimed
from reconciler.engine.round.planning import unplanned
from reconciler.engine.round.reconcile import Round
from reconciler.engine.round.services import Services
from reconciler.engine.single.reached import Reached
from reconciler.engine.single.throttled import Throttled
from reconciler.engine.single.turns import Turns
from reconciler.errors import FroyoError, ProtocolError, RunnerError, StoreError, TransportError, in_words
from reconciler.model.event import Event
from reconciler.model.facts import Section
from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.owed import Owed
from reconciler.model.plan import Action, Plan, PlanUnit
from reconciler.model.scope import EVERYTHING, Scope
from reconciler.model.source import SnapshotGone
from reconciler.model.state import ResourceState
from reconciler.runtime import gathered
from reconciler.targets.session import Session
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    from reconciler.engine.loop.sessions import OpenSession

R = TypeVar("R")

log = get_logger("froyo")

RETURN = 600.0
"""Seconds that a target has to come back in, where it went because of what was done to it."""
PAUSE = 2.0
"""Seconds between attempts to reach it again."""
ROUNDS = 8
"""Rounds that one apply may take: what was woken, or moved under our hands, is looked at again this often."""


@dataclass(slots=True)
class TargetResult:
    """What came of one target.

    Attributes:
        target: its name.
        instances: how many are declared on it.
        changed: instances that were changed and observed in sync.
        failed: instances that are not as declared, with what is known of each.
        left: instances that differ and were left alone on purpose, with the same.
        error: why the target could not be worked on at all, or "".
        lane: what is known of it now; None if it could not be reached.
        events: what happened, in order.
    """

    target: TargetName
    instances: int
    changed: list[Address] = field(default_factory=list)
    failed: dict[Address, Summary] = field(default_factory=dict)
    left: dict[Address, Summary] = field(default_factory=dict)
    error: str = ""
    lane: Lane | None = None
    events: list[Event] = field(default_factory=list)


class OneShot:
    """Plans or applies a desired state once.

    Args:
        wanted: how each target should be.
        known: what is on record about each instance.
        services: what rounds work with.
        open_session: opens a session to a target.
        owed: the refreshes on record.
        facts: what is known of targets themselves; it is brought up to date while there is a session.
        unclaimed: what was there before what an earlier run was at when it was cut off.

    Attributes:
        reached: what came of the attempt to reach each target.
    """

    def __init__(
        self,
        wanted: Mapping[TargetName, Wanted],
        known: Mapping[Address, ResourceState],
        *,
        services: Services,
        open_session: OpenSession,
        owed: Collection[Owed] = (),
        facts: TargetFacts | None = None,
        unclaimed: Unclaimed | None = None,
    ) -> None:
        self.reached: dict[TargetName, Reached] = {}
        self._wanted = wanted
        self._known = known
        self._owed = owed
        self._services = services
        self._open = open_session
        self._facts = facts
        self._unclaimed = unclaimed or Unclaimed()
        self._turns = Turns(services.disruptions)

    async def plan(self, *, texts: bool = True) -> list[Plan]:
        """What would be changed, target by target, in order of declaration. Changes nothing."""

        async def one(lane: Lane, session: Session) -> Plan:
            planned = await Round(lane, session, self._services).plan(texts=texts)
            changes = [unit.address for unit in planned.units if unit.action is not Action.NONE]
            failed = planned.errors or any(unit.fails for unit in planned.units)
            self._services.progress.step(lane.target.name, "failed" if failed else "done", changes)
            return planned

        def failed(name: TargetName, why: str) -> Plan:
            return unplanned(name, self._services, why)

        return await self._each(one, failed)

    async def apply(self, *, only: Mapping[Address, PlanUnit] | None = None) -> list[TargetResult]:
        """Put right what is not as declared, target by target.

        Args:
            only: the units of a saved plan; None for everything.
        """

        async def one(lane: Lane, session: Session) -> TargetResult:
            with self._turns.working(lane.target.name):
                return await self._apply(lane, session, only)

        def failed(name: TargetName, why: str) -> TargetResult:
            return TargetResult(name, self._count(name), error=why)

        return await self._each(one, failed)

    async def _each(
        self, work: Callable[[Lane, Session], Awaitable[R]], failed: Callable[[TargetName, str], R]
    ) -> list[R]:
        """`work` on every target at once; `failed` for those where no session can be had, or is lost."""

        async def one(name: TargetName) -> R:
            try:
                lane = self._lane(name)
                self._services.progress.step(name, "connecting", lane.instances)
                session = await self._open(
                    lane.target, runtime=self._services.runtime, on_event=lambda _event: None
                )
                message = wording.connected(
                    lane.target, session.ready.uid, self._services.runtime.environ, session.passed_over
                )
                self.reached[name] = Reached(ready=True, message=message)
                try:
                    return await work(lane, session)
                finally:
                    self._services.probes.keep_only(name, ())
                    await session.close()
            except (TransportError, ProtocolError, RunnerError) as error:
                self.reached[name] = Reached(ready=False, message=str(error))
                self._services.progress.step(name, "failed", ())
                return failed(name, str(error))
            except SnapshotGone as error:
                self._services.progress.step(name, "failed", ())
                return failed(name, f"the source changed while it was applied ({error}); run it again")
            except StoreError:
                raise  # without a store nothing may be done on any target
            except Exception as error:
                log.exception("a target could not be worked on; this is a defect", target=name)
                self._services.progress.step(name, "failed", ())
                why = str(error) if isinstance(error, FroyoError) else f"a defect of froyo: {in_words(error)}"
                return failed(name, why)

        return await gathered(*(one(name) for name in self._wanted))

    def _lane(self, name: TargetName) -> Lane:
        wanted = self._wanted[name]
        lane = Lane.make(
            wanted, self._known.get, contests=Contests(), own_paths=self._services.settings.own_paths
        )
        now = self._services.runtime.now
        lane.take_over(wanted.moved, now=now)
        lane.hold_back(now=now)
        lane.take_up(one for one in self._owed if split_address(one.address)[0] == name)
        self._unclaimed.tell(lane.preimages, name, lane.instances, self._known)
        return lane

    async def _apply(
        self, lane: Lane, session: Session, only: Mapping[Address, PlanUnit] | None
    ) -> TargetResult:
        result = TargetResult(lane.target.name, len(lane.instances), lane=lane)
        first = session
        try:
            while not await self._rounds(lane, session, only, result):
                if session is not first:
                    await session.close()
                session = await self._again(lane)
        finally:
            if session is not first:
                await session.close()
        _tell_apart(result, lane, only)
        end = "failed" if result.failed else "done"
        self._services.progress.step(lane.target.name, end, result.changed)
        return result

    async def _again(self, lane: Lane) -> Session:
        """A session to a target that went because of what was done to it.

        Raises:
            TransportError: it has not come back.
        """
        deadline = self._services.loop_time() + RETURN
        self._services.progress.step(lane.target.name, "connecting", lane.instances)
        while True:
            await asyncio.sleep(PAUSE)
            try:
                return await self._open(
                    lane.target, runtime=self._services.runtime, on_event=lambda _event: None
                )
            except TransportError as error:
                if self._services.loop_time() >= deadline:
                    why = f"it has not come back within {wording.duration(RETURN)}"
                    raise TransportError(f"{why}: {error}") from error

    async def _rounds(
        self, lane: Lane, session: Session, only: Mapping[Address, PlanUnit] | None, result: TargetResult
    ) -> bool:
        """Rounds until nothing is left to look at; whether that came about, else the target went as it was to.

        Raises:
            TransportError, ProtocolError: the session was lost, and nothing that was done says why.
        """
        touched: set[Section] = set()
        dirty: Scope[Address] = EVERYTHING
        rounds, throttled = 0, Throttled(lane, self._services.loop_time)
        while rounds < ROUNDS:
            rounds += 1
            work = Round(lane, session, self._services, only=only)
            try:
                outcome = await work.run(dirty)
            except asyncio.CancelledError:
                await asyncio.shield(work.abandon())
                raise
            except (TransportError, ProtocolError):
                if not any(lane.instances[address].disruptive for address in work.in_doubt):
                    raise
                result.events += work.report.events
                return False
            result.events += work.report.events
            result.changed += [a for a in dict.fromkeys(outcome.changed) if a not in result.changed]
            touched |= outcome.touched
            soon = {a for a, pause in outcome.again.items() if pause <= 0}
            # Those, too, of which a change that was made after theirs may have left nothing.
            dirty = Scope.of(soon | outcome.woken | outcome.shared)
            if not dirty:
                # What is probed is waited for: an apply says how all of it is in the end.
                dirty = Scope.of(await self._services.probes.news_of(lane.target.name))
                dirty |= Scope.of(await self._turns.wait(lane.target.name))
                dirty |= Scope.of(await self._services.at_work.turn(lane.target.name))
                dirty = dirty or await throttled.wait(outcome.again)
                rounds = 0
            if not dirty:
                break
        await self._gather(session, touched)
        return True

    async def _gather(self, session: Session, touched: Collection[Section]) -> None:
        """Bring up to date what is known of a target. What was done stands, whatever comes of that."""
        if self._facts is not None:
            try:
                await self._facts.gather(session, self._facts.due(session.target.name).union(touched))
            except (TransportError, ProtocolError, RunnerError) as error:
                log.warning("facts could not be gathered", target=session.target.name, why=str(error))

    def _count(self, name: TargetName) -> int:
        return len(self._wanted[name].instances)


def _tell_apart(result: TargetResult, lane: Lane, only: Collection[Address] | None) -> None:
    """Name all that is not as declared: left alone is what a person decided about, whatever else it is has failed.

    What is known in the end decides, not what the last round looked at: one that had nothing new to try says nothing.
    """
    for address, state in lane.states.items():
        summary = summarize(state.conditions)
        if summary.ready or (only is not None and address not in only):
            continue
        found = result.left if summary.reason in DECIDED else result.failed
        found[address] = summary
