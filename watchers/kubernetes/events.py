"""Events of a cluster, heard by kopf.

kopf has a thread and a loop of its own: it takes the signals of the loop that it runs in, and when it ends it cancels
every task of it. Of kopf there are handlers of raw events and nothing else: nothing is written to anybody's objects.

Invariant: what was missed while a stream was cut is seen by the next look, and nothing follows from silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import kopf

from reconciler.runtime import first_of
from watchers.kubernetes import connections
from watchers.kubernetes.listing import Unlisted, login
from watchers.kubernetes.objects import Definition

Hear = Callable[[Definition, str | None, Mapping[str, Any]], None]

LEFT = 10.0
"""Seconds after which what does not end is left to itself: kopf takes some hundredths of one, and now and then five."""

BREATH = 2.0
"""Seconds before they are heard again where that has ended by itself: what ends it may do so again at once."""


class _Stop:
    """The word to end, for a loop of another thread.

    No `threading.Event`: for that, kopf has a thread wait that nobody wakes up where kopf ends by itself. Its loop
    waits for this one then, for ever, and nobody is told that nothing is heard any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said = False
        self._tell: Callable[[], object] = lambda: None

    def set(self) -> None:
        """Say it. From any thread, and whether the loop is there yet, or not any more."""
        with self._lock, contextlib.suppress(RuntimeError):
            self._said = True
            self._tell()

    def here(self) -> asyncio.Event:
        """What is set on this loop when it is said, or has been."""
        event, loop = asyncio.Event(), asyncio.get_running_loop()
        with self._lock:
            self._tell = partial(loop.call_soon_threadsafe, event.set)
            if self._said:
                event.set()
        return event


class ClusterEvents:
    """Hears of whatever happens to objects of some kinds.

    Args:
        namespace: of the objects; None for all.
        definitions: their kinds.
        heard: called on the loop on which this was begun, with the kind, the type and the object of each event.
        ended: called there when none can be heard any more.
    """

    def __init__(
        self, namespace: str | None, definitions: Sequence[Definition], heard: Hear, ended: Callable[[], None]
    ) -> None:
        self._namespace = namespace
        self._definitions = definitions
        self._heard = heard
        self._ended = ended
        self._stop: _Stop | None = None
        self._loop = asyncio.get_running_loop()
        self._under_way: set[asyncio.Event] = set()
        self._not_before = self._loop.time()
        self.why_not = ""
        # What it tries again is no error to a person, and what it gives up is said as `why_not`.
        logging.getLogger("kopf").setLevel(logging.CRITICAL)

    def begin(self) -> None:
        """Hear of them, unless that is so already."""
        if self._stop is None:
            self.why_not = ""
            self._stop, over = _Stop(), asyncio.Event()
            self._under_way.add(over)
            run = partial(self._run, self._stop, self._not_before - self._loop.time(), over)
            threading.Thread(target=run, name="cluster events", daemon=True).start()

    def anew(self) -> None:
        """Ask for them once more: what was refused is not tried again by itself."""
        self.end()
        self._stop = None
        self.begin()

    def end(self) -> None:
        """Hear of nothing any more. Does not wait for it."""
        if self._stop is not None:
            self._stop.set()

    async def closed(self) -> None:
        """Wait until its connections are closed, after it was told to end."""
        for over in list(self._under_way):
            await first_of(over.wait(), within=LEFT)

    async def _operator(self, stop: _Stop, pause: float) -> None:
        ending = stop.here()
        if pause > 0:
            await first_of(ending.wait(), within=pause)
        if ending.is_set():
            return  # kopf would take five seconds for that
        await kopf.operator(
            registry=self._registry(),
            settings=self._settings(),
            namespaces=[] if self._namespace is None else [self._namespace],
            clusterwide=self._namespace is None,
            standalone=True,
            stop_flag=ending,
        )

    def _run(self, stop: _Stop, pause: float, over: asyncio.Event) -> None:
        try:
            connections.run(self._operator(stop, pause))
            why_not = "the events of the cluster have ended"
        except Exception as error:  # noqa: BLE001 - whatever it is, the looks go on without it
            why_not = f"the events of the cluster cannot be had: {error}"
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            self._loop.call_soon_threadsafe(self._gone, stop, over, why_not)

    def _gone(self, stop: _Stop, over: asyncio.Event, why_not: str) -> None:
        """One has ended: on the loop, where it is known whether it is still the one that counts."""
        self._under_way.discard(over)
        over.set()
        if stop is self._stop:  # else they are heard by another one now
            self._stop, self.why_not, self._not_before = None, why_not, self._loop.time() + BREATH
            self._ended()

    def _tell(self, *what: Any) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._heard, *what)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        async def log_in(**_: Any) -> kopf.ConnectionInfo:
            try:
                return await login()
            except Unlisted as error:
                raise kopf.PermanentError(str(error)) from error

        def telling(definition: Definition) -> Callable[..., Awaitable[None]]:
            async def seen(event: Mapping[str, Any], **_: Any) -> None:
                self._tell(definition, event.get("type"), event["object"])

            return seen

        kopf.on.login(registry=registry)(log_in)
        for one in self._definitions:
            kopf.on.event(one.group, one.version, one.plural, id=one.name, registry=registry)(telling(one))
        return registry

    @staticmethod
    def _settings() -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.process.ultimate_exiting_timeout = None  # it would kill the whole daemon
        return settings
