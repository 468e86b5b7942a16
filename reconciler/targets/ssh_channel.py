"""The stream to a runner on another machine, over SSH: the binary goes out first, then frames go both ways.

Invariant: nobody above sees a byte of what a login shell says before the bootstrap has said its marker.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from reconciler.errors import TransportError
from reconciler.targets import become, bootstrap
from reconciler.targets.forward import Forwards
from reconciler.targets.login import Login
from reconciler.targets.pipe import Inbox, Tail, WriteGate
from reconciler.targets.secure_shell import asyncssh

_SHIPPING = 300.0
"""Seconds that the binary may take to arrive; a connection that is dead is noticed much sooner."""
_NOISE = 65536
"""Bytes that a login shell may say before the marker."""
_QUOTED = 200
"""Bytes of that which an error repeats."""
_INSTEAD = (
    ", and has not started the runner: is something else run there, whatever is asked for (`ForceCommand` in"
    " sshd_config, `command=` in authorized_keys, a start-up file of the shell)?"
)


class SshChannel(asyncssh.SSHClientSession[bytes]):
    """The stream to a runner on another machine.

    Args:
        login: the connection; the channel owns it once it has started.
        shipment: what is being sent.

    Attributes:
        passed_over: the places that the runner could not be run from, and why, before one where it could.
    """

    def __init__(self, login: Login, shipment: bootstrap.Shipment) -> None:
        self._login = login
        self._forwards = Forwards(login.connection)
        self._shipment = shipment
        self._gate = WriteGate()
        self._tail = Tail()
        self._noise: bytearray | None = bytearray()
        self.passed_over = ""
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._status: int | None = None
        self._signal = ""

    # --- What the runner's owner calls ----------------------------------------------------------------

    def ship(self, content: bytes) -> None:
        """Send the guard and the binary."""
        with contextlib.suppress(OSError):  # closed already: `started` says why
            self._channel.write(content)

    async def started(self) -> bootstrap.Complaint | None:
        """Wait until the bootstrap has become the runner; or its complaint.

        Raises:
            TransportError: it has not, for another reason.
        """
        try:
            async with asyncio.timeout(_SHIPPING):
                await asyncio.shield(self._started)
        except TimeoutError:
            raise TransportError(
                f"{self._login.hop}: the runner did not arrive within {_SHIPPING:g} s"
            ) from None
        except TransportError as error:
            if self._status == bootstrap.STATUS:
                complaint = bootstrap.complaint(self._tail.lines())
                if complaint is not None:
                    return complaint
            raise TransportError(f"{self._login.hop}: {error}") from error
        return None

    async def read(self, limit: int) -> bytes:
        """See Channel."""
        return await self._inbox.read(limit)

    async def write(self, data: bytes) -> None:
        """See Channel."""
        if self._inbox.ended:
            raise self._how_it_ended(None) or TransportError("the runner has ended")
        try:
            self._channel.write(data)
        except OSError as error:
            raise TransportError(f"the SSH channel is closed: {error}") from error
        await self._gate.wait()

    async def close(self) -> None:
        """See Channel."""
        self._channel.close()
        await self._forwards.close()
        await self._login.close()

    async def reach(self, host: str, port: int) -> socket.socket:
        """See Channel."""
        return await self._forwards.open(host, port)

    @property
    def diagnosis(self) -> str:
        """The end of what the runner wrote to stderr."""
        return str(self._tail)

    # --- What asyncssh calls --------------------------------------------------------------------------

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """The channel is open."""
        self._channel = chan
        self._inbox = Inbox(pause=chan.pause_reading, resume=chan.resume_reading)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Something was written to stdout or stderr."""
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            if error := self._tail.hear(data, asyncio.get_running_loop().time()):
                self._give_up(error)
        elif self._noise is None:
            self._inbox.feed(data)
        else:
            self._await_marker(self._noise, data)

    def _give_up(self, error: TransportError) -> None:
        """Listen no longer, whether or not the other side closes the channel then."""
        if not self._started.done():
            self._started.set_exception(error)
            self._started.exception()
        self._inbox.end(error)
        self._gate.open()
        self._channel.abort()

    def _await_marker(self, noise: bytearray, data: bytes) -> None:
        noise += data
        _, _, line = noise.partition(self._shipment.marker)
        passed_over, end, after = line.partition(b"\n")
        if end:
            self._noise = None
            self.passed_over = passed_over.decode("ascii", "replace").strip()
            self._started.set_result(None)
            if after:
                self._inbox.feed(bytes(after))
        elif len(noise) > _NOISE:
            self._channel.close()

    def pause_writing(self) -> None:
        """The target reads more slowly than we write."""
        self._gate.close()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._gate.open()

    def exit_status_received(self, status: int) -> None:
        """The runner, or what was to become it, has ended."""
        self._status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: FBT001 - asyncssh's
        """It was killed."""
        del core_dumped, msg, lang
        self._signal = signal

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed, or the connection is gone."""
        error = self._how_it_ended(exc)
        if not self._started.done():
            reason = str(error or f"its login shell ended{_INSTEAD}")
            if self._status == bootstrap.GUARD_STATUS:
                reason = f"it starts a shell, and not what it is asked to{_INSTEAD}"
            if self._noise:
                said = Tail()
                said.feed(bytes(self._noise[:_QUOTED]))
                reason += f"; its login shell said: {' / '.join(said.lines())}"
            self._started.set_exception(TransportError(reason))
            self._started.exception()  # `started` may not be awaited any more
        self._inbox.end(error)
        self._gate.open()

    def _how_it_ended(self, exc: Exception | None) -> TransportError | None:
        if exc is not None:
            return TransportError(f"the SSH connection was lost: {exc}")
        if self._shipment.sudo and (sudo := become.explain(self._tail, user=self._login.hop.user)):
            return TransportError(sudo)
        said = f": {self._tail}" if str(self._tail) else ""
        who = "the runner" if self._noise is None else "the target's shell"
        if self._signal:
            return TransportError(f"{who} was killed by SIG{self._signal}{said}")
        if self._status is None:
            return TransportError(f"the SSH channel was closed{said}")
        if self._status:
            return TransportError(f"{who} ended with status {self._status}{said}")
        return None
