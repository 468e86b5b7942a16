"""The way to a runner on any target: what the engine's Runtime is given.

    lanes = ThreadLanes()
    runtime = Runtime(connect=make_connect(state=state, cache=cache, offload=lanes, environ=environ), offload=lanes)

Whatever the targets share is shared here: verified binaries, slots for handshakes, what is known of host
keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING

from reconciler.errors import FroyoError, TransportError, in_words
from reconciler.model.target import LocalTransport, Target
from reconciler.runtime import Channel, Connect, Offload
from reconciler.targets.artifacts import Artifacts
from reconciler.targets.local import connect_local

if TYPE_CHECKING:
    from reconciler.targets.ssh import SshConnector


def make_connect(
    *,
    state: Path,
    offload: Offload,
    environ: Mapping[str, str],
    warn: Callable[[str], None] = lambda _text: None,
    cache: Path | None = None,
    artifacts: Artifacts | None = None,
    random: Random | None = None,
    ttl: float = 600.0,
) -> Connect:
    """What connects to targets.

    Args:
        state: the state directory; keys that are trusted on first use are recorded in its `known_hosts`.
        offload: runs what would hold the loop up.
        environ: the process's environment.
        warn: is told what a person should know and no target fails for.
        cache: where to remember what only saves time, or None for nowhere.
        artifacts: where the runner's binaries are; by default those that came with this package.
        random: names directories on targets, and spreads attempts; nobody must be able to guess it.
        ttl: seconds that a runner lives before its session first renews it.
    """
    found = artifacts or Artifacts()
    ssh: list[SshConnector] = []

    def connector() -> SshConnector:
        if not ssh:
            # asyncssh is expensive to import, and many need no SSH at all.
            from reconciler.targets.machines import Machines
            from reconciler.targets.ssh import SshConnector, usual_architecture

            machines = Machines(str(cache / "machines.json") if cache else "", usual=usual_architecture())
            ssh.append(
                SshConnector(
                    artifacts=found,
                    offload=offload,
                    environ=environ,
                    random=random or SystemRandom(),
                    recorded=str(state / "known_hosts"),
                    machines=machines,
                    warn=warn,
                    ttl=ttl,
                )
            )
        return ssh[0]

    async def connect(target: Target) -> Channel:
        try:
            if isinstance(target.transport, LocalTransport):
                return await connect_local(target, artifacts=found, offload=offload, environ=environ, ttl=ttl)
            return await connector().connect(target)
        except FroyoError:
            raise
        except Exception as error:
            # The libraries have errors of many classes, and what they read comes from others.
            raise TransportError(f"{target.name}: it cannot be reached: {in_words(error)}") from error

    return connect
