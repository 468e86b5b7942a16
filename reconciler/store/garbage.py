"""Housekeeping: bounds on the past, and the quota of the digest store.

Invariants: what is in force, be it by a rollback, owned or in doubt is never removed, whatever the bounds say, nor is
what was there before us while only an intent knows of it; the database's foreign keys hold this module to it. One
call does no more than a slice of the work, so that a commit which waits for the lane waits for that long;
what is left follows in the next calls. Blocking: to be used on the writer's lane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.names import Digest
from reconciler.store import blobs, sql

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from reconciler.store.blobs import Blobs
    from reconciler.store.database import Database
    from reconciler.store.records import Retention

GRACE = 3_600.0
"""Seconds for which a content may be here before what refers to it is."""

SLICE = 250
"""Rows that one slice removes at most, which takes some milliseconds."""

DIRECTORY = 25
"""Rows that could be removed in the time that it takes to look at a directory of the digest store."""


PAGE = 50
"""Runs or contents that are looked at together."""

_AFTER_ALL = "~"
"""Sorts after every id."""


class Housekeeping:
    """What the writer does from time to time.

    Args:
        retention: how much is kept.
        files: of the digest store.
        now: the wall clock.
    """

    def __init__(self, retention: Retention, files: Blobs, now: Callable[[], float]) -> None:
        self._retention = retention
        self.files = files
        self._now = now
        self._last = now()
        self._under_way: Iterator[int] | None = None

    def load(self, connection: Database) -> None:
        """Learn when it was last done: one-shot runs share the interval with each other."""
        row = connection.execute(sql.HOUSEKEEPING).fetchone()
        if row is None:
            connection.execute(sql.PUT_HOUSEKEEPING, {"id": 1, "at": self._last})
        else:
            (self._last,) = row

    def are_due(self) -> bool:
        """Whether something is left, or it is time. A clock that was put back puts nothing off for long."""
        return self._under_way is not None or abs(self._now() - self._last) >= self._retention.interval

    def run(self, connection: Database) -> None:
        """Drop a slice of what is beyond the bounds."""
        work = self._under_way or self._pass(connection)
        # Should it fail, the next pass begins anew.
        self._under_way = None
        done = 0
        for removed in work:
            done += removed
            if done >= SLICE:
                self._under_way = work
                return

    def _pass(self, connection: Database) -> Iterator[int]:
        """All of the work, piece by piece: how many rows each has removed. No transaction is open in between."""
        self._last = now = self._now()
        yield from self._events(connection, now)
        yield from self._runs(connection, now)
        while (oldest := _surplus_snapshot(connection, max(1, self._retention.snapshots))) is not None:
            yield from _drop_snapshot(connection, oldest)
        yield from self._blobs(connection, now - GRACE)
        yield from self._leftovers(connection, now - GRACE)
        # Not before: who ends too early for all of it leaves it to the next one, and not to the next interval.
        with connection.transaction():
            connection.execute(sql.PUT_HOUSEKEEPING, {"id": 1, "at": now})

    def _events(self, connection: Database, now: float) -> Iterator[int]:
        (newest,) = connection.execute(sql.LAST_EVENT).fetchone()
        # Ids have no gaps but those that were dropped, so this counts them without looking at them.
        bounds = {
            "up_to": (newest or 0) - self._retention.events,
            "before": now - self._retention.event_age,
            "most": SLICE,
        }
        while dropped := _drop(connection, sql.DROP_EVENTS, bounds):
            yield dropped

    def _runs(self, connection: Database, now: float) -> Iterator[int]:
        surplus = yield from self._surplus_run(connection)
        bounds = {
            "up_to": surplus,
            "before": now - self._retention.run_age,
            "most": SLICE,
        }
        while spent := connection.execute(sql.SPENT_RUNS, bounds).fetchall():
            removed = 0
            with connection.transaction():
                for (run,) in spent:
                    units = {"of": run, "most": SLICE - removed}
                    removed += connection.execute(sql.DROP_UNITS, units).rowcount
                    if removed >= SLICE:
                        break
                    removed += connection.execute(sql.DROP_RUN, units).rowcount
            yield removed

    def _surplus_run(self, connection: Database) -> Generator[int, None, str]:
        """The newest run that is one too many, or whose units are; "" if none is."""
        runs = units = 0
        below = _AFTER_ALL
        while page := connection.execute(sql.SIZES_OF_RUNS, {"below": below, "most": PAGE}).fetchall():
            for below, size in page:
                runs += 1
                units += size
                if runs > max(1, self._retention.runs) or (runs > 1 and units > self._retention.units):
                    return str(below)
            yield len(page)
        return ""

    def _blobs(self, connection: Database, before: float) -> Iterator[int]:
        """Bring the digest store below its quota as far as that is possible."""
        (held,) = connection.execute(sql.BLOB_BYTES).fetchone()
        excess = held - self._retention.blob_bytes
        while excess > 0:
            last: tuple[float, Digest] | None = (0.0, Digest(""))
            while last and excess > 0:
                last, files, freed = _drop_spare(connection, last, before, excess)
                excess -= freed
                self._unlink(connection, files)
                yield SLICE // 2
            # Then history goes: snapshots that are not in force, the oldest first.
            oldest = _surplus_snapshot(connection, 1)
            if excess <= 0 or oldest is None:
                return
            yield from _drop_snapshot(connection, oldest)

    def _unlink(self, connection: Database, dropped: list[Digest]) -> None:
        """Remove files whose rows are gone."""
        if not dropped:
            return
        # In a transaction again: who puts such a content back meanwhile has either done so, and its file is
        # spared, or finds that there is none.
        with connection.transaction():
            for digest in blobs.missing(connection, dropped):
                self.files.remove(digest)

    def _leftovers(self, connection: Database, before: float) -> Iterator[int]:
        """Files that a crash has left behind."""
        for directory in self.files.directories():
            with connection.transaction():
                self.files.sweep(directory, lambda digest: not blobs.missing(connection, [digest]), before)
            yield DIRECTORY


def _drop(connection: Database, statement: str, parameters: Mapping[str, object]) -> int:
    with connection.transaction():
        return connection.execute(statement, parameters).rowcount


def _drop_spare(
    connection: Database, after: tuple[float, Digest], before: float, excess: int
) -> tuple[tuple[float, Digest] | None, list[Digest], int]:
    """Look at some contents, the least recently used first, and drop those that nothing refers to.

    Returns:
        The last one looked at, None if there were none left; those dropped that have a file; the bytes of all of them.
    """
    freed, files = 0, []
    bounds = {"before": before, "at": after[0], "after": after[1], "most": PAGE}
    with connection.transaction():
        page = connection.execute(sql.AGED_BLOBS, bounds).fetchall()
        for _, digest, size, is_file, is_spare in page:
            if is_spare and freed < excess:
                connection.execute(sql.DROP_BLOB, {"digest": digest})
                freed += size
                if is_file:
                    files.append(digest)
    return page[-1][:2] if page else None, files, freed


def _surplus_snapshot(connection: Database, keep: int) -> int | None:
    """The oldest snapshot of which there are more than `keep` of its source."""
    row = connection.execute(sql.SURPLUS_SNAPSHOT, {"keep": keep}).fetchone()
    return None if row is None else row[0]


def _drop_snapshot(connection: Database, snapshot: int) -> Iterator[int]:
    while files := _drop(connection, sql.DROP_SNAPSHOT_FILES, {"of": snapshot, "most": SLICE}):
        yield files
    yield _drop(connection, sql.DROP_SNAPSHOT, {"of": snapshot})
