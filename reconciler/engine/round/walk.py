"""The third step of a round: carries out what was planned, in steps, none of which depends on a later one.

Invariants: nothing is done to a target before its intent is on record. What was applied is looked at before anything
that depends on it is begun, and what comes after something that is not ready waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from reconciler.core.frontier import Frontier
from reconciler.core.reasons import LEFT_ALONE
from reconciler.engine import wording
from reconciler.engine.loop.lane import Lane
from reconciler.engine.round.applying import Applied, apply_step, keep_preimages
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.observing import Observed, observe
from reconciler.engine.round.performing import ReadingPerformer
from reconciler.engine.round.planning import plan
from reconciler.engine.round.report import Verdict
from reconciler.engine.round.services import Services
from reconciler.engine.round.verdicts import Verdicts
from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.conditions import Reason
from reconciler.model.names import Address
from reconciler.model.plan import Action, PlanUnit
from reconciler.targets.session import Session


class Walk:
    """The applies of one round.

    Args:
        lane: the target, as it is held in memory.
        session: to it.
        services: what the round works with.
        journal: keeps intents and outcomes.
        verdicts: concludes.
    """

    def __init__(
        self, lane: Lane, session: Session, services: Services, journal: Journal, verdicts: Verdicts
    ) -> None:
        self._lane = lane
        self._session = session
        self._services = services
        self._journal = journal
        self._verdicts = verdicts

    async def apply(self, todo: dict[Address, PlanUnit]) -> None:
        """Apply in the graph's order, each step's instances together, each followed by a look."""
        services = self._services
        # What cannot be begun is no intent: it would be one at each look for as long as it waits.
        waiting = Frontier(self._lane.graph, todo, failed=self._broken_above(todo)).blocked
        self._wait_for(waiting)
        todo = {address: unit for address, unit in todo.items() if address not in waiting}
        lost = await keep_preimages(
            self._session, self._journal, todo.values(), limit=services.settings.preimage_limit
        )
        for address, error in lost.items():
            self._verdicts.fail(address, error)
            del todo[address]
        if not todo:
            return
        # The providers compute while this is written, and act when it is.
        intending = asyncio.create_task(self._journal.intend(list(todo.values())), name="froyo-intend")
        try:
            await self._each(todo, intending)
        finally:
            # What was begun is on record before its end is.
            await asyncio.gather(intending, return_exceptions=True)
        await intending

    async def _each(self, todo: Mapping[Address, PlanUnit], intending: asyncio.Task[None]) -> None:
        services, name = self._services, self._lane.target.name
        frontier = Frontier(self._lane.graph, todo, failed=self._broken_above(todo))
        while taken := frontier.take():
            step = [address for address in taken if not self._suspended_meanwhile(address)]
            for address in set(taken).difference(step):
                frontier.done(address)
            if not step:
                continue
            services.progress.step(name, "applying", step)
            begun = services.loop_time()
            applied = await apply_step(
                services.host,
                self._session,
                self._lane,
                [todo[address] for address in step],
                find_blob=services.find_blob,
                kept=services.store.blobs.read,
                settings=services.settings,
                intended=intending,
            )
            await asyncio.shield(intending)
            done_at = services.loop_time()
            services.progress.step(name, "verifying", step)
            await self._look_after(todo, applied, begun, done_at)
            for address in step:
                if self._verdicts.summary(address).ready:
                    frontier.done(address)
                else:
                    frontier.fail(address)
        self._wait_for(frontier.blocked)

    def _suspended_meanwhile(self, address: Address) -> bool:
        """Whether a person has suspended an instance since it was planned; concludes about it then."""
        if (suspension := self._services.suspended(address)) is None:
            return False
        message = wording.suspended(suspension)
        self._verdicts.conclude(address, Verdict(reason=Reason.SUSPENDED, message=message))
        self._journal.not_done(address)
        self._journal.outcome(address, Reason.SUSPENDED, message)
        return True

    def _wait_for(self, blocked: Mapping[Address, Address]) -> None:
        """Conclude about instances that wait for another one each."""
        for address, culprit in blocked.items():
            message = self._verdicts.waits(address, culprit)
            self._journal.not_done(address)
            self._journal.outcome(address, Reason.DEPENDENCY_NOT_READY, message)

    def _broken_above(self, members: Collection[Address]) -> set[Address]:
        """What `members` depend on, is not among them, and is not in sync.

        What people have decided to leave alone (paused, suspended) holds nobody up.
        """
        broken: set[Address] = set()
        seen, stack = set(members), list(members)
        while stack:
            for edge in self._lane.graph.dependencies.get(stack.pop(), ()):
                if edge.dependency in seen:
                    continue
                seen.add(edge.dependency)
                stack.append(edge.dependency)
                summary = self._verdicts.summary(edge.dependency)
                if not summary.ready and summary.reason not in LEFT_ALONE:
                    broken.add(edge.dependency)
        return broken

    async def _look_after(
        self,
        step: Mapping[Address, PlanUnit],
        applied: Mapping[Address, Applied],
        begun: float,
        done_at: float,
    ) -> None:
        """Read what was just applied, and conclude from what is there.

        Args:
            step: what was to be done.
            applied: what the providers say of it.
            begun: loop time at which they were asked to.
            done_at: loop time at which they said so: if it turns out to be right, it has been since then.
        """
        succeeded = self._succeeded(step, applied, begun)
        if not succeeded:
            return
        performer = ReadingPerformer(self._session, self._services.settings)
        observed = await observe(self._services.host, self._lane, succeeded, performer)
        readings = self._verdicts.of_readings(observed)
        planned = await plan(
            self._services.host, self._lane, readings, find_blob=self._services.find_blob, texts=False
        )
        if self._lane.recording is not None:
            self._lane.recording.merge(performer.seen)
        for reading in readings:
            unit, again = step[reading.address], planned[reading.address]
            if isinstance(again, ProviderError):
                self._verdicts.fail(reading.address, again)
            elif again.action is Action.NONE:
                self._verdicts.converged(unit, reading, done_at)
            else:
                self._verdicts.not_converged(unit, again, begun)
        for address, seen in observed.items():
            self._note_outcome(address, seen)

    def _note_outcome(self, address: Address, seen: Observed | ProviderError) -> None:
        """What became of an operation that is said to have gone well."""
        if isinstance(seen, ProviderError):
            self._journal.outcome(address, Reason.PENDING, f"applied, and not seen since: {seen}")
        else:
            self._journal.outcome(address, self._verdicts.summary(address).reason)

    def _succeeded(
        self, step: Mapping[Address, PlanUnit], applied: Mapping[Address, Applied], begun: float
    ) -> list[Address]:
        """What its provider says went well; concludes about the rest."""
        succeeded = []
        for address, result in applied.items():
            if result.fault is None:
                succeeded.append(address)
                continue
            self._journal.not_done(address)
            match result.fault.error_class:
                case ErrorClass.CONFLICT:
                    self._verdicts.overtaken(step[address], str(result.fault))
                case ErrorClass.PERMANENT:
                    self._verdicts.stall(step[address], result.fault, begun)
                case _:
                    self._verdicts.fail(address, result.fault)
            self._journal.outcome(address, self._verdicts.summary(address).reason, str(result.fault))
        return succeeded
