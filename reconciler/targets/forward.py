"""TCP connections as a target makes them: what `Channel.reach` is over SSH.

Over SSH the target's sshd connects (`direct-tcpip`, as with `ssh -L`), and this end is a socket like any other, so that
TLS and whatever else is spoken on it need not know. Invariant: whichever side ends first ends the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from reconciler.errors import ErrorClass, RunnerError, TransportError
from reconciler.sockets import place
from reconciler.targets.near import not_reached
from reconciler.targets.secure_shell import asyncssh

_PIECE = 64 * 1024
_FORBIDDEN = (
    "its sshd forwards no connections to there: allow it (AllowTcpForwarding and PermitOpen in sshd_config,"
    " permitopen= and no-port-forwarding in authorized_keys), or ask from the controller"
)


class Forwards:
    """The connections that one SSH connection carries beside the runner's channel.

    Args:
        connection: to the target.
    """

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection
        self._pumps: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int) -> socket.socket:
        """See Channel.reach."""
        try:
            reader, writer = await self._connection.open_connection(host, port)
        except asyncssh.ChannelOpenError as error:
            if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
                message = f"{place(host, port)}, from the target: {_FORBIDDEN}"
                raise RunnerError(message, error_class=ErrorClass.PERMANENT, code="no_forwarding") from error
            # What sshd says is what its connect() said.
            raise not_reached(host, port, error.reason.lower() or "not connected") from error
        except (asyncssh.Error, OSError) as error:
            raise TransportError(f"the SSH connection was lost: {error}") from error
        ours, theirs = socket.socketpair()
        here = await asyncio.open_connection(sock=ours)
        pump = asyncio.create_task(_pump(here, (reader, writer)), name=f"forward {place(host, port)}")
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        theirs.setblocking(False)  # noqa: FBT003 - socket's own signature
        return theirs

    async def close(self) -> None:
        """End all of them."""
        pumps = set(self._pumps)
        for pump in pumps:
            pump.cancel()
        if pumps:
            await asyncio.wait(pumps)


async def _pump(
    here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    there: tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]],
) -> None:
    """Carry bytes both ways until both have ended, or either is broken."""

    async def up() -> None:
        while data := await here[0].read(_PIECE):
            there[1].write(data)
            await there[1].drain()
        there[1].write_eof()

    async def down() -> None:
        while data := await there[0].read(_PIECE):
            here[1].write(data)
            await here[1].drain()
        here[1].write_eof()

    try:
        with contextlib.suppress(OSError, asyncssh.Error, ExceptionGroup):
            async with asyncio.TaskGroup() as both:
                both.create_task(up())
                both.create_task(down())
    finally:
        here[1].transport.abort()
        there[1].channel.abort()
