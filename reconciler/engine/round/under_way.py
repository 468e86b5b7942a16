"""Operations that take longer than their round: they go on, and a later round concludes what came of them.

Invariant: one writer a subject. While an operation is under way no round looks at its instance or claimed it, nor at
another one that is about the same thing, as a renamed one is, until a round has taken over what came of it. So rounds
need not wait for what is slow. This module must not know what an operation does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.outcome import Applied
from reconciler.engine.round.tally import Tally
from reconciler.model.names import Address, Digest, TargetName, split_address
from reconciler.model.owed import Owed
from reconciler.model.plan import PlanUnit
from reconciler.model.resource import Instance
from reconciler.model.subjects import within


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of carrying something out.

    Attributes:
        begun: loop time.
        done_at: loop time.
        applied: what the providers say, by instance.
        lasting: the operations whose results the target keeps until they are forgotten.
        settles: the refreshes that are done with what succeeded of it, by instance.
    """

    begun: float
    done_at: float
    applied: dict[Address, Applied]
    lasting: list[str]
    settles: Mapping[Address, tuple[Owed, ...]]


@dataclass(slots=True, eq=False)
class Slow:
    """An operation that may outlast its round: on one instance, or on some of a kind whose operations are one.

    Attributes:
        units: what is to be done.
        lock: what it has to hold, or "".
        owed: what it is refreshed for; nothing where it is no refresh.
        begun: whether it holds what it has to hold.
        intended: whether the intents are on record.
        task: carries it out; None until that has begun.
    """

    units: Mapping[Address, PlanUnit]
    lock: str
    owed: tuple[Owed, ...] = ()
    begun: bool = False
    intended: bool = False
    task: asyncio.Task[Carried] | None = field(default=None, init=False)

    def note(self, intending: asyncio.Task[None]) -> None:
        """The writing of the intents has ended."""
        self.intended = not intending.cancelled() and intending.exception() is None


def slow_of(lane: Lane, todo: Mapping[Address, PlanUnit]) -> list[Slow]:
    """What of `todo` may outlast its round, operation by operation; what has to wait for others is part of that.

    All that is to be done about the instances of a kind with transactions is one operation; to take away what is
    declared no longer is another one.

    Args:
        lane: the target.
        todo: what is to be done about instances of one package, none of which depends on another of them.
    """
    operations: dict[tuple[object, ...], dict[Address, PlanUnit]] = {}
    for address, unit in todo.items():
        one = lane.instances[address]
        key = (one.kind, one.removal is None) if one.transaction else (address,)
        operations.setdefault(key, {})[address] = unit
    return [
        Slow(units, lock)
        for units in operations.values()
        if (lock := lane.instances[next(iter(units))].lock) or any(u.operation.slow for u in units.values())
    ]


@dataclass(frozen=True, slots=True, eq=False)
class LongOperation:
    """One that outlasts its round.

    Attributes:
        instances: as they were declared when that began.
        units: what is done, by instance.
        owed: what it is refreshed for; nothing where it is no refresh.
        tally: of the run in which its intents are on record.
        preimages: what it is to replace, where that was not ours.
        task: which carries it out.
    """

    instances: Mapping[Address, Instance]
    units: Mapping[Address, PlanUnit]
    owed: tuple[Owed, ...]
    tally: Tally
    preimages: Mapping[Address, Digest]
    task: asyncio.Task[Carried]


class UnderWay:
    """All of a controller.

    Args:
        ended: told of each instance that can be looked at again, since an operation has ended, well or not.
    """

    def __init__(self, ended: Callable[[Address], None]) -> None:
        self._ended = ended
        self._operations: dict[Address, LongOperation] = {}
        self._waiting: dict[Address, dict[Address, None]] = {}

    def __contains__(self, address: Address) -> bool:
        return address in self._operations

    def __iter__(self) -> Iterator[Address]:
        return iter(self._operations)

    def put(self, operation: LongOperation) -> None:
        """An operation outlasts its round."""
        self._operations |= dict.fromkeys(operation.units, operation)
        operation.task.add_done_callback(lambda _: self._over(operation))

    def disrupts(self, target: TargetName) -> bool:
        """Whether anything disruptive is under way on a target, also where it is declared no longer."""
        return any(
            one.disruptive and one.target == target
            for address, operation in self._operations.items()
            for one in (operation.instances[address],)
        )

    def works_on(self, target: TargetName) -> bool:
        """Whether an operation is under way on a target."""
        return any(split_address(address)[0] == target for address in self)

    def writer(self, one: Instance, *, declared: Container[Address]) -> Address | None:
        """The instance whose operation is at what `one` is about; None if nobody is there.

        What only lies in a container and is declared is none of the container's business.

        Args:
            one: an instance.
            declared: what is declared on its target now.
        """
        for address, operation in self._operations.items():
            if address == one.address:
                return address
            other = operation.instances[address]
            if other.target == one.target and _meet(one, other, declared):
                return address
        return None

    def holder(self, one: Instance) -> Address | None:
        """The instance whose operation holds the lock that those on `one` need; None if nobody does."""
        if one.lock:
            for address, operation in self._operations.items():
                other = operation.instances[address]
                if other.target == one.target and other.lock == one.lock:
                    return address
        return None

    def wait(self, address: Address, *, writer: Address) -> None:
        """Tell of `address`, too, when the operation on `writer` has ended."""
        self._waiting.setdefault(writer, {})[address] = None
        operation = self._operations[writer]
        if operation.task.done():
            self._over(operation)

    def _over(self, operation: LongOperation) -> None:
        for address in operation.units:
            for one in (address, *self._waiting.pop(address, ())):
                self._ended(one)

    def take_ended(self, target: TargetName) -> list[LongOperation]:
        """Those on a target that have ended: whoever takes them owes a conclusion."""
        ended = {
            address: operation
            for address, operation in self._operations.items()
            if split_address(address)[0] == target and operation.task.done()
        }
        for address in ended:
            del self._operations[address]
        return list(dict.fromkeys(ended.values()))

    async def close(self, target: TargetName | None = None) -> list[Address]:
        """Wait for none any more. What must not be cut in half goes on by itself on its target.

        Args:
            target: only for those on this one.

        Returns:
            The instances of which it is not known what came of it; their intents stay in doubt.
        """
        left = [a for a in self._operations if target is None or split_address(a)[0] == target]
        tasks = {self._operations[address].task for address in left}
        for address in left:
            del self._operations[address]
            self._waiting.pop(address, None)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return left


def _meet(one: Instance, other: Instance, declared: Container[Address]) -> bool:
    """Whether to write `one` claimed what `other` is about, which is under way."""
    spared = one.contains if other.address in declared else ()
    return any(
        within(mine, their) or (within(their, mine) and not any(within(their, outer) for outer in spared))
        for mine in one.claimed
        for their in other.claimed
        if not (mine in one.shares and their in other.shares)
    )
