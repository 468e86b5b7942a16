"""A runner on this machine, over a pipe that the event loop serves.

It has its own session, so that Ctrl-C is ours alone, and ends with the pipe whatever becomes of us.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Mapping
from typing import cast

from reconciler.errors import TransportError, why
from reconciler.model.target import LocalTransport, Target
from reconciler.runtime import Offload, first_of
from reconciler.targets import become
from reconciler.targets.artifacts import Artifacts, architecture
from reconciler.targets.near import reach_here
from reconciler.targets.pipe import Inbox, Tail, WriteGate
from reconciler.targets.starting import Start, prepare

_FAREWELL = 2.0
"""Seconds that the runner gets to end once its standard input is closed."""
_LAST_WORDS = 0.5
"""Seconds that stderr may stay open once the runner has ended."""


async def connect_local(
    target: Target, *, artifacts: Artifacts, offload: Offload, environ: Mapping[str, str], ttl: float
) -> LocalChannel:
    """Start a runner on this machine.

    Args:
        target: with a LocalTransport.
        artifacts: where the runner's binary is.
        offload: runs the verification on a thread.
        environ: the process's environment, of which the runner gets little.
        ttl: seconds that the runner lives before it is first renewed.

    Raises:
        TransportError: it cannot be started; says why and what to do.
    """
    transport = cast("LocalTransport", target.transport)
    try:
        arch = architecture(os.uname().machine)
        runner = await offload("artifacts", lambda: artifacts.binary(arch))
        return await _start(prepare(runner, transport, environ, ttl))
    except TransportError as error:
        raise TransportError(f"{target.name}: {error}") from error


async def _start(start: Start) -> LocalChannel:
    with contextlib.ExitStack() as descriptors:
        descriptors.callback(os.close, start.descriptor)
        tail = Tail()
        starting = asyncio.ensure_future(
            asyncio.get_running_loop().subprocess_exec(
                lambda: LocalChannel(tail, start.sudoer),
                *start.argv,
                env=start.environment,
                cwd="/",
                start_new_session=True,
            )
        )
        try:
            # asyncio waits for ever when it is cancelled between the start of a process and its pipes' connection.
            _, channel = await asyncio.shield(starting)
        except asyncio.CancelledError:
            await _abandon(starting)
            raise
        except OSError as error:
            raise TransportError(f"the runner cannot be started on this machine: {why(error)}") from error
        channel.hold(descriptors.pop_all())
        channel.passed_over = start.passed_over
        return channel


async def _abandon(starting: asyncio.Future[tuple[asyncio.SubprocessTransport, LocalChannel]]) -> None:
    """End what is being started, once it has been; that is a matter of a few turns of the loop."""
    await asyncio.wait([starting])
    if starting.exception() is None:
        _, channel = starting.result()
        await channel.close()


class LocalChannel(asyncio.SubprocessProtocol):
    """The pipe to a runner on this machine. Made by `connect_local`.

    Args:
        tail: takes what the runner writes to stderr.
        sudoer: who became root, if anybody did.

    Attributes:
        passed_over: the places that the runner could not be run from, and why, before one where it could.
    """

    def __init__(self, tail: Tail, sudoer: str) -> None:
        self._tail = tail
        self._sudoer = sudoer
        self.passed_over = ""
        self._gate = WriteGate()
        self._ended = asyncio.Event()
        self._held = contextlib.ExitStack()
        self._open: set[int | str] = {1, 2, "process"}

    # --- What the runner's owner calls ----------------------------------------------------------------

    def hold(self, resources: contextlib.ExitStack) -> None:
        """Keep something until the runner runs."""
        self._held = resources

    async def read(self, limit: int) -> bytes:
        """See Channel."""
        return await self._inbox.read(limit)

    async def write(self, data: bytes) -> None:
        """See Channel."""
        if self._inbox.ended or self._stdin.is_closing():
            raise TransportError(f"the runner has ended: {self._how_it_ended() or 'it was asked to'}")
        self._stdin.write(data)
        await self._gate.wait()

    async def close(self) -> None:
        """See Channel."""
        self._stdin.close()
        # A runner that is root while we are not cannot be killed; it ends by its time to live at last.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if not await self._has_ended():
                os.killpg(self._process.get_pid(), signal.SIGKILL)
                await self._has_ended()
        with contextlib.suppress(PermissionError):
            self._process.close()
        self._held.close()

    async def reach(self, host: str, port: int) -> socket.socket:
        """See Channel."""
        return await reach_here(host, port)

    async def _has_ended(self) -> bool:
        if not self._ended.is_set():
            await first_of(self._ended.wait(), within=_FAREWELL)
        return self._ended.is_set()

    @property
    def diagnosis(self) -> str:
        """The end of what the runner wrote to stderr."""
        return str(self._tail)

    # --- What the event loop calls --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The process has been started."""
        self._process = cast("asyncio.SubprocessTransport", transport)
        self._stdin = cast("asyncio.WriteTransport", self._process.get_pipe_transport(0))
        stdout = cast("asyncio.ReadTransport", self._process.get_pipe_transport(1))
        self._inbox = Inbox(pause=stdout.pause_reading, resume=stdout.resume_reading)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """It has written something."""
        if fd == 1:
            self._held.close()
            self._inbox.feed(data)
        elif error := self._tail.hear(data, asyncio.get_running_loop().time()):
            self._inbox.end(error)
            cast("asyncio.ReadTransport", self._process.get_pipe_transport(2)).close()

    def pause_writing(self) -> None:
        """It reads more slowly than we write."""
        self._gate.close()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._gate.open()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """It has closed a pipe."""
        del exc
        self._part_ended(fd)

    def process_exited(self) -> None:
        """It has ended."""
        self._part_ended("process")

    def _part_ended(self, part: int | str) -> None:
        # Its last words may come before its exit status or after it.
        self._open.discard(part)
        if not self._open:
            self._finish()
        elif self._open == {2}:
            # A process that it started may hold on to stderr.
            asyncio.get_running_loop().call_later(_LAST_WORDS, self._finish)

    def _finish(self) -> None:
        why = self._how_it_ended()
        self._inbox.end(TransportError(why) if why else None)
        self._gate.open()
        self._ended.set()

    def _how_it_ended(self) -> str:
        status = self._process.get_returncode()
        if not status:
            return ""
        if self._sudoer and (sudo := become.explain(self._tail, user=self._sudoer)):
            return sudo
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return f"the runner {how}" + (f": {self._tail}" if str(self._tail) else "")
