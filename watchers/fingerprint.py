"""A digest of a source by stats alone: whether anything can have changed since it was last read.

Equal fingerprints mean an equal snapshot. It is cheap, and so is its import: a one-shot command asks it
before it imports anything else.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable

from watchers.walk import Listing, walk

SETTLED = 50_000_000
"""Nanoseconds after which another change is sure to show in a ctime, as coarse as the kernel's tick."""


def fingerprint(root: str | os.PathLike[str], *, now: Callable[[], int] = time.time_ns) -> str:
    """The digest of the stats of everything below `root`.

    A tree that cannot be read, or in which something has changed only just now, has a fingerprint that is
    never given again.

    Args:
        root: the source's directory.
        now: nanoseconds since the epoch.
    """
    started = now()
    return of_listing(walk(os.fspath(root)), started)


def of_listing(listing: Listing, started: int) -> str:
    """The fingerprint of a listing, which was begun at `started`."""
    if listing.unreadable or listing.newest > started - SETTLED:
        return f"unsettled:{started}:{listing.newest}"
    state = hashlib.sha256(os.fsencode(listing.root))
    for path, found in sorted(listing.files.items()):
        size, mtime, ctime, inode, _ = found.signature
        state.update(os.fsencode(path) + b"\0%d %d %d %d\n" % (size, mtime, ctime, inode))
    for path, why in sorted(listing.left_out.items()):
        state.update(os.fsencode(path) + b"\0" + why.encode() + b"\n")
    return f"sha256:{state.hexdigest()}"
