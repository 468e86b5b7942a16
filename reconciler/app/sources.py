"""The places that a daemon serves: those that it was given, and those that a Source in one of them declares.

Invariant: each place has one intake, and one task that watches it for as long as it is served. One that no Source
is about any more is served no longer, and neither is what only it had served. That says nothing about what it declared:
all of it stays as it is and on record, as if the daemon had been started without it, until a person forgets it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from reconciler.app.assembly import Parts
from reconciler.app.isolating import isolated
from reconciler.app.mending import Mending
from reconciler.app.policies import operators_changes
from reconciler.app.served import real, rescan_interval, served_no_longer, source_of
from reconciler.app.watched import WatchedPlace
from reconciler.config.targets import references
from reconciler.engine.intake.intake import Admit, Intake
from reconciler.engine.loop.controller import Controller
from reconciler.engine.loop.supervisor import Supervisor
from reconciler.model.cluster import ClusterPlace
from reconciler.model.desired import Desired
from reconciler.model.facts import Section
from reconciler.model.names import SourceName, TargetName
from reconciler.model.source import Place, Snapshot, Source, SourceReport, with_settings
from reconciler.runtime import Offload

T = TypeVar("T")


class Sources:
    """See the module.

    Args:
        parts: what the daemon is made of.
        controller: gets what evaluates.
        supervisor: looks after the tasks.

    Attributes:
        intakes: the path from each place to the loop.
        watched: what watches each.
        mending: knows what is wrong with the files of each, where those are written apart from each other.
        read_anew: called when something that sources depend on is another one: secrets, and facts of targets.
    """

    def __init__(self, parts: Parts, controller: Controller, supervisor: Supervisor) -> None:
        self.intakes: dict[SourceName, Intake] = {}
        self.watched: dict[SourceName, WatchedPlace] = {}
        self.mending: dict[SourceName, Mending] = {}
        self._parts = parts
        self._controller = controller
        self._supervisor = supervisor
        self._given: dict[SourceName, Source] = {}
        self._places: dict[SourceName, Place] = {}
        self._settings: dict[SourceName, Mapping[str, str]] = {}
        self.read_anew: Callable[[], None] = _nobody
        controller.gathering.changed = self._facts_changed

    def give(self, source: Source) -> None:
        """Keep what a place declares for as long as the daemon runs; one that is not there yet is waited for."""
        self._given[source.place.name] = source
        self._serve(source)

    @property
    def given(self) -> Mapping[SourceName, Source]:
        """The sources that the daemon was given, and no other source has declared."""
        return self._given

    def _serve(self, source: Source) -> None:
        place = source.place
        name = place.name
        if name in self.watched:
            return
        if isinstance(place, ClusterPlace):
            self.in_cluster()
        parts, task = self._parts, _task(name)
        beating = _Beating(parts.runtime.offload, partial(self._supervisor.beat, task))

        def interval() -> float:
            given = [self._given[name]] if name in self._given else []
            declared = [
                one
                for desired in self._controller.in_force.sources.values()
                for one in desired.sources.values()
            ]
            return rescan_interval([*(one for one in given if one.interval is not None), *declared], place)

        watched = self.watched[name] = parts.watchers.watch(
            place,
            runtime=replace(parts.runtime, offload=beating),
            interval=interval,
            beat=partial(self._supervisor.beat, task),
        )
        self._places[name] = place
        self._settings[name] = source.settings
        load = parts.load if not isinstance(place, ClusterPlace) or place.trusted else isolated(parts.load)
        admit: Admit | None = parts.policing.admit
        if isinstance(place, ClusterPlace):  # there each object is admitted by itself
            load, admit = parts.policing.admitting(load), None
        self._controller.submissions.expected.add(name)
        mending = None
        if watched.apart is not None:
            before = partial(parts.store.snapshot_in_force, name)
            mending = Mending(watched.apart, load=load, before=before, offload=beating)
            self.mending[name] = mending
        if name not in self.intakes:
            self.intakes[name] = Intake(
                name,
                load=load if mending is None else mending.load,
                submissions=self._controller.submissions,
                store=parts.store,
                runtime=parts.runtime,
                taken=self._taken,
                admit=admit,
                follows=None if watched.doubt is None else partial(self._doubt, name),
            )
        intake = self.intakes[name]

        async def run() -> None:
            if watched.remote:
                await intake.resume()
            snapshots = _with_settings(watched.snapshots(), source.settings)
            await intake.run(snapshots if mending is None else mending.mended(snapshots))

        self._supervisor.add(task, run, deadline=watched.deadline)

    def in_cluster(self) -> None:
        """Follow what objects of a cluster refer to there, from now on."""
        if self._parts.secrets.referred is None:
            self._parts.secrets.in_cluster()
            self._supervisor.add("references", self.follow_references)

    def sooner(self) -> None:
        """There may be something new in what is remote: have it looked at soon."""
        for one in self.watched.values():
            one.sooner()

    async def fetched(self, revision: str, source: str) -> Snapshot | None:
        """A revision that was never in force here, fetched and verified; None where no source can be asked for one.

        Args:
            revision: as a person names it.
            source: whose; "" where there is but one that can be asked.

        Raises:
            UsageError: it cannot be had, or is not signed as it has to be.
        """
        asked = {name: one.named for name, one in self.watched.items() if one.named is not None}
        if source:
            asked = {name: one for name, one in asked.items() if name == source}
        if len(asked) != 1:
            return None
        [(name, ask)] = asked.items()
        return with_settings(await ask(revision), self._settings[name])

    async def _facts_changed(self, name: TargetName, sections: Collection[Section]) -> None:
        """A target says something else of itself: see what the sources declare that have asked for that."""
        self.read_anew()
        self._controller.decide_again()
        for source, intake in list(self.intakes.items()):
            desired = self._controller.in_force.of(source)
            reads = desired is not None and name in desired.targets and desired.facts_read & set(sections)
            # One that is broken may be so because of what was known until now.
            if reads or self._is_wrong(source, intake):
                await self._reconsider(source, intake)

    async def follow_secrets(self) -> None:
        """See what the sources declare that read a secret, whenever that is another one, for ever."""
        async for files in self._parts.secrets.changes():
            self.read_anew()
            for source, intake in list(self.intakes.items()):
                desired = self._controller.in_force.of(source)
                # One that is broken may be so because of what could not be read until now.
                if self._is_wrong(source, intake) or (desired is not None and desired.secrets & files):
                    await self._reconsider(source, intake)

    async def follow_policies(self, place: Place) -> None:
        """See what the operator's policies say of everything, whenever they are others, for ever."""
        parts = self._parts
        async for _ in operators_changes(parts.policing, place, parts.watchers, parts.runtime):
            self.read_anew()
            self._controller.decide_again()
            for source, intake in list(self.intakes.items()):
                await self._reconsider(source, intake)

    async def follow_references(self) -> None:
        """See what the objects of a cluster declare that refer to another one, whenever that has changed, for ever."""
        referred = self._parts.secrets.referred
        if referred is None:
            return
        async for places in referred.changes():
            self.read_anew()
            for name, target in self._controller.in_force.targets.items():
                if any(one.place in places for one in references(target)):
                    self._controller.hurry(name)
            for source, intake in list(self.intakes.items()):
                desired = self._controller.in_force.of(source)
                if self._is_wrong(source, intake) or (desired is not None and desired.secrets & places):
                    await self._reconsider(source, intake)

    def let_go_of_references(self) -> None:
        """Follow what is referred to by what is in force, and nothing else."""
        if (referred := self._parts.secrets.referred) is not None:
            in_force = self._controller.in_force
            places = {place for desired in in_force.sources.values() for place in desired.secrets}
            places |= {one.place for target in in_force.targets.values() for one in references(target)}
            referred.keep_only(places)

    def _is_wrong(self, source: SourceName, intake: Intake) -> bool:
        return bool(intake.state.problems or (source in self.mending and self.mending[source].wrong))

    async def _reconsider(self, source: SourceName, intake: Intake) -> None:
        if source in self.mending:
            self.mending[source].again()
        else:
            await intake.reconsider()

    async def take_over(self) -> None:
        """Serve what is declared to be served in what another controller has put in force until now."""
        for desired in list(self._controller.in_force.sources.values()):
            await self._taken(desired)

    async def _taken(self, desired: Desired) -> None:
        """Serve what is declared to be served and nothing else, and take what had to wait for this."""
        self.let_go_of_references()
        self._controller.decide_again()
        for name in served_no_longer(self._given, self._places.values(), self._controller.in_force.sources):
            await self._end(name)
        ranked = {name: one for name, one in self._controller.in_force.sources.items() if name in self._given}
        ranked |= self._controller.in_force.sources
        for name, place in list(self._places.items()):
            # The same repository, of which another revision is wanted, or in another way. This runs in the task of what
            # was taken in, so that it cannot be about that.
            wanted = source_of(name, ranked)
            if name in self._given or name == desired.source or wanted is None:
                continue
            if wanted.place == place and wanted.settings == self._settings[name]:
                continue
            await self._exchange(name, wanted)
        served = {real(place) for place in self._places.values()}
        for source in desired.sources.values():
            if real(source.place) not in served:
                self._serve(source)
                served.add(real(source.place))
        for name, intake in list(self.intakes.items()):
            if name != desired.source:
                await intake.again()

    async def _end(self, name: SourceName) -> None:
        # Before its task: what that is at is seen through, and nothing is taken in afterwards.
        await self.intakes[name].end()
        await self._supervisor.remove(_task(name))
        for known in (self.intakes, self.watched, self.mending, self._places, self._settings):
            known.pop(name, None)

    async def _exchange(self, name: SourceName, source: Source) -> None:
        """Watch a source in another way under the same name; what it has in force stays so meanwhile."""
        await self._supervisor.remove(_task(name))
        del self.watched[name], self._places[name]
        self._serve(source)

    async def _doubt(self, name: SourceName, earlier: str, later: str) -> str:
        """Why a revision may not mean what it leaves out, as what watches its source now knows it."""
        watched = self.watched.get(name)
        return (
            await watched.doubt(earlier, later) if watched is not None and watched.doubt is not None else ""
        )


def _nobody() -> None:
    """Nobody else goes by it."""


def _task(name: SourceName) -> str:
    return f"source {name}"


async def _with_settings(
    snapshots: AsyncIterator[Snapshot | SourceReport], settings: Mapping[str, str]
) -> AsyncIterator[Snapshot | SourceReport]:
    """What a source yields, with what is set for it."""
    async for item in snapshots:
        yield with_settings(item, settings) if isinstance(item, Snapshot) else item


class _Beating:
    """An offload that tells of each call that has come back: whoever makes them lives."""

    def __init__(self, offload: Offload, beat: Callable[[], None]) -> None:
        self._offload = offload
        self._beat = beat

    async def __call__(self, lane: str, function: Callable[[], T], /) -> T:
        result = await self._offload(lane, function)
        self._beat()
        return result
