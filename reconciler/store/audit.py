"""The audit log: append-only, and chained by hashes, so that a record that was changed or taken out shows.

Each hash covers the one before it and the canonical JSON of its own record. What is cut off at the end does
not show by itself: whoever wants to notice that, notes down the head (`froyo doctor` prints it) somewhere
else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.errors import ErrorClass
from reconciler.store import codec, journals, sql
from reconciler.store.failures import failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.store.database import Database, Place
    from reconciler.store.records import AuditRecord

GENESIS = "0" * 64
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The end of an unbroken chain.

    Attributes:
        records: how many there are.
        hash: of the newest; it vouches for all of them.
    """

    records: int
    hash: str


def append(connection: Database, records: Iterable[AuditRecord]) -> list[AuditRecord]:
    """Chain and insert `records`; returns them with their ids."""
    number, previous = connection.execute(sql.AUDIT_HEAD).fetchone() or (0, GENESIS)
    stored = []
    for record in records:
        number += 1
        row = journals.audit_row(record)
        row |= {"id": number, "previous": previous}
        row["hash"] = previous = _hash(row)
        connection.execute(sql.ADD_AUDIT, row)
        stored.append(replace(record, id=number))
    return stored


def _hash(row: codec.Row) -> str:
    return hashlib.sha256(codec.document(row).encode("ascii")).hexdigest()


def verify(connection: Database, path: Place) -> ChainHead:
    """Follow the whole chain.

    Raises:
        StoreError: it is broken; says at which record.
    """
    number, previous = 0, GENESIS
    names = ("id", "at", "actor", "action", "object", "data", "previous")
    while rows := connection.execute(sql.AUDIT, {"after": number, "limit": _PAGE}).fetchall():
        for *values, found in rows:
            row = dict(zip(names, values, strict=True))
            number += 1
            if row["previous"] != previous or _hash(row) != found:
                raise failure(
                    path,
                    f"the audit log is damaged or was tampered with: record {number} is not what was written",
                    "compare it with a backup; what follows it is not to be trusted either",
                    ErrorClass.PERMANENT,
                )
            previous = found
    return ChainHead(number, previous)
