"""The source of a simulation: it yields snapshots as a watched directory does, and breaks in every way that one can."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from reconciler.app.watched import WatchedPlace
from reconciler.model.names import SourceName
from reconciler.model.source import Snapshot, SourceReport
from tests.sim.manifests import snapshot

if TYPE_CHECKING:
    from tests.sim.process import Process


class SimSource:
    """What people have written, good or not.

    Args:
        name: of the source.

    Attributes:
        document: what it says; None while it cannot be read.
        good: the last thing it said that was right.
        said: everything that was.
        vanishing: how many more snapshots move on before they are read.
        degraded: why events cannot be had, or "".
    """

    def __init__(self, name: SourceName) -> None:
        self.name = name
        self.said: list[Any] = []
        self.document: Any = {"targets": {}, "resources": []}
        self.good: Any = None
        self.vanishing = 0
        self.degraded = ""
        self._number = 0
        self._moved: dict[int, asyncio.Event] = {}

    def say(self, document: Any) -> None:
        """From now on it says this."""
        self.document = document
        self._number += 1
        if isinstance(document, dict):
            self.good = document
            self.said.append(document)
        for moved in self._moved.values():
            moved.set()

    def touch(self) -> None:
        """Something about it is to be looked at."""
        for moved in self._moved.values():
            moved.set()

    def settle(self) -> None:
        """The trouble ends."""
        self.vanishing, self.degraded = 0, ""

    def watched(self, _process: "Process") -> WatchedPlace:
        """Watch it for one life of the controller."""
        return WatchedPlace(self.snapshots, lambda: 1e9)

    async def snapshots(self) -> AsyncIterator[Snapshot | SourceReport]:
        """As `DirectorySource.snapshots`: a snapshot when the digest is another, a report when there is news."""
        key = id(moved := asyncio.Event())
        self._moved[key] = moved
        reported, digest = SourceReport(), ""
        try:
            while True:
                moved.clear()
                unreadable = "modelled: permission denied" if self.document is None else ""
                report = SourceReport(degraded=self.degraded, unreadable=unreadable)
                if report != reported:
                    reported = report
                    yield report
                if self.document is not None:
                    taken = snapshot(
                        self.document, number=self._number, gone=self.vanishing > 0, source=self.name
                    )
                    if taken.digest != digest:
                        digest = taken.digest
                        if self.vanishing:
                            # It has moved on, so the next look finds something else.
                            self.vanishing -= 1
                            digest = ""
                        yield taken
                try:
                    async with asyncio.timeout(30.0):
                        await moved.wait()
                except TimeoutError:
                    pass
        finally:
            del self._moved[key]
