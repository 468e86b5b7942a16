"""Which namespaces of a cluster an operator serves: those that it was given, or each that has objects of ours.

Invariant: what is done for a namespace is done for each of them, by tasks of its own: one that fails fails alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from reconciler.model.cluster import ClusterPlace
from reconciler.model.names import SourceName
from reconciler.model.source import Source

if TYPE_CHECKING:
    from reconciler.app.daemon import Daemon, Serve

Tasks = Mapping[str, Callable[[SourceName, "Daemon"], Awaitable[None]]]
"""What is done for a namespace, by what it is called."""


def served(
    namespaces: Sequence[str], trusted: Collection[str], tasks: Tasks
) -> tuple[list[Source], dict[str, Serve]]:
    """The sources to begin with, and the long tasks that go with them.

    Args:
        namespaces: that are served; none for all that there are.
        trusted: of these, those whose objects may be about the operator's own machine. One that is served alone is.
        tasks: what is done for each.
    """
    if not namespaces:
        return [], {"namespaces": partial(_everywhere, trusted, tasks)}
    alone = len(namespaces) == 1
    places = [ClusterPlace(name, trusted=alone or name in trusted) for name in namespaces]
    further: dict[str, Serve] = {
        f"{task} {place.namespace}": partial(run, place.name)
        for place in places
        for task, run in tasks.items()
    }
    return [Source(place.name, place) for place in places], further


async def _everywhere(trusted: Collection[str], tasks: Tasks, daemon: Daemon) -> None:
    async for namespace in daemon.parts.watchers.everywhere().appearing():
        place = ClusterPlace(namespace, everywhere=True, trusted=namespace in trusted)
        daemon.sources.give(Source(place.name, place))
        for task, run in tasks.items():
            daemon.supervisor.add(f"{task} {namespace}", partial(run, place.name, daemon))
