"""What a round keeps in the store: intents before it acts, and everything that it concluded, at once, at its end.

Invariant: nothing is done to a target without an intent on record, and an intent without an outcome means "in doubt".
A round that changed nothing writes nothing. What was there before is kept by `engine/round/preimages.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Iterable, Iterator, Mapping, Sequence

from reconciler.engine.lane.backlog import Ending
from reconciler.engine.lane.lane import Lane
from reconciler.engine.lane.preimages import NOTHING
from reconciler.engine.report import Report
from reconciler.engine.round.preimages import RoundPreimages
from reconciler.engine.round.services import Services
from reconciler.engine.round.tally import Tally, run_of
from reconciler.errors import ProtocolError, StoreError, TransportError
from reconciler.model.conditions import Reason
from reconciler.model.disruption import Disruption
from reconciler.model.metrics import APPLIES
from reconciler.model.names import Address, Digest, split_address
from reconciler.model.owed import Owed
from reconciler.model.plan import Action, Cause, PlanUnit
from reconciler.model.resource import Instance
from reconciler.store.batch import Batch
from reconciler.store.records import InventoryEntry, Ownership, UnitOutcome


class Journal:
    """The account of one round.

    Args:
        services: what the round works with.
        lane: the round's target.
        id_: of the round, which its run has too, if it does anything.

    Attributes:
        preimages: what was there before what it does.
    """

    def __init__(self, services: Services, *, lane: Lane, id_: str) -> None:
        self.preimages = RoundPreimages(services.store, lane)
        self._most_disrupted = services.disruptions.most_on_record
        self._id = id_
        self._store = services.store
        self._lane = lane
        self._revision = services.revision(lane.target.name)
        self._runtime = services.runtime
        self._closed = False
        self._tally = Tally("")
        self._causes: frozenset[Cause] = frozenset()
        self._open: dict[Address, PlanUnit] = {}
        self._elsewhere: dict[Address, Tally] = {}
        self._outcomes: dict[Tally, list[UnitOutcome]] = {}
        self._owned: list[InventoryEntry] = []

    def expect(self, causes: Collection[Cause]) -> None:
        """Note why the round will change something, if it comes to that."""
        self._causes = frozenset(causes)

    def intend(self, units: Sequence[PlanUnit]) -> Coroutine[None, None, None]:
        """Put on record what is about to be done: it is when what this returns has ended.

        Raises:
            StoreError: out of what it returns; it is not on record.
        """
        now, batch = self._runtime.now(), Batch()
        if not self._tally.run:
            self._tally = Tally(self._id)
            self._outcomes[self._tally] = []
            # Where nothing is to be changed, something is owed a refresh from before.
            causes = self._causes or {unit.cause for unit in units}
            name = self._lane.target.name
            batch.begin_run(run_of(self._id, name, causes, self._revision, now=now, units=len(units)))
        self._open |= {unit.address: unit for unit in units}
        kept = self.preimages.put(batch, units, at=now)
        before = tuple(self._lane.refreshes)
        owed = self._lane.refreshes.intend(self._owed_by(units, now))
        batch.disrupt(self._disrupted_by(units, now), most=self._most_disrupted(self._lane.target.name))
        about = {unit.address: self._lane.declared.subject(unit.address) for unit in units}
        batch.owe(owed).intend(self._tally.run, units, kept, about)
        self._begin_creations(batch, units)
        return self._write_intents(batch, units, owed, before)

    def _begin_creations(self, batch: Batch, units: Iterable[PlanUnit]) -> None:
        """What is created is on record as ours before it is there, and what declares it.

        Whoever is killed afterwards leaves it there, and what declares it may be gone when the next one comes.
        """
        begun = self.preimages.begun(units)
        batch.put_states(self._lane.states[address] for address in begun)
        batch.put_inventory(
            self._entry(self._lane.instances[address], Ownership.ADOPTED, before)
            for address, before in begun.items()
        )

    def _entry(self, instance: Instance, ownership: Ownership, before: Digest | None) -> InventoryEntry:
        """That something is ours: created, where there was nothing before, and else `ownership`."""
        return InventoryEntry(
            ownership=Ownership.CREATED if before == NOTHING else ownership,
            instance=instance,
            recorded_at=self._runtime.now(),
            preimage=before or None,
        )

    def _disrupted_by(self, units: Iterable[PlanUnit], now: float) -> Iterator[Disruption]:
        for unit in units:
            if self._lane.instances[unit.address].disruptive:
                yield Disruption(self._lane.target.name, unit.address, now)

    def _owed_by(self, units: Iterable[PlanUnit], now: float) -> Iterator[Owed]:
        """The refreshes that are owed once `units` are done.

        A refresh that was done counts as a change, whatever is seen then.
        """
        for unit in units:
            for notified in self._lane.declared.notified(unit.address):
                yield Owed(
                    address=notified,
                    cause=unit.address,
                    run=self._tally.run,
                    before=Digest("") if unit.action is Action.REFRESH else unit.observed,
                    since=now,
                )

    async def _write_intents(
        self, batch: Batch, units: Sequence[PlanUnit], owed: Sequence[Owed], before: Sequence[Owed]
    ) -> None:
        try:
            with self._runtime.tracer.span("intent", instances=len(units)):
                await self._store.write(batch)
        except StoreError:
            for unit in units:
                del self._open[unit.address]
            self._lane.refreshes.forgo(owed, before)
            raise
        self.preimages.on_record(units)

    def outcome(self, address: Address, reason: Reason, message: str = "") -> None:
        """What became of an intent."""
        unit = self._open.pop(address, None)
        if unit is None:
            return
        self._runtime.meter.count(
            APPLIES, split_address(address)[1].partition("/")[0], unit.cause.value, reason.value
        )
        tally = self._tally
        if (earlier := self._elsewhere.pop(address, None)) is not None:
            tally = earlier
            tally.under_way -= 1
        tally.add(reason.value)
        self._outcomes.setdefault(tally, []).append(UnitOutcome(address, reason.value, message))

    def hand_over(self, addresses: Collection[Address]) -> tuple[Tally, dict[Address, Digest]]:
        """An operation outlasts the round: its intents stay in doubt. Returns its run, and what it is to replace."""
        for address in addresses:
            del self._open[address]
        # What was done about one of them before, such as a change before its refresh, is no outcome of what goes on.
        outcomes = self._outcomes.get(self._tally, [])
        outcomes[:] = [one for one in outcomes if one.address not in addresses]
        self._tally.under_way += len(addresses)
        return self._tally, self.preimages.of(addresses)

    def take_over(
        self, tally: Tally, units: Mapping[Address, PlanUnit], preimages: Mapping[Address, Digest]
    ) -> None:
        """What comes of these intents of an earlier run, which were to replace `preimages`, is concluded here."""
        self._open |= units
        self._elsewhere |= dict.fromkeys(units, tally)
        self.preimages.take_over(preimages)

    @property
    def under_way(self) -> list[Address]:
        """What was begun, and of which it is not known what came of it."""
        return list(self._open)

    def own(self, instance: Instance, ownership: Ownership) -> None:
        """Something is ours from now on, or was declared otherwise while it was.

        What an earlier attempt has created, of which it was not known what came, is created, whatever was done since.
        """
        before = self._lane.preimages.claim(instance.address)
        self._owned.append(self._entry(instance, ownership, before))

    def approved(self, address: Address) -> None:
        """What a person had approved is done: the approval is spent."""
        self._lane.backlog.spend(address)

    async def close(self, report: Report) -> None:
        """Keep everything that the round concluded, in one transaction.

        Raises:
            StoreError: it waits in the lane's backlog for the next round.
        """
        await self._close(report)

    async def cut_off(self, report: Report, error: Exception) -> None:
        """The same for a round that `error` ended: whether what was under way has been done is not known.

        Raises:
            StoreError: as above.
        """
        lost = isinstance(error, TransportError | ProtocolError)
        reason = Reason.UNREACHABLE if lost else Reason.ABANDONED
        self._goes_on(self.under_way)
        for address in self.under_way:
            self.outcome(
                address, reason, f"cut off while it was applied; observed again as soon as it can be: {error}"
            )
        await self._close(report)

    async def abandon(self, report: Report) -> list[Address]:
        """The same for a round that was cancelled because the controller ends; returns what was under way."""
        left = self.under_way
        own = [address for address in left if address not in self._elsewhere]
        interrupted = self._interrupted(len(own))
        self._goes_on(left)
        for address in left:
            self.outcome(address, Reason.ABANDONED, "cut off; observed again at the next start")
            report.event(
                address,
                "Abandoned",
                "cut off while it was applied; observed again at the next start",
                warning=True,
            )
        await self._close(report, interrupted)
        return left

    def _goes_on(self, left: Collection[Address]) -> None:
        """What was begun may have been done, in part, or goes on by itself: what that does to others is no drift."""
        instances, declared = self._lane.instances, self._lane.declared
        done = {address: instances[address] for address in left if address in instances}
        near = {other for one in done for other in (*declared.users(one), *declared.sharing(one))}
        self._lane.manage_anew(sorted(near.union(declared.beside(done))))

    def _interrupted(self, left: int) -> str:
        return f"interrupted: {self._tally}" + (f", {left} cut off" if left else "")

    async def _close(self, report: Report, interrupted: str = "") -> None:
        if self._closed:
            return  # cancelled while it was being written, which it is all the same
        self._closed = True
        backlog = self._lane.backlog
        backlog.add(report)
        backlog.own(self._owned)
        backlog.owe(self._lane.refreshes.news())
        for tally, outcomes in self._outcomes.items():
            cut = interrupted if tally is self._tally else ""
            ending = Ending(
                run=tally.run,
                outcomes=tuple(outcomes),
                at=self._runtime.now(),
                outcome=Reason.ABANDONED.value if cut else tally.outcome,
                message=cut or str(tally),
            )
            backlog.end(ending)
        await backlog.keep(self._store, self._lane.states)
