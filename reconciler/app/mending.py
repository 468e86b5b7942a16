"""Files that are written apart from each other, as the objects of a cluster are: one wrong one holds up no other.

Invariant: what was good is never dropped. Of an object that has become wrong the last good version counts; one that
never was good is left out, and while it is, nothing is removed for want of it. Where what is wrong is not in what has
changed, such as with an object that others need and that is gone, all stays as it is, as with a directory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from reconciler.errors import ConfigError, Problem
from reconciler.model.names import Digest
from reconciler.model.source import Snapshot, SnapshotFile, SnapshotGone, SourceReport
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    from reconciler.engine.intake.intake import Load
    from reconciler.runtime import Offload

log = get_logger("froyo")


async def mended(
    items: AsyncIterable[Snapshot | SourceReport],
    *,
    load: Load,
    before: Callable[[], Awaitable[Snapshot | None]],
    offload: Offload,
) -> AsyncIterator[Snapshot | SourceReport]:
    """What a source yields, with the last good version of each file that is wrong.

    Args:
        items: what it yields.
        load: evaluates a snapshot.
        before: gives the snapshot that was in force when the last controller ended.
        offload: runs what takes a while.
    """
    good: Snapshot | None = None
    told: dict[str, str] = {}
    async for item in items:
        if isinstance(item, Snapshot):
            if good is None:
                good = await before()
            whole, wrong = await offload("config", partial(mend, item, good, load))
            for path in wrong.keys() - told.keys() | {p for p in wrong if wrong[p] != told.get(p)}:
                log.warning("an object is wrong", source=item.source, object=path, why=wrong[path])
            told = wrong
            good = whole if whole is not None else good
            yield whole or item
        else:
            yield item


def mend(snapshot: Snapshot, good: Snapshot | None, load: Load) -> tuple[Snapshot | None, dict[str, str]]:
    """A snapshot as it can be in force, and what is wrong with which file; None if nothing can be done about it.

    Args:
        snapshot: what the source has.
        good: the last that was in force.
        load: evaluates one.
    """
    files, left, wrong = dict(snapshot.files), dict(snapshot.left_out), dict[str, str]()
    had = good.files if good is not None else {}
    while True:
        candidate = _with(snapshot, files, left) if wrong else snapshot
        try:
            load(candidate)
        except SnapshotGone:
            return None, wrong
        except ConfigError as error:
            found = _of_what_changed(error.problems, snapshot, had, wrong)
            if not found:
                return None, wrong
            wrong |= found
            for path, why in found.items():
                if path in had:
                    files[path] = had[path]
                else:
                    del files[path]
                    left[path] = f"it is wrong: {why}"
        else:
            return candidate, wrong


def _of_what_changed(
    problems: tuple[Problem, ...] | list[Problem],
    snapshot: Snapshot,
    had: Mapping[str, SnapshotFile],
    known: Mapping[str, str],
) -> dict[str, str]:
    """What is wrong with the files that are others than they were and have not been put right yet."""
    found: dict[str, str] = {}
    for one in problems:
        file = snapshot.files.get(one.file)
        if file is not None and one.file not in known and had.get(one.file) != file:
            found.setdefault(one.file, one.message)
    return found


def _with(snapshot: Snapshot, files: Mapping[str, SnapshotFile], left: Mapping[str, str]) -> Snapshot:
    digest = hashlib.sha256(snapshot.digest.encode())
    for path in sorted(files):
        digest.update(os.fsencode(path) + b"\0" + files[path].digest.encode() + b"\n")
    ordered = {path: files[path] for path in sorted(files)}
    return replace(
        snapshot, digest=Digest(f"sha256:{digest.hexdigest()}"), files=ordered, left_out=dict(left)
    )
