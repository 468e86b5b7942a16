"""A TCP connection to the first of a host's addresses that answers."""

from __future__ import annotations

import asyncio
import errno
import socket

from reconciler.errors import TransportError, in_words

_HINTS = {
    errno.ECONNREFUSED: "connection refused: nothing listens there (is sshd running, and on this port?)",
    errno.EHOSTUNREACH: "no route to host: is the machine up, and the address right?",
    errno.ENETUNREACH: "network unreachable from here",
    errno.ETIMEDOUT: "no answer: is the machine up, and does a firewall let us through?",
    errno.ECONNRESET: "connection reset",
}


async def dial(host: str, port: int, *, timeout: float) -> socket.socket:
    """Connect.

    Args:
        host: name or address.
        port: TCP port.
        timeout: seconds, for all addresses together; each gets an equal share of what is left.

    Raises:
        TransportError: nobody answers there.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    try:
        async with asyncio.timeout(timeout):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise TransportError(f"the name {host} was not resolved within {timeout:g} s") from None
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror.lower() if isinstance(error, socket.gaierror) and error.strerror else str(error)
        raise TransportError(
            f"the name {host} cannot be resolved: {why}; is it spelt as the DNS or /etc/hosts has it?"
            " (Aliases of ~/.ssh/config do not count here.)"
        ) from error
    why = f"the name {host} has no address"
    for tried, (family, kind, protocol, _, address) in enumerate(found):
        share = (deadline - loop.time()) / (len(found) - tried)
        try:
            return await _connect(socket.socket(family, kind, protocol), address, share)
        except TimeoutError:
            why = f"no answer within {timeout:g} s: is the machine up, and does a firewall let us through?"
        except OSError as error:
            why = _HINTS.get(error.errno or 0, in_words(error))
    raise TransportError(f"cannot connect: {why}")


async def _connect(connection: socket.socket, address: object, timeout: float) -> socket.socket:
    try:
        connection.setblocking(False)  # noqa: FBT003 - socket's own signature
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().sock_connect(connection, address)  # type: ignore[arg-type] # getaddrinfo's
    except BaseException:
        connection.close()
        raise
    return connection
