"""The directories that a daemon serves: those that it was given, and those that a Source in one of them declares.

Invariant: each directory has one intake, and one task that watches it for as long as the daemon runs. One that a Source
declared no longer is served until the daemon ends: that it is not declared says nothing about what it declares.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
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
from reconciler.model.names import SourceName
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

    def serve(self, directory: Path) -> None:
        """Keep what `directory` declares from now on; one that is not there yet is waited for."""
        name = source_name(directory)
        if name in self.intakes:
            return
        parts, task = self._parts, f"source {name}"
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

    async def _taken(self, desired: Desired) -> None:
        """Serve what is declared to be served, and take what had to wait for this."""
        served = {_real(name) for name in self.intakes}
        for source in desired.sources.values():
            if _real(source.directory) not in served:
                self.serve(Path(source.directory))
        for name, intake in list(self.intakes.items()):
            if name != desired.source:
                await intake.again()


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
