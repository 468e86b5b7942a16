"""A target: a machine that is kept as declared, and how it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.names import Digest, TargetName
from reconciler.model.origin import Origin


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """This machine, over a pipe.

    Attributes:
        become: "sudo" to run as root, or "" to run as whoever runs froyo.
    """

    become: str = ""

    @property
    def machine(self) -> tuple[str, ...]:
        """The same for whatever certainly leads to the same machine."""
        return ("this",)


@dataclass(frozen=True, slots=True, kw_only=True)
class SshTransport:
    """Another machine, over SSH.

    Attributes:
        host: name or address.
        port: TCP port.
        user: login; "" for the name of whoever runs froyo.
        become: "sudo" to run as root, or "".
        identity_file: private key on the controller, absolute; "" for the agent and the default keys.
        known_hosts: known_hosts file on the controller, absolute; "" for the user's and the system's.
        host_key: the pinned public host key ("ssh-ed25519 AAAA…"), or "".
        trust_on_first_use: record an unknown host key at first contact. Off unless the target says so.
        proxy_jump: `user@host:port` to hop over, several with commas between them, or "".
        connect_timeout: seconds for the whole handshake.
        keepalive_interval: seconds of silence before the peer is asked whether it is alive.
    """

    host: str
    port: int = 22
    user: str = ""
    become: str = ""
    identity_file: str = ""
    known_hosts: str = ""
    host_key: str = ""
    trust_on_first_use: bool = False
    proxy_jump: str = ""
    connect_timeout: float = 15.0
    keepalive_interval: float = 15.0

    @property
    def machine(self) -> tuple[str, ...]:
        """The same for whatever certainly leads to the same machine."""
        return (self.proxy_jump, self.host.lower(), str(self.port))


@dataclass(frozen=True, slots=True)
class Target:
    """A machine.

    Attributes:
        name: as in addresses.
        labels: what selectors look at.
        transport: how to reach it.
        digest: of name, labels and transport: equal digests mean that nothing about the target changed.
        origin: where it was declared.
    """

    name: TargetName
    labels: Mapping[str, str]
    transport: LocalTransport | SshTransport
    digest: Digest
    origin: Origin = field(default=Origin(), compare=False)
