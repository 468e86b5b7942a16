"""The address of a server where a store in PostgreSQL is, or is going to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.store.failures import failure
from reconciler.store.postgresql.address import checked

try:
    import psycopg
except ImportError as missing:
    _missing: ImportError | None = missing
else:
    _missing = None
    from reconciler.store.postgresql.bodies import BlobRows
    from reconciler.store.postgresql.connection import connect
    from reconciler.store.postgresql.database import PostgreSQLDatabase
    from reconciler.store.postgresql.failures import explain
    from reconciler.store.postgresql.lock import AdvisoryLock
    from reconciler.store.postgresql.members import AdvisoryMemberLocks

if TYPE_CHECKING:
    from reconciler.store.database import Database


class PostgreSQLPlace:
    """See the module.

    Args:
        address: of the database.

    Attributes:
        place: the same.
        blobs: where the large contents are.

    Raises:
        UsageError: it is no address, or has a password in it.
        StoreError: the driver is not installed.
    """

    def __init__(self, address: str) -> None:
        self.place = checked(address)
        if _missing is not None:
            raise failure(
                self.place,
                f"the driver for PostgreSQL is not installed ({_missing})",
                "install it: pip install 'openfroyo[postgresql]'",
            )
        self.blobs = BlobRows(self.place, self.reader)

    def writer(self) -> PostgreSQLDatabase:
        """The one connection that writes."""
        return self._opened(read_only=False)

    def reader(self) -> PostgreSQLDatabase:
        """A connection that cannot write."""
        return self._opened(read_only=True)

    def _opened(self, *, read_only: bool) -> PostgreSQLDatabase:
        try:
            return PostgreSQLDatabase(self.place, lambda: connect(self.place, read_only=read_only))
        except (psycopg.Error, OSError) as error:
            raise explain(error, self.place) from error

    def lock(self, writer: Database | None) -> AdvisoryLock:
        """The lock of the lease, for who writes by `writer`."""
        return AdvisoryLock(writer if isinstance(writer, PostgreSQLDatabase) else None)

    def members(self, writer: Database | None) -> AdvisoryMemberLocks | None:
        """What shows who shares it, for who writes by `writer`."""
        return AdvisoryMemberLocks(writer) if isinstance(writer, PostgreSQLDatabase) else None
