"""TCP connections as a target makes them, where it is this machine: what `Channel.reach` is there."""

from __future__ import annotations

import asyncio
import errno
import socket

from reconciler.errors import ErrorClass, RunnerError, in_words


def place(host: str, port: int) -> str:
    """Where that is, as a person writes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def not_reached(host: str, port: int, why: str) -> RunnerError:
    """Nobody answers there."""
    message = f"{place(host, port)}, from the target: {why}"
    return RunnerError(message, error_class=ErrorClass.TRANSIENT, code="no_connection")


_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "no answer",
    errno.ECONNRESET: "connection reset",
}


async def reach_here(host: str, port: int) -> socket.socket:
    """See Channel.reach, where the target is this machine."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise not_reached(host, port, f"the name cannot be resolved: {in_words(error)}") from error
    trouble = "it has no address"
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.setblocking(False)  # noqa: FBT003 - socket's own signature
            await loop.sock_connect(connection, address)
        except OSError as error:
            connection.close()
            trouble = _WORDS.get(error.errno or 0) or in_words(error)
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise not_reached(host, port, trouble)
