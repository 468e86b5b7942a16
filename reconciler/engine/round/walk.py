"""The third step of a round: carries out what was planned, each instance as soon as it is ready by itself.

What is ready at the same moment goes to its provider together. What depends on something that has changed in this round
is read and planned again right before its own step: what was planned for it before that is of another world. So one
round is enough from nothing to everything.

Invariants: nothing is done to a target before its intent is on record. What was applied is looked at before anything
that depends on it is begun, and what comes after something that is not ready waits.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping

from reconciler.core.frontier import Frontier, Work
from reconciler.core.reasons import LEFT_ALONE
from reconciler.engine.loop.lane import Lane
from reconciler.engine.round.applying import Applied, apply_step, keep_preimages
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.looking import Look, look
from reconciler.engine.round.observing import by_package
from reconciler.engine.round.performing import ReadingPerformer
from reconciler.engine.round.recording import Recording
from reconciler.engine.round.refreshing import refreshing
from reconciler.engine.round.services import Services
from reconciler.engine.round.verdicts import Verdicts
from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.conditions import Reason
from reconciler.model.names import Address
from reconciler.model.plan import Action, PlanUnit
from reconciler.targets.session import Session

Decide = Callable[[Address, Look], PlanUnit | None]


class Walk:
    """The applies of one round.

    Args:
        lane: the target, as it is held in memory.
        session: to it.
        services: what the round works with.
        journal: keeps intents and outcomes.
        verdicts: concludes.
        decide: says what is to be done about an instance after a look at it, or concludes that nothing is.
        may_look: whether an instance may be looked at.
        owes: whether an instance is owed a refresh that it may be given now.

    Attributes:
        lasting: the operations whose results the target keeps until they are forgotten.
    """

    def __init__(
        self,
        lane: Lane,
        session: Session,
        services: Services,
        journal: Journal,
        verdicts: Verdicts,
        *,
        decide: Decide,
        may_look: Callable[[Address], bool],
        owes: Callable[[Address], bool],
    ) -> None:
        self._lane = lane
        self._session = session
        self._services = services
        self._journal = journal
        self._verdicts = verdicts
        self._decide = decide
        self._may_look = may_look
        self._owes = owes
        self._first = ReadingPerformer(session, services.settings)
        self._looks: dict[Address, Look] = {}
        self._stale: set[Address] = set()
        self.lasting: list[str] = []

    async def run(self, looks: Mapping[Address, Look], performer: ReadingPerformer) -> Collection[Address]:
        """Conclude about everything that was looked at, and do what is to be done about it, in the graph's order.

        Args:
            looks: what was seen.
            performer: with which it was.

        Returns:
            All that was looked at in the end.
        """
        self._looks, self._first = dict(looks), performer
        self._journal.expect({unit.cause for seen in looks.values() if (unit := seen.change) is not None})
        changing = [a for a, seen in looks.items() if seen.change or self._lane.refreshes.of(a)]
        members = looks.keys() | self._lane.notified_by(changing)
        frontier = Frontier(self._lane.graph, members, failed=self._broken_above(members))
        steps: dict[asyncio.Task[None], tuple[Work, list[Address]]] = {}
        try:
            while True:
                ready = frontier.take()
                for work, do in ((Work.APPLY, self._step), (Work.REFRESH, self._refresh)):
                    mine = [step.address for step in ready if step.work is work]
                    for addresses in by_package(self._lane, mine).values():
                        steps[asyncio.create_task(do(addresses), name=f"froyo-{work}")] = (work, addresses)
                if not steps:
                    break
                ended, _ = await asyncio.wait(steps, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    work, addresses = steps.pop(task)
                    task.result()
                    for address in addresses:
                        if work is Work.APPLY and self._may_refresh(address):
                            frontier.refresh(address)
                        elif self._passes(address):
                            frontier.done(address)
                        else:
                            frontier.fail(address)
        finally:
            for task in steps:
                task.cancel()
            await asyncio.gather(*steps, return_exceptions=True)
        self._wait_for(frontier.blocked)
        return self._looks.keys()

    async def _step(self, addresses: Collection[Address]) -> None:
        """What is to be done about `addresses` of one package, none of which depends on another of them."""
        stale = [address for address in addresses if address in self._stale and address in self._looks]
        if stale:
            self._looks |= await self._look_again(stale)
        owed = [
            a for a in addresses if a not in self._looks and self._lane.refreshes.of(a) and self._may_look(a)
        ]
        if owed:
            self._lane.unsettled.update(owed)
            self._looks |= await self._look(owed)
        seen = {address: self._looks[address] for address in addresses if address in self._looks}
        self._settle_owed(seen)
        units = {address: self._decide(address, look) for address, look in seen.items()}
        todo = {address: unit for address, unit in units.items() if unit is not None}
        if todo:
            await self._apply(todo)

    async def _look_again(self, addresses: Collection[Address]) -> dict[Address, Look]:
        """Look once more at those of `addresses` of which the target answers otherwise than it did.

        It is asked first: to have a provider think about a thousand files that have not moved takes longer.
        """
        again = ReadingPerformer(self._session, self._services.settings)
        subjects = {address: self._subjects(address) for address in addresses}
        calls = [
            call
            for subject in {*itertools.chain(*subjects.values())}
            for call in self._first.seen.calls_on(subject)
        ]
        if calls:
            await again(calls)
        moved = [
            address
            for address, mine in subjects.items()
            if not all(self._first.seen.same_on(subject, again.seen) for subject in mine)
        ]
        return await self._look(moved, known=again.seen) if moved else {}

    def _subjects(self, address: Address) -> Collection[str]:
        """The subjects that decide what is seen of an instance; an unknown one where something else may."""
        reading = self._looks[address].reading
        if (
            isinstance(reading, ProviderError)
            or self._lane.instances[address].package in self._first.elsewhere
        ):
            return ("",)
        return {subject.rstrip("/") for subject in reading.watch}

    async def _look(
        self, addresses: Collection[Address], *, known: Recording | None = None
    ) -> dict[Address, Look]:
        performer = ReadingPerformer(self._session, self._services.settings, known=known)
        seen = await look(self._services, self._lane, addresses, performer, texts=False)
        if self._lane.recording is not None:
            self._lane.recording.merge(performer.seen)
        return seen

    async def _apply(self, todo: dict[Address, PlanUnit]) -> None:
        """Apply `todo`, and look at it afterwards."""
        services = self._services
        lost = await keep_preimages(
            self._session, self._journal, todo.values(), limit=services.settings.preimage_limit
        )
        for address, error in lost.items():
            self._verdicts.fail(address, error)
            del todo[address]
        if not todo:
            return
        begun, applied = await self._carry_out(todo)
        done_at = services.loop_time()
        services.progress.step(self._lane.target.name, "verifying", todo)
        await self._look_after(todo, applied, begun, done_at)

    async def _carry_out(self, todo: Mapping[Address, PlanUnit]) -> tuple[float, dict[Address, Applied]]:
        """Do `todo`, when the intents are on record; returns when it was begun, and what the providers say of it."""
        services = self._services
        services.progress.step(self._lane.target.name, "applying", todo)
        begun = services.loop_time()
        # The providers compute while this is written, and act when it is.
        intending = asyncio.create_task(self._journal.intend(list(todo.values())), name="froyo-intend")
        try:
            applied = await apply_step(
                services,
                self._session,
                self._lane,
                list(todo.values()),
                intended=intending,
                lasting=self.lasting,
            )
        finally:
            # What was begun is on record before its end is.
            await asyncio.gather(intending, return_exceptions=True)
        await intending
        self._mark(todo)
        return begun, applied

    # --- Refreshes ----------------------------------------------------------------------------------------------------

    def _settle_owed(self, looks: Mapping[Address, Look]) -> None:
        """Decide from what was seen just now what is owed because of it; of what is owed itself, when that is done."""
        for address, seen in looks.items():
            if isinstance(seen.unit, PlanUnit) and not self._lane.refreshes.of(address):
                self._lane.refreshes.seen(
                    address, seen.unit.observed, as_declared=seen.unit.action is Action.NONE
                )

    def _may_refresh(self, address: Address) -> bool:
        """Whether an instance is as declared, and is owed a refresh now."""
        seen = self._looks.get(address)
        return (
            seen is not None
            and isinstance(seen.unit, PlanUnit)
            and seen.unit.action is Action.NONE
            and self._owes(address)
        )

    async def _refresh(self, addresses: Collection[Address]) -> None:
        """Refresh `addresses` of one package, each once for all that it is owed for."""
        owed = {address: self._lane.refreshes.of(address) for address in addresses}
        units = {
            address: refreshing(self._lane, self._looks[address].observed, owed[address])
            for address in addresses
        }
        todo = {address: unit for address, unit in units.items() if not self._verdicts.is_vain(unit)}
        if not todo:
            return
        begun, applied = await self._carry_out(todo)
        done = self._succeeded(todo, applied, begun)
        for address in done:
            self._lane.refreshes.done(owed[address])
        if done:
            looks = await self._look(done)
            self._looks |= looks
            self._settle_owed(looks)
            for address, seen in looks.items():
                if isinstance(seen.unit, ProviderError):
                    self._verdicts.fail(address, seen.unit)
                else:
                    self._verdicts.refreshed(
                        todo[address], seen.observed, owed[address], applied[address].output
                    )
                self._journal.outcome(address, self._verdicts.summary(address).reason)

    # --- Order --------------------------------------------------------------------------------------------------------

    def _mark(self, addresses: Iterable[Address]) -> None:
        """Note that what is known of everything that comes after `addresses` may not be true any more."""
        stack = list(addresses)
        while stack:
            for edge in self._lane.graph.dependents.get(stack.pop(), ()):
                if edge.dependent not in self._stale:
                    self._stale.add(edge.dependent)
                    stack.append(edge.dependent)

    def _wait_for(self, blocked: Mapping[Address, Address]) -> None:
        """Conclude about instances that come after a failure: what differs waits, of the rest holds what was seen."""
        for address, culprit in blocked.items():
            if address not in self._looks:
                continue  # it was to be refreshed at most
            if self._decide(address, self._looks[address]) is not None:
                self._verdicts.waits(address, culprit)

    def _passes(self, address: Address) -> bool:
        """Whether what depends on an instance may go on. What people decided to leave alone holds nobody up."""
        summary = self._verdicts.summary(address)
        return summary.ready or summary.reason in LEFT_ALONE

    def _broken_above(self, members: Collection[Address]) -> set[Address]:
        """What `members` depend on, is not among them, and is not in sync."""
        broken: set[Address] = set()
        seen, stack = set(members), list(members)
        while stack:
            for edge in self._lane.graph.dependencies.get(stack.pop(), ()):
                if edge.dependency in seen:
                    continue
                seen.add(edge.dependency)
                stack.append(edge.dependency)
                if not self._passes(edge.dependency):
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
        looks = await self._look(succeeded)
        self._looks |= looks
        self._settle_owed(looks)
        for address, seen in looks.items():
            unit, again = step[address], seen.unit
            if isinstance(again, ProviderError):
                self._verdicts.fail(address, again)
            elif again.action is Action.NONE:
                self._verdicts.converged(unit, seen.observed, done_at, applied[address].output)
            else:
                self._verdicts.not_converged(unit, again, begun)
            if isinstance(seen.reading, ProviderError):
                self._journal.outcome(address, Reason.PENDING, f"applied, and not seen since: {seen.reading}")
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
