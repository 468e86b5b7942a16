"""The digest store: contents by digest, the small ones in the database and the large ones in files beside it.

Invariants: a digest that is here names exactly that content; a file is complete and durable before its row
is committed; and a row goes before its file, so a crash leaves at worst a file that nobody knows, which
garbage collection removes. Files are put in place and taken away only inside a writing transaction, which
keeps all processes apart.

    <state>/blobs/ab/ab12…     0600, in directories of 0700
    <state>/blobs/tmp-…        being written
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from reconciler.model.names import Digest
from reconciler.store import sql
from reconciler.store.durable import sync_directory
from reconciler.store.failures import explain, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.store.database import Database, Place

LANE = "store-blob"
"""A lane of its own: nobody's commit waits while 64 MB are made durable."""

INLINE = 32 << 10
"""Up to this many bytes a content is a row: 10,000 of them are one commit instead of 20,000 fsyncs."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Staged:
    """A content on its way in.

    Attributes:
        digest: of the content.
        size: bytes.
        data: the content, when it is small.
        file: where it is, complete and durable, when it is not.
    """

    digest: Digest
    size: int
    data: bytes | None
    file: Path | None

    def discard(self) -> None:
        """Take back one that will not be put in place after all. Harmless once it was."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)


def digest_of(data: bytes) -> Digest:
    """The digest of a content."""
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


class Blobs(Protocol):
    """Where the large contents are. Blocking: to be used on a lane."""

    @property
    def place(self) -> Place:
        """What it is called in errors."""

    def stage(self, data: bytes) -> Staged:
        """Make `data` ready to be put in place."""

    def stage_all(self, contents: Iterable[bytes]) -> list[Staged]:
        """Make several contents ready; all or none."""

    def put_in_place(self, staged: Staged) -> None:
        """Have it where it belongs, within a writing transaction."""

    def open(self, digest: Digest) -> BinaryIO:
        """A large content, as a file to read from.

        Raises:
            StoreError: it is missing or cannot be read.
        """

    def read(self, digest: Digest) -> bytes:
        """A large content, checked.

        Raises:
            StoreError: it is missing, cannot be read, or is damaged.
        """

    def remove(self, digest: Digest) -> None:
        """Take away a content whose row is gone."""

    def directories(self) -> list[Path]:
        """Where there may be what nobody knows, to be swept one by one."""

    def sweep(self, directory: Path, is_known: Callable[[Digest], bool], before: float) -> None:
        """Remove what nobody knows, left by a crash before the time `before`."""

    def close(self) -> None:
        """End what was opened. May be called twice."""


class BlobFiles:
    """The files of the digest store. Blocking: to be used on a lane.

    Args:
        directory: `<state>/blobs`; it is made when it is needed.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = self.place = directory

    def path(self, digest: Digest) -> Path:
        """Where the file of that content is, if it has one."""
        name = digest.removeprefix("sha256:")
        return self.directory / name[:2] / name

    def stage(self, data: bytes) -> Staged:
        """Make `data` ready to be put in place."""
        if len(data) <= INLINE:
            return Staged(digest_of(data), len(data), data, None)
        return self._stage_chunks(data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK))

    def stage_all(self, contents: Iterable[bytes]) -> list[Staged]:
        """Make several contents ready; all or none."""
        staged: list[Staged] = []
        try:
            for data in contents:
                staged.append(self.stage(data))  # noqa: PERF401 - what was staged is needed when one fails
        except BaseException:
            for blob in staged:
                blob.discard()
            raise
        return staged

    def _stage_chunks(self, chunks: Iterable[bytes]) -> Staged:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        hasher, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(prefix="tmp-", dir=self.directory)
        try:
            with os.fdopen(handle, "wb", buffering=0) as file:
                for chunk in chunks:
                    hasher.update(chunk)
                    size += len(chunk)
                    view = memoryview(chunk)
                    while view:
                        view = view[file.write(view) :]
                os.fsync(file.fileno())
        except BaseException:
            os.unlink(name)
            raise
        return Staged(Digest(f"sha256:{hasher.hexdigest()}"), size, None, Path(name))

    def put_in_place(self, staged: Staged) -> None:
        """Give a staged file its name, durably. Nothing happens to one that has its name already."""
        if staged.file is None:
            return
        final = self.path(staged.digest)
        try:
            final.parent.mkdir(mode=0o700)
            sync_directory(self.directory)
        except FileExistsError:
            pass
        try:
            os.replace(staged.file, final)
        except FileNotFoundError:
            if not final.exists():  # else a transaction that is tried once more
                raise
        sync_directory(final.parent)

    def open(self, digest: Digest) -> BinaryIO:
        """The file of a large content.

        Raises:
            StoreError: it is missing or cannot be read.
        """
        path = self.path(digest)
        try:
            return open(path, "rb")
        except OSError as error:
            raise explain(error, path) from error

    def read(self, digest: Digest) -> bytes:
        """A large content, checked.

        Raises:
            StoreError: it is missing, cannot be read, or is damaged.
        """
        with self.open(digest) as file:
            data = file.read()
        if digest_of(data) != digest:
            path = self.path(digest)
            raise failure(
                path, "its content is damaged: it has another digest", "remove it, or restore a backup"
            )
        return data

    def remove(self, digest: Digest) -> None:
        """Remove the file of a content whose row is gone."""
        self.path(digest).unlink(missing_ok=True)

    def directories(self) -> list[Path]:
        """Where there are files, to be swept one by one."""
        try:
            return [
                self.directory,
                *(Path(entry.path) for entry in os.scandir(self.directory) if entry.is_dir()),
            ]
        except FileNotFoundError:
            return []

    def sweep(self, directory: Path, is_known: Callable[[Digest], bool], before: float) -> None:
        """Remove the files of a directory that nobody knows, left by a crash before the time `before`."""
        with os.scandir(directory) as entries:
            files = [entry for entry in entries if not entry.is_dir()]
        for entry in files:
            known = not entry.name.startswith("tmp-") and is_known(Digest(f"sha256:{entry.name}"))
            if not known and entry.stat().st_mtime < before:
                os.unlink(entry.path)

    def close(self) -> None:
        """Nothing stays open."""


def put(connection: Database, files: Blobs, staged: Iterable[Staged], now: float) -> None:
    """Record staged contents and put their files in place, within a writing transaction."""
    for blob in staged:
        files.put_in_place(blob)
        connection.execute(sql.PUT_BLOB, _row(blob.digest, blob.size, blob.data, now))


def inline_row(data: bytes, now: float) -> dict[str, Any]:
    """The row of a small content, for `sql.PUT_BLOB`."""
    if len(data) > INLINE:
        raise ValueError(f"a content of {len(data)} bytes is a file, and no row")
    return _row(digest_of(data), len(data), data, now)


def _row(digest: Digest, size: int, data: bytes | None, now: float) -> dict[str, Any]:
    return {"digest": digest, "size": size, "data": data, "created_at": now, "used_at": now}


def missing(connection: Database, digests: Iterable[Digest]) -> frozenset[Digest]:
    """Those of `digests` that are not here."""
    return frozenset(
        digest
        for digest in digests
        if connection.execute(sql.BLOB_SIZE, {"digest": digest}).fetchone() is None
    )
