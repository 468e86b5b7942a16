"""What a round has seen of its instances so far, the last look at each.

Invariant: what was seen before something that it depends on was changed is stale, and is asked about again before
anything is decided by it.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping

from reconciler.engine.lane.lane import Lane
from reconciler.engine.lane.recording import Recording
from reconciler.engine.round.looking import Look, look
from reconciler.engine.round.performing import ReadingPerformer
from reconciler.engine.round.probing import Probing
from reconciler.engine.round.services import Services
from reconciler.errors import ProviderError
from reconciler.model.names import Address
from reconciler.model.plan import Action, PlanUnit
from reconciler.targets.session import Session


class Looks:
    """Those of one round.

    Args:
        lane: the target, as it is held in memory.
        session: to it.
        services: what the round works with.
        probing: has asked what is looked at beside the rounds.

    Attributes:
        probing: the same.
        owed: what is owed a refresh for certain since something was seen as declared.
    """

    def __init__(self, lane: Lane, session: Session, services: Services, probing: Probing) -> None:
        self.probing = probing
        self._lane = lane
        self._session = session
        self._services = services
        self._first = ReadingPerformer(session, services.settings)
        self._seen: dict[Address, Look] = {}
        self._stale: set[Address] = set()
        self.owed: list[Address] = []

    def begin(self, looks: Mapping[Address, Look], performer: ReadingPerformer) -> None:
        """Begin with what was seen.

        Args:
            looks: of that.
            performer: with which it was.
        """
        self._seen, self._first = dict(looks), performer

    def __contains__(self, address: Address) -> bool:
        return address in self._seen

    def __getitem__(self, address: Address) -> Look:
        return self._seen[address]

    def get(self, address: Address) -> Look | None:
        """What was seen of an instance last; None if it was not looked at."""
        return self._seen.get(address)

    def keys(self) -> Collection[Address]:
        """All that was looked at."""
        return self._seen.keys()

    async def look(
        self, addresses: Collection[Address], *, known: Recording | None = None, tell: bool = False
    ) -> dict[Address, Look]:
        """Look at `addresses`.

        Args:
            addresses: which.
            known: answers that need not be asked for again.
            tell: whether whoever watches is told of this.
        """
        performer = ReadingPerformer(self._session, self._services.settings, known=known)
        if known is None:
            self._lane.sightings.look(addresses)
        looks = await look(self._services, self._lane, addresses, performer, texts=False, tell=tell)
        self._lane.record(performer.seen)
        self._seen |= looks
        return looks

    async def refresh(self, addresses: Collection[Address]) -> None:
        """Look once more at those of `addresses` that are stale, and of which the target answers otherwise than it did.

        It is asked first: to have a provider think about a thousand files that have not moved takes longer.
        """
        stale = [address for address in addresses if address in self._stale and address in self._seen]
        if not stale:
            return
        again = ReadingPerformer(self._session, self._services.settings)
        self._lane.sightings.look(stale)
        subjects = {address: self._subjects(address) for address in stale}
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
        if moved:
            await self.look(moved, known=again.seen)

    def _subjects(self, address: Address) -> Collection[str]:
        """The subjects that decide what is seen of an instance; an unknown one where something else may."""
        reading = self._seen[address].reading
        if (
            isinstance(reading, ProviderError)
            or self._lane.instances[address].package in self._first.elsewhere
        ):
            return ("",)
        return {subject.rstrip("/") for subject in reading.watch}

    def mark(self, addresses: Iterable[Address]) -> None:
        """Note that what is known of everything that comes after `addresses` may not be true any more."""
        stack = [*(addresses := list(addresses))]
        while stack:
            for edge in self._lane.graph.dependents.get(stack.pop(), ()):
                if edge.dependent not in self._stale:
                    self._stale.add(edge.dependent)
                    stack.append(edge.dependent)
        # What is slow ends long after the rest of its round: what that has marked may have been asked since.
        if self._services.probes:
            probes = self.probing.below(addresses)
            for address in probes:
                self._seen.pop(address, None)
            self._services.probes.expire(probes)

    def settle_owed(self, addresses: Iterable[Address]) -> None:
        """Decide from what was seen just now what is owed because of it; of what is owed itself, when that is done."""
        for address in addresses:
            unit = self._seen[address].unit
            if isinstance(unit, PlanUnit) and unit.is_moot:
                self._lane.refreshes.done(self._lane.refreshes.of(address))
            if isinstance(unit, PlanUnit) and not self._lane.refreshes.of(address):
                as_declared = unit.action is Action.NONE
                owed = self._lane.refreshes.seen(address, unit.observed, as_declared=as_declared)
                # Nothing has moved about what is owed: no rescan would look at it.
                self._lane.unsettled.add(owed)
                self.owed += owed
