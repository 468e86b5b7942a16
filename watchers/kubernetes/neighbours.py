"""What the namespaces of a cluster share with each other: Targets whose owner has said with whom.

Invariant: nothing of a namespace is known in another one but what an object in there shares with just that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model.source import SnapshotFile
    from watchers.kubernetes.cache import ObjectCache


class Neighbours:
    """See the module. One of a cluster."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[ObjectCache, Callable[[], None]]] = {}

    def join(self, namespace: str, cache: ObjectCache, wake: Callable[[], None]) -> None:
        """A namespace is served.

        Args:
            namespace: which.
            cache: its objects.
            wake: called when others may share something else with it.
        """
        self._known[namespace] = cache, wake

    def leave(self, namespace: str) -> None:
        """It is served no longer."""
        self._known.pop(namespace, None)

    def shared_with(self, namespace: str) -> Mapping[str, SnapshotFile]:
        """What others share with a namespace, by path."""
        found: dict[str, SnapshotFile] = {}
        for other, (cache, _) in self._known.items():
            if other != namespace:
                found |= cache.shared_with(namespace)
        return found

    def changed(self, namespace: str) -> None:
        """A namespace may share something else than before."""
        for other, (_, wake) in self._known.items():
            if other != namespace:
                wake()
