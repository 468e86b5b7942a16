"""TCP connections from this machine: the controller's own, and those of a target that is this machine."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from reconciler.errors import in_words

_WORDS = {
    errno.ECONNREFUSED: "connection refused: nothing listens there",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "no answer",
    errno.ECONNRESET: "connection reset",
}


class NotReached(Exception):
    """Nobody answers there; its text says why.

    Args:
        code: `no_name` or `no_connection`.
        why: for people, without where that is.
    """

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def place(host: str, port: int) -> str:
    """Where that is, as a person writes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def connected(
    host: str, port: int, *, permit: Callable[[str], None] = lambda _address: None
) -> socket.socket:
    """Connect to the first of a host's addresses that answers; the caller sees to the time.

    Args:
        host: name or address, without brackets.
        port: TCP port.
        permit: told each address right before it is connected to; what it raises ends the attempt.

    Raises:
        NotReached: the name is not known, or nobody answers.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror.lower() if isinstance(error, socket.gaierror) and error.strerror else str(error)
        raise NotReached("no_name", f"the name cannot be resolved: {why}") from error
    trouble = "it has no address"
    for family, kind, protocol, _, address in found:
        permit(str(address[0]))
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
    raise NotReached("no_connection", trouble)
