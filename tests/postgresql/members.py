"""Controllers that share a store on a server: which of them is to have what is by chance, as are their numbers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Collection

from reconciler.core.sharing import shard_of, shared_out
from reconciler.model.names import TargetName

PATIENCE = 120.0
PAUSE = 0.05


def owners_to_be(place: str, names: Collection[str]) -> dict[str, int]:
    """The process that is to work on each of these targets, once nothing moves any more; of none if nobody is."""
    pids = _members(place)
    owners = shared_out(pids)
    return {name: pids[owners[shard_of(TargetName(name))]] for name in names if pids}


def joined(
    start: Callable[[], subprocess.Popen[bytes]], place: str, names: Collection[str]
) -> subprocess.Popen[bytes]:
    """Start one more that shares the store, so that each has something of these targets.

    Of eight targets and three members one has nothing in one of nine cases, and who waits for that waits in vain. Then
    the new one is ended, and begun again under another number.
    """
    while True:
        process = start()
        deadline = time.monotonic() + PATIENCE
        while process.pid not in _members(place).values():
            assert process.poll() is None, "it has ended"
            assert time.monotonic() < deadline, "it does not join"
            time.sleep(PAUSE)
        if {*owners_to_be(place, names).values()} == {*_members(place).values()}:
            return process
        process.terminate()
        assert process.wait(PATIENCE) == 0


def _members(place: str) -> dict[int, int]:
    """Their processes, by their numbers."""
    import psycopg

    with psycopg.connect(place) as connection:
        try:
            return dict(connection.execute("SELECT number, pid FROM members").fetchall())
        except psycopg.errors.UndefinedTable:
            return {}  # nobody has made the store yet
