"""What the API, and the commands, can be told: by a running daemon, or by the store alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from reconciler.api import views
from reconciler.api.views import Document
from reconciler.model.event import Event
from reconciler.model.names import Address, SourceName, TargetName
from reconciler.model.resource import Instance
from reconciler.model.state import ResourceState, SourceState, Suspension, TargetState

if TYPE_CHECKING:
    from reconciler.store.queries import EventFilter
    from reconciler.store.records import Run, RunUnit
    from reconciler.store.store import Store


class Knowledge(Protocol):
    """What is known right now."""

    async def states(self) -> Mapping[Address, ResourceState]:
        """Of each instance."""

    async def targets(self) -> Mapping[TargetName, TargetState]:
        """Of each target."""

    async def sources(self) -> Mapping[SourceName, SourceState]:
        """Of each source."""

    async def suspensions(self) -> Sequence[Suspension]:
        """Those in force."""

    async def instances(self) -> Mapping[Address, Instance]:
        """As declared, as far as that is at hand."""

    async def events(self, chosen: EventFilter, limit: int) -> Sequence[Event]:
        """What happened, oldest first."""

    async def runs(self, target: TargetName | None, limit: int) -> Sequence[Run]:
        """Rounds that set out to change something, newest first."""

    async def run_units(self, run: str) -> Sequence[RunUnit]:
        """What a run set out to do."""


class StoreKnowledge:
    """What the store alone knows: the last word of the controller that wrote it.

    Args:
        store: opened at least to be read.
        now: the wall clock.
    """

    def __init__(self, store: Store, *, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now

    async def states(self) -> Mapping[Address, ResourceState]:
        """Of each instance."""
        return await self._store.load_states()

    async def targets(self) -> Mapping[TargetName, TargetState]:
        """Of each target."""
        return await self._store.load_target_states()

    async def sources(self) -> Mapping[SourceName, SourceState]:
        """Of each source."""
        return await self._store.load_source_states()

    async def suspensions(self) -> Sequence[Suspension]:
        """Those in force."""
        every = await self._store.load_suspensions()
        return [s for s in every if s.until is None or s.until > self._now()]

    async def instances(self) -> Mapping[Address, Instance]:
        """As last applied: the inventory."""
        return {a: entry.instance for a, entry in (await self._store.load_inventory()).items()}

    async def events(self, chosen: EventFilter, limit: int) -> Sequence[Event]:
        """What happened, oldest first."""
        return await self._store.events(chosen, limit=limit)

    async def runs(self, target: TargetName | None, limit: int) -> Sequence[Run]:
        """Rounds that set out to change something, newest first."""
        return await self._store.runs(target=target, limit=limit)

    async def run_units(self, run: str) -> Sequence[RunUnit]:
        """What a run set out to do."""
        return await self._store.run_units(run)


async def resources(known: Knowledge, *, specs: bool = False) -> list[Document]:
    """All instances, in order of their addresses."""
    targets, suspensions = await known.targets(), await known.suspensions()
    instances = await known.instances() if specs else {}
    states = await known.states()
    return [
        views.resource(
            states[address], targets=targets, suspensions=suspensions, instance=instances.get(address)
        )
        for address in sorted(states)
    ]


async def status(known: Knowledge) -> Document:
    """How everything is, in short."""
    every = await resources(known)
    per_target: dict[str, int] = {}
    for view in every:
        per_target[view["target"]] = per_target.get(view["target"], 0) + 1
    targets = await known.targets()
    return views.document(
        "Status",
        sources=[views.source(state) for state in (await known.sources()).values()],
        targets=[views.target(state, per_target.get(name, 0)) for name, state in sorted(targets.items())],
        counts=views.counts(every),
        instances=len(every),
        notReady=[view for view in every if view["ready"] != "True"][:20],
        suspensions=[views.suspension(s) for s in await known.suspensions()],
    )


async def run(known: Knowledge, entry: Run) -> Document:
    """A run with its units."""
    units = [
        {
            "address": unit.address,
            "action": unit.action.value,
            "cause": unit.cause.value,
            "diffs": [views.field_diff(diff) for diff in unit.diffs],
            "outcome": unit.outcome,
            "message": unit.message,
        }
        for unit in await known.run_units(entry.id)
    ]
    return {
        "id": entry.id,
        "target": entry.target,
        "cause": entry.cause,
        "revision": entry.revision,
        "startedAt": entry.started_at,
        "finishedAt": entry.finished_at,
        "outcome": entry.outcome,
        "message": entry.message,
        "units": units,
    }
