"""Operations that take longer than their round: they go on, and a later round concludes what came of them.

Invariant: of one instance at most one operation is under way, and no round looks at it or touches it until one has
taken over what came of that. So rounds need not wait for what is slow, and still nothing has two writers. This module
must not know what an operation does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler.engine.round.applying import Applied
from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.owed import Owed
from reconciler.model.plan import PlanUnit


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of carrying something out.

    Attributes:
        begun: loop time.
        done_at: loop time.
        applied: what the providers say, by instance.
        lasting: the operations whose results the target keeps until they are forgotten.
    """

    begun: float
    done_at: float
    applied: dict[Address, Applied]
    lasting: list[str]


@dataclass(frozen=True, slots=True)
class LongOperation:
    """One that outlasts its round.

    Attributes:
        unit: what is done.
        owed: what it is refreshed for; nothing where it is no refresh.
        run: in which its intent is on record.
        task: which carries it out.
    """

    unit: PlanUnit
    owed: tuple[Owed, ...]
    run: str
    task: asyncio.Task[Carried]


class UnderWay:
    """All of a controller.

    Args:
        ended: told that an operation on an instance has ended, well or not.
    """

    def __init__(self, ended: Callable[[Address], None]) -> None:
        self._ended = ended
        self._operations: dict[Address, LongOperation] = {}

    def __contains__(self, address: Address) -> bool:
        return address in self._operations

    def __iter__(self) -> Iterator[Address]:
        return iter(self._operations)

    def put(self, operation: LongOperation) -> None:
        """An operation outlasts its round."""
        address = operation.unit.address
        self._operations[address] = operation
        operation.task.add_done_callback(lambda _: self._ended(address))

    def take_ended(self, target: TargetName) -> list[LongOperation]:
        """Those on a target that have ended: whoever takes them owes a conclusion."""
        ended = [
            operation
            for address, operation in self._operations.items()
            if split_address(address)[0] == target and operation.task.done()
        ]
        for operation in ended:
            del self._operations[operation.unit.address]
        return ended

    async def close(self) -> list[Address]:
        """Wait for none any more. What must not be cut in half goes on by itself on its target.

        Returns:
            The instances of which it is not known what came of it; their intents stay in doubt.
        """
        left = list(self._operations)
        tasks = [operation.task for operation in self._operations.values()]
        self._operations.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return left
