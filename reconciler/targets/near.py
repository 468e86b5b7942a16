"""TCP connections as a target makes them, where it is this machine: what `Channel.reach` is there."""

from __future__ import annotations

import socket

from reconciler.errors import ErrorClass, RunnerError
from reconciler.sockets import NotReached, connected, place


def not_reached(host: str, port: int, why: str) -> RunnerError:
    """Nobody answers there."""
    message = f"{place(host, port)}, from the target: {why}"
    return RunnerError(message, error_class=ErrorClass.TRANSIENT, code="no_connection")


async def reach_here(host: str, port: int) -> socket.socket:
    """See Channel.reach, where the target is this machine."""
    try:
        return await connected(host, port)
    except NotReached as error:
        raise not_reached(host, port, str(error)) from error
