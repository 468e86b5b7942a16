"""Sessions to targets, kept open in the background.

Connecting takes seconds, or for ever; it never holds a round. A target that is wanted has one task that connects, says
so, waits until the session is lost, says so, and connects again with backoff. Invariant: at most one session, and one
attempt at one, per target.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from reconciler.built import advice
from reconciler.core.backoff import Backoff
from reconciler.errors import FroyoError, TransportError, in_words
from reconciler.model.names import TargetName
from reconciler.model.target import Target
from reconciler.runtime import Runtime
from reconciler.targets.session import Session
from reconciler.targets.watch import WatchEvent
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

LASTING = 5.0
"""A session that was lost within so many seconds counts as an attempt that failed: else a runner that dies at once
would be started again and again without a pause."""

_LANE = "artifacts"


class OpenSession(Protocol):
    """Opens a session to a target: `Session.open`, or what a test puts in its place."""

    def __call__(
        self, target: Target, /, *, runtime: Runtime, on_event: Callable[[WatchEvent], None]
    ) -> Awaitable[Session]:
        """The session, ready.

        Raises:
            TransportError, ProtocolError: it could not be had.
        """


class Listener(Protocol):
    """Who wants to know about sessions. Called on the loop; must not block."""

    def connected(self, name: TargetName, session: Session) -> None:
        """A session is ready."""

    def disconnected(self, name: TargetName, why: str, *, retry_in: float) -> None:
        """The session was lost, or could not be had."""

    def changed(self, name: TargetName, event: WatchEvent) -> None:
        """The target reports changes."""


@dataclass(slots=True)
class _Line:
    """One wanted target."""

    target: Target
    task: asyncio.Task[None]
    session: Session | None = None
    hurry: asyncio.Event = field(default_factory=asyncio.Event)


class Sessions:
    """All sessions of a controller.

    Args:
        open_session: makes one.
        runtime: the world.
        listener: is told what happens.
        backoff: the pauses between attempts.
    """

    def __init__(
        self,
        *,
        open_session: OpenSession,
        runtime: Runtime,
        listener: Listener,
        backoff: Backoff,
    ) -> None:
        self._open = open_session
        self._runtime = runtime
        self._listener = listener
        self._backoff = backoff
        self._lines: dict[TargetName, _Line] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def get(self, name: TargetName) -> Session | None:
        """The session to a target, if there is one right now."""
        line = self._lines.get(name)
        return line.session if line else None

    def want(self, target: Target) -> bool:
        """Keep a session to `target` from now on. One that is reached in another way than before is reconnected.

        Returns:
            Whether that is so: what was known of the way there says nothing any more.
        """
        line = self._lines.get(target.name)
        if line is not None and line.target.transport == target.transport:
            line.target = target
            return False
        older = line.task if line is not None else None
        if older is not None:
            self._ending.add(older)
            older.add_done_callback(self._ending.discard)
            older.cancel()
        self._lines[target.name] = _Line(
            target, asyncio.create_task(self._keep(target, after=older), name=f"session {target.name}")
        )
        return older is not None

    def hurry(self, name: TargetName) -> None:
        """Try at once, where an attempt is waiting for its time."""
        if line := self._lines.get(name):
            line.hurry.set()

    async def drop(self, name: TargetName) -> None:
        """End the session to a target and stop wanting it."""
        if line := self._lines.pop(name, None):
            line.task.cancel()
            await asyncio.wait([line.task])

    async def close(self) -> None:
        """End all sessions."""
        await asyncio.gather(*(self.drop(name) for name in list(self._lines)))
        if self._ending:
            await asyncio.wait(self._ending)

    async def _see_that_it_goes_with_us(self, target: Target) -> None:
        """What did not understand us, and is known to be of another version, is not started again and again.

        Raises:
            TransportError: the runner is still the one that was built from other sources.
        """
        if why := await self._runtime.offload(_LANE, partial(advice, about="runner")):
            raise TransportError(f"{target.name}: the runner is of another version than this froyo{why}")

    async def _keep(self, target: Target, *, after: asyncio.Task[None] | None) -> None:
        if after is not None:
            await asyncio.wait([after])
        failures, estranged = 0, False
        while True:
            try:
                if estranged:
                    await self._see_that_it_goes_with_us(target)
                session = await self._open(
                    target, runtime=self._runtime, on_event=partial(self._listener.changed, target.name)
                )
            except FroyoError as error:
                why = str(error)
            except Exception as error:
                # Whatever it is, it must not end the attempts for good.
                log.exception("a session could not be opened; this is a defect", target=target.name)
                why = f"a defect: {in_words(error)}"
            else:
                opened = asyncio.get_running_loop().time()
                try:
                    self._lines[target.name].session = session
                    self._listener.connected(target.name, session)
                    why = await session.wait_closed()
                finally:
                    if (line := self._lines.get(target.name)) is not None and line.session is session:
                        line.session = None
                    await session.close()
                estranged = session.estranged
                if asyncio.get_running_loop().time() - opened >= LASTING:
                    failures = 0
            failures += 1
            pause = self._backoff.delay(failures, self._runtime.random.random)
            self._listener.disconnected(target.name, why, retry_in=pause)
            line = self._lines[target.name]
            line.hurry.clear()
            try:
                async with asyncio.timeout(pause):
                    await line.hurry.wait()
            except TimeoutError:
                pass
