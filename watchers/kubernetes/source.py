"""A namespace of a Kubernetes cluster as a source: a stream of snapshots, each of them all objects of our kinds.

Invariant: a look lists everything, at intervals and whenever something may be gone; between looks events only add to
what was listed, and change it. What cannot be listed in full yields no snapshot but a report that says why: unknown is
not empty. A snapshot equal to the one before is not yielded again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.errors import UsageError
from reconciler.model.source import Snapshot, SourceReport
from watchers.kubernetes.cache import Heard, ObjectCache
from watchers.kubernetes.events import ClusterEvents, Hear
from watchers.kubernetes.finalizers import Finalizers, fewer
from watchers.kubernetes.listing import Unlisted, Unserved, changed, listed, missing, standing
from watchers.kubernetes.neighbours import Neighbours
from watchers.kubernetes.objects import Definition, SeenObject
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

JITTER = 0.1
"""Part of every wait that may be cut off at random."""


class Listening(Protocol):
    """What hears of events."""

    @property
    def why_not(self) -> str:
        """Why nothing can be heard, or ""."""

    def begin(self) -> None:
        """Hear of them, unless that is so already."""

    def anew(self) -> None:
        """Ask for them once more: what was refused is not tried again by itself."""

    def end(self) -> None:
        """Hear of nothing any more. Does not wait for it."""

    async def closed(self) -> None:
        """Wait until its connections are closed, after it was told to end."""


Listen = Callable[[Hear, Callable[[], None]], Listening]


class KubernetesSource:
    """Watches a namespace.

    Args:
        name: of the source.
        namespace: which.
        definitions: the kinds that are looked for; each of them has to be served.
        runtime: the world.
        interval: gives the seconds between looks; asked before each wait.
        beat: called whenever it has got on.
        neighbours: other namespaces of the same cluster that are served.
        listen: makes what hears of the namespace, where it is heard of together with others.

    Attributes:
        news: set whenever something else is known of an object than before.
        finalizers: of its objects.
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
        neighbours: Neighbours | None = None,
        listen: Listen | None = None,
    ) -> None:
        self.name = name
        self._namespace = namespace
        self._definitions = definitions
        self._runtime = runtime
        self._interval = interval
        self._beat = beat
        self.news = asyncio.Event()
        self.finalizers = Finalizers()
        self._standing: dict[str, str] = {}
        self._finalized: set[str] = set()
        self._neighbours = neighbours or Neighbours()
        self._listen = listen or partial(ClusterEvents, namespace, definitions)
        self._cache = ObjectCache()
        self._heard = asyncio.Event()
        self._list = asyncio.Event()
        self._kinds = {f"{one.kind}.{one.group}": one for one in definitions}
        self._posting = Posting(self._kinds, now=runtime.now)

    @property
    def seen(self) -> Mapping[str, SeenObject]:
        """The objects as they were seen last, by path."""
        return self._cache.seen

    def generation(self, path: str, digest: Digest) -> int | None:
        """The generation of an object when it was that, as far as it has been seen."""
        return self._cache.generation(path, digest)

    async def write(self, statuses: Statuses) -> dict[str, str]:
        """Write the statuses of objects, by path; why it could not, by path."""
        for path, status in statuses.items():
            self._cache.expect(path, status)
        return await write(statuses, self._kinds, self._cache.wrote)

    async def post(self, notices: Sequence[Notice]) -> str:
        """Tell of what has happened to objects; why it could not be told, or ""."""
        return await self._posting.post(notices, self.seen)

    @property
    def more_to_post(self) -> bool:
        """Whether there is more of that to be told when its time has come."""
        return self._posting.waits

    async def finalize(self, due: Mapping[str, bool]) -> dict[str, str]:
        """Put the finalizer on objects, or take it off, by path; why it could not, by path."""
        failed = await changed(self.finalizers, due)
        self._finalized |= {path for path, on in due.items() if not on and path not in failed}
        return failed

    async def take(self) -> Snapshot:
        """One snapshot, for a command that runs once.

        Raises:
            UsageError: what there is cannot be told.
        """
        if why := await self._look():
            raise UsageError(f"the source cannot be read: {why}")
        return self._snapshot()

    async def snapshots(self) -> AsyncIterator[Snapshot | SourceReport]:
        """The first snapshot, one after every change, and a report whenever it would say something else."""
        clock = asyncio.get_running_loop().time
        events = self._listen(self._hear, self._list.set)
        self._neighbours.join(self._namespace, self._cache, self._heard.set)
        reported, last, failed, why, due = SourceReport(), None, 0, "", 0.0
        lacks: str | None = None
        try:
            while True:
                self._heard.clear()
                if lacks != "":
                    before, lacks = lacks, await missing(self._namespace, self._definitions)
                    if before and not lacks:
                        events.anew()
                events.begin()
                if self._list.is_set() or clock() >= due:
                    self._list.clear()
                    why = await self._look()
                    failed = failed + 1 if why else 0
                    due = clock() + self._pause(failed)
                report = SourceReport(degraded=lacks or events.why_not, unreadable=why)
                if report != reported:
                    reported = report
                    yield report
                found = None if why else self._snapshot()
                if found is not None and (last is None or self._means_more(last, found)):
                    last = found
                    yield found
                self._beat()
                await self._wait(due - clock(), failed)
        finally:
            events.end()
            self._neighbours.leave(self._namespace)
            await events.closed()

    def _means_more(self, last: Snapshot, found: Snapshot) -> bool:
        """Whether something else is declared, or something that is not went before what it was about had."""
        finalized, self._finalized = (
            self._finalized,
            self._finalized & (self.seen.keys() | last.left_out.keys()),
        )
        return found.digest != last.digest or bool(last.left_out.keys() - found.left_out.keys() - finalized)

    def _snapshot(self) -> Snapshot:
        return self._cache.snapshot(self.name, self._neighbours.shared_with(self._namespace))

    def _hear(self, definition: Definition, type_: str | None, found: Mapping[str, Any]) -> None:
        """An event has come."""
        self.finalizers.hear(definition, type_, found)
        heard = self._cache.hear(definition, type_, found)
        if heard is Heard.GONE:
            self._list.set()
        if heard in {Heard.GONE, Heard.DECLARED}:
            self._heard.set()
            self._neighbours.changed(self._namespace)
        if heard is not Heard.NOTHING:
            self.news.set()

    async def _look(self) -> str:
        """List everything; why that could not be done, or ""."""
        self._cache.begin()
        try:
            objects = await listed(self._namespace, self._definitions)
            gone = await self._undefined() if not self._standing or fewer(self.seen, objects) else ""
        except Unserved as error:
            with contextlib.suppress(Unlisted):
                await self._undefined()
            self.finalizers.note(error.found, self.finalizers.leaving)
            return str(error)
        except Unlisted as error:
            return str(error)
        self.finalizers.note(objects, self.finalizers.leaving)
        if gone:
            return gone
        if self._cache.take(objects):
            self.news.set()
            self._neighbours.changed(self._namespace)
        return ""

    async def _undefined(self) -> str:
        """Which definitions are being removed, for a person; "" if none is.

        To take away a definition takes all objects away, and deletes none of them: what they were about is in doubt.

        Raises:
            Unlisted: it cannot be told.
        """
        now = await standing(self._definitions)
        leaving = frozenset(name for name, uid in now.items() if not uid)
        if leaving != self.finalizers.leaving:
            self.finalizers.leaving = leaving
            self.finalizers.changed.set()
        if leaving:
            return f"the cluster is to serve {', '.join(sorted(leaving))} no longer"
        self._standing = now
        return ""

    def _pause(self, failed: int) -> float:
        """Seconds until everything is listed again."""
        interval = min(BACKOFF * 2 ** min(failed - 1, 16), MOST_BACKOFF) if failed else self._interval()
        return interval * (1 - JITTER * self._runtime.random.random())

    async def _wait(self, most: float, failed: int) -> None:
        """Until something is heard, or until it is time to list."""
        if failed:
            await asyncio.sleep(most)
            return
        either = [asyncio.ensure_future(one.wait()) for one in (self._heard, self._list)]
        try:
            await asyncio.wait(either, timeout=max(0.0, most), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in either:
                one.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MOST):
                while self._heard.is_set():
                    self._heard.clear()
                    await asyncio.sleep(QUIET)
