"""What rounds have concluded about a target and the store does not have yet.

Normally that is nothing: a round keeps its conclusions as it ends. When the store cannot be written just then,
they wait here for the next round, so that what is in memory and what is on disk become the same again by
themselves. Invariant: states are kept as they are when they are written, not as they were when that failed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from reconciler.engine.report import Report
from reconciler.errors import StoreError
from reconciler.model.event import Event
from reconciler.model.names import Address
from reconciler.model.owed import Owed
from reconciler.model.state import ResourceState
from reconciler.store.batch import Batch
from reconciler.store.records import InventoryEntry, UnitOutcome
from reconciler.store.store import Store

EVENTS = 1000
"""How many events outlast a write that failed; the oldest go first. Who cannot write does little worth telling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run has ended.

    Attributes:
        run: its id.
        outcomes: of its units.
        at: seconds since the epoch.
        outcome: of the run as a whole.
        message: for a person.
    """

    run: str
    outcomes: tuple[UnitOutcome, ...]
    at: float
    outcome: str
    message: str


class Backlog:
    """See the module."""

    def __init__(self) -> None:
        self._states: set[Address] = set()
        self._forgotten: set[Address] = set()
        self._owned: list[InventoryEntry] = []
        self._disowned: set[Address] = set()
        self._not_begun: set[Address] = set()
        self._approved: set[Address] = set()
        self._events: list[Event] = []
        self._endings: list[Ending] = []
        self._refreshes: dict[tuple[Address, Address], Owed | None] = {}

    def __bool__(self) -> bool:
        return bool(
            self._states
            or self._forgotten
            or self._owned
            or self._disowned
            or self._not_begun
            or self._approved
            or self._events
            or self._endings
            or self._refreshes
        )

    def add(self, report: Report) -> None:
        """What was concluded, and what has happened."""
        self._states |= report.changed.keys()
        self._events += report.events

    def move(self, addresses: Iterable[Address]) -> None:
        """The state of these is another one in memory than on disk."""
        self._states.update(addresses)

    @property
    def moved(self) -> Collection[Address]:
        """The instances whose state is another one in memory than on disk."""
        return self._states

    def own(self, entries: Iterable[InventoryEntry]) -> None:
        """These have become ours."""
        entries = list(entries)
        self._owned += entries
        self._not_begun.difference_update(entry.instance.address for entry in entries)

    def not_begun(self, address: Address) -> None:
        """What was to be created has not been: that it is ours, which was put on record before, is not so."""
        self._not_begun.add(address)

    def disown(self, addresses: Collection[Address]) -> None:
        """These are not ours any more: nothing is known of them, and what was approved about them is over."""
        self._disowned.update(addresses)
        self.forget(addresses)

    def forget(self, addresses: Iterable[Address]) -> None:
        """Nothing is known of these any more."""
        self._forgotten.update(addresses)

    def spend(self, address: Address) -> None:
        """What a person had approved about an instance is done."""
        self._approved.add(address)

    def end(self, ending: Ending) -> None:
        """A run has ended."""
        self._endings.append(ending)

    def owe(self, refreshes: Mapping[tuple[Address, Address], Owed | None]) -> None:
        """These are owed now; None for what no longer is."""
        self._refreshes |= refreshes

    async def keep(self, store: Store, states: Mapping[Address, ResourceState]) -> None:
        """Write all of it in one transaction.

        Args:
            store: where to.
            states: as they are now.

        Raises:
            StoreError: it waits on.
        """
        if not self:
            return
        batch = Batch()
        batch.put_states(states[address] for address in sorted(self._states & states.keys()))
        batch.forget_states(sorted(self._forgotten - states.keys()))
        batch.put_inventory(self._owned)
        batch.forget_inventory(sorted(self._not_begun | (self._disowned - states.keys())))
        batch.forget_approvals(sorted(self._approved | self._disowned))
        batch.add_events(self._events)
        batch.owe(one for one in self._refreshes.values() if one is not None)
        batch.forget_owed(key for key, one in self._refreshes.items() if one is None)
        for ending in self._endings:
            batch.settle(ending.run, ending.outcomes)
            batch.finish_run(ending.run, at=ending.at, outcome=ending.outcome, message=ending.message)
        try:
            await store.write(batch)
        except StoreError:
            del self._events[:-EVENTS]
            raise
        self._states.clear()
        self._forgotten.clear()
        self._owned.clear()
        self._disowned.clear()
        self._not_begun.clear()
        self._approved.clear()
        self._events.clear()
        self._endings.clear()
        self._refreshes.clear()
