"""What the API, and the commands, can be told: by a running daemon, or by the store alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from reconciler.api.health import HealthCheck
from reconciler.model.alert import AlertName, AlertStatus, KnownAlert
from reconciler.model.event import Event, EventFilter
from reconciler.model.facts import Facts
from reconciler.model.names import Address, SourceName, TargetName
from reconciler.model.plan import Plan
from reconciler.model.resource import Instance
from reconciler.model.rollout import RolloutRecord
from reconciler.model.scope import Scope
from reconciler.model.source import Revision
from reconciler.model.state import ResourceState, Rollback, SourceState, Suspension, TargetState

if TYPE_CHECKING:
    from reconciler.store.feed import Subscription
    from reconciler.store.records import QueuedKey, Run, RunUnit
    from reconciler.store.sharing import ControllerShare
from reconciler.store.store import Store


class Knowledge(Protocol):
    """What is known right now.

    Attributes:
        live: whether a running daemon says so; else it is the last word of one that has ended.
    """

    live: bool

    async def states(self) -> Mapping[Address, ResourceState]:
        """Of each instance."""

    async def targets(self) -> Mapping[TargetName, TargetState]:
        """Of each target."""

    async def facts(self) -> Mapping[TargetName, Facts]:
        """What each target is."""

    async def sources(self) -> Mapping[SourceName, SourceState]:
        """Of each source."""

    async def rollbacks(self) -> Mapping[SourceName, Rollback]:
        """What sources were rolled back to, until something newer is in force."""

    async def revisions(self) -> Sequence[Revision]:
        """The snapshots that are kept: by source, and the oldest first."""

    async def rollouts(self) -> Sequence[RolloutRecord]:
        """How far each rollout is."""

    async def suspensions(self) -> Sequence[Suspension]:
        """Those in force."""

    async def instances(self) -> Mapping[Address, Instance]:
        """As declared, as far as that is at hand."""

    async def orphans(self) -> Sequence[Instance]:
        """What is ours and declared by nobody, as it was declared last."""

    async def controllers(self) -> Sequence[ControllerShare]:
        """What each controller has, where several share the store."""

    async def alerts(self) -> Sequence[KnownAlert]:
        """Who is told of what, and how that gets on."""

    async def events(self, chosen: EventFilter, limit: int) -> Sequence[Event]:
        """What happened, oldest first."""

    async def runs(self, target: TargetName | None, limit: int) -> Sequence[Run]:
        """Rounds that set out to change something, newest first."""

    async def run_units(self, run: str) -> Sequence[RunUnit]:
        """What a run set out to do."""

    async def queue(self) -> Sequence[QueuedKey]:
        """What people have asked for and has not been looked at yet."""

    def next_tries(self) -> Mapping[TargetName, float]:
        """When targets that cannot be reached are tried again, in seconds since the epoch; empty where nobody tries."""

    def health(self) -> Mapping[str, str]:
        """What is wrong with the daemon itself, by task or target; empty when all is well, or none runs."""


class Followed(Knowledge, Protocol):
    """What is known, of somebody who says when that changes."""

    def subscribe(self) -> Subscription:
        """News of what is on record, from now on."""


class Observable(Protocol):
    """What those need who watch over a daemon."""

    def checks(self) -> Sequence[HealthCheck]:
        """Whether it lives and is ready, one by one."""

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """What was measured, as text, and of which type that is.

        Args:
            accept: the header of who asks.
        """


class Backend(Followed, Observable, Protocol):
    """What the server needs of a daemon."""

    def now(self) -> float:
        """The wall clock."""

    async def gather_facts(self, name: TargetName) -> None:
        """Ask a target what it is, now."""

    async def reconcile(self, scope: Scope[Address]) -> int:
        """Look at these instances now, and where everything is meant at remote sources; how many are concerned."""

    async def suspend(self, suspension: Suspension) -> int:
        """Leave something alone; returns how many instances are concerned."""

    async def resume(self, suspended: str, *, by: str) -> bool:
        """End a suspension; whether there was one."""

    async def test_alert(self, name: AlertName, *, by: str) -> str:
        """Have an alert tell of nothing, by hand; the id of the message."""

    async def approve(
        self, addresses: Sequence[Address], *, by: str, reason: str
    ) -> tuple[list[Address], list[Address]]:
        """Have done what waits for a person; returns what that is, and what had been approved already."""

    async def forget(self, addresses: Sequence[Address], source: str, *, by: str) -> list[str]:
        """Leave these, or all of a source, as they are for good; returns what that is."""

    async def restore(self, address: Address, *, by: str, reason: str) -> None:
        """Have what was there before us put back, and what is declared left alone from then on."""

    async def foresee_restore(self, address: Address) -> Plan:
        """What that would change now."""

    async def roll_back(
        self, revision: str, source: str, *, by: str, reason: str, until: float | None
    ) -> Rollback:
        """Put an earlier revision of a source in force, until its end has come."""

    async def end_rollback(self, source: str, *, by: str) -> Rollback:
        """Put the newest good revision of a source in force again; returns what was ended."""

    async def steer_rollout(
        self, action: str, name: str, source: str, *, by: str, reason: str, full: bool
    ) -> RolloutRecord:
        """Pause, resume, promote or abort a rollout; returns how far it is then."""

    async def plan(self) -> Sequence[Plan]:
        """What would be changed now."""


class StoreKnowledge:
    """What the store alone knows: the last word of the controller that wrote it.

    Args:
        store: opened at least to be read.
        now: the wall clock.
    """

    live = False

    def __init__(self, store: Store, *, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now

    async def states(self) -> Mapping[Address, ResourceState]:
        """Of each instance."""
        return await self._store.load_states()

    async def targets(self) -> Mapping[TargetName, TargetState]:
        """Of each target."""
        return await self._store.load_target_states()

    async def facts(self) -> Mapping[TargetName, Facts]:
        """What each target is."""
        return await self._store.load_facts()

    async def sources(self) -> Mapping[SourceName, SourceState]:
        """Of each source."""
        return await self._store.load_source_states()

    async def rollbacks(self) -> Mapping[SourceName, Rollback]:
        """What sources were rolled back to, until something newer is in force."""
        return await self._store.load_rollbacks()

    async def revisions(self) -> Sequence[Revision]:
        """The snapshots that are kept: by source, and the oldest first."""
        return await self._store.revisions()

    async def rollouts(self) -> Sequence[RolloutRecord]:
        """How far each rollout is."""
        return await self._store.load_rollouts()

    async def suspensions(self) -> Sequence[Suspension]:
        """Those in force."""
        every = await self._store.load_suspensions()
        return [s for s in every if s.until is None or s.until > self._now()]

    async def instances(self) -> Mapping[Address, Instance]:
        """As last applied: the inventory."""
        return {a: entry.instance for a, entry in (await self._store.load_inventory()).items()}

    async def orphans(self) -> Sequence[Instance]:
        """What is ours and declared by nobody, as it was declared last."""
        known = await self._store.load_states()
        inventory = await self._store.load_inventory()
        return [entry.instance for address, entry in inventory.items() if address not in known]

    async def controllers(self) -> Sequence[ControllerShare]:
        """What each controller has that shares the store, as it is on record."""
        return await self._store.load_controllers()

    async def alerts(self) -> Sequence[KnownAlert]:
        """How those get on that were declared when a daemon ran last."""
        waiting = Counter(one.alert for one in await self._store.load_alert_messages())
        firing = Counter(
            one.alert
            for one in await self._store.load_incidents()
            if one.status is AlertStatus.FIRING and one.told_at is not None
        )
        return [
            KnownAlert(state=one, firing=firing[one.name], waiting=waiting[one.name])
            for one in await self._store.load_alerts()
        ]

    async def events(self, chosen: EventFilter, limit: int) -> Sequence[Event]:
        """What happened, oldest first."""
        return await self._store.events(chosen, limit=limit)

    async def runs(self, target: TargetName | None, limit: int) -> Sequence[Run]:
        """Rounds that set out to change something, newest first."""
        return await self._store.runs(target=target, limit=limit)

    async def run_units(self, run: str) -> Sequence[RunUnit]:
        """What a run set out to do."""
        return await self._store.run_units(run)

    async def queue(self) -> Sequence[QueuedKey]:
        """What people have asked for and has not been looked at yet."""
        return await self._store.load_queue()

    def next_tries(self) -> Mapping[TargetName, float]:
        """None: nobody tries."""
        return {}

    def health(self) -> Mapping[str, str]:
        """Nothing runs that anything could be wrong with."""
        return {}
