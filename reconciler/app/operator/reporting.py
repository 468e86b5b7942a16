"""The status of a cluster's objects: what is concluded about what each declares, written when that is something else.

Invariant: what was written once is not written again, unless somebody else has written there since, such as a
controller that did not know yet that it leads no more. To write one makes no other revision: this is in no loop with
itself, and in none without a pause with anybody else. A cluster does not ask who leads, so that is asked first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from reconciler.api import views
from reconciler.app.backend import DaemonBackend
from reconciler.app.operator import statuses
from reconciler.app.operator.knowing import Knowing, Wanted
from reconciler.app.watched import Objects
from reconciler.errors import StoreError
from reconciler.runtime import first_of
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    from reconciler.app.daemon import Daemon
    from reconciler.app.operator.statuses import Status
    from reconciler.model.names import SourceName
    from reconciler.store.feed import Subscription

QUIET = 0.1
"""Seconds that what happens together gets to do so."""
COUNTING = 2.0
"""Seconds between two statuses of an object in which nothing is another one but how many of its instances are how, or
what was done last: something that is put right again and again is not written each time."""
AGAIN = 30.0
"""Seconds until what could not be written is tried again, unless anything happens before; and between two times that a
status is put right in which somebody else has written: who does so again and again is not answered each time."""

_LIVELY = {"instances": 0, "history": 0, "lastDiff": 0}

log = get_logger("froyo")


async def report_on(name: SourceName, daemon: Daemon) -> None:
    """Keep the statuses of a source's objects as things are, for ever."""
    objects, mending = daemon.sources.watched[name].objects, daemon.sources.mending.get(name)
    if objects is None or mending is None:
        return
    backend = DaemonBackend(daemon)
    knowing = Knowing(name, daemon, backend, objects, mending)
    with backend.subscribe() as following:
        leads, clock = daemon.parts.store.has_lease, daemon.parts.runtime.now
        await Reporting(objects, knowing.statuses, leads, clock).run(following, mending.changes())


class Reporting:
    """Writes statuses.

    Args:
        objects: whose.
        wanted: gives the status of each, by path.
        leads: whether we are the ones to write them; raises StoreError where that cannot be told.
        clock: gives the seconds since the epoch.
    """

    def __init__(
        self,
        objects: Objects,
        wanted: Callable[[], Awaitable[Wanted]],
        leads: Callable[[], Awaitable[bool]],
        clock: Callable[[], float],
    ) -> None:
        self._objects = objects
        self._wanted = wanted
        self._leads = leads
        self._clock = clock
        self._written: dict[str, Status] = {}
        self._counted: dict[str, float] = {}
        self._corrected: dict[str, float] = {}
        self._complained = ""

    async def run(self, following: Subscription, changed: asyncio.Event) -> None:
        """Keep the statuses as things are, for ever.

        Args:
            following: tells what is on record.
            changed: set when it is something else that is wrong.
        """
        loop = asyncio.get_running_loop()
        while True:
            changed.clear()
            self._objects.news.clear()
            late = await self._once(loop.time())
            await first_of(
                following.heard(),
                changed.wait(),
                self._objects.news.wait(),
                within=COUNTING if late else AGAIN,
            )
            await asyncio.sleep(QUIET)

    async def _once(self, now: float) -> bool:
        """Write what is something else; whether there is more that can wait."""
        wanted = await self._wanted()
        new: dict[str, Status] = {}
        late, stamp = False, views.instant(self._clock()) or ""
        for path, (status, generation) in wanted.items():
            written, others = self._written.get(path), self._objects.seen[path].status
            if others == {}:
                # It has none: one that was made anew as it had been has nothing of what was written to the one before.
                written = None
            there = written if others is None else others
            made = statuses.settled(status, generation, written or others, now=stamp)
            if statuses.same(there, made):
                continue
            if self._only_counted(there, made) and now - self._counted.get(path, -COUNTING) < COUNTING:
                late = True
                continue
            if others is not None and statuses.same(written, made):
                if now - self._corrected.get(path, -AGAIN) < AGAIN:
                    continue
                self._corrected[path] = now
            new[path] = made
        failed = await self._write(new) if new else {}
        self._counted.update((path, now) for path in new)
        self._written = {
            path: one
            for path, one in {**self._written, **new}.items()
            if path in wanted and path not in failed
        }
        self._counted = {path: at for path, at in self._counted.items() if path in wanted}
        self._corrected = {path: at for path, at in self._corrected.items() if now - at < AGAIN}
        why = next(iter(failed.values()), "")
        if why and why != self._complained:
            log.warning("the status of objects cannot be written", objects=len(failed), why=why)
        self._complained = why
        return late

    async def _write(self, new: Mapping[str, Status]) -> Mapping[str, str]:
        try:
            leads = await self._leads()
        except StoreError as error:
            return dict.fromkeys(new, f"it cannot be told who leads: {error}")
        if not leads:
            return dict.fromkeys(new, "another controller leads")
        return await self._objects.write(new)

    @staticmethod
    def _only_counted(before: Mapping[str, Any] | None, now: Status) -> bool:
        return before is not None and statuses.same({**before, **_LIVELY}, {**now, **_LIVELY})
