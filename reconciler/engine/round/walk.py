"""The third step of a round: carries out what was planned, each instance as soon as it is ready by itself.

What is ready at the same moment goes to its provider together. What depends on something that has changed in this round
is read and planned again right before its own step: what was planned for it before that is of another world. So one
round is enough from nothing to everything.

What is slow is carried out by itself. When nothing else is left to wait for, the round goes on without it
(`engine/round/under_way.py`), and what depends on it waits.

Invariants: nothing is done to a target before its intent is on record. What was applied is looked at before anything
that depends on it is begun, and what comes after something that is not ready waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.core.frontier import Frontier, StepKind
from reconciler.core.reasons import LEFT_ALONE
from reconciler.engine.lane.lane import Lane
from reconciler.engine.lane.recording import Recording
from reconciler.engine.round.applying import Applied, apply_step, keep_preimages
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.looking import Look, look
from reconciler.engine.round.observing import by_package
from reconciler.engine.round.performing import ReadingPerformer
from reconciler.engine.round.refreshing import refreshing
from reconciler.engine.round.services import Services
from reconciler.engine.round.under_way import Carried, LongOperation
from reconciler.engine.round.verdicts import Verdicts
from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.conditions import Reason
from reconciler.model.names import Address
from reconciler.model.owed import Owed
from reconciler.model.plan import Action, Cause, PlanUnit
from reconciler.targets.session import Session

Decide = Callable[[Address, Look], PlanUnit | None]


@dataclass(slots=True, eq=False)
class Slow:
    """An operation that may outlast its round.

    Attributes:
        unit: what is to be done.
        owed: what it is refreshed for; nothing where it is no refresh.
        begun: whether it holds what it has to hold.
        intended: whether the intent is on record.
        task: carries it out, from when that has begun.
    """

    unit: PlanUnit
    owed: tuple[Owed, ...] = ()
    begun: bool = False
    intended: bool = False
    task: asyncio.Task[Carried] = field(init=False)

    def note(self, intending: asyncio.Task[None]) -> None:
        """The writing of the intent has ended."""
        self.intended = not intending.cancelled() and intending.exception() is None


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
        obstructed: what was not done, since something is in its way.
        doubtful: what was to be changed while something was refreshed because of it, and may not have been; and that.
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
        self._later: Collection[Address] = ()
        self._causes: set[Cause] = set()
        self._stale: set[Address] = set()
        self._steps: dict[
            asyncio.Task[Mapping[Address, Slow]], tuple[StepKind, Collection[Address], bool]
        ] = {}
        self._carrying: dict[Address, Slow] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.lasting: list[str] = []
        self.obstructed: list[Address] = []
        self.doubtful: list[Address] = []

    async def run(
        self, looks: Mapping[Address, Look], performer: ReadingPerformer, later: Collection[Address] = ()
    ) -> Collection[Address]:
        """Conclude about everything that was looked at, and do what is to be done about it, in the graph's order.

        Args:
            looks: what was seen.
            performer: with which it was.
            later: what is to be looked at when it is its turn.

        Returns:
            All that was looked at in the end.
        """
        self._looks, self._first, self._later = dict(looks), performer, later
        self._expect(looks)
        changing = [a for a, seen in looks.items() if seen.change or self._lane.refreshes.of(a)]
        members = {*looks, *later, *self._lane.declared.notified_by([*changing, *later])}
        frontier = Frontier(self._lane.graph, members, failed=self._broken_above(members))
        try:
            while True:
                ready = frontier.take()
                for work, do in ((StepKind.APPLY, self._step), (StepKind.REFRESH, self._refresh)):
                    mine = [step.address for step in ready if step.work is work]
                    for addresses in by_package(self._lane, mine).values():
                        self._begin(do(addresses), work, addresses)
                if not self._steps:
                    break
                for address, work in await self._some_end():
                    if work is StepKind.APPLY and self._may_refresh(address):
                        frontier.refresh(address)
                    elif self._passes(address):
                        frontier.done(address)
                    else:
                        frontier.fail(address)
        finally:
            left = [*self._steps, *(carry.task for carry in self._carrying.values())]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        unseen = [a for a in frontier.blocked if a in later and a not in self._looks and self._may_look(a)]
        if unseen:
            self._looks |= await self._look(unseen)
        self._wait_for(frontier.blocked)
        return self._looks.keys()

    async def resume(self, ended: Iterable[LongOperation]) -> list[Address]:
        """Conclude what came of operations that outlasted their rounds; returns where that could be done.

        Raises:
            TransportError: the session was lost. A later round concludes the rest.
        """
        concluded: list[Address] = []
        left = list(ended)
        try:
            while left:
                await self._resume(left.pop(0), concluded)
        except BaseException:
            if self._services.under_way is not None:
                for operation in left:
                    self._services.under_way.put(operation)
            raise
        return concluded

    async def _resume(self, operation: LongOperation, concluded: list[Address]) -> None:
        unit, address = operation.unit, operation.unit.address
        self._journal.take_over(operation.run, unit, operation.preimage)
        instance = self._lane.instances.get(address)
        if operation.task.cancelled() or (error := operation.task.exception()) is not None:
            why = "it was cut off" if operation.task.cancelled() else str(error)
            self._journal.outcome(
                address, Reason.PENDING, f"not known what came of it, looked at again: {why}"
            )
        elif instance is None or instance.digest != unit.desired:
            self.lasting += operation.task.result().lasting
            self._journal.outcome(address, Reason.PENDING, "declared otherwise before it had ended")
        else:
            await self._conclude(unit, operation.owed, operation.task.result())
            concluded.append(address)

    # --- Steps --------------------------------------------------------------------------------------------------------

    def _begin(
        self,
        step: Coroutine[None, None, Mapping[Address, Slow]],
        work: StepKind,
        addresses: Collection[Address],
        *,
        slow: bool = False,
    ) -> None:
        self._steps[asyncio.create_task(step, name=f"froyo-{work}")] = (work, addresses, slow)

    async def _some_end(self) -> list[tuple[Address, StepKind]]:
        """What has been dealt with, as soon as that is anything; what is slow and outlasts the round is among it."""
        patience = None
        if self._services.under_way is not None and all(slow for _, _, slow in self._steps.values()):
            patience = self._services.settings.slow_patience
        ended, _ = await asyncio.wait(self._steps, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        settled = []
        for task in ended or list(self._steps):
            work, addresses, _ = self._steps[task]
            if not ended and not self._hand_over(*addresses):
                continue
            del self._steps[task]
            slow = task.result() if ended else {}
            task.cancel()
            for address, carry in slow.items():
                self._begin(self._see_through(carry), work, [address], slow=True)
            settled += [(address, work) for address in addresses if address not in slow]
        return settled

    def _hand_over(self, address: Address) -> bool:
        """Have a slow operation outlast the round, if its intent is on record, or wait for one that does."""
        carry = self._carrying.get(address)
        if self._services.under_way is None or carry is None or carry.task.done():
            return False
        if not carry.begun and self._locked(carry.unit):
            carry.task.cancel()
            del self._carrying[address]
            return True
        if not carry.intended:
            return False
        del self._carrying[address]
        run, preimage = self._journal.hand_over(address)
        instance = self._lane.instances[address]
        self._services.under_way.put(
            LongOperation(instance, carry.unit, carry.owed, run, preimage, carry.task)
        )
        self._verdicts.under_way(carry.unit)
        return True

    async def _see_through(self, slow: Slow) -> Mapping[Address, Slow]:
        """Carry out what is slow, and conclude what came of it, unless it outlasts the round."""
        unit = slow.unit
        if unit.action is not Action.REFRESH and not await self._keep_preimages({unit.address: unit}):
            return {}
        carry = Slow(unit, slow.owed)
        carry.task = asyncio.create_task(self._carry_alone(carry), name="froyo-slow")
        self._carrying[unit.address] = carry
        carried = await asyncio.shield(carry.task)
        del self._carrying[unit.address]
        await self._conclude(unit, slow.owed, carried)
        return {}

    async def _carry_alone(self, slow: Slow) -> Carried:
        """Do one operation, while no other one holds its lock."""
        address = slow.unit.address
        lock = self._lane.instances[address].lock
        async with self._locks.setdefault(lock, asyncio.Lock()) if lock else contextlib.nullcontext():
            slow.begun = True
            return await self._carry_out({address: slow.unit}, slow)

    async def _conclude(self, unit: PlanUnit, owed: Collection[Owed], carried: Carried) -> None:
        """Look at what a single operation has done, and say what came of it."""
        self.lasting += carried.lasting
        todo = {unit.address: unit}
        if unit.action is not Action.REFRESH:
            await self._look_after(todo, carried.applied, carried.begun, carried.done_at)
            return
        if not self._succeeded(todo, carried.applied, carried.begun):
            return
        self.doubtful += self._lane.refreshes.done(owed)
        looks = await self._look([unit.address])
        self._looks |= looks
        self._settle_owed(looks)
        seen = looks[unit.address]
        if isinstance(seen.unit, ProviderError):
            self._verdicts.fail(unit.address, seen.unit)
        else:
            output = carried.applied[unit.address].output
            self._verdicts.refreshed(unit, seen.observed, owed, output)
        self._journal.outcome(unit.address, self._verdicts.summary(unit.address).reason)

    async def _step(self, addresses: Collection[Address]) -> Mapping[Address, Slow]:
        """Do what is to be done about `addresses` of one package, none of which depends on another of them.

        Returns:
            What is still to be done, since it is slow.
        """
        stale = [address for address in addresses if address in self._stale and address in self._looks]
        if stale:
            self._looks |= await self._look_again(stale)
        unseen = [
            a
            for a in addresses
            if a not in self._looks and (a in self._later or self._lane.refreshes.of(a)) and self._may_look(a)
        ]
        if unseen:
            self._lane.unsettled.add(unseen)
            looks = await self._look(unseen, tell=True)
            self._looks |= looks
            self._expect(looks)
        seen = {address: self._looks[address] for address in addresses if address in self._looks}
        self._settle_owed(seen)
        units = {address: self._decide(address, look) for address, look in seen.items()}
        todo = {
            address: unit
            for address, unit in units.items()
            if unit is not None and not self._obstructed(unit) and not self._locked(unit)
        }
        # What has to wait for others is nobody's round to wait for.
        slow = {
            address: Slow(unit)
            for address, unit in todo.items()
            if unit.operation.slow or self._lane.instances[address].lock
        }
        quick = {address: unit for address, unit in todo.items() if address not in slow}
        if quick:
            await self._apply(quick)
        return slow

    def _expect(self, looks: Mapping[Address, Look]) -> None:
        """Have the journal know why something will be changed."""
        self._causes |= {unit.cause for seen in looks.values() if (unit := seen.change) is not None}
        self._journal.expect(self._causes)

    def _obstructed(self, unit: PlanUnit) -> bool:
        """Whether something is in the way of a unit, so that it need not be tried to know what comes of it."""
        if not unit.operation.obstacles:
            return False
        self._verdicts.fail(unit.address, unit.operation.obstacles[0].fault)
        self.obstructed.append(unit.address)
        return True

    def _locked(self, unit: PlanUnit) -> bool:
        """Whether an operation that outlasts its round holds what this one needs; then it is its turn later."""
        under_way, address = self._services.under_way, unit.address
        holder = under_way.holder(self._lane.instances[address]) if under_way is not None else None
        if under_way is None or holder is None:
            return False
        under_way.wait(address, writer=holder)
        self._verdicts.waits_for(address, holder, lock=self._lane.instances[address].lock)
        self._lane.unsettled.add([address])
        return True

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
        self, addresses: Collection[Address], *, known: Recording | None = None, tell: bool = False
    ) -> dict[Address, Look]:
        performer = ReadingPerformer(self._session, self._services.settings, known=known)
        seen = await look(self._services, self._lane, addresses, performer, texts=False, tell=tell)
        self._lane.record(performer.seen)
        return seen

    async def _apply(self, todo: Mapping[Address, PlanUnit]) -> None:
        """Apply `todo`, and look at it afterwards."""
        todo = await self._keep_preimages(todo)
        if not todo:
            return
        carried = await self._carry_out(todo)
        self.lasting += carried.lasting
        self._services.progress.step(self._lane.target.name, "verifying", todo)
        await self._look_after(todo, carried.applied, carried.begun, carried.done_at)

    async def _keep_preimages(self, todo: Mapping[Address, PlanUnit]) -> dict[Address, PlanUnit]:
        """Keep what `todo` is about to replace; returns that of which it could be kept."""
        limit = self._services.settings.preimage_limit
        lost = await keep_preimages(self._session, self._journal, todo.values(), limit=limit)
        for address, error in lost.items():
            self._verdicts.fail(address, error)
        return {address: unit for address, unit in todo.items() if address not in lost}

    async def _carry_out(self, todo: Mapping[Address, PlanUnit], slow: Slow | None = None) -> Carried:
        """Do `todo`, when the intents are on record, which is noted in `slow`."""
        services = self._services
        services.progress.step(self._lane.target.name, "applying", todo)
        begun = services.loop_time()
        lasting: list[str] = []
        # The providers compute while this is written, and act when it is.
        intending = asyncio.create_task(self._journal.intend(list(todo.values())), name="froyo-intend")
        if slow is not None:
            intending.add_done_callback(slow.note)
        try:
            # To the store's thread before a provider takes the event loop's.
            await asyncio.sleep(0)  # it waits for the writer
            await asyncio.sleep(0)  # which has begun
            applied = await apply_step(
                services,
                self._session,
                self._lane,
                list(todo.values()),
                intended=intending,
                lasting=lasting,
            )
        finally:
            # What was begun is on record before its end is.
            await asyncio.gather(intending, return_exceptions=True)
        await intending
        self._mark(todo)
        return Carried(begun, services.loop_time(), applied, lasting)

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

    async def _refresh(self, addresses: Collection[Address]) -> Mapping[Address, Slow]:
        """What refreshing `addresses` takes, each once for all that it is owed for; nobody knows how long that is."""
        todo = {}
        for address in addresses:
            owed = self._lane.refreshes.of(address)
            unit = refreshing(self._lane, self._looks[address].observed, owed)
            if not self._verdicts.is_vain(unit) and not self._locked(unit):
                todo[address] = Slow(unit, owed)
        return todo

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
