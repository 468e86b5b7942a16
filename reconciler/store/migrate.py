"""Brings a database to the newest schema, and refuses one that is newer than that, or that is none of ours.

A new database is made at once from the compiled schema, and a current one costs a single SELECT; Alembic,
which takes 300 ms to import, is loaded only for an older one. Either way all of it is one transaction.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.store.failures import failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.store.database import Database

HEAD = "0015"
"""The newest revision in `migrations/versions`. They are numbered, so that they compare."""


def check(database: Database) -> None:
    """For who may only read: see that the schema is the one that we know.

    Raises:
        StoreError: it is another one.
    """
    with _explained(database), database.reading():
        found = database.revision()
        _refuse_unknown(database, found)
    if found < HEAD:
        raise failure(
            database.place,
            f"its schema {found or '(none)'} is older than {HEAD}",
            "run a command that may write, such as `froyo apply`: it brings the store up to date",
        )


def must_be_known(database: Database) -> None:
    """For who takes a store as it is, such as a backup: an older one will be brought up to date when it is written.

    Raises:
        StoreError: it is newer than this froyo, or none of ours.
    """
    with _explained(database):
        _refuse_unknown(database, database.revision())


def ensure(database: Database) -> None:
    """Make the schema current.

    Raises:
        StoreError: it is newer than this froyo, none of ours, or cannot be changed.
    """
    with _explained(database):
        if (found := database.revision()) == HEAD:
            return
        if found:
            _refuse_unknown(database, found)
        with database.changing_schema():
            # Again, now that nobody else can be at it: where nothing was, somebody may just have made it.
            found = database.revision()
            _refuse_unknown(database, found)
            if found < HEAD:
                if database.is_empty():
                    database.make()
                else:
                    database.upgrade()


@contextlib.contextmanager
def _explained(database: Database) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if (explained := database.explain(error)) is None:
            raise
        raise explained from error


def _refuse_unknown(database: Database, found: str) -> None:
    """See that the schema is one of ours, and that we know it: nothing may be guessed of what people rely on.

    Raises:
        StoreError: it is newer, or none of ours.
    """
    ours = f"this froyo is {__version__} and knows schema {HEAD}"
    if found.isdecimal() and len(found) == len(HEAD) and found > HEAD:
        raise failure(
            database.place,
            f"its schema {found} is newer than {HEAD}: {ours}",
            "use the newer froyo that wrote it, or name another --state directory",
        )
    known = {f"{number:0{len(HEAD)}}" for number in range(1, int(HEAD) + 1)}
    if found not in known and (found or database.has_tables()):
        raise failure(
            database.place,
            f"its schema {found!r} is none that froyo ever had; {ours}"
            if found
            else f"it is no store of froyo; {ours}",
            database.elsewhere,
        )
