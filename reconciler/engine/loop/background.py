"""What is done beside the rounds, and nobody waits for. Invariant: that it failed is heard of."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from reconciler.telemetry.log import get_logger

log = get_logger("froyo")


class Background:
    """All of a controller."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[None, None, None], *, name: str) -> None:
        """Do something, called `name` should it fail."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("went wrong, and nobody waited for it", what=task.get_name(), why=str(error))

    def __len__(self) -> int:
        return len(self._tasks)
