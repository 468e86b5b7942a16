"""All namespaces of a cluster, heard together: one stream for each kind, whatever number of namespaces there is.

Invariant: a namespace appears with the first object of ours in it, and is served from then on: that nothing of it is
there any more is for its source to find out, and to be careful about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from watchers.kubernetes.events import ClusterEvents, Hear
from watchers.kubernetes.objects import Definition


class Everywhere:
    """See the module. Made on the loop.

    Args:
        definitions: the kinds.

    Attributes:
        begun: how many times the events were asked for once more.
    """

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self._ears: dict[str, tuple[Hear, Callable[[], None]]] = {}
        self._known: set[str] = set()
        self._over = False
        self.begun = 0
        self._new: asyncio.Queue[str] = asyncio.Queue()
        self._events = ClusterEvents(None, definitions, self._hear, self._ended)

    async def appearing(self) -> AsyncIterator[str]:
        """Each namespace that has objects of ours, once, for ever."""
        self._over = False
        self._events.begin()
        try:
            while True:
                yield await self._new.get()
        finally:
            self._over = True
            self._events.end()
            await self._events.closed()

    def listen(self, namespace: str) -> Callable[[Hear, Callable[[], None]], Ear]:
        """What hears of one namespace."""
        return lambda heard, ended: Ear(self, namespace, heard, ended)

    def attach(self, namespace: str, heard: Hear, ended: Callable[[], None]) -> None:
        """Tell somebody of one namespace, from now on."""
        self._ears[namespace] = heard, ended
        if not self._over:
            self._events.begin()

    def detach(self, namespace: str) -> None:
        """Tell him no longer."""
        self._ears.pop(namespace, None)

    def anew(self, begun: int) -> None:
        """Ask for the events once more, unless that was done since `begun`: rights come for many namespaces at once."""
        if begun == self.begun and not self._over:
            self.begun += 1
            self._events.anew()

    @property
    def why_not(self) -> str:
        """Why nothing can be heard, or ""."""
        return self._events.why_not

    def _hear(self, definition: Definition, type_: str | None, found: Mapping[str, Any]) -> None:
        namespace = found["metadata"]["namespace"]
        if namespace in self._ears:
            heard, _ = self._ears[namespace]
            heard(definition, type_, found)
        elif namespace not in self._known:
            self._known.add(namespace)
            self._new.put_nowait(namespace)

    def _ended(self) -> None:
        for _, ended in list(self._ears.values()):
            ended()
        if not self._over:
            self._events.begin()


class Ear:
    """What hears of one namespace among all.

    Args:
        everywhere: where that is heard.
        namespace: which.
        heard: called at each event.
        ended: called when there are none any more.
    """

    def __init__(
        self, everywhere: Everywhere, namespace: str, heard: Hear, ended: Callable[[], None]
    ) -> None:
        self._everywhere = everywhere
        self._namespace = namespace
        self._heard = heard
        self._ended = ended
        self._begun = everywhere.begun

    @property
    def why_not(self) -> str:
        """Why nothing can be heard, or ""."""
        return self._everywhere.why_not

    def begin(self) -> None:
        """Hear of it, unless that is so already."""
        self._begun = self._everywhere.begun
        self._everywhere.attach(self._namespace, self._heard, self._ended)

    def anew(self) -> None:
        """Ask for them once more, of all namespaces: what was refused is not tried again by itself."""
        self._everywhere.anew(self._begun)

    def end(self) -> None:
        """Hear of nothing any more."""
        self._everywhere.detach(self._namespace)

    async def closed(self) -> None:
        """There is nothing to wait for: others are still heard."""
