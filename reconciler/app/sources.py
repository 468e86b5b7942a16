"""The directories that a daemon serves: those that it was given, and those that a Source in one of them declares.

Invariant: each directory has one intake, and one task that watches it for as long as it is served. One that no Source
is about any more is served no longer, and neither is what only it had served. That says nothing about what it declared:
all of it stays as it is and on record, as if the daemon had been started without it, until a person forgets it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from reconciler.app.assembly import Parts
from reconciler.app.places import source_name
from reconciler.engine.intake.intake import Intake
from reconciler.engine.loop.controller import Controller
from reconciler.engine.loop.supervisor import Supervisor
from reconciler.model.desired import Desired
from reconciler.model.facts import Section
from reconciler.model.names import SourceName, TargetName
from reconciler.model.source import Source, serving
from reconciler.runtime import Offload
from watchers.directory import RESCAN, DirectorySource
from watchers.hints import FileEvents

T = TypeVar("T")

MISSED_LOOKS = 3
"""Looks at a source that did not come, however much or little happens there, after which its watcher is dead."""


class Sources:
    """See the module.

    Args:
        parts: what the daemon is made of.
        controller: gets what evaluates.
        supervisor: looks after the tasks.

    Attributes:
        intakes: the path from each directory to the loop.
    """

    def __init__(self, parts: Parts, controller: Controller, supervisor: Supervisor) -> None:
        self.intakes: dict[SourceName, Intake] = {}
        self._parts = parts
        self._controller = controller
        self._supervisor = supervisor
        self._events = FileEvents()
        self._given: list[SourceName] = []
        controller.facts_changed = self._facts_changed

    def give(self, directory: Path) -> None:
        """Keep what `directory` declares for as long as the daemon runs; one that is not there yet is waited for."""
        self._given.append(source_name(directory))
        self._serve(directory)

    def _serve(self, directory: Path) -> None:
        name = source_name(directory)
        if name in self.intakes:
            return
        parts, task = self._parts, _task(name)
        beating = _Beating(parts.runtime.offload, partial(self._supervisor.beat, task))

        def interval() -> float:
            declared = [
                one
                for desired in self._controller.in_force.sources.values()
                for one in desired.sources.values()
            ]
            return rescan_interval(declared, directory)

        source = DirectorySource(
            name,
            directory,
            runtime=replace(parts.runtime, offload=beating),
            rescan_interval=interval,
            hints=self._events.hints,
        )
        self._controller.expected.add(name)
        intake = self.intakes[name] = Intake(
            name,
            load=parts.load,
            controller=self._controller,
            store=parts.store,
            runtime=parts.runtime,
            taken=self._taken,
        )
        self._supervisor.add(
            task,
            lambda: intake.run(source.snapshots()),
            deadline=lambda: MISSED_LOOKS * max(interval(), RESCAN),
        )

    async def _facts_changed(self, name: TargetName, sections: Collection[Section]) -> None:
        """A target says something else of itself: see what the sources declare that have asked for that."""
        for source, intake in list(self.intakes.items()):
            desired = self._controller.in_force.of(source)
            reads = desired is not None and name in desired.targets and desired.facts_read & set(sections)
            # One that is broken may be so because of what was known until now.
            if reads or intake.state.problems:
                await intake.reconsider()

    async def follow_secrets(self) -> None:
        """See what the sources declare that read a secret, whenever that is another one, for ever."""
        async for files in self._parts.secrets.files.changes():
            for source, intake in list(self.intakes.items()):
                desired = self._controller.in_force.of(source)
                # One that is broken may be so because of what could not be read until now.
                if intake.state.problems or (desired is not None and desired.secrets & files):
                    await intake.reconsider()

    async def _taken(self, desired: Desired) -> None:
        """Serve what is declared to be served and nothing else, and take what had to wait for this."""
        for name in served_no_longer(self._given, self.intakes, self._controller.in_force.sources):
            # Before its task: what that is at is seen through, and nothing is taken in afterwards.
            await self.intakes[name].end()
            await self._supervisor.remove(_task(name))
            self.intakes.pop(name, None)
        served = {_real(name) for name in self.intakes}
        for source in desired.sources.values():
            if _real(source.directory) not in served:
                self._serve(Path(source.directory))
        for name, intake in list(self.intakes.items()):
            if name != desired.source:
                await intake.again()


def _task(name: SourceName) -> str:
    return f"source {name}"


def served_no_longer(
    given: Iterable[SourceName], served: Iterable[SourceName], in_force: Mapping[SourceName, Desired]
) -> list[SourceName]:
    """What is served although nothing says so: it was not given, and nothing that is to be has a Source about it.

    Args:
        given: what the daemon was given.
        served: what is.
        in_force: what each declares.
    """
    by_directory = {_real(name): name for name in served}
    wanted, todo = set(given), [*given]
    while todo:
        desired = in_force.get(todo.pop())
        for source in desired.sources.values() if desired is not None else ():
            name = by_directory.get(_real(source.directory))
            if name is not None and name not in wanted:
                wanted.add(name)
                todo.append(name)
    return [name for name in by_directory.values() if name not in wanted]


def _real(directory: str) -> str:
    """A directory by its one name, whichever links lead to it."""
    return os.path.realpath(directory)


def rescan_interval(declared: Iterable[Source], directory: Path) -> float:
    """Seconds between looks at a directory without any event, as what is in force declares it."""
    served = serving(declared, os.path.realpath(directory))
    return RESCAN if served is None or served.interval is None else served.interval


class _Beating:
    """An offload that tells of each call that has come back: whoever makes them lives."""

    def __init__(self, offload: Offload, beat: Callable[[], None]) -> None:
        self._offload = offload
        self._beat = beat

    async def __call__(self, lane: str, function: Callable[[], T], /) -> T:
        result = await self._offload(lane, function)
        self._beat()
        return result
