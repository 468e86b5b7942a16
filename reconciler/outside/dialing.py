"""TCP connections from the controller's own machine.

Invariant: an address that belongs to the link alone is never connected to: behind 169.254.169.254 and its like a cloud
keeps credentials for the machine that asks. What counts is the address that is connected to, not the name.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket

from reconciler.errors import ErrorClass, in_words
from reconciler.outside.unanswered import Unanswered

_WORDS = {
    errno.ECONNREFUSED: "connection refused: nothing listens there",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "no answer",
    errno.ECONNRESET: "connection reset",
}


async def dial(host: str, port: int) -> socket.socket:
    """Connect to the first of a host's addresses that answers; the caller sees to the time.

    Args:
        host: name or address, without brackets.
        port: TCP port.

    Raises:
        Unanswered: the name is not known, the address is not to be connected to, or nobody answers.
    """
    where = place(host, port)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror.lower() if isinstance(error, socket.gaierror) and error.strerror else str(error)
        raise Unanswered("no_name", f"{where}: the name cannot be resolved: {why}") from error
    trouble = "it has no address"
    for family, kind, protocol, _, address in found:
        if _is_of_the_link(str(address[0])):
            message = f"{where}: {address[0]} is an address of the link, and not asked: docs/spec/controller-calls.md"
            raise Unanswered("forbidden_address", message, error_class=ErrorClass.PERMANENT)
        connection = socket.socket(family, kind, protocol)
        try:
            connection.setblocking(False)  # noqa: FBT003 - socket's own signature
            await asyncio.get_running_loop().sock_connect(connection, address)
        except OSError as error:
            connection.close()
            trouble = _WORDS.get(error.errno or 0) or in_words(error)
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise Unanswered("no_connection", f"{where}: {trouble}")


def place(host: str, port: int) -> str:
    """Where that is, as a person writes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_of_the_link(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_link_local
