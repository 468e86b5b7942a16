"""A directory as a source: a stream of snapshots, each of them the whole tree at a moment when it was quiet.

Invariant: events only shorten the time until the next look; a timer looks anyway, and what has been looked at
is what counts. A tree that cannot be read in full yields no snapshot but a report that says why: unknown is
not empty. A snapshot equal to the one before is not yielded again.

Example:
    source = DirectorySource(SourceName("site"), "/etc/froyo", runtime=runtime)
    async for item in source.snapshots():
        ...
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from reconciler.errors import UsageError
from reconciler.model.names import SourceName
from reconciler.model.source import Snapshot, SourceReport
from watchers.hints import FileEvents, Hints
from watchers.tree import Scan, Tree
from watchers.walk import Directory, above

if TYPE_CHECKING:
    from reconciler.runtime import Runtime

RESCAN = 60.0
"""Seconds between looks without any event. A thousand files cost about 3 ms a look."""

POLL = 2.0
"""Seconds between looks where no event will tell: where none can be had, and until whoever has a file open for writing
closes it. Longer for a tree that is slow to look at."""

AGAIN = 1.0
"""Seconds until the look that follows a change: an event may have been lost among many."""

JITTER = 0.1
"""Part of every interval that is random, so that many sources do not look at the same time."""

_LOOKS = 4
"""Looks in a row for the sake of directories that have just come to be watched."""

_SHARE = 100
"""Polling takes at most one part in so many of the time."""

_FRUITLESS = 0.02
_MOST_FRUITLESS = 2.0
"""Seconds of rest after events that changed nothing, doubling up to the second: a log is written there."""


class DirectorySource:
    """Watches a directory.

    Args:
        name: of the source.
        root: the directory.
        runtime: the world.
        rescan_interval: says how many seconds there are between looks without any event; asked before each wait.
        hints: gives the source of events; one of its own unless given.
    """

    def __init__(
        self,
        name: SourceName,
        root: str | os.PathLike[str],
        *,
        runtime: Runtime,
        rescan_interval: Callable[[], float] = lambda: RESCAN,
        hints: Callable[[], Hints] | None = None,
    ) -> None:
        self.name = name
        self.root = os.fspath(root)
        self._runtime = runtime
        self._interval = rescan_interval
        self._lane = f"source {name}"
        self._open_hints = hints or FileEvents().hints
        self._tree = Tree(name, self.root, runtime.now)

    def take(self) -> Snapshot:
        """One snapshot, for a command that runs once.

        Raises:
            UsageError: the directory, or something in it, cannot be read.
        """
        look = self._tree.look()
        if look.snapshot is None:
            raise UsageError(f"the source cannot be read: {look.unreadable}")
        return look.snapshot

    async def snapshots(self) -> AsyncIterator[Snapshot | SourceReport]:
        """The first snapshot, one after every change, and a report whenever it would say something else."""
        hints = self._open_hints()
        try:
            async for item in self._follow(hints):
                yield item
        finally:
            hints.close()

    async def _follow(self, hints: Hints) -> AsyncIterator[Snapshot | SourceReport]:
        reported = SourceReport()
        digest = ""
        fruitless = 0
        while True:
            look, degraded, cost = await self._look(hints)
            report = SourceReport(degraded=degraded, unreadable=look.unreadable)
            if report != reported:
                reported = report
                yield report
            changed = look.snapshot is not None and look.snapshot.digest != digest
            if look.snapshot is not None and changed:
                digest = look.snapshot.digest
                yield look.snapshot
            interval = self._interval_after(look, changed=changed, degraded=bool(degraded), cost=cost)
            hinted = await self._wait(hints, interval)
            fruitless = fruitless + 1 if hinted and not changed else 0
            if fruitless > 1:
                await asyncio.sleep(min(_FRUITLESS * 2 ** (fruitless - 2), _MOST_FRUITLESS))

    async def _look(self, hints: Hints) -> tuple[Scan, str, float]:
        """A look at the tree with everything in it watched, why it is not, and how many seconds it took."""
        loop = asyncio.get_running_loop()
        looks = 0
        while True:
            started = loop.time()
            look = await self._runtime.offload(self._lane, self._tree.look)
            looks += 1
            wanted: dict[Directory, str | None] = dict(above(self.root))
            wanted.update(dict.fromkeys(look.listing.directories))
            added, why = await hints.watch(wanted)
            if not added or looks == _LOOKS:
                return look, why, loop.time() - started
            # What happened in a directory before it was watched has to be seen, too: look once more.

    def _interval_after(self, look: Scan, *, changed: bool, degraded: bool, cost: float) -> float:
        if changed:
            return AGAIN
        interval = self._interval()
        if look.being_written:
            interval = min(interval, max(POLL, cost))
        if degraded:
            interval = min(interval, max(POLL, cost * _SHARE))
        return interval * (1 + JITTER * (2 * self._runtime.random.random() - 1))

    @staticmethod
    async def _wait(hints: Hints, interval: float) -> bool:
        """Whether a hint came before the interval was over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(interval):
                await hints.wait()
                return True
        return False
