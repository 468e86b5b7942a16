"""What a round does about its probes: has them asked, says that they are, and concludes from the answers.

Invariants: a round waits for no probe. What was never well is not asked before what it comes after is as declared. Only
here are calls made that the controller makes by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from reconciler.core.reasons import TROUBLE
from reconciler.engine import wording
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.concluding import Conclusions
from reconciler.engine.round.failures import Failures
from reconciler.engine.round.observing import observe
from reconciler.engine.round.performing import ReadingPerformer
from reconciler.engine.round.probes import Read, Reading
from reconciler.engine.round.services import Services
from reconciler.model.calls import Call, Reply
from reconciler.model.conditions import Reason, Verdict
from reconciler.model.names import Address
from reconciler.targets.session import Session


class Probing:
    """The probes of one round.

    Args:
        lane: the target, as it is held in memory.
        session: to it.
        services: what the round works with.
        conclusions: concludes.
        failures: concludes where something waits.
    """

    def __init__(
        self,
        lane: Lane,
        session: Session,
        services: Services,
        *,
        conclusions: Conclusions,
        failures: Failures,
    ) -> None:
        self._lane = lane
        self._session = session
        self._services = services
        self._probes = services.probes
        self._conclusions = conclusions
        self._failures = failures

    def is_probe(self, address: Address) -> bool:
        """Whether an instance is looked at beside the rounds."""
        one = self._lane.instances[address]
        return one.probe is not None and one.removal is None

    def is_new(self, address: Address) -> bool:
        """Whether it is one of which nothing is known that still holds."""
        return self.is_probe(address) and self._probes.is_new(self._lane.instances[address])

    def may_wait(self, address: Address) -> bool:
        """Whether it is one that need not be asked before what it comes after is as declared.

        What was well once is asked all the same: that something above it fails says nothing about what answers.
        """
        return self.is_new(address) and self._lane.states[address].observed is None

    def begin(self) -> None:
        """Look no longer at what is not declared any more."""
        self._probes.keep_only(self._lane.target.name, self._lane.instances)

    def readable(self, addresses: Iterable[Address]) -> list[Address]:
        """Those of `addresses` that can be looked at now; the probes among the others are asked, and that is said."""
        found = []
        for address in addresses:
            if not self.is_probe(address):
                found.append(address)
            elif self.may_wait(address) and (broken := self._conclusions.broken_above([address])):
                self._failures.waits(address, min(broken, key=self._lane.graph.position.__getitem__))
            elif self._probes.ask(self._lane.instances[address], self._read(address)):
                found.append(address)
            elif self.is_new(address):
                self._say(address)
        return found

    def below(self, addresses: Iterable[Address]) -> set[Address]:
        """The probes that come after `addresses`, however far."""
        found: set[Address] = set()
        seen, stack = set(), list(addresses)
        while stack:
            for edge in self._lane.graph.dependents.get(stack.pop(), ()):
                if edge.dependent not in seen:
                    seen.add(edge.dependent)
                    stack.append(edge.dependent)
                    if self.is_probe(edge.dependent):
                        found.add(edge.dependent)
        return found

    async def once(self, addresses: Iterable[Address]) -> dict[Address, Reading]:
        """What one look at each of `addresses` that is a probe shows, for a plan: it is waited for, and not kept."""
        mine = [address for address in addresses if self.is_probe(address)]
        readings = await asyncio.gather(*(self._read(address)() for address in mine))
        return dict(zip(mine, readings, strict=True))

    def _read(self, address: Address) -> Read:
        lane, services, session = self._lane, self._services, self._session

        async def read() -> Reading:
            performer = ProbingPerformer(session, services, guest=lane.instances[address].guest)
            found = await observe(services.host, lane, [address], performer)
            return found[address]

        return read

    def _say(self, address: Address) -> None:
        """Say that it is not known how it is. What is known to be wrong stays so until it is not any more."""
        if self._conclusions.summary(address).reason in TROUBLE:
            return
        message = wording.being_probed(self._lane.instances[address], self._probes.trouble(address))
        self._conclusions.conclude(address, Verdict(reason=Reason.PENDING, message=message, reconciling=True))


class ProbingPerformer(ReadingPerformer):
    """Performs what a probe asks, of the target and of the controller.

    Args:
        session: to the target.
        services: what the round works with.
        guest: who declares it has no business on the controller's own machine.
    """

    def __init__(self, session: Session, services: Services, *, guest: bool) -> None:
        super().__init__(session, services.settings)
        self._asked_of = session
        runtime = services.runtime
        self._ask_outside = runtime.outside_of_guests if guest else runtime.outside

    async def _outside(self, calls: Sequence[Call]) -> list[Reply]:
        asked = (self._asked_of.ask_outside(call, self._ask_outside) for call in calls)
        return list(await asyncio.gather(*asked))
