"""Which host keys are trusted, and what to tell a person about one that is not.

A key is trusted when the target pins it; or else when a known_hosts file says so: the one that the target
names, otherwise the user's and the system's. When the target trusts on first use, a key that no file
contradicts is recorded in a file of our own, which counts from then on.

Invariant: there is no way to get a connection without a verdict of `HostTrust`; what is neither pinned, known
nor allowed to be recorded is refused, and a key that differs from a known one is refused whatever the target
says.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Collection, Sequence
from typing import cast

from reconciler.errors import TransportError, why
from reconciler.model.target import SshTransport
from reconciler.targets.known_hosts import KnownHosts, find, lookup_name
from reconciler.targets.secure_shell import (
    SSHKnownHosts,
    asyncssh,
    get_default_certificate_algs,
    get_default_public_key_algs,
)

_TRUSTED = (0, 1)
_REVOKED = (2, 4, 6)
"""Keys and authorities, and keys, certificates and subjects, among what asyncssh makes of known_hosts files."""

_SYSTEM = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_USER = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")

_DANGER = "Either the machine was installed anew, or somebody is in between; if you are sure of"

_PREFERRED = (b"ssh-ed25519", b"ecdsa-sha2-nistp256", b"rsa-sha2-512", b"rsa-sha2-256")
"""Kinds of keys, the one first that a host without any history is asked for, as ssh does."""
_NAMED = 3
"""Lines that were skipped which an error names."""

Lists = tuple[list[object], ...]
"""What asyncssh calls a match: trusted keys, authorities, revoked keys, and the same of X.509."""


class HostTrust:
    """The verdict on the host key of one connection.

    Args:
        transport: says what is pinned, which files count, and whether a first contact may be recorded.
        known_hosts: the parsed files.
        recorded: our own file.
        pinned: the key that the target pins; "" for a host on the way to it.
    """

    def __init__(
        self, transport: SshTransport, known_hosts: KnownHosts, *, recorded: str, pinned: str
    ) -> None:
        self._recorded = recorded
        self._may_record = transport.trust_on_first_use and not pinned
        self._pinned = pinned
        self._matched = False
        self.files: tuple[str, ...] = ()
        self._sources: list[SSHKnownHosts] = []
        self._skipped: list[tuple[str, SSHKnownHosts]] = []
        self._asked = ("", "", asyncssh.DEFAULT_PORT)
        self.refusal = ""
        """Why the key was refused, and what to do; "" before, and when it was not."""
        self.banner = ""
        """What the server says to whom logs in; "" for nothing."""
        self.key = ""
        """The key that the host has shown, such as `ssh-ed25519 AAAA…`; "" before."""
        if pinned:
            self._pin = _import(pinned)
            return
        self.files = (transport.known_hosts,) if transport.known_hosts else _standard()
        if transport.trust_on_first_use:
            self.files = (*self.files, recorded)
        for path in self.files:
            source = known_hosts.load(path)
            if source is not None:
                self._sources.append(source.entries)
                self._skipped += source.skipped
            elif path == transport.known_hosts and not transport.trust_on_first_use:
                raise TransportError(
                    f"{path}: there is no such file, and it is what host keys are verified with"
                )

    def match(self, host: str, address: str, port: int | None) -> Lists:
        """The keys that the host may have. asyncssh takes it for `known_hosts`."""
        if self._pinned:
            return ([self._pin], [], [], [], [], [], [])
        host = host.lower()  # as ssh does: a name means the same in any case
        self._asked = host, address, port or asyncssh.DEFAULT_PORT
        lists: Lists = ([], [], [], [], [], [], [])
        for source in self._sources:
            for merged, found in zip(lists, source.match(host, address, port), strict=True):
                merged.extend(found)
            if port:
                # Where it knows no key of a port, asyncssh takes those of the host, and forgets what is revoked there.
                for name in (lookup_name(one, port) for one in (host, address) if one):
                    alone = source.match(name, "", None)
                    for which in _REVOKED:
                        lists[which].extend(alone[which])
        self._matched = bool(lists[0] or lists[1])
        return lists

    def algorithms(self, host: str, address: str, port: int) -> list[str]:
        """The kinds of host keys to ask for, those that are known first, as ssh does.

        All others follow, so that a host which has only another kind shows it, and is refused for what it is.

        Args:
            host: as it is declared.
            address: that it was reached at; "" through a tunnel.
            port: the same.
        """
        trusted, authorities, *_ = self.match(host, address, None if port == asyncssh.DEFAULT_PORT else port)
        known = [kind for key in trusted for kind in cast("asyncssh.SSHKey", key).sig_algorithms]
        usual = get_default_public_key_algs()
        kinds = [kind for kind in (*known, *_PREFERRED) if kind in usual] + usual
        # A certificate of an authority that nobody knows would hide the key beside it, which may be known.
        certified = get_default_certificate_algs() if authorities else []
        return [kind.decode("ascii") for kind in dict.fromkeys([*certified, *kinds])]

    def client(self) -> _Client:
        """What asyncssh asks about a key that it does not find among those of `match`."""
        return _Client(self)

    def judge(self, host: str, address: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether a key that is not among the trusted ones may be trusted all the same.

        Args:
            host: as it is declared.
            address: that it was reached at.
            port: the same.
            key: that it shows.
        """
        shown = key.export_public_key().decode("ascii").split()
        self.key = " ".join(shown[:2])
        host = host.lower()
        name = lookup_name(host, port)
        print_ = key.get_fingerprint()
        if self._pinned:
            self.refusal = (
                f"its host key is not the pinned one: it shows {shown[0]} {print_}, the target pins"
                f" {self._pin.get_algorithm()} {self._pin.get_fingerprint()}. {_DANGER} the former, pin"
                f' the new one: `hostKey: "{self.key}"`'
            )
            return False
        if self._matched:
            path, line, by = self._find(_TRUSTED)
            forget = f"forget the old one: ssh-keygen -R '{by}' -f {path}" if by else "delete that line"
            self.refusal = (
                f"its host key has changed: it shows {shown[0]} {print_}, and"
                f" {path}:{line} knows {self._known_as(shown[0], host, address, port)}."
                f" {_DANGER} the former, {forget}{self._left_out()}"
            )
            return False
        if self._may_record and (unread := self._unread(host, address, port)):
            self.refusal = (
                f"its host key is not known, and a line that speaks of it makes no sense: {unread}. It may say that"
                f" this key ({shown[0]} {print_}) is not to be trusted: put it right, or delete it"
            )
            return False
        if self._may_record:
            try:
                record(self._recorded, name, self.key)
            except TransportError as error:
                self.refusal = str(error)
            return not self.refusal
        self.refusal = (
            f"its host key is not known: it shows {shown[0]} {print_}. Compare that with what"
            " `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says on the machine itself; then pin it with"
            f' `hostKey: "{self.key}"`, or add the line "{name} {self.key}" to {self.files[0]}; or say'
            f" `trustOnFirstUse: true`{self._left_out()}"
        )
        return False

    def _known_as(self, shown: str, host: str, address: str, port: int) -> str:
        trusted = self.match(host, address, None if port == asyncssh.DEFAULT_PORT else port)[0]
        kinds = {cast("asyncssh.SSHKey", key).get_algorithm() for key in trusted}
        if not kinds:
            return "only an authority that has not signed it"
        if shown in kinds:
            return "another"
        return f"only {' and '.join(sorted(kinds))}, a kind that it does not offer any more"

    def _left_out(self) -> str:
        """What could not be parsed may be the line that one looks for."""
        return f" (skipped: {'; '.join(told for told, _ in self._skipped[:_NAMED])})" if self._skipped else ""

    def _unread(self, host: str, address: str, port: int) -> str:
        """The first line that speaks of a host and could not be parsed; "" for none."""
        for told, entries in self._skipped:
            if any(entries.match(lookup_name(host, port), "", None) + entries.match(host, address, port)):
                return told
        return ""

    @property
    def revoked(self) -> str:
        """Why a key is refused that a file revokes, and what to do."""
        path, line, _ = self._find(_REVOKED)
        return (
            f"its host key is revoked by {path}:{line}: nobody may trust a machine that shows it. Give the machine"
            " a new one, or delete that line if it is a mistake"
        )

    def _find(self, lists: Collection[int]) -> tuple[str, int, str]:
        """Where a file speaks of the host that was asked about last, and by which name."""
        for path in self.files:
            line, by = find(path, *self._asked, lists)
            if line:
                return path, line, by
        return self.files[0], 0, ""


