"""What rounds have concluded about a target and the store does not have yet.

Normally that is nothing: a round keeps its conclusions as it ends. When the store cannot be written just then,
they wait here for the next round, so that what is in memory and what is on disk become the same again by
themselves. Invariant: states are kept as they are when they are written, not as they were when that failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.errors import StoreError
from reconciler.model.event import Event
from reconciler.model.names import Address
from reconciler.model.owed import Owed
from reconciler.model.state import ResourceState
from reconciler.store.batch import Batch
from reconciler.store.records import InventoryEntry, Outcome
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
    outcomes: tuple[Outcome, ...]
    at: float
    outcome: str
    message: str


@dataclass(slots=True)
class Backlog:
    """See the module.

    Attributes:
        states: the instances whose state on disk is another one than in memory.
        forgotten: instances that have a state on disk and should not.
        owned: what has become ours.
        disowned: what is not ours any more, and with it what was approved about it.
        approved: what was done because a person had approved it.
        events: what has happened.
        endings: runs that have ended.
        refreshes: those that are owed now, and None for those that are no longer.
    """

    states: set[Address] = field(default_factory=set)
    forgotten: set[Address] = field(default_factory=set)
    owned: list[InventoryEntry] = field(default_factory=list)
    disowned: set[Address] = field(default_factory=set)
    approved: set[Address] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    refreshes: dict[tuple[Address, Address], Owed | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(
            self.states
            or self.forgotten
            or self.owned
            or self.disowned
            or self.approved
            or self.events
            or self.endings
            or self.refreshes
        )

    def add_events(self, events: Iterable[Event]) -> None:
        """Something has happened."""
        self.events += events

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
        batch.put_states(states[address] for address in sorted(self.states & states.keys()))
        batch.forget_states(sorted(self.forgotten - states.keys()))
        batch.put_inventory(self.owned)
        batch.forget_inventory(sorted(self.disowned - states.keys()))
        batch.forget_approvals(sorted(self.approved | self.disowned))
        batch.add_events(self.events)
        batch.owe(one for one in self.refreshes.values() if one is not None)
        batch.forget_owed(key for key, one in self.refreshes.items() if one is None)
        for ending in self.endings:
            batch.settle(ending.run, ending.outcomes)
            batch.finish_run(ending.run, at=ending.at, outcome=ending.outcome, message=ending.message)
        try:
            await store.write(batch)
        except StoreError:
            del self.events[:-EVENTS]
            raise
        self.states.clear()
        self.forgotten.clear()
        self.owned.clear()
        self.disowned.clear()
        self.approved.clear()
        self.events.clear()
        self.endings.clear()
        self.refreshes.clear()
