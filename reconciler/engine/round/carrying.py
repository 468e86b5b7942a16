"""Carries out what was decided: keeps what is replaced, records the intent, has it done, and looks at what came of it.

Invariants: nothing is done to a target before its intent is on record. What was done is looked at before anything is
concluded from it. This module must not know in which order things are done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from dataclasses import replace

from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.applying import apply_step, keep_preimages
from reconciler.engine.round.before_us import as_absent
from reconciler.engine.round.concluding import Conclusions
from reconciler.engine.round.failures import Failures
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.looks import Looks
from reconciler.engine.round.observing import Observed
from reconciler.engine.round.outcome import Applied
from reconciler.engine.round.services import Services
from reconciler.engine.round.under_way import Carried, Slow
from reconciler.engine.round.verdicts import Verdicts
from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.conditions import Reason
from reconciler.model.names import Address
from reconciler.model.owed import Owed
from reconciler.model.plan import Action, PlanUnit
from reconciler.targets.session import Session

_OVER = {ErrorClass.CONFLICT, ErrorClass.PERMANENT}
"""What is told by whoever has tried it, and is not at it any more."""
_NOT_BEGUN = {ErrorClass.CONFLICT, ErrorClass.THROTTLED}
"""What is told before anything is done: somebody was quicker, or is at it. What is there then is somebody else's."""