class _Client(asyncssh.SSHClient):
    """Passes the one question on that decides about trust."""

    def __init__(self, trust: HostTrust) -> None:
        self._trust = trust

    def auth_banner_received(self, msg: str, lang: str) -> None:
        del lang
        self._trust.banner = msg

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return self._trust.judge(host, addr, port, key)


def _standard() -> tuple[str, ...]:
    return (*(os.path.expanduser(path) for path in _USER), *_SYSTEM)


def _import(pinned: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(pinned)
    except (asyncssh.KeyImportError, ValueError) as error:
        raise TransportError(f"`hostKey` is not a public key such as `ssh-ed25519 AAAA…`: {error}") from error


def record(path: str, name: str, key: str) -> None:
    """Add a host's key to our own known_hosts file, whole or not at all, whoever else does the same.

    Raises:
        TransportError: it cannot be written, or somebody was faster and was shown another key; then this
            one must not be trusted either.
    """
    line = f"{name} {key}"
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        with open(f"{path}.lock", "w", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lines = _lines(path)
            if any(other.startswith(f"{name} ") and other != line for other in lines):
                raise TransportError(
                    f"{path}: at the same time {name} has shown two different host keys: trust neither before"
                    " you have compared them with the machine's own"
                )
            if line not in lines:
                _replace(path, [*lines, line])
    except OSError as error:
        raise TransportError(
            f"{path}: {why(error)}: the host key cannot be recorded, so it is not trusted"
        ) from error


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def _replace(path: str, lines: Sequence[str]) -> None:
    descriptor, name = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".known_hosts-")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(descriptor)
        os.rename(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
