"""TCP connections from the controller's own machine.

Invariant: an address that belongs to the link alone is never connected to, nor one of the few others behind which a
cloud keeps credentials for the machine that asks, as it does behind 169.254.169.254. What counts is the address that is
connected to, not the name, and of one IPv4 address in IPv6 that one.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable

from reconciler.errors import ErrorClass
from reconciler.outside.unanswered import Unanswered
from reconciler.sockets import NotReached, connected, place

Dial = Callable[[str, int], Awaitable[socket.socket]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


async def dial(host: str, port: int) -> socket.socket:
    """Connect to the first of a host's addresses that answers; the caller sees to the time.

    Raises:
        Unanswered: the name is not known, the address is not to be connected to, or nobody answers.
    """
    return await _dialled(host, port, lambda _: False)


async def dial_elsewhere(host: str, port: int) -> socket.socket:
    """The same for who has no business on this machine: nor is any address of its own connected to.

    Raises:
        Unanswered: as `dial`.
    """
    return await _dialled(host, port, _is_here)


def _is_here(meant: Address) -> bool:
    """Whether an address is one of this machine, at which what listens everywhere answers, too.

    The kernel says so without a packet: what goes to an address of its own comes from that one.
    """
    if meant.is_loopback or meant.is_unspecified:
        return True
    family = socket.AF_INET if meant.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((str(meant), 9))
        except OSError:
            return False  # there is no way to it
        return ipaddress.ip_address(asked.getsockname()[0].partition("%")[0]) == meant


async def _dialled(host: str, port: int, refused: Callable[[Address], bool]) -> socket.socket:
    where = place(host, port)

    def permit(address: str) -> None:
        meant = _meant(address)
        if meant.is_link_local or meant in _CREDENTIALS:
            message = (
                f"{where}: {address} is an address of the link, or one at which a cloud keeps credentials, and"
                " not asked: docs/spec/controller-calls.md"
            )
        elif refused(meant):
            message = (
                f"{where}: {address} is on the operator's own machine, which is not for this namespace; who runs the"
                " operator can allow it: --trust NAMESPACE"
            )
        else:
            return
        raise Unanswered("forbidden_address", message, error_class=ErrorClass.PERMANENT)

    try:
        return await connected(host, port, permit=permit)
    except NotReached as error:
        raise Unanswered(error.code, f"{where}, from the controller: {error}") from error


_CREDENTIALS = frozenset(
    map(
        ipaddress.ip_address,
        (
            "fd00:ec2::254",  # Amazon, by IPv6
            "fd00:ec2::23",  # the same for pods
            "fd20:ce::254",  # Google, by IPv6
            "fd00:42::42",  # Scaleway, by IPv6
            "168.63.129.16",  # Azure
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
        ),
    )
)
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""What a translator sends on by IPv4 (RFC 6052, RFC 8215); the last 32 bits say where to."""


def _meant(address: str) -> Address:
    """The address that is connected to in the end."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if not isinstance(found, ipaddress.IPv6Address):
        return found
    translated = any(found in network for network in _TRANSLATED)
    within = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if translated else None
    return found.ipv4_mapped or found.sixtofour or within or found