class Carrying:
    """What one round does.

    Args:
        lane: the target, as it is held in memory.
        session: to it.
        services: what the round works with.
        journal: keeps intents and outcomes.
        conclusions: concludes.
        verdicts: concludes where it went well.
        failures: concludes where it did not.
        looks: looks at what came of it.

    Attributes:
        lasting: the operations whose results the target keeps until they are forgotten.
        doubtful: what was to be changed while something was refreshed because of it, and may not have been; and that.
    """

    def __init__(
        self,
        lane: Lane,
        session: Session,
        services: Services,
        *,
        journal: Journal,
        conclusions: Conclusions,
        verdicts: Verdicts,
        failures: Failures,
        looks: Looks,
    ) -> None:
        self._lane = lane
        self._session = session
        self._services = services
        self._journal = journal
        self._conclusions = conclusions
        self._verdicts = verdicts
        self._failures = failures
        self._looks = looks
        self._locks: dict[str, asyncio.Lock] = {}
        self.lasting: list[str] = []
        self.doubtful: list[Address] = []

    async def apply(self, todo: Mapping[Address, PlanUnit]) -> None:
        """Apply `todo`, and look at it afterwards."""
        todo = await self.keep_preimages(todo)
        if not todo:
            return
        carried = await self._carry_out(todo)
        self.lasting += carried.lasting
        self._services.progress.step(self._lane.target.name, "verifying", todo)
        await self._look_after(todo, carried)

    async def keep_preimages(self, todo: Mapping[Address, PlanUnit]) -> dict[Address, PlanUnit]:
        """Keep what `todo` is about to replace; returns that which could be kept, and is still to be done.

        What there is nothing of as its absence says is noted to be created.
        """
        limit = self._services.settings.preimage_limit
        lost = await keep_preimages(self._session, self._journal, todo.values(), limit=limit)
        for address, error in lost.items():
            self._failures.fail(address, error)
        anew = await as_absent(self._services, self._session, self._lane, todo.values())
        # That took its time, and a person may want something left alone since: the next round says so.
        return {
            address: replace(unit, anew=True) if address in anew else unit
            for address, unit in todo.items()
            if address not in lost and not self._is_suspended(address)
        }

    def _is_suspended(self, address: Address) -> bool:
        removal = self._lane.instances[address].removal
        asked = removal is not None and removal.asked
        return not asked and self._services.suspended(address) is not None

    async def carry_alone(self, slow: Slow) -> Carried:
        """Do one operation, while no other one holds its lock."""
        lock = self._locks.setdefault(slow.lock, asyncio.Lock()) if slow.lock else contextlib.nullcontext()
        async with lock:
            slow.begun = True
            # It may have waited for its turn, and a person may want something left alone since: as above.
            slow.units = {a: unit for a, unit in slow.units.items() if not self._is_suspended(a)}
            if not slow.units:
                now = self._services.loop_time()
                return Carried(now, now, {}, [], {})
            return await self._carry_out(slow.units, slow)

    async def _carry_out(self, todo: Mapping[Address, PlanUnit], slow: Slow | None = None) -> Carried:
        """Do `todo`, when the intents are on record, which is noted in `slow`."""
        services = self._services
        services.progress.step(self._lane.target.name, "applying", todo)
        begun = services.loop_time()
        lasting: list[str] = []
        # What changes from now on may come too late for what is done now.
        settles = {
            address: (*self._lane.refreshes.of(address), *self._lane.refreshes.covered(address))
            for address, unit in todo.items()
            if unit.operation.refreshes
        }
        # The providers compute while this is written, and act when it is.
        intending = asyncio.create_task(self._journal.intend(list(todo.values())), name="froyo-intend")
        if slow is not None:
            intending.add_done_callback(slow.note)
        try:
            # To the store's thread before a provider takes the event loop's.
            await asyncio.sleep(0)  # it waits for the writer
            await asyncio.sleep(0)  # which has begun
            with services.runtime.tracer.span("apply", instances=len(todo)):
                applied = await apply_step(
                    services,
                    self._session,
                    self._lane,
                    list(todo.values()),
                    intended=intending,
                    lasting=lasting,
                )
        finally:
            # Whatever comes of it, it may have been done.
            self._looks.mark(todo)
            # What was begun is on record before its end is.
            await asyncio.gather(intending, return_exceptions=True)
        await intending
        return Carried(begun, services.loop_time(), applied, lasting, settles)

    async def conclude(
        self, units: Mapping[Address, PlanUnit], owed: Collection[Owed], carried: Carried
    ) -> None:
        """Look at what a single operation has done, and say what came of it.

        Args:
            units: what of it is still of interest.
            owed: what it was refreshed for; nothing where it was no refresh.
            carried: what came of it.
        """
        self.lasting += carried.lasting
        if not owed:
            await self._look_after(units, carried)
            return
        applied = {address: carried.applied[address] for address in units}
        for address in self._succeeded(units, applied, carried.begun):
            await self._refreshed(units[address], owed, applied[address].output)

    async def _refreshed(self, unit: PlanUnit, owed: Collection[Owed], output: str) -> None:
        """Look at what was refreshed, and say so."""
        self.doubtful += self._lane.refreshes.done(owed)
        # What has gone while that was under way, no look can decide about any more.
        self._lane.refreshes.keep_only(self._lane.instances)
        looks = await self._looks.look([unit.address])
        self._looks.settle_owed(looks)
        seen = looks[unit.address]
        if isinstance(seen.unit, ProviderError):
            self._failures.fail(unit.address, seen.unit)
        else:
            self._verdicts.refreshed(unit, seen.observed, [one for one in owed if one.certain], output)
        self._journal.outcome(unit.address, self._conclusions.summary(unit.address).reason)

    async def _look_after(self, step: Mapping[Address, PlanUnit], carried: Carried) -> None:
        """Read what was just applied, and conclude from what is there.

        Args:
            step: what was to be done.
            carried: what came of it. If it turns out to be right, it has been since it was done.
        """
        applied = {address: carried.applied[address] for address in step}
        begun, done_at = carried.begun, carried.done_at
        succeeded = self._succeeded(step, applied, begun)
        await self._settle_creations(step, carried)
        if not succeeded:
            return
        with self._services.runtime.tracer.span("verify", instances=len(succeeded)):
            looks = await self._looks.look(succeeded)
        self._looks.settle_owed(looks)
        for address, seen in looks.items():
            unit, again = step[address], seen.unit
            if isinstance(again, ProviderError):
                self._failures.fail(address, again)
            elif again.action is Action.NONE:
                self.doubtful += self._lane.refreshes.done(carried.settles.get(address, ()))
                self._verdicts.converged(unit, seen.observed, done_at, applied[address].output)
            else:
                self._failures.not_converged(unit, again, begun)
            summary = self._conclusions.summary(address)
            if isinstance(seen.reading, ProviderError):
                self._journal.outcome(address, Reason.PENDING, f"applied, and not seen since: {seen.reading}")
            elif self._journal.preimages.only_knows(address):
                why = f"applied, and not seen as declared since: {summary.message}"
                self._journal.outcome(address, Reason.PENDING, why)
            else:
                self._journal.outcome(address, summary.reason)

    def _succeeded(
        self, step: Mapping[Address, PlanUnit], applied: Mapping[Address, Applied], begun: float
    ) -> list[Address]:
        """What its provider says went well; concludes about the rest."""
        succeeded = []
        for address, result in applied.items():
            if result.fault is None or result.fault.error_class in _OVER:
                self._lane.refreshes.ended(address, well=result.fault is None)
            if result.fault is None:
                succeeded.append(address)
                continue
            unsure = self._may_have_created(address, result.fault)
            if not result.fault.partial and not unsure:
                self._journal.preimages.spare(address)
            match result.fault.error_class:
                case ErrorClass.CONFLICT:
                    self._failures.overtaken(step[address], str(result.fault))
                case ErrorClass.PERMANENT:
                    self._failures.stall(step[address], result.fault, begun)
                case _:
                    self._failures.fail(address, result.fault)
            if unsure:
                continue
            reason = self._conclusions.summary(address).reason
            if result.fault.partial and self._journal.preimages.only_knows(address):
                reason = Reason.PENDING  # part of it is there, and nothing else has on record that it is ours
            self._journal.outcome(address, reason, str(result.fault))
        return succeeded

    async def _settle_creations(self, step: Mapping[Address, PlanUnit], carried: Carried) -> None:
        """Look whether anything has come of what failed while it was created: what there is of it then is ours."""
        failed = {
            address: fault
            for address in step
            if (fault := carried.applied[address].fault) is not None
            and self._may_have_created(address, fault)
        }
        if not failed:
            return
        looks = await self._looks.look(failed)
        for address, fault in failed.items():
            reason = self._conclusions.summary(address).reason
            if _has_begun(step[address], looks[address].reading):
                reason = Reason.PENDING  # as above
            else:
                self._journal.preimages.spare(address)
            self._journal.outcome(address, reason, str(fault))

    def _may_have_created(self, address: Address, fault: ProviderError) -> bool:
        """Whether a creation that failed may have done a part of it."""
        left_open = not fault.partial and fault.error_class not in _NOT_BEGUN
        return left_open and self._journal.preimages.may_have_created(address)


def _has_begun(unit: PlanUnit, now: Observed | ProviderError) -> bool:
    """Whether there is something where there was nothing, or not as there was."""
    if isinstance(now, ProviderError) or not now.exists:
        return False
    return (now.itself or now.digest) != (unit.itself or unit.observed)
