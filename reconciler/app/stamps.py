"""A digest, by stats alone, of what decides besides the source what an apply does: packages, grants, policies, home.

Equal stamps mean that packages, grants and the operator's policies are the ones that were there before. Invariant: what
cannot be looked at in full, or has changed only just now, has a stamp that is never given again; in doubt the long way
is taken. Imports next to nothing: the short way of `apply` needs it. What is in these files is not known here.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping

from reconciler.app.places import Places

SETTLED = 50_000_000
"""Nanoseconds after which another change is sure to show in a ctime, as coarse as the kernel's tick."""


def stamp(places: Places, environ: Mapping[str, str], *, now: Callable[[], int] = time.time_ns) -> str:
    """What is to be the same for an apply to do the same.

    Take it before packages and grants are read.

    Args:
        places: where things are kept.
        environ: the process's environment.
        now: nanoseconds since the epoch.
    """
    started = now()
    policies = environ.get("FROYO_POLICIES", "")
    if "://" in policies:
        return f"elsewhere:{started}:{policies}"
    digest = hashlib.sha256(os.fsencode(environ.get("HOME", "")) + b"\0")
    newest = 0
    try:
        for path, found in _files(places, policies):
            digest.update(os.fsencode(path) + b"\0%s\n" % _signature(found))
            if found is not None:
                newest = max(newest, found.st_ctime_ns)
    except OSError as error:
        return f"unreadable:{started}:{error.errno}"
    if newest > started - SETTLED:
        return f"unsettled:{started}:{newest}"
    return f"sha256:{digest.hexdigest()}"


def _signature(found: os.stat_result | None) -> bytes:
    if found is None:
        return b"none"
    return b"%d %d %d %d" % (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _files(places: Places, policies: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """The list of what was built stands for all of that; of the operator's own, every file is looked at."""
    for path in (places.artifacts / "MANIFEST.json", places.grants, places.retention):
        yield str(path), _stat(str(path))
    yield from _below(str(places.packages[-1]), ())
    yield from _below(policies or str(places.state / "policies"), ())


def _stat(path: str) -> os.stat_result | None:
    """Of what is there, with links followed: a package may be linked to where somebody works on it."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _below(path: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, os.stat_result | None]]:
    found = _stat(path)
    yield path, found
    if found is None or not os.path.isdir(path):
        return
    here = (found.st_dev, found.st_ino)
    if here not in above:  # else a link leads back up
        for name in sorted(os.listdir(path)):
            yield from _below(f"{path}/{name}", (*above, here))
