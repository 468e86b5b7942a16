"""A place on disk where a store in SQLite is, or is going to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.store.blobs import BlobFiles
from reconciler.store.sqlite.connection import connect_reader, connect_writer
from reconciler.store.sqlite.database import SQLiteDatabase
from reconciler.store.sqlite.lock import FileLock

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.store.database import Database


class SQLitePlace:
    """See the module.

    Args:
        path: of the database.

    Attributes:
        place: the same.
        blobs: the files of the digest store, beside it.
    """

    def __init__(self, path: Path) -> None:
        self.place = path
        self.blobs = BlobFiles(path.parent / "blobs")

    def writer(self) -> SQLiteDatabase:
        """The one connection that writes. Makes the database, and its directory, when they are missing."""
        return SQLiteDatabase(connect_writer(self.place), self.place)

    def reader(self) -> SQLiteDatabase:
        """A connection that cannot write."""
        return SQLiteDatabase(connect_reader(self.place), self.place)

    def lock(self, writer: Database | None) -> FileLock:  # noqa: ARG002 - it is a file of its own
        """The lock of the lease."""
        return FileLock(self.place.with_suffix(".lock"))

    def members(self, writer: Database | None) -> None:
        """It is one process's, which its lock sees to."""
