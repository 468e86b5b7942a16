"""What watches a place: of each sort of place, the watcher. Nothing else in froyo knows which sorts there are.

Each reads as the manifests say, and none of them is known to the engine, which gets snapshots.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from reconciler.app.watched import Doubt, Finalizing, WatchedPlace
from reconciler.model.cluster import ClusterPlace
from reconciler.model.source import DirectoryPlace, Place, Snapshot
from reconciler.runtime import Runtime, ThreadLanes, connect_nothing
from watchers.directory import RESCAN, DirectorySource
from watchers.fingerprint import fingerprint
from watchers.hints import FileEvents

if TYPE_CHECKING:
    from reconciler.app.places import Places
    from watchers.kubernetes.everywhere import Everywhere
    from watchers.kubernetes.neighbours import Neighbours
    from watchers.kubernetes.objects import Definition
    from watchers.kubernetes.source import KubernetesSource

MISSED_LOOKS = 3
"""Looks at a source that did not come, however much or little happens there, after which its watcher is dead."""


class Watchers:
    """Makes them.

    Args:
        places: where the controller keeps things.
        environ: the process's environment.
        runtime: the world.
    """

    def __init__(self, places: Places, environ: Mapping[str, str], runtime: Runtime) -> None:
        self._places = places
        self._environ = environ
        self._runtime = runtime
        self._events = FileEvents()
        self._everywhere: Everywhere | None = None
        self._neighbours: Neighbours | None = None

    def watch(
        self, place: Place, *, runtime: Runtime, interval: Callable[[], float], beat: Callable[[], None]
    ) -> WatchedPlace:
        """Watch a place.

        Args:
            place: which.
            runtime: the world, in which each blocking call tells of itself.
            interval: gives the seconds between looks without any event.
            beat: tells that it lives.
        """
        if isinstance(place, DirectoryPlace):
            source = DirectorySource(
                place.name, place.path, runtime=runtime, rescan_interval=interval, hints=self._events.hints
            )
            return WatchedPlace(source.snapshots, lambda: MISSED_LOOKS * max(interval(), RESCAN))
        if isinstance(place, ClusterPlace):
            from reconciler.app.mending import Apart
            from watchers.kubernetes.explaining import explained, mentions, shared
            from watchers.kubernetes.listing import TIMEOUT
            from watchers.kubernetes.source import MOST_BACKOFF

            cluster = self._cluster(place, runtime=runtime, interval=interval, beat=beat)
            return WatchedPlace(
                cluster.snapshots,
                lambda: MISSED_LOOKS * (max(interval(), MOST_BACKOFF) + TIMEOUT),
                remote=True,
                apart=Apart(shared, mentions, explained),
                objects=cluster,
                finalizing=Finalizing(cluster.finalizers.changed, cluster.finalizers.due, cluster.finalize),
            )
        from watchers.git.source import BACKOFF, GitSource

        git = GitSource(
            place,
            self._places.repositories,
            runtime=runtime,
            environ=self._environ,
            secrets=str(self._places.secrets),
            interval=interval,
            beat=beat,
        )
        return WatchedPlace(
            git.snapshots,
            lambda: MISSED_LOOKS * (max(interval(), BACKOFF) + place.timeout),
            doubt=git.doubt,
            remote=True,
            sooner=git.sooner,
            named=git.named,
        )

    async def take(self, place: Place) -> tuple[Snapshot, str, Doubt | None]:
        """What a place is now; by which stats that can be told to be so still, or ""; and what knows its history.

        Raises:
            UsageError: it, or something in it, cannot be read.
        """
        if isinstance(place, DirectoryPlace):
            seen = fingerprint(place.path)
            source = DirectorySource(place.name, place.path, runtime=self._runtime)
            return await self._runtime.offload("config", source.take), seen, None
        if isinstance(place, ClusterPlace):
            return await self._cluster(place, runtime=self._runtime).take(), "", None
        from watchers.git.source import GitSource

        git = GitSource(
            place,
            self._places.repositories,
            runtime=self._runtime,
            environ=self._environ,
            secrets=str(self._places.secrets),
        )
        return await git.take(), "", git.doubt

    def _cluster(
        self,
        place: ClusterPlace,
        *,
        runtime: Runtime,
        interval: Callable[[], float] | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> KubernetesSource:
        from watchers.kubernetes.neighbours import Neighbours
        from watchers.kubernetes.source import INTERVAL, KubernetesSource

        if self._neighbours is None:
            self._neighbours = Neighbours()
        return KubernetesSource(
            place.name,
            place.namespace,
            definitions(self._places),
            runtime=runtime,
            interval=interval or (lambda: INTERVAL),
            beat=beat,
            neighbours=self._neighbours,
            listen=self.everywhere().listen(place.namespace) if place.everywhere else None,
        )

    def everywhere(self) -> Everywhere:
        """All namespaces of the cluster, heard together. Called on the loop."""
        from watchers.kubernetes.everywhere import Everywhere

        if self._everywhere is None:
            self._everywhere = Everywhere(definitions(self._places))
        return self._everywhere


def definitions(places: Places) -> list[Definition]:
    """The kinds that a cluster has to serve: those of all installed packages, and froyo's own."""
    from reconciler.app.catalogues import installed
    from reconciler.config.describing import every_kind
    from watchers.kubernetes.objects import Definition

    _, catalog = installed(places)
    found = []
    for one in every_kind(catalog):
        group, _, version = one.api_version.partition("/")
        found.append(Definition(group, version, one.plural, one.kind))
    return found


def take(place: Place, places: Places, environ: Mapping[str, str]) -> Snapshot:
    """A place as it is now, for commands that look at nothing else.

    Raises:
        UsageError: it, or something in it, cannot be read.
    """
    if isinstance(place, DirectoryPlace):
        return DirectorySource(place.name, place.path, runtime=Runtime(connect=connect_nothing)).take()
    lanes = ThreadLanes()
    try:
        runtime = Runtime(connect=connect_nothing, offload=lanes)
        return asyncio.run(Watchers(places, environ, runtime).take(place))[0]
    finally:
        lanes.close()
