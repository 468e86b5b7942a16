"""What happened to a cluster's objects, told as Events of the cluster, as far as a person wants to see it there.

Invariant: of what is told there everything is on record here, and not the other way round: nobody needs them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from reconciler.app.backend import DaemonBackend
from reconciler.app.operator.reporting import QUIET
from reconciler.app.operator.statuses import INVALID
from reconciler.model.event import Event, EventFilter, EventType
from reconciler.model.names import Address, TargetName, split_address, target_object
from reconciler.runtime import first_of
from reconciler.telemetry.log import get_logger
from watchers.kubernetes.posting import EVERY, Notice

if TYPE_CHECKING:
    from reconciler.app.daemon import Daemon
    from reconciler.model.names import SourceName
    from reconciler.store.feed import Subscription

TOLD = frozenset(
    (
        *(
            "Repaired",
            "Differs",
            "Held",
            "PruneHeld",
            "PolicyDenied",
            "PolicyHeld",
            "Contested",
            "Suspended",
            "Restored",
        ),
        *("TransientError", "Throttled", "PermanentError", "DidNotConverge", "Unhealthy", "Recovered"),
        *("Abandoned", "Connected", "Unreachable", "WatchDegraded"),
    )
)
"""What is told. What is done because it is declared so is not: who declared it sees it in the status."""

AT_ONCE = 500
_AGAIN = 300.0

log = get_logger("froyo")


async def notice_on(name: SourceName, daemon: Daemon) -> None:
    """Tell of what happens to a source's objects, for ever."""
    objects, mending = daemon.sources.watched[name].objects, daemon.sources.mending.get(name)
    if objects is None or mending is None:
        return
    backend, controller = DaemonBackend(daemon), daemon.controller

    def path_of(about: str) -> str:
        name = TargetName(about.removeprefix(target_object(TargetName(""))))
        target = controller.in_force.targets.get(name) if _is_target(about) else None
        one = target or controller.in_force.instances.get(Address(about))
        return one.origin.file if one is not None else ""

    with backend.subscribe() as following:
        noticing = Noticing(backend.events, path_of, lambda: mending.wrong, backend.now, objects.post)
        await noticing.run(following, mending.changes(), lambda: objects.more_to_post)


def _is_target(about: str) -> bool:
    return about.startswith(target_object(TargetName("")))


Events = Callable[[EventFilter, int], Awaitable[Sequence[Event]]]
Post = Callable[[Sequence[Notice]], Awaitable[str]]


class Noticing:
    """See the module.

    Args:
        events: gives what is on record.
        path_of: gives the path of the object that something is about, or "".
        wrong: gives what is wrong with which object.
        now: the wall clock.
        post: posts notices; gives why it could not.
    """

    def __init__(
        self,
        events: Events,
        path_of: Callable[[str], str],
        wrong: Callable[[], Mapping[str, str]],
        now: Callable[[], float],
        post: Post,
    ) -> None:
        self._events = events
        self._path_of = path_of
        self._wrong = wrong
        self._now = now
        self._post = post
        self._after = 0
        self._told: Mapping[str, str] = {}
        self._complained = ""

    async def run(self, following: Subscription, changed: asyncio.Event, waits: Callable[[], bool]) -> None:
        """Tell of it for ever.

        Args:
            following: tells what is on record.
            changed: set when it is something else that is wrong.
            waits: whether there is more to be told when its time has come.
        """
        newest = await self._events(EventFilter(), 1)
        self._after = newest[-1].id if newest else 0
        while True:
            changed.clear()
            await self._once()
            await first_of(following.heard(), changed.wait(), within=EVERY if waits() else _AGAIN)
            await asyncio.sleep(QUIET)

    async def _once(self) -> None:
        notices = self._of_wrong()
        found = await self._events(EventFilter(after=self._after), AT_ONCE)
        if found:
            self._after = found[-1].id
            notices += [one for event in found if (one := self._of(event)) is not None]
        why = await self._post(notices)
        if why and why != self._complained:
            log.warning("Events cannot be posted", why=why)
        self._complained = why

    def _of_wrong(self) -> list[Notice]:
        wrong, before = self._wrong(), self._told
        self._told = wrong
        at = self._now()
        return [
            Notice(path, warning=True, reason=INVALID, note=why, at=at, by=why.partition(" (")[0])
            for path, why in wrong.items()
            if before.get(path) != why
        ]

    def _of(self, event: Event) -> Notice | None:
        path = self._path_of(event.object) if event.reason in TOLD else ""
        if not path:
            return None
        target, _ = split_address(Address(event.object))
        note = event.message if _is_target(event.object) else f"{target}: {event.message}"
        who = event.evidence
        by = f"{who.login} {who.user} {who.began or who.command}" if who is not None else ""
        return Notice(
            path, event.type is EventType.WARNING, event.reason, note, event.at, by=f"{target} {by}"
        )
