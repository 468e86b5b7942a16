"""A lock file beside the database: the kernel drops the lock with the process, whatever ended that.

WAL wants all users of the database on one kernel, hence this works across containers too, where process ids prove
nothing. The proof is only taken from the same boot or the same host.
"""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.store.records import Lease, LeaseHolder


def is_held(path: Path) -> bool:
    """Whether a living process has the lock, seen without touching it: nobody who is just taking it is in trouble."""
    try:
        found = os.stat(path)
        with open("/proc/locks", encoding="ascii") as file:
            listed = [line.split() for line in file]
    except OSError:
        return False
    which = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    return any("FLOCK" in words and which in words for words in listed)


class FileLock:
    """The lock file. Only ever touched from the writer's lane.

    Args:
        path: of the file; it is made when it is missing, and stays.
    """

    waits = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self.taken = False
        """Whether somebody else had it when it was tried last."""

    def try_lock(self) -> bool:
        """Take it if nobody else has it. True if it is held now."""
        self.taken = False
        if self._file is not None:
            return True
        # Not the database itself: closing any descriptor of that would drop SQLite's own locks.
        file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:  # somebody has it, or this file system knows no such locks
            self.taken = error.errno in (errno.EWOULDBLOCK, errno.EAGAIN)
            os.close(file)
            return False
        self._file = file
        return True

    def wait(self) -> bool:
        """The kernel says at once."""
        return self.try_lock()

    def unlock(self) -> None:
        """Give it back. May be called twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def is_proof(self, found: Lease, newcomer: LeaseHolder) -> bool:
        """Whether the holder of `found` would still have the lock if it were alive."""
        holder = found.holder
        return found.locked and (holder.boot_id == newcomer.boot_id or holder.host == newcomer.host)
