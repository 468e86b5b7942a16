"""A namespace of a Kubernetes cluster as a source: a stream of snapshots, each of them all objects of our kinds.

Invariant: as with a directory, events only shorten the time until the next look; a look lists everything, and what
was listed is what counts. What cannot be listed in full yields no snapshot but a report that says why: unknown is not
empty. A snapshot equal to the one before is not yielded again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from reconciler.errors import UsageError
from reconciler.model.source import Snapshot, SourceReport
from watchers.kubernetes.events import ClusterEvents
from watchers.kubernetes.listing import Listed, Unlisted, listed
from watchers.kubernetes.objects import Definition, Seen, path_of, snapshot
from watchers.kubernetes.posting import Notice, Posting
from watchers.kubernetes.statuses import Statuses, write

if TYPE_CHECKING:
    from reconciler.model.names import Digest, SourceName
    from reconciler.runtime import Runtime

INTERVAL = 60.0
"""Seconds between looks without any event."""

QUIET = 0.1
MOST = 1.0
"""Seconds without an event after which those before are over, and seconds that are waited for that at most: who applies
many objects means all of them."""

BACKOFF = 1.0
MOST_BACKOFF = 30.0
"""Seconds until the next look at what could not be listed, doubling up to the second."""

_VERSIONS = 4
"""Earlier versions of an object of which the generation is kept: one of them may be in force."""

JITTER = 0.1
"""Part of every wait that may be cut off at random."""


class KubernetesSource:
    """Watches a namespace.

    Args:
        name: of the source.
        namespace: which.
        definitions: the kinds that are looked for; each of them has to be served.
        runtime: the world.
        interval: gives the seconds between looks; asked before each wait.
        beat: called whenever it has got on.

    Attributes:
        seen: the objects as they were seen last, by path.
        news: set whenever that is something else.
    """

    def __init__(
        self,
        name: SourceName,
        namespace: str,
        definitions: Sequence[Definition],
        *,
        runtime: Runtime,
        interval: Callable[[], float] = lambda: INTERVAL,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._namespace = namespace
        self._definitions = definitions
        self._runtime = runtime
        self._interval = interval
        self._beat = beat
        self.seen: Mapping[str, Seen] = {}
        self.news = asyncio.Event()
        self._kinds = {f"{one.kind}.{one.group}": one for one in definitions}
        self._posting = Posting(self._kinds, now=runtime.now)
        self._generations: dict[str, dict[Digest, int]] = {}

    def generation(self, path: str, digest: Digest) -> int | None:
        """The generation of an object when it was that, as far as it has been seen."""
        return self._generations.get(path, {}).get(digest)

    async def write(self, statuses: Statuses) -> dict[str, str]:
        """Write the statuses of objects, by path; why it could not, by path."""
        return await write(statuses, self._kinds)

    async def post(self, notices: Sequence[Notice]) -> str:
        """Tell of what has happened to objects; why it could not be told, or ""."""
        return await self._posting.post(notices, self.seen)

    @property
    def more_to_post(self) -> bool:
        """Whether there is more of that to be told when its time has come."""
        return self._posting.waits

    async def take(self) -> Snapshot:
        """One snapshot, for a command that runs once.

        Raises:
            UsageError: what there is cannot be told.
        """
        found, why = await self._look()
        if found is None:
            raise UsageError(f"the source cannot be read: {why}")
        return found

    async def snapshots(self) -> AsyncIterator[Snapshot | SourceReport]:
        """The first snapshot, one after every change, and a report whenever it would say something else."""
        heard = asyncio.Event()
        events = ClusterEvents(self._namespace, self._definitions, heard.set)
        reported, digest, failed = SourceReport(), "", 0
        try:
            while True:
                heard.clear()
                events.begin()
                found, why = await self._look()
                failed = failed + 1 if why else 0
                report = SourceReport(degraded=events.why_not, unreadable=why)
                if report != reported:
                    reported = report
                    yield report
                if found is not None and found.digest != digest:
                    digest = found.digest
                    yield found
                self._beat()
                await self._wait(heard, failed)
        finally:
            events.end()

    async def _look(self) -> tuple[Snapshot | None, str]:
        """A snapshot, or why there is none."""
        try:
            objects = await listed(self._namespace, self._definitions)
        except Unlisted as error:
            return None, str(error)
        found = await self._runtime.offload(f"source {self.name}", partial(snapshot, self.name, objects))
        self._note(objects, found)
        return found, ""

    def _note(self, objects: Listed, found: Snapshot) -> None:
        kept: dict[str, dict[Digest, int]] = {}
        seen: dict[str, Seen] = {}
        for definition, one in objects:
            metadata = one["metadata"]
            path = path_of(definition, metadata["namespace"], metadata["name"])
            seen[path] = Seen.of(one)
            if (file := found.files.get(path)) is not None:
                earlier = dict(list(self._generations.get(path, {}).items())[-_VERSIONS:])
                earlier.pop(file.digest, None)
                kept[path] = {**earlier, file.digest: seen[path].generation}
        self._generations = kept
        before = {path: replace(one, status={}) for path, one in self.seen.items()}
        self.seen = seen
        if before != {path: replace(one, status={}) for path, one in seen.items()}:
            self.news.set()

    async def _wait(self, heard: asyncio.Event, failed: int) -> None:
        interval = min(BACKOFF * 2 ** min(failed - 1, 16), MOST_BACKOFF) if failed else self._interval()
        interval *= 1 - JITTER * self._runtime.random.random()
        if failed:
            await asyncio.sleep(interval)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(interval):
                await heard.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MOST):
                while heard.is_set():
                    heard.clear()
                    await asyncio.sleep(QUIET)
