"""A directory in memory that nobody else can look into, and that is gone when whoever made it is, however it ended.

Invariant: nothing of it is on a disk. A process of its own waits for the end of this one and removes it, so that not
even `kill -9` leaves anything; it knows a path, and no secret.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.errors import UsageError

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_GUARD = 'trap "" INT TERM HUP QUIT; read -r _; rm -rf -- "$1"'


@contextlib.contextmanager
def private_place(environ: Mapping[str, str]) -> Iterator[Path]:
    """Such a directory, of mode 0700.

    Raises:
        UsageError: this system has no place in memory.
    """
    parent = _in_memory(environ)
    directory = Path(tempfile.mkdtemp(prefix="froyo-edit-", dir=parent))
    # The shell's own words: whatever ends this process closes the pipe, and what waits for that removes the directory.
    guard = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "froyo-guard", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.defpath},
        start_new_session=True,
    )
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        guard.communicate()


def _in_memory(environ: Mapping[str, str]) -> str:
    kinds = _file_systems()
    for place in (environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):  # noqa: S108 - mkdtemp is used, and it has to be memory
        if place and os.path.isdir(place) and os.access(place, os.W_OK) and _kind(place, kinds) in _IN_MEMORY:
            return place
    raise UsageError(
        "there is no place in memory to edit it in: neither XDG_RUNTIME_DIR nor /dev/shm is a tmpfs; mount one, or "
        "decrypt and encrypt it where nobody else can read"
    )


def _file_systems() -> list[tuple[str, str]]:
    """What is mounted where, and of what sort it is; the last one at a place counts."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            found.append((before.split(" ")[4], after.split(" ")[0]))
    return found


def _kind(place: str, mounts: list[tuple[str, str]]) -> str:
    real = os.path.realpath(place)
    best = ("", "")
    for at, kind in mounts:
        inside = real == at or real.startswith(at.rstrip("/") + "/")
        if inside and len(at) >= len(best[0]):
            best = at, kind
    return best[1]
