"""One conversation with one runner over one channel: calls, heartbeats, time to live, and its end.

Three tasks serve a link: one reads, one writes, one keeps the time. Whatever ends one of them ends all,
closes the channel and fails every call under way with a TransportError: no call is ever left waiting.

Invariant: `_finish` runs exactly once, whoever caused it. A link says why it ended and never comes back; to
reconnect is to open another one. It must not know what commands mean.

Its tasks share all of its state and end together, and so it is longer than a module should be. What bounds a runner
that says more than it was asked (`unasked`), what waits to be written (`outbox`) and what is said (`protocol`) are
apart.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.built import advice
from reconciler.errors import ProtocolError, RemoteProtocolError, TransportError
from reconciler.model.fence import Fence
from reconciler.runtime import Channel, first_error, first_of
from reconciler.targets.messages import Closed, CommandEvent, Done, Exit, Failed, Heartbeat, Message, Ready
from reconciler.targets.outbox import Outbox
from reconciler.targets.protocol import Connection
from reconciler.targets.settings import SessionSettings
from reconciler.targets.states import ConnectionState
from reconciler.targets.unasked import Unasked

_READ = 256 * 1024

OnCommandEvent = Callable[[CommandEvent], None]

_EXITS = {
    "ttl": "its time to live ran out: it had not heard from the controller",
    "signal": "somebody ended it by a signal",
    "protocol": "it says that the controller broke the protocol",
    "tampered": "it is not the binary that was signed, and refused to run",
    "eof": "its standard input was closed",
    "exit": "it was asked to",
    "fenced": "another controller has taken over",
}

_REPLACED = "; if froyo was replaced by another version while it ran, start it again"


@dataclass(slots=True)
class _Call:
    """A command whose answer somebody waits for."""

    answer: asyncio.Future[Done | Failed]
    on_event: OnCommandEvent | None


class PendingCommand:
    """A command under way that is not awaited at once, such as `watch`.

    Attributes:
        answer: how it ends. Fails with TransportError when the link is lost.
    """

    def __init__(self, link: Link, number: int, answer: asyncio.Future[Done | Failed]) -> None:
        self._link = link
        self._number = number
        self.answer = answer

    def cancel(self) -> None:
        """Ask the runner to end it. May be called at any time."""
        self._link.cancel(self._number)


class Link:
    """See the module.

    Args:
        channel: to a runner that has been started; the link owns it from now on.
        where: what errors call the target.
        settings: see there.

    Attributes:
        estranged: whether it ended since one of the two said what the other does not understand.
    """

    def __init__(self, channel: Channel, *, where: str, settings: SessionSettings) -> None:
        self._channel = channel
        self._where = where
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._connection = Connection()
        self._calls: dict[int, _Call] = {}
        self._outbox = Outbox(limit=settings.outbox)
        self._ready: asyncio.Future[Ready] = self._loop.create_future()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._reason: str | None = None
        self._aborted = "closed"
        self._heard = self._said = self._loop.time()
        self._unasked = Unasked()
        self._task: asyncio.Task[None] | None = None
        self.estranged = False

    # --- Its life -------------------------------------------------------------------------------------

    @property
    def passed_over(self) -> str:
        """The places that the runner could not be run from before one where it could."""
        return str(getattr(self._channel, "passed_over", ""))

    async def reach(self, host: str, port: int) -> socket.socket:
        """A TCP connection from where the runner is; see Channel.

        Raises:
            RunnerError: there is none.
            TransportError: the link is lost.
        """
        if self.closed:
            raise self._lost()
        return await self._channel.reach(host, port)

    async def start(self) -> Ready:
        """Wait for the runner to say READY.

        Raises:
            TransportError: it does not, or not in time. The channel is closed then.
        """
        self._task = self._loop.create_task(self._run(), name=f"link {self._where}")
        try:
            async with asyncio.timeout(self._settings.handshake):
                # Shielded, so that giving up leaves the future to `_finish`.
                return await asyncio.shield(self._ready)
        except TimeoutError:
            said = getattr(self._channel, "diagnosis", "")
            reason = f"the runner did not get ready within {self._settings.handshake:g} s"
            await self._abort(f"{reason}; it said: {said}" if said else reason)
            raise TransportError(f"{self._where}: {self._reason}") from None
        except asyncio.CancelledError:
            await self._abort("given up")
            raise

    @property
    def closed(self) -> bool:
        """Whether it has ended, or is about to."""
        given_up = self._task is not None and self._task.cancelling() > 0
        return given_up or self._reason is not None or self._connection.state is not ConnectionState.RUNNING

    def fence(self, fence: Fence) -> None:
        """Say under whose lease this is: from now on nothing is changed here once a newer one has come."""
        self._post(self._connection.send_fence(fence))

    async def wait_closed(self) -> str:
        """Why it ended, once it has and its channel is closed."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """End it in order; calls under way fail. May be called twice, and by several at once."""
        if not self.closed:
            self._outbox.put(self._connection.send_exit())
        if not self._ended.done():
            await first_of(self.wait_closed(), within=self._settings.farewell)
        await self._abort("closed")

    def give_up(self, reason: str) -> None:
        """Begin to end it now, for `reason` unless it is ending for another already. Does not wait for the end."""
        if self._reason is None and self._task is not None:
            self._aborted = reason
            self._task.cancel()

    async def _abort(self, reason: str) -> None:
        """End it now, for `reason` unless it is ending for another already."""
        if self._task is None:
            await self._finish(reason)
            return
        if self._reason is None:
            self._aborted = reason
            self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        reason = "a defect of this controller"
        try:
            async with asyncio.TaskGroup() as tasks:
                others = (
                    tasks.create_task(self._outbox.send_to(self._channel), name=f"write {self._where}"),
                    tasks.create_task(self._keep_time(), name=f"time {self._where}"),
                )
                reason = await self._read()
                for task in others:
                    task.cancel()
        except* (TransportError, ProtocolError) as group:
            reason = str(error := first_error(group))
            if isinstance(error, RemoteProtocolError):
                reason += self._estrange()
        except* asyncio.CancelledError:
            reason = self._aborted
        finally:
            await self._finish(reason)

    async def _finish(self, reason: str) -> None:
        if self._reason is not None:
            return
        self._reason = reason
        self._outbox.close()
        if not self._ready.done():
            self._ready.set_exception(TransportError(f"{self._where}: {reason}"))
            self._ready.exception()  # `start` may have been cancelled: then nobody else looks at it
        for call in self._calls.values():
            if not call.answer.done():
                call.answer.set_exception(self._lost())
                call.answer.exception()
        self._calls.clear()
        try:
            await self._channel.close()
        finally:
            self._ended.set_result(reason)

    def _lost(self) -> TransportError:
        return TransportError(f"{self._where}: the session was lost: {self._reason}")

    # --- The three tasks ------------------------------------------------------------------------------

    async def _read(self) -> str:
        """Take in what the runner says, until it says no more; gives the reason."""
        reason = "the runner's end of the stream was closed"
        while True:
            try:
                data = await self._channel.read(_READ)
            except TransportError:
                if self._connection.state is ConnectionState.EXITED:
                    return reason
                raise
            self._heard = self._loop.time()
            ahead = 0.0
            for message in self._connection.receive_data(data):
                match message:
                    case Heartbeat():
                        self._unasked.beat(size=self._connection.size, now=self._heard)
                    case CommandEvent():
                        ahead = self._unasked.event(
                            message,
                            size=self._connection.size,
                            asked=message.id in self._calls,
                            now=self._heard,
                        )
                        self._dispatch(message)
                    case Exit(reason=said, message=more):
                        reason = f"the runner ended itself: {_EXITS.get(said, said[:200])}"
                        reason += f" ({more[:500]})" if more else ""
                        reason += self._estrange() if said == "protocol" else ""
                    case Closed(incomplete=incomplete):
                        return reason + (
                            f" in the middle of a frame, after {incomplete} bytes" if incomplete else ""
                        )
                    case _:
                        self._dispatch(message)
            if ahead:
                # Not read is not silent.
                self._heard += ahead
                await asyncio.sleep(ahead)
            elif len(data) == _READ:
                await asyncio.sleep(0)  # more waits, and so does everybody else

    def _estrange(self) -> str:
        """One of the two has said what the other does not understand: what to do about it, for a person."""
        self.estranged = True
        return advice(about="runner") or _REPLACED

    def _dispatch(self, message: Message) -> None:
        match message:
            case Ready():
                if not self._ready.done():
                    self._ready.set_result(message)
            case CommandEvent():
                call = self._calls.get(message.id)
                if call is not None and call.on_event is not None:
                    call.on_event(message)
            case Done() | Failed():
                call = self._calls.pop(message.id, None)
                if call is not None and not call.answer.done():
                    call.answer.set_result(message)

    async def _keep_time(self) -> None:
        """Say something often enough, renew the runner's life, and notice when it has gone silent."""
        settings = self._settings
        await asyncio.shield(self._ready)
        renew_at = self._loop.time()
        while True:
            now = self._loop.time()
            # Sums, as below: a difference may round to just short of it when it is time, and then this spins.
            if now >= self._heard + settings.silence:
                raise TransportError(f"it has been silent for {now - self._heard:.0f} s")
            if self._connection.state is ConnectionState.RUNNING:
                if now >= renew_at:
                    self._post(self._connection.send_renew(settings.ttl))
                    renew_at = now + settings.ttl / 3
                elif now >= self._said + settings.heartbeat and self._outbox.empty:
                    self._post(self._connection.send_heartbeat())
            speak_at = self._said + settings.heartbeat
            if speak_at <= now:  # the outbox is stuck
                speak_at = now + settings.heartbeat
            wake_at = min(self._heard + settings.silence, speak_at)
            if (
                self._connection.state is ConnectionState.RUNNING
            ):  # else nothing is renewed, however long it is due
                wake_at = min(wake_at, renew_at)
            await asyncio.sleep(wake_at - now)
            # This machine slept, or the loop was held up: what the runner said meanwhile was not read yet.
            self._heard += max(0.0, self._loop.time() - wake_at - 1.0)

    def _post(self, data: bytes) -> None:
        self._said = self._loop.time()
        self._outbox.put(data)

    # --- Calls ----------------------------------------------------------------------------------------

    async def begin(
        self,
        command: str,
        items: list[dict[str, Any]],
        *,
        options: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        on_event: OnCommandEvent | None = None,
    ) -> PendingCommand:
        """Start a command.

        Args:
            command: its name.
            items: what it is about, each answered by a result of its own.
            options: what holds for all items.
            deadline: seconds after which the runner gives it up; None for never.
            on_event: told what the runner says in between.

        Raises:
            TransportError: the link has ended.
            LocalProtocolError: the command does not fit into a frame.
        """
        await self._outbox.room()
        self._require_open()
        number, data = self._connection.send_command(command, items, options=options, deadline=deadline)
        answer: asyncio.Future[Done | Failed] = self._loop.create_future()
        self._calls[number] = _Call(answer, on_event)
        self._post(data)
        return PendingCommand(self, number, answer)

    async def call(
        self,
        command: str,
        items: list[dict[str, Any]],
        *,
        options: Mapping[str, Any] | None = None,
        timeout: float,
        on_event: OnCommandEvent | None = None,
    ) -> Done | Failed:
        """Start a command and wait for its answer. Cancelling the wait cancels the command.

        Args:
            command: as in `begin`.
            items: as in `begin`.
            options: as in `begin`.
            timeout: seconds that the runner gets; its answer may be a little later.
            on_event: as in `begin`.

        Raises:
            TransportError: the link has ended, or the runner did not even say that the time is over.
        """
        call: PendingCommand | None = None
        try:
            async with asyncio.timeout(timeout + self._settings.grace):
                call = await self.begin(command, items, options=options, deadline=timeout, on_event=on_event)
                return await call.answer
        except TimeoutError:
            raise TransportError(
                f"{self._where}: {command} was not answered within {timeout:g} s, nor was it said to be late"
            ) from None
        finally:
            if call is not None:
                call.cancel()

    def cancel(self, number: int) -> None:
        """Ask the runner to end a command, if it is still under way."""
        if self._calls.pop(number, None) is not None and not self.closed:
            self._post(self._connection.send_cancel(number))

    async def send_blob(self, *, digest: str, offset: int, data: str, encoding: str, last: bool) -> None:
        """Send a piece of a body once there is room for it.

        Args:
            digest: of the whole body.
            offset: of the piece in it, in bytes.
            data: the piece, as text.
            encoding: how it became text.
            last: whether it is the last piece.

        Raises:
            TransportError: the link has ended.
        """
        await self._outbox.room()
        self._require_open()
        self._post(
            self._connection.send_blob(digest=digest, offset=offset, data=data, encoding=encoding, last=last)
        )

    def _require_open(self) -> None:
        if self._reason is not None:
            raise self._lost()
        if self.closed:
            raise TransportError(f"{self._where}: the session is being closed")
