"""Repositories that were fetched for sources that are no more. All of it can be fetched again.

Invariant: what somebody fetches into at the moment is left alone. Blocking: to be used on a lane.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Collection

UNUSED = 7 * 86_400.0
"""Seconds after which a repository of no source that is on record goes."""

_OURS = re.compile(r"[0-9a-f]{16}")


def own_directory(directory: str | os.PathLike[str], source: str) -> str:
    """Where the repository of a source is kept.

    Args:
        directory: of all of them.
        source: what the source is called.
    """
    digest = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()
    return os.path.join(directory, digest[:16])


def discard(path: str) -> bool:
    """Remove what was fetched for one source; whether it is gone."""
    try:
        descriptor = os.open(os.path.join(path, "lock"), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        shutil.rmtree(path, ignore_errors=True)  # nothing was ever fetched into it
        return not os.path.lexists(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return not os.path.lexists(path)


def sweep(directory: str | os.PathLike[str], sources: Collection[str], *, now: float) -> list[str]:
    """Remove what belongs to no source, and was not used for a week; the names of what is gone.

    Args:
        directory: of all repositories.
        sources: that are on record, or served.
        now: seconds since the epoch.
    """
    kept = {os.path.basename(own_directory(directory, source)) for source in sources}
    gone = []
    for name in _there(directory):
        path = os.path.join(directory, name)
        if name not in kept and _OURS.fullmatch(name) and now - _used(path) > UNUSED and discard(path):
            gone.append(name)
    return gone


def _there(directory: str | os.PathLike[str]) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return sorted(os.listdir(directory))
    return []


def _used(path: str) -> float:
    """When something was last fetched into it, or it was made."""
    times = [os.lstat(path).st_mtime]
    for name in ("repository.git", "repository.git/objects/pack", "repository.git/refs/froyo"):
        with contextlib.suppress(OSError):
            times.append(os.lstat(os.path.join(path, name)).st_mtime)
    return max(times)
