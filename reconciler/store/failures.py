"""Turns what the operating system says into what a person can act on; each database does so with its own words.

Invariant: whatever leaves the store as an error is a StoreError that names the place, the reason and the next
step. Row contents never appear in it.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import ErrorClass, StoreError

if TYPE_CHECKING:
    from reconciler.store.database import Place

Why = tuple[str, str, ErrorClass]
"""Why it is so, what to do, and whether trying again can help."""

_PERMANENT = ErrorClass.PERMANENT
_TRANSIENT = ErrorClass.TRANSIENT

DISK_FULL: Why = ("the disk is full", "free some space; nothing was half-written", _TRANSIENT)
NOT_WRITABLE: Why = (
    "it may not be written",
    "check that the file system is mounted read-write and that you own the file",
    _PERMANENT,
)
DENIED: Why = ("access is denied", "check who owns the file and its directory", _PERMANENT)
NOT_OPENED: Why = (
    "it cannot be opened",
    "check that its directory exists and that you may read and write it",
    _PERMANENT,
)
DISK_ERROR: Why = ("the disk reported an error", "look into the kernel's log (`dmesg`)", _TRANSIENT)
REFUSED: Why = ("the database refuses it", "this is a defect of froyo: please report it", _PERMANENT)
UNKNOWN: Why = ("it cannot be used", "this is unexpected: please report it", _PERMANENT)

_OS: dict[int, Why] = {
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: ("the disk quota is used up", "free some space; nothing was half-written", _TRANSIENT),
    errno.EROFS: NOT_WRITABLE,
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.ENOENT: NOT_OPENED,
    errno.ENOTDIR: NOT_OPENED,
    errno.EEXIST: NOT_OPENED,
    errno.EISDIR: NOT_OPENED,
    errno.ELOOP: NOT_OPENED,
    errno.EIO: DISK_ERROR,
}


def failure(
    place: Place, why: str, what_next: str, error_class: ErrorClass = ErrorClass.PERMANENT
) -> StoreError:
    """A StoreError in the one form that all of them have."""
    error = StoreError(f"{place}: {why}; {what_next}")
    error.error_class = error_class
    return error


def explained(place: Place, raw: str, known: Why | None) -> StoreError:
    """What is known about an error, beside the words of whoever found it."""
    why, what_next, error_class = known or UNKNOWN
    return failure(place, f"{why} ({raw})", what_next, error_class)


def explain(error: OSError, place: Place) -> StoreError:
    """What `error` means for the store at `place`."""
    where = Path(error.filename) if isinstance(error.filename, str) else place
    return explained(where, error.strerror or str(error), _OS.get(error.errno or 0))
