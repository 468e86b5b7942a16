"""known_hosts files, read as ssh reads them: one line that makes no sense costs that line, and nothing else.

Names are compared without regard to case, as ssh does: patterns are kept in lower case, and who asks does so too.
Hashes are of names in lower case already.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.errors import TransportError, why
from reconciler.targets.secure_shell import SSHKnownHosts


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file says.

    Attributes:
        entries: its lines.
        skipped: those that make no sense, as `file:line: why`.
    """

    entries: SSHKnownHosts
    skipped: tuple[str, ...]


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
            if stat.S_ISFIFO(status.st_mode):
                raise TransportError(
                    f"{path}: it is a pipe, which would be waited for, and no file of host keys"
                )
            signature = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            known = self._parsed.get(path)
            if known is None or known[0] != signature:
                known = self._parsed[path] = (signature, read(path))
                for line in known[1].skipped:
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
    skipped: list[str] = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if why := add_line(entries, line):
                skipped.append(f"{path}:{number}: {why}")
    return Parsed(entries, tuple(skipped))


def add_line(entries: SSHKnownHosts, line: str) -> str:
    """Add what one line says; why it says nothing, or "" if it does."""
    try:
        entries.load(_lowered(line))
    except Exception as error:  # noqa: BLE001 - the library has errors of many classes for what it cannot parse
        return str(error).partition(":")[0].lower() or type(error).__name__
    return ""


def _lowered(line: str) -> str:
    """A line with its names in lower case; a hash and a marker stay as they are."""
    words = line.split(None, 2)
    at = 1 if words and words[0].startswith("@") else 0
    if len(words) > at and not words[at].startswith("|"):
        words[at] = words[at].lower()
    return " ".join(words)
