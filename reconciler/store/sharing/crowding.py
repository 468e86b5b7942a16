"""That no more targets are disrupted at a time than may be, whoever of those that share a store disrupts them.

To be used within the transaction that puts it on record: others may have disrupted some since who looked.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from reconciler.errors import ErrorClass
from reconciler.model.names import TargetName
from reconciler.store import sql
from reconciler.store.failures import failure

if TYPE_CHECKING:
    from reconciler.store.database import Database


def must_not_crowd(connection: Database, disrupted: Collection[TargetName], most: int) -> None:
    """See that with these no more targets are disrupted than may be: others may have disrupted some since.

    Raises:
        StoreError: there would be.
    """
    there = {target for target, *_ in connection.execute(sql.DISRUPTIONS)}
    if not there.issuperset(disrupted) and len(there.union(disrupted)) > most:
        raise failure(
            connection.place,
            f"{len(there)} of at most {most} targets that may be disrupted at a time are by now",
            "it is tried again",
            ErrorClass.TRANSIENT,
        )
