"""Logging in over SSH: slots, host keys, user keys, hops, and errors that a person can act on.

Two bounds keep a start with many targets gentle. At most eight handshakes with one server are under way,
because its sshd drops connections when ten are (MaxStartups); one that is dropped all the same is tried again
after a while. And only so many do their cryptography at once, so that none runs out of time for lack of a
processor; who is not yet connected takes no such place, so an unreachable target costs the others nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from reconciler.errors import TransportError
from reconciler.model.target import SshTransport
from reconciler.runtime import first_of
from reconciler.targets.dial import dial
from reconciler.targets.hostkeys import HostTrust
from reconciler.targets.known_hosts import KnownHosts
from reconciler.targets.secure_shell import asyncssh
from reconciler.targets.turnstile import Turn
from reconciler.targets.user_keys import certificate_note, key_options
from reconciler.targets.words import quoted, words_of

_PER_SERVER = 8
_ATTEMPTS = 8
_PAUSE = 0.1
"""Seconds before the second attempt, on average; doubled for each further one."""
_LONGEST_PAUSE = 3.0
_KEEPALIVES = 3
_FAREWELL = 1.0

# Those that cost least come first. Key exchange is left to asyncssh, which prefers the post-quantum one.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
)


@dataclass(frozen=True, slots=True)
class Hop:
    """One server to log in to."""

    user: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """An SSH connection, and those that carry it.

    Attributes:
        connection: to the target.
        carriers: to the hosts on the way, the outermost last.
        hop: whom it is with.
    """

    connection: asyncssh.SSHClientConnection
    carriers: tuple[asyncssh.SSHClientConnection, ...]
    hop: Hop

    @property
    def host_key(self) -> str:
        """The fingerprint of the target's host key."""
        key = self.connection.get_server_host_key()
        return key.get_fingerprint() if key is not None else ""

    async def close(self) -> None:
        """End all of them; never raises, and does not wait long for a peer that is gone."""
        for connection in (self.connection, *self.carriers):
            connection.close()
            if not connection.is_closed():
                await first_of(connection.wait_closed(), within=_FAREWELL)
            if not connection.is_closed():
                connection.abort()


