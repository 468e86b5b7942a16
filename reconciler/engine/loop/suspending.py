"""What is left alone, and looked at again when that is over: by a person's word, a manifest's, or the clock's.

Invariant: what a suspension covered is looked at once it is over, however it came to be so, by whomever.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.core.workqueue import Priority
from reconciler.engine.intake.in_force import InForce
from reconciler.engine.loop.reminders import Reminders
from reconciler.engine.loop.suspensions import Suspensions
from reconciler.engine.loop.workers import Workers
from reconciler.model.names import Address, split_address
from reconciler.model.scope import Scope
from reconciler.model.state import Suspension, covers


class Suspending:
    """See the module.

    Args:
        suspensions: what is left alone.
        in_force: what is declared.
        workers: look.
        now: the wall clock.
    """

    def __init__(
        self, suspensions: Suspensions, in_force: InForce, workers: Workers, *, now: Callable[[], float]
    ) -> None:
        self._suspensions = suspensions
        self._in_force = in_force
        self._workers = workers
        self._reminders = Reminders(suspensions, now=now, ended=self._ended)

    async def load(self) -> None:
        """Take up what is on record."""
        await self._suspensions.load()
        self._reminders.set(self._suspensions.all())

    async def hear(self) -> None:
        """Take note of what others that share the store have put on record; they look where theirs are over."""
        before = self._suspensions.on_record
        await self._suspensions.load()
        if before != self._suspensions.on_record:
            for object_ in before:
                self._reminders.cancel(object_)
            self._reminders.set(self._suspensions.all())

    def declare(self) -> None:
        """Leave alone what manifests want left alone, and look at what they do not any more."""
        for object_ in self._suspensions.declare(self._in_force.instances.values()):
            self._ended(object_)

    def remind(self, suspension: Suspension) -> None:
        """Look when this ends, if it does by itself."""
        self._reminders.set([suspension])

    async def remove(self, object_: str) -> bool:
        """End what people have put there; whether there was anything. What it covered is the caller's to look at."""
        found = await self._suspensions.remove(object_)
        self._reminders.cancel(object_)
        self._reminders.set(self._suspensions.of(object_))
        return found

    def covered(self, object_: str) -> list[Address]:
        """The instances that a suspension of `object_` concerns."""
        return [address for address in self._in_force.instances if covers(object_, address)]

    def close(self) -> None:
        """Look no more."""
        self._reminders.close()

    def _ended(self, object_: str) -> None:
        """Look at what it covered. No request: one for the same instance that is granted before takes it along."""
        self._reminders.cancel(object_)
        self._reminders.set(self._suspensions.of(object_))  # there may be another of the same
        for address in self.covered(object_):
            name, _ = split_address(address)
            self._workers.add(name, priority=Priority.SPEC, scope=Scope.of([address]))
