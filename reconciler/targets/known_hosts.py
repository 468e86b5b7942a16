"""known_hosts files, read as ssh reads them: one line that makes no sense costs that line, and nothing else.

Whom such a line speaks of is remembered all the same: it may be what somebody said against a key.

Names are compared without regard to case, as ssh does: patterns are kept in lower case, and who asks does so too.
Hashes are of names in lower case already.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from reconciler.errors import TransportError, why
from reconciler.targets.secure_shell import SSHKnownHosts, asyncssh

_NOBODYS = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""Stands for a key that makes no sense."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file says.

    Attributes:
        entries: its lines.
        skipped: those that make no sense, as `file:line: why`, each with whom it speaks of.
    """

    entries: SSHKnownHosts
    skipped: tuple[tuple[str, SSHKnownHosts], ...]


@dataclass(slots=True)
class KnownHosts:
    """Parsed files, each parsed once for as long as it does not change.

    Args:
        warn: is told of each line that is skipped, once for each state of its file.
    """

    warn: Callable[[str], None]
    _parsed: dict[str, tuple[tuple[int, ...], Parsed]] = field(default_factory=dict)

    def load(self, path: str) -> Parsed | None:
        """What a file says; None when there is no such file.

        Raises:
            TransportError: it cannot be read.
        """
        try:
            status = os.stat(path)
            what = endless(status.st_mode)
            if what and not os.path.samefile(path, os.devnull):
                raise TransportError(f"{path}: it is {what}, and no file of host keys")
            signature = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            known = self._parsed.get(path)
            if known is None or known[0] != signature:
                known = self._parsed[path] = (signature, read(path))
                for line, _ in known[1].skipped:
                    self.warn(f"{line}: this line of known_hosts is skipped")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TransportError(f"{path}: {why(error)}: without it no host key can be verified") from error
        return known[1]


def read(path: str) -> Parsed:
    """Parse a file.

    Raises:
        OSError: it cannot be read.
    """
    entries = SSHKnownHosts()
    skipped: list[tuple[str, SSHKnownHosts]] = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if why := add_line(entries, line):
                skipped.append((f"{path}:{number}: {why}", _spoken_of(line)))
    return Parsed(entries, tuple(skipped))


def add_line(entries: SSHKnownHosts, line: str) -> str:
    """Add what one line says; why it says nothing, or "" if it does."""
    try:
        line = _lowered(line)
        entries.load(line)
        # It passes over what is no key that it knows without a word.
        if line and not line.startswith("#") and not _holds_key(line):
            return "no key that can be read"
    except Exception as error:  # noqa: BLE001 - the library has errors of many classes for what it cannot parse
        return str(error).partition(":")[0].lower() or type(error).__name__
    return ""


def _holds_key(line: str) -> bool:
    key = line.split(None, 2 if line.startswith("@") else 1)[-1]
    try:
        asyncssh.import_public_key(key)
    except asyncssh.KeyImportError:
        return key.startswith("x509v3-")  # which the library reads by itself
    return True


def _spoken_of(line: str) -> SSHKnownHosts:
    """Whom a line speaks of that makes no sense."""
    entries, words = SSHKnownHosts(), _lowered(line).split(None, 2)
    names = words[1:2] if line.startswith("@") else words[:1]
    with contextlib.suppress(Exception):  # as above
        entries.load(f"{''.join(names)} {_NOBODYS}")
    return entries


def endless(mode: int) -> str:
    """What it is that would be waited for, or read without end; "" for what can be opened."""
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "a device or a socket"


def lookup_name(host: str, port: int) -> str:
    """A host as known_hosts files call it."""
    return host if port == asyncssh.DEFAULT_PORT else f"[{host}]:{port}"


def find(path: str, host: str, address: str, port: int, lists: Collection[int]) -> tuple[int, str]:
    """The first line of a file that speaks of a host in one of the lists of a match, and the name by which it does.

    (0, "") for none; the name is "" where no `ssh-keygen -R` removes the line. Slow: only for errors.
    """
    names = [lookup_name(one, at) for one in (host, address) for at in (port, asyncssh.DEFAULT_PORT) if one]
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                entries = SSHKnownHosts()
                if add_line(entries, line):
                    continue
                for name in names:
                    if _any(entries.match(name, "", None), lists):
                        return number, name if _is_forgotten(line) else ""
                if _any(entries.match(host, address, None if port == asyncssh.DEFAULT_PORT else port), lists):
                    return number, ""
    except OSError:
        pass
    return 0, ""


def _is_forgotten(line: str) -> bool:
    """Whether ssh-keygen takes a line away that names a host: it knows no networks, and leaves what has a marker."""
    names = line.split(None, 1)[0]
    return not names.startswith("@") and ("/" not in names or names.startswith("|"))


def _any(match: Sequence[object], lists: Collection[int]) -> bool:
    return any(match[one] for one in lists)


def _lowered(line: str) -> str:
    """A line with its names in lower case; a hash and a marker stay as they are."""
    words = line.split(None, 2)
    at = 1 if words and words[0].startswith("@") else 0
    if len(words) > at and not words[at].startswith("|"):
        words[at] = words[at].lower()
    return " ".join(words)