class Logins:
    """Makes them.

    Args:
        environ: the process's environment: the agent's socket and the user's name.
        random: for the pauses between attempts.
        recorded: our own known_hosts file.
        warn: is told of lines of known_hosts that are skipped.
    """

    def __init__(
        self, *, environ: Mapping[str, str], random: Random, recorded: str, warn: Callable[[str], None]
    ) -> None:
        self._environ = environ
        self._random = random
        self._recorded = recorded
        self._known_hosts = KnownHosts(warn)
        self._servers: dict[tuple[str, int], asyncio.Semaphore] = {}

    async def login(self, transport: SshTransport, turn: Turn) -> Login:
        """Log in to a target, by way of its jump hosts if it has any.

        Args:
            transport: how to reach it.
            turn: entered when it answers, and left by the caller.

        Raises:
            TransportError: names the host, the reason and what to do.
        """
        last = Hop(transport.user or self._user(), transport.host, transport.port)
        hops = [*self._jumps(transport.proxy_jump), last]
        carriers: list[asyncssh.SSHClientConnection] = []
        for hop in hops:
            try:
                connection = await self._hop(
                    hop, transport, carriers[0] if carriers else None, turn, pinned=hop is last
                )
            except BaseException as error:
                for carrier in carriers:
                    carrier.abort()
                if isinstance(error, TransportError):
                    raise TransportError(f"{hop}: {error}") from error
                raise
            carriers.insert(0, connection)
        return Login(carriers[0], tuple(carriers[1:]), last)

    async def _hop(
        self,
        hop: Hop,
        transport: SshTransport,
        tunnel: asyncssh.SSHClientConnection | None,
        turn: Turn,
        *,
        pinned: bool,
    ) -> asyncssh.SSHClientConnection:
        clock = asyncio.get_running_loop().time
        slot = self._servers.setdefault((hop.host, hop.port), asyncio.Semaphore(_PER_SERVER))
        left = transport.connect_timeout
        why = ""
        for attempt in range(_ATTEMPTS):
            async with slot:
                begun = clock()
                trust = HostTrust(
                    transport,
                    self._known_hosts,
                    recorded=self._recorded,
                    pinned=transport.host_key if pinned else "",
                )
                try:
                    return await self._handshake(hop, transport, trust, tunnel, turn, left)
                except (asyncssh.ConnectionLost, ConnectionError) as error:
                    why = str(error)
                except TimeoutError:
                    raise TransportError(
                        f"the SSH handshake was not over within {transport.connect_timeout:g} s"
                    ) from None
                except TransportError:
                    raise
                except Exception as error:
                    # What others have sent may fail anywhere in the library, and not only in its own classes.
                    raise TransportError(self._explain(error, hop, transport, trust)) from error
                left -= clock() - begun
            pause = min(_LONGEST_PAUSE, _PAUSE * 2**attempt) * self._random.uniform(0.5, 1.5)
            left -= pause
            if left <= 0:
                break
            await asyncio.sleep(pause)
        said = await words_of(hop.host, hop.port) if tunnel is None else ""
        raise TransportError(
            f"the connection was closed before the login, {attempt + 1} times ({quoted(why)})"
            + (f"; it says: {said}" if said else "; it says nothing")
            + ": is it an SSH server that listens on this port at all, and if so, is it busy (MaxStartups), or told to"
            " refuse us (hosts.deny, fail2ban, PerSourcePenalties)?"
        )

    async def _handshake(
        self,
        hop: Hop,
        transport: SshTransport,
        trust: HostTrust,
        tunnel: asyncssh.SSHClientConnection | None,
        turn: Turn,
        timeout: float,
    ) -> asyncssh.SSHClientConnection:
        if tunnel is None:
            begun = asyncio.get_running_loop().time()
            connection = await dial(hop.host, hop.port, timeout=timeout)
            timeout -= asyncio.get_running_loop().time() - begun
            try:
                options = self._options(hop, transport, trust, connection.getpeername()[0])
                await turn.enter()
            except BaseException:
                connection.close()
                raise
            async with asyncio.timeout(timeout):
                try:
                    return await asyncssh.connect(hop.host, hop.port, sock=connection, options=options)
                except asyncio.CancelledError:
                    # Before asyncssh has made a transport of a socket it leaves it open; a transport closes it by then.
                    asyncio.get_running_loop().call_soon(connection.close)
                    raise
        options = self._options(hop, transport, trust, "")
        async with asyncio.timeout(timeout):
            return await asyncssh.connect(hop.host, hop.port, tunnel=tunnel, options=options)

    def _options(
        self, hop: Hop, transport: SshTransport, trust: HostTrust, address: str
    ) -> asyncssh.SSHClientConnectionOptions:
        return asyncssh.SSHClientConnectionOptions(
            config=None,
            username=hop.user,
            client_factory=trust.client,
            known_hosts=trust.match,
            x509_trusted_certs=None,
            gss_host=None,
            preferred_auth=["publickey"],
            encryption_algs=_CIPHERS,
            compression_algs=["none"],
            connect_timeout=None,
            login_timeout=0,
            keepalive_interval=transport.keepalive_interval,
            keepalive_count_max=_KEEPALIVES,
            server_host_key_algs=trust.algorithms(hop.host, address, hop.port),
            **key_options(transport.identity_file, self._environ),
        )

    def _explain(self, error: Exception, hop: Hop, transport: SshTransport, trust: HostTrust) -> str:
        match error:
            case asyncssh.HostKeyNotVerifiable() if "revoked" in str(error):
                return trust.revoked
            case asyncssh.HostKeyNotVerifiable():
                return trust.refusal or f"its host key is refused: {quoted(error)}"
            case asyncssh.PermissionDenied():
                keys = transport.identity_file or "those of the agent and of ~/.ssh"
                return (
                    f"{hop.user} is let in with none of the keys that were tried ({keys}): is the public key in"
                    f" {hop.user}'s ~/.ssh/authorized_keys there, is it the right user, and may that user log in at all"
                    " (AllowUsers, a locked account, a login shell that does not exist)?"
                    + certificate_note(transport.identity_file)
                    + (f" It says: {quoted(trust.banner)}" if trust.banner else "")
                )
            case asyncssh.KeyExchangeFailed():
                return f"no common way to talk securely: {quoted(error, 1000)}"
            case asyncssh.ChannelOpenError():
                return f"the host on the way cannot connect to it: {quoted(error)}"
            case asyncssh.Error() | OSError():
                return f"the SSH handshake failed: {quoted(error)}"
            case _:
                return f"the SSH handshake failed: {type(error).__name__}: {quoted(error)}"

    def _jumps(self, proxy_jump: str) -> list[Hop]:
        hops = []
        for word in filter(None, (word.strip() for word in proxy_jump.split(","))):
            user, _, place = word.rpartition("@")
            host, colon, port = place.rpartition(":")
            if not colon or place.endswith("]"):
                host, port = place, "22"
            if not host or not port.isdecimal():
                raise TransportError(f"`proxyJump: {proxy_jump}`: {word!r} is not [user@]host[:port]")
            hops.append(Hop(user or self._user(), host.strip("[]"), int(port)))
        return hops

    def _user(self) -> str:
        """Who runs froyo."""
        name = self._environ.get("LOGNAME") or self._environ.get("USER")
        if not name:
            with contextlib.suppress(KeyError):
                name = pwd.getpwuid(os.getuid()).pw_name
        if not name:
            raise TransportError("there is no name for who runs froyo here: say `user` in the target")
        return name
