"""Large contents in the database: two controllers share no disk.

Small or large, a content is the row that names it. A large one is not read along with others, but by itself, on a
connection of its own: nobody's read waits while 64 MB come over the network.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from reconciler.store import sql
from reconciler.store.blobs import Staged, digest_of
from reconciler.store.failures import failure

if TYPE_CHECKING:
    from reconciler.model.names import Digest
    from reconciler.store.postgresql.database import PostgreSQLDatabase


class BlobRows:
    """See the module. From any thread.

    Args:
        place: the address of the store.
        reader: makes a connection that reads.
    """

    def __init__(self, place: str, reader: Callable[[], PostgreSQLDatabase]) -> None:
        self.place = place
        self._reader = reader
        self._database: PostgreSQLDatabase | None = None
        self._one_at_a_time = threading.Lock()

    def stage(self, data: bytes) -> Staged:
        """What is to be the row."""
        return Staged(digest_of(data), len(data), data, None)

    def stage_all(self, contents: Iterable[bytes]) -> list[Staged]:
        """Make several contents ready."""
        return [self.stage(data) for data in contents]

    def put_in_place(self, staged: Staged) -> None:
        """The row is its place."""

    def open(self, digest: Digest) -> BinaryIO:
        """A large content, as a file to read from.

        Raises:
            StoreError: it is missing or cannot be read.
        """
        return io.BytesIO(self.read(digest))

    def read(self, digest: Digest) -> bytes:
        """A large content, checked.

        Raises:
            StoreError: it is missing, cannot be read, or is damaged.
        """
        with self._one_at_a_time:
            if self._database is None:
                self._database = self._reader()
            try:
                row = self._row(self._database, digest)
            except Exception as error:
                if (explained := self._database.explain(error)) is None:
                    raise
                raise explained from error
        if row is None:
            raise failure(self.place, f"there is no content {digest}", "it has gone with what referred to it")
        data = bytes(row[0])
        if digest_of(data) != digest:
            raise failure(self.place, f"the content {digest} is damaged", "restore a backup of the database")
        return data

    @staticmethod
    def _row(database: PostgreSQLDatabase, digest: Digest) -> tuple[bytes] | None:
        with database.reading():
            size = database.execute(sql.BLOB_SIZE, {"digest": digest}).fetchone()
            if size is None:
                return None
            with database.patient(size[0]):
                row: tuple[bytes] | None = database.execute(sql.BODY, {"digest": digest}).fetchone()
                return row

    def remove(self, digest: Digest) -> None:
        """It went with its row."""

    def directories(self) -> list[Path]:
        """A crash leaves nothing behind."""
        return []

    def sweep(self, directory: Path, is_known: Callable[[Digest], bool], before: float) -> None:
        """There is nothing to sweep."""

    def close(self) -> None:
        """End the connection."""
        if self._database is not None:
            self._database.close()
