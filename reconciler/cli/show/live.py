"""What `froyo up` shows: each event as it happens, and to people, once things are quiet, how everything is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from reconciler.api import answers, views
from reconciler.api.backend import Followed, Knowledge
from reconciler.api.following import dropped
from reconciler.cli.output import Format, emit_line
from reconciler.cli.show.events import event_block
from reconciler.cli.show.status import summary
from reconciler.cli.terminal import Terminal
from reconciler.core.visible import one_line
from reconciler.model.event import Event, EventFilter

QUIET = 0.5
"""Seconds without an event after which it is said how everything is."""

PORTION = 1_000
"""Events that are read at once."""


class Live:
    """Prints what happens until it is cancelled.

    Args:
        screen: where to.
        after: the id of the last event that is not news.
        output: as text for people, or as documents, of which there is one for each event and no other.
    """

    def __init__(self, screen: Terminal, *, after: int, output: Format = Format.TEXT) -> None:
        self._screen = screen
        self._output = output
        self._last = after
        self._said = ""

    def banner(self, directory: str, state: str) -> None:
        """What is going to happen."""
        if self._output.is_document:
            return
        screen = self._screen
        screen.say(
            f"{screen.paint('bold', 'froyo up')} keeps everything as {one_line(directory)} declares it"
        )
        elsewhere = f" --state {state}" if screen.verbose else ""
        screen.say(
            screen.paint("dim", f"Ctrl-C ends it; elsewhere: froyo status{elsewhere}, froyo events -f")
        )

    async def run(self, known: Followed) -> None:
        """Show what happens."""
        now = asyncio.get_running_loop().time
        with known.subscribe() as following:
            await self._catch_up(known)
            quiet_at = now() + QUIET
            while True:
                summed_up = bool(self._output.is_document or self._said)
                try:
                    async with asyncio.timeout_at(None if summed_up else quiet_at):
                        news = await following.heard()
                except TimeoutError:
                    await self._sum_up(known)
                    if self._said:
                        continue
                    news = await following.heard()  # something is still to come
                    quiet_at = now() + QUIET
                if news.event > self._last:
                    await self._catch_up(known)
                    quiet_at = now() + QUIET

    async def _catch_up(self, known: Knowledge) -> None:
        """Show what has happened since the last event that was shown."""
        while found := await known.events(EventFilter(after=self._last), PORTION):
            lost = await dropped(known, self._last) if found[0].id > self._last + 1 else None
            self._show(found if lost is None else [lost, *found])

    def _show(self, events: Sequence[Event]) -> None:
        for event in events:
            self._last = event.id
            if self._output.is_document:
                emit_line(self._screen, views.event(event), self._output)
                continue
            for line in event_block(self._screen, views.event(event), now=time.time(), width=24):
                self._screen.say(line)
        if events:
            self._said = ""
            self._screen.out.flush()

    async def _sum_up(self, known: Knowledge) -> None:
        status = await answers.answer(known, "/v1/status", {})
        new = not all(target["conditions"] for target in status["targets"])
        if new or not status["instances"] or "Pending" in status["counts"]:
            return  # not everything was looked at yet
        self._said = summary(self._screen, status)
        self._screen.say(f"         {self._screen.paint('note', '●')} {self._said}")
        self._screen.out.flush()
