"""In a single run over many targets: who waits until fewer of the others are disrupted, and who is waited for.

Invariant: who waits, or has ended, is waited for by nobody, so nobody waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.engine.disruptions import Disruptions
from reconciler.model.names import Address, TargetName


class Turns:
    """See the module.

    Args:
        disruptions: which targets are disrupted, and how many may be.
    """

    def __init__(self, disruptions: Disruptions) -> None:
        self._disruptions = disruptions
        self._busy: set[TargetName] = set()
        self._moved = asyncio.Event()
        disruptions.notify(lambda _addresses: self._stir())

    @contextmanager
    def working(self, name: TargetName) -> Iterator[None]:
        """A target is worked on."""
        self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)
            self._stir()

    async def wait(self, name: TargetName) -> list[Address]:
        """What was left on a target that is worked on, since too many others were disrupted, and may be done now."""
        waiting = self._disruptions.waiting(name)
        if not waiting:
            return []
        self._busy.discard(name)
        self._stir()
        while (left := self._disruptions.crowded(name)) and not self._busy.isdisjoint(
            self._disruptions.targets
        ):
            await self._moved.wait()
        self._busy.add(name)
        return [] if left else waiting

    def _stir(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
