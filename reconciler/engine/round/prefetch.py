"""Asks a target about what has changed while its provider still makes up its mind to ask.

A provider asks about an instance what it asked the last time, nearly always, and a round trip takes as long as its
thinking. Invariant: what was asked ahead answers one call, and only the very same one; what nobody asks for after all
is a look that nobody used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from reconciler.engine.lane.recording import Recording
from reconciler.model.calls import Call, Reply
from reconciler.targets.frames import canonical
from reconciler.targets.session import Session


class Prefetch:
    """What was fetched before one reading asks.

    Args:
        session: to the target.
        recording: of what was asked before.
        subjects: what has changed.
        patience: seconds that a command may take.
    """

    def __init__(
        self, session: Session, recording: Recording, subjects: Iterable[str], *, patience: float
    ) -> None:
        wanted: dict[str, dict[bytes, Call]] = {}
        for subject in subjects:
            for call in recording.calls_on(subject):
                wanted.setdefault(call.name, {})[canonical(call.args)] = call
        self._asked: list[asyncio.Task[list[Reply]]] = []
        self._open: dict[tuple[str, bytes], tuple[asyncio.Task[list[Reply]], int]] = {}
        for name, calls in wanted.items():
            items = [dict(call.args) for call in calls.values()]
            task = asyncio.create_task(
                session.command(name, items, timeout=patience, repeatable=True), name=f"prefetch {name}"
            )
            self._asked.append(task)
            self._open.update({(name, args): (task, place) for place, args in enumerate(calls)})

    async def sent(self) -> None:
        """Have the questions on their way before a provider takes the event loop's thread."""
        await asyncio.sleep(0)  # they are put into the session's outbox
        await asyncio.sleep(0)  # and from there into the pipe

    async def answer(self, call: Call) -> Reply | None:
        """The reply to `call`, once; None if it was not asked ahead.

        Raises:
            TransportError: the session is lost.
        """
        task, place = self._open.pop((call.name, canonical(call.args)), (None, 0))
        return None if task is None else (await task)[place]

    async def end(self) -> None:
        """Wait for what nobody asked for: a runner that owes an answer is busy. Whatever failed is nobody's concern."""
        await asyncio.gather(*self._asked, return_exceptions=True)
