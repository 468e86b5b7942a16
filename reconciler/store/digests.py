"""The digest store as the rest of froyo uses it: asynchronous, and with a quota.

    digest = await store.blobs.put(data)
    data = await store.blobs.read(digest)

A content stays for at least an hour; then it may go when the quota is exceeded, unless something in the
store refers to it: a snapshot, the inventory, or what was set out to be done.
"""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeVar

from reconciler.errors import FroyoError
from reconciler.store import blobs, sql
from reconciler.store.blobs import INLINE, LANE, Blobs, Staged
from reconciler.store.failures import explain, failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from reconciler.model.names import Digest
    from reconciler.runtime import Runtime
    from reconciler.store.database import Database

T = TypeVar("T")


class Access(Protocol):
    """How to reach the database: `Store.submit` and `Store.query`."""

    def __call__(self, work: Callable[[Database], T], /) -> Awaitable[T]:
        """What `work` returns, done in a transaction."""


class DigestStore:
    """See the module.

    Args:
        files: the files.
        runtime: clock and lanes.
        submit: does something in a transaction that writes.
        query: does something in a transaction that reads.
    """

    def __init__(self, files: Blobs, runtime: Runtime, *, submit: Access, query: Access) -> None:
        self._files = files
        self._runtime = runtime
        self._submit = submit
        self._query = query

    async def put(self, data: bytes) -> Digest:
        """Keep a content.

        Raises:
            StoreError: it cannot be kept.
        """
        (digest,) = await self.put_all([data])
        return digest

    async def put_all(self, contents: Iterable[bytes]) -> list[Digest]:
        """Keep several contents, in one transaction."""
        contents = list(contents)
        if all(len(data) <= INLINE for data in contents):
            return await self._put([self._files.stage(data) for data in contents])
        return await self._put(await self.stage(lambda: self._files.stage_all(contents)))

    async def stage(self, function: Callable[[], list[Staged]]) -> list[Staged]:
        """Run `function`, which writes files, on the lane for that."""
        try:
            return await self._runtime.offload(LANE, function)
        except OSError as error:
            raise explain(error, self._files.place) from error

    async def _put(self, staged: Sequence[Staged]) -> list[Digest]:
        now = self._runtime.now()
        try:
            await self._submit(lambda connection: blobs.put(connection, self._files, staged, now))
        except FroyoError:
            for blob in staged:
                blob.discard()
            raise
        return [blob.digest for blob in staged]

    async def open(self, digest: Digest) -> BinaryIO:
        """A content, as a file to read from.

        Raises:
            StoreError: it is not here.
        """
        data = await self._row(digest)
        if data is not None:
            return io.BytesIO(data)
        return await self._runtime.offload(LANE, partial(self._files.open, digest))

    async def read(self, digest: Digest) -> bytes:
        """A content.

        Raises:
            StoreError: it is not here, or damaged.
        """
        data = await self._row(digest)
        if data is not None:
            return data
        return await self._runtime.offload(LANE, partial(self._files.read, digest))

    async def missing(self, digests: Iterable[Digest]) -> frozenset[Digest]:
        """Those of `digests` that are not here."""
        wanted = list(digests)
        return await self._query(lambda connection: blobs.missing(connection, wanted))

    async def _row(self, digest: Digest) -> bytes | None:
        """The content where it is small, None where it is a file."""

        def look(connection: Database) -> Any:
            return connection.execute(sql.BLOB, {"digest": digest}).fetchone()

        row = await self._query(look)
        if row is None:
            raise failure(
                self._files.place,
                f"there is no content {digest}",
                "it was never kept, or has gone with what referred to it",
            )
        data: bytes | None = row[1]
        return data
