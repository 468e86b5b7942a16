"""How a target is reached, as a manifest says it."""

from __future__ import annotations

from typing import Any

from reconciler.model.target import LocalTransport, SshTransport

_FIELDS = (
    ("port", "port"),
    ("user", "user"),
    ("become", "become"),
    ("identity_file", "identityFile"),
    ("known_hosts", "knownHosts"),
    ("host_key", "hostKey"),
    ("trust_on_first_use", "trustOnFirstUse"),
    ("proxy_jump", "proxyJump"),
)
_TIMES = (("connect_timeout", "connectTimeout"), ("keepalive_interval", "keepaliveInterval"))


def target_spec(transport: LocalTransport | SshTransport) -> dict[str, Any]:
    """The spec of a Target that is reached so; what is as ever is left out."""
    if isinstance(transport, LocalTransport):
        return {"local": {"become": transport.become} if transport.become else {}}
    plain = SshTransport(host=transport.host)
    ssh: dict[str, Any] = {"host": transport.host}
    for field, written in _FIELDS:
        if (value := getattr(transport, field)) != getattr(plain, field):
            ssh[written] = value
    for field, written in _TIMES:
        if (value := getattr(transport, field)) != getattr(plain, field):
            ssh[written] = f"{round(value * 1000)}ms" if value % 1 else f"{value:g}s"
    return {"ssh": ssh}
