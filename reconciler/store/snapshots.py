"""Snapshots in the store: which files a source had at a revision, with their contents in the digest store.

The newest of each source is the one in force, unless a person has rolled it back to another: with it a daemon can
start although its source is unreadable or broken. Blocking: to be used on a lane.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.errors import StoreError
from reconciler.model.source import Snapshot, SnapshotFile, SnapshotGone
from reconciler.store import blobs, codec, sql

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from reconciler.model.names import Digest, SourceName
    from reconciler.store.blobs import Blobs, Staged
    from reconciler.store.database import Database


def stage(files: Blobs, snapshot: Snapshot, wanted: Collection[Digest]) -> list[Staged]:
    """Read those files of `snapshot` whose content is `wanted`, each content once.

    Raises:
        SnapshotGone: one of them has moved on.
    """
    chosen = {file.digest: file for file in snapshot.files.values() if file.digest in wanted}
    staged = files.stage_all(file.read() for file in chosen.values())
    for blob, file in zip(staged, chosen.values(), strict=True):
        if blob.digest != file.digest:
            for other in staged:
                other.discard()
            raise SnapshotGone(f"{file.path} has changed since the snapshot {snapshot.revision} was taken")
    return staged


def save(
    connection: Database,
    files: Blobs,
    snapshot: Snapshot,
    staged: Iterable[Staged],
    now: float,
    *,
    earlier: bool = False,
) -> frozenset[Digest]:
    """Make `snapshot` the newest of its source, or one from before all others, unless contents are missing.

    Args:
        connection: within a writing transaction.
        files: of the digest store.
        snapshot: the snapshot.
        staged: contents that were found missing before.
        now: seconds since the epoch.
        earlier: it is from before all that are kept.

    Returns:
        What is missing; with nothing missing, the snapshot is saved.
    """
    found = connection.execute(sql.NEWEST_SNAPSHOT, {"source": snapshot.source}).fetchone()
    row: dict[str, Any] = {
        "revision": snapshot.revision,
        "digest": snapshot.digest,
        "root": codec.document(snapshot.root),
        "left_out": codec.document(snapshot.left_out),
    }
    if not earlier and found is not None and list(found[2:]) == list(row.values()):
        return frozenset()
    blobs.put(connection, files, staged, now)
    lacking = blobs.missing(connection, {file.digest for file in snapshot.files.values()})
    if lacking:
        return lacking
    row |= {"source": snapshot.source, "taken_at": now}
    if earlier:
        (first,) = connection.execute(sql.FIRST_SNAPSHOT).fetchone()
        number = 0 if first is None else min(first, 1) - 1
        connection.execute(sql.ADD_EARLIER_SNAPSHOT, {**row, "id": number})
    else:
        [number] = connection.append(sql.ADD_SNAPSHOT, [row])
    connection.execute_many(
        sql.ADD_SNAPSHOT_FILE,
        (
            {
                "snapshot": number,
                "path": codec.document(file.path),
                "digest": file.digest,
                "executable": file.executable,
            }
            for file in snapshot.files.values()
        ),
    )
    return frozenset()


def in_force(connection: Database, files: Blobs, source: SourceName) -> Snapshot | None:
    """The snapshot of `source` that is in force. Large contents are read when they are asked for."""
    return _found(connection, files, sql.SNAPSHOT_IN_FORCE, {"source": source})


def newest(connection: Database, files: Blobs, source: SourceName) -> Snapshot | None:
    """The newest snapshot of `source` that was good, be it that another one is in force."""
    return _found(connection, files, sql.NEWEST_SNAPSHOT, {"source": source})


def numbered(connection: Database, files: Blobs, number: int) -> Snapshot | None:
    """The snapshot of that number, if it is still kept."""
    return _found(connection, files, sql.SNAPSHOT, {"number": number})


def _found(connection: Database, files: Blobs, statement: str, which: dict[str, object]) -> Snapshot | None:
    found = connection.execute(statement, which).fetchone()
    if found is None:
        return None
    number, source, revision, digest, root, left_out = found
    rows = connection.execute(sql.SNAPSHOT_FILES, {"snapshot": number})
    contents = {}
    for text, content, executable, size, data in rows:
        path = codec.parse(text)
        read = partial(_read_file, files, content) if data is None else partial(bytes, data)
        contents[path] = SnapshotFile(path, content, size, read, bool(executable))
    return Snapshot(source, revision, digest, contents, codec.parse(root), codec.parse(left_out))


def has_returned(connection: Database, snapshot: Snapshot) -> bool:
    """Whether `snapshot` is, or would be, in force once more, after another one; as far back as they are kept."""
    wanted = {"source": snapshot.source, "digest": snapshot.digest}
    return connection.execute(sql.EARLIER_SNAPSHOT, wanted).fetchone() is not None


def _read_file(files: Blobs, digest: Digest) -> bytes:
    try:
        return files.read(digest)
    except StoreError as error:
        raise SnapshotGone(str(error)) from error
