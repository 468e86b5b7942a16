"""What may be tuned about sessions. The defaults are meant to be left alone; tests shorten them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """Times are in seconds, sizes in bytes.

    Attributes:
        handshake: a started runner must say READY within this.
        ttl: how long a runner lives on that hears nothing from us. It is renewed three times within it.
        heartbeat: we say something at least this often.
        silence: a runner that has said nothing for so long is lost; it says something every 10 s.
        grace: what the runner gets, beyond a command's own deadline, to answer that it has passed.
        farewell: what the runner gets to end in order before its channel is closed under it.
        outbox: once so much waits to be sent, whoever wants to send more waits too.
    """

    handshake: float = 30.0
    ttl: float = 600.0
    heartbeat: float = 10.0
    silence: float = 35.0
    grace: float = 5.0
    farewell: float = 2.0
    outbox: int = 2 * 1024 * 1024
