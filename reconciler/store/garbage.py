"""Housekeeping: bounds on the past, and the quota of the digest store.

Invariant: what is in force, owned, pinned or in doubt is never removed, whatever the bounds say; the
database's foreign keys hold this module to it. Blocking: to be used on the writer's lane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.store import blobs, sql
from reconciler.store.connection import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from reconciler.model.names import Digest
    from reconciler.store.blobs import BlobFiles
    from reconciler.store.records import Retention

GRACE = 3_600.0
"""Seconds for which a content may be here before what refers to it is."""


class Housekeeping:
    """What the writer does from time to time.

    Args:
        retention: how much is kept.
        files: of the digest store.
        now: the wall clock.
    """

    def __init__(self, retention: Retention, files: BlobFiles, now: Callable[[], float]) -> None:
        self._retention = retention
        self.files = files
        self._now = now
        self._last = now()

    def load(self, connection: sqlite3.Connection) -> None:
        """Learn when it was last done: one-shot runs share the interval with each other."""
        row = connection.execute(sql.HOUSEKEEPING).fetchone()
        if row is None:
            connection.execute(sql.PUT_HOUSEKEEPING, {"id": 1, "at": self._last})
        else:
            (self._last,) = row

    def are_due(self) -> bool:
        """Whether it is time. A clock that was put back does not put it off for longer than the interval."""
        return abs(self._now() - self._last) >= self._retention.interval

    def run(self, connection: sqlite3.Connection) -> None:
        """Drop what is beyond the bounds."""
        self._last = now = self._now()
        keep = self._retention
        with transaction(connection):
            connection.execute(sql.PUT_HOUSEKEEPING, {"id": 1, "at": now})
            (newest,) = connection.execute(sql.LAST_EVENT).fetchone()
            # Ids have no gaps but those that were dropped, so this counts them without looking at them.
            bounds = {"up_to": (newest or 0) - keep.events, "before": now - keep.event_age}
            connection.execute(sql.DROP_EVENTS, bounds)
            connection.execute(sql.DROP_RUNS, {"keep": keep.runs, "before": now - keep.run_age})
            connection.execute(sql.DROP_SNAPSHOTS, {"keep": max(1, keep.snapshots)})
        self.collect(connection)

    def collect(self, connection: sqlite3.Connection, quota: int | None = None) -> int:
        """Bring the digest store below `quota` bytes (default: the retention's) as far as that is possible.

        Returns:
            How many bytes it holds then.
        """
        quota = self._retention.blob_bytes if quota is None else quota
        before = self._now() - GRACE
        with transaction(connection):
            (held,) = connection.execute(sql.BLOB_BYTES).fetchone()
            dropped: list[Digest] = []
            while held > quota:
                held -= _drop_spare(connection, held - quota, before, dropped)
                # Then history goes: snapshots that are not in force, the oldest first.
                if held > quota:
                    (oldest,) = connection.execute(sql.OLDEST_SPARE_SNAPSHOT).fetchone()
                    if oldest is None:
                        break
                    connection.execute(sql.DROP_SNAPSHOT, {"snapshot": oldest})
        # In a transaction again: who puts such a content back meanwhile has either done so, and its file is
        # spared, or finds that there is none.
        with transaction(connection):
            for digest in blobs.missing(connection, dropped):
                self.files.path(digest).unlink(missing_ok=True)
            self.files.sweep(lambda digest: not blobs.missing(connection, [digest]), before)
        return int(held)


def _drop_spare(connection: sqlite3.Connection, excess: int, before: float, dropped: list[Digest]) -> int:
    freed = 0
    for digest, size, is_file in connection.execute(sql.SPARE_BLOBS, {"before": before}).fetchall():
        if freed >= excess:
            break
        connection.execute(sql.DROP_BLOB, {"digest": digest})
        freed += size
        if is_file:
            dropped.append(digest)
    return freed
