"""TCP connections from the controller's own machine.

Invariant: an address that belongs to the link alone is never connected to: behind 169.254.169.254 and its like a cloud
keeps credentials for the machine that asks. What counts is the address that is connected to, not the name.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable

from reconciler.errors import ErrorClass
from reconciler.outside.unanswered import Unanswered
from reconciler.sockets import NotReached, connected, place

Dial = Callable[[str, int], Awaitable[socket.socket]]


async def dial(host: str, port: int) -> socket.socket:
    """Connect to the first of a host's addresses that answers; the caller sees to the time.

    Raises:
        Unanswered: the name is not known, the address is not to be connected to, or nobody answers.
    """
    where = place(host, port)

    def permit(address: str) -> None:
        if _is_of_the_link(address):
            message = (
                f"{where}: {address} is an address of the link, and not asked: docs/spec/controller-calls.md"
            )
            raise Unanswered("forbidden_address", message, error_class=ErrorClass.PERMANENT)

    try:
        return await connected(host, port, permit=permit)
    except NotReached as error:
        raise Unanswered(error.code, f"{where}, from the controller: {error}") from error


def _is_of_the_link(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_link_local
