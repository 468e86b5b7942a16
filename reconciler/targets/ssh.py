"""A runner on another machine, over SSH: one connection, one channel on it, and everything goes through that.

The channel executes the bootstrap and the compressed binary follows right behind, without waiting for an
answer; the channel is given away once the bootstrap has said its marker. Nothing of it touches a disk with a
name for longer than it takes to open a file (see `bootstrap`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from random import Random
from typing import cast

from reconciler.errors import TransportError
from reconciler.model.target import SshTransport, Target
from reconciler.runtime import Offload
from reconciler.targets import bootstrap
from reconciler.targets.artifacts import MACHINES, Artifacts, Runner, architecture, unpack
from reconciler.targets.login import Login, Logins
from reconciler.targets.machines import Machines
from reconciler.targets.secure_shell import asyncssh
from reconciler.targets.ssh_channel import SshChannel
from reconciler.targets.turnstile import Turnstile

_AT_ONCE = 8
"""Targets that may be between the first word of their handshake and a runner that has started."""
_HEALTHY = 2.0
"""Seconds within which that is over, as a rule; who takes longer does not count among them any more."""


class SshConnector:
    """Starts runners over SSH. What all of them share is here.

    Args:
        artifacts: where the runners' binaries are.
        offload: runs the verification on a thread.
        environ: the process's environment.
        random: for names and pauses.
        recorded: our own known_hosts file.
        machines: what is remembered of kinds of machines.
        warn: is told what a person should know and no target fails for.
        ttl: seconds that a runner lives before it is first renewed.
    """

    def __init__(
        self,
        *,
        artifacts: Artifacts,
        offload: Offload,
        environ: Mapping[str, str],
        random: Random,
        recorded: str,
        machines: Machines,
        warn: Callable[[str], None],
        ttl: float,
    ) -> None:
        self._artifacts = artifacts
        self._offload = offload
        self._random = random
        self._logins = Logins(environ=environ, random=random, recorded=recorded, warn=warn)
        self._machines = machines
        self._ttl = ttl
        self._turnstile = Turnstile(_AT_ONCE, _HEALTHY)

    async def connect(self, target: Target) -> SshChannel:
        """Start a runner on a target.

        Raises:
            TransportError: it cannot be; says what, where, why and what to do.
        """
        transport = cast("SshTransport", target.transport)
        # While the handshake waits for the other side.
        loading = asyncio.ensure_future(self._load(self._machines.usual))
        turn = self._turnstile.turn()
        try:
            login = await self._logins.login(transport, turn)
            try:
                return await self._start(login, transport)
            except BaseException:
                await login.close()
                raise
        except TransportError as error:
            raise TransportError(f"{target.name}: {error}") from error
        finally:
            turn.leave()
            # Nothing is awaited here: who is cancelled then would leave a channel open that nobody has.
            loading.add_done_callback(_overlook)
            loading.cancel()

    async def _load(self, arch: str) -> Runner:
        return await self._offload("artifacts", lambda: self._artifacts.packed(arch))

    async def _start(self, login: Login, transport: SshTransport) -> SshChannel:
        arch = self._machines.guess(login.host_key)
        gzip = True
        for _ in range(3):
            runner = await self._load(arch)
            channel = await self._ship(login, transport, runner, gzip=gzip)
            complaint = await channel.started()
            if complaint is None:
                return channel
            if complaint.code == "machine":
                arch = architecture(complaint.machine)
                self._machines.learn(login.host_key, arch)
            elif complaint.code == "gzip":
                gzip = False
            else:
                raise TransportError(f"{login.hop}: {complaint.explain()}")
        raise TransportError(f"{login.hop}: it does not know which kind of machine it is")

    async def _ship(self, login: Login, transport: SshTransport, runner: Runner, *, gzip: bool) -> SshChannel:
        content = runner.content if gzip else unpack(runner.content, runner.arch)
        shipment = bootstrap.Shipment(
            nonce=f"{self._random.getrandbits(80):020x}",
            arch=runner.arch,
            size=len(content),
            room=runner.size,
            gzip=gzip,
            sha256=runner.sha256,
            arguments=[
                *("serve", "--sha256", runner.sha256, "--signature", runner.signature),
                *("--ttl", f"{round(self._ttl * 1000)}ms"),
            ],
            sudo=transport.become == "sudo",
        )
        channel = SshChannel(login, shipment)
        try:
            async with asyncio.timeout(transport.connect_timeout):
                await login.connection.create_session(
                    lambda: channel, bootstrap.command(shipment), encoding=None
                )
        except TimeoutError:
            raise TransportError(
                f"{login.hop}: logged in, but no command was started within {transport.connect_timeout:g} s"
            ) from None
        except (asyncssh.Error, OSError) as error:
            raise TransportError(f"{login.hop}: logged in, but no command may be started: {error}") from error
        channel.ship(bootstrap.GUARD + content)
        return channel


def _overlook(loading: asyncio.Future[Runner]) -> None:
    """If what is wrong with a runner matters, `_start` has come across it too."""
    if not loading.cancelled():
        loading.exception()


def usual_architecture() -> str:
    """What most targets are, as far as this machine can tell: the same as itself."""
    return MACHINES.get(os.uname().machine, "amd64")
