"""A whole store into another database, of whichever sort: `froyo store copy`.

Invariants: what is copied is one moment of the source, which nobody works with meanwhile; it is put where nothing is
yet, all of it or nothing; and it is only there once each table was read back and found to be the same, row by row, and
each content to be what its digest says. Numbers go on where they stopped.

Loads SQLAlchemy: it is made of the tables, and of none by name but those that stand for more than their rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Table, bindparam, insert, select, tuple_

from reconciler.errors import LeaseHeld, StoreError
from reconciler.store import audit, codec, lease, migrate
from reconciler.store.blobs import INLINE, digest_of
from reconciler.store.compiler import DIALECTS, text_of
from reconciler.store.connecting import Connecting
from reconciler.store.database import Database
from reconciler.store.failures import failure
from reconciler.store.schema import metadata

if TYPE_CHECKING:
    from sqlalchemy import Dialect

LEFT_OUT = frozenset({"warm"})
"""What only spares time, and only where it was made."""

PAGE = 500
CONTENTS = 8
"""Rows that are in memory at a time, and contents, which may have some megabytes each."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied.

    Attributes:
        rows: of each table.
        contents: how many there are in the digest store.
        bytes: all contents together.
        audit: records of the audit log, which was found unbroken.
    """

    rows: Mapping[str, int]
    contents: int
    bytes: int
    audit: int


def copy(source: Connecting, destination: Connecting) -> Copied:
    """Put all of `source` into `destination`.

    Raises:
        LeaseHeld: somebody works with the source.
        StoreError: it cannot be read or written, there is something already, or it did not arrive as it was; nothing
            is there then.
    """
    with ExitStack() as stack:
        from_ = source.reader()
        stack.callback(source.blobs.close)
        stack.callback(from_.close)
        _nobody_works_with(source, from_, stack)
        into = destination.writer()
        stack.callback(destination.blobs.close)
        stack.callback(into.finish)
        try:
            return _copied(_Side(source, from_), _Side(destination, into))
        except StoreError:
            raise
        except Exception as error:
            for one in (into, from_):
                if (explained := one.explain(error)) is not None:
                    raise explained from error
            raise


def _nobody_works_with(source: Connecting, database: Database, stack: ExitStack) -> None:
    """See that the source stays as it is for as long as this takes."""
    migrate.must_be_known(database)
    if database.revision() != migrate.HEAD:
        raise failure(
            source.place,
            f"its schema {database.revision() or '(none)'} is older than {migrate.HEAD}",
            "run a command that may write, such as `froyo apply`: it brings the store up to date",
        )
    writer = source.writer()  # the lock may be one of its session
    stack.callback(writer.finish)
    lock = source.lock(writer)
    if not lock.try_lock() and lock.taken:
        found = lease.current(database)
        who = f"froyo on {found.holder.host} (pid {found.holder.pid})" if found else "somebody"
        raise LeaseHeld(
            f"{source.place}: {who} works with it; end that first, so that nothing is left behind"
        )
    stack.callback(lock.unlock)


@dataclass(frozen=True, slots=True)
class _Side:
    connecting: Connecting
    database: Database

    @property
    def dialect(self) -> Dialect:
        return DIALECTS[self.database.dialect]()


def _copied(from_: _Side, into: _Side) -> Copied:
    place = into.database.place
    migrate.ensure(into.database)
    tables = [table for table in metadata.sorted_tables if table.name not in LEFT_OUT]
    for table in tables:
        if into.database.count(table.name):
            raise failure(place, "a store is there already", "name another place, or empty this one first")
    rows: dict[str, int] = {}
    digests: dict[str, str] = {}
    size = 0
    with from_.database.reading(), into.database.transaction(durable=True):
        for table in tables:
            hasher, count = hashlib.sha256(), 0
            for page in _pages(from_, table):
                given = [_given(from_, table, row) for row in page]
                for one in given:
                    hasher.update(_canonical(table, one))
                    size += one["size"] if table.name == "blobs" else 0
                count += len(given)
                into.database.insert(_insertion(into, table), [_taken(into, table, one) for one in given])
            rows[table.name], digests[table.name] = count, hasher.hexdigest()
        for table in tables:
            if (numbered := table.autoincrement_column) is not None:
                last = from_.database.last_number(table.name, numbered.name)
                into.database.go_on_from(table.name, numbered.name, last)
        for table in tables:
            _arrived(into, table, rows[table.name], digests[table.name])
        head = audit.verify(into.database, place)
    return Copied(rows, rows["blobs"], size, head.records)


def _arrived(into: _Side, table: Table, rows: int, digest: str) -> None:
    """See that what is there now is what was read.

    Raises:
        StoreError: it is not.
    """
    hasher, count = hashlib.sha256(), 0
    for page in _pages(into, table):
        for row in page:
            hasher.update(_canonical(table, _given(into, table, row)))
            count += 1
    if count != rows or hasher.hexdigest() != digest:
        raise failure(
            into.database.place,
            f"{table.name} did not arrive as it was ({count} of {rows} rows)",
            "nothing was kept of it; this is a defect of froyo: please report it",
        )


def _pages(side: _Side, table: Table) -> Iterator[list[Row]]:
    """All rows of a table by its key, some at a time."""
    key = list(table.primary_key)
    most = CONTENTS if table.name == "blobs" else PAGE
    page = select(table).order_by(*key).limit(most)
    names = [f"after_{column.name}" for column in key]
    further = page.where(
        tuple_(*key) > tuple_(*(bindparam(n, type_=c.type) for n, c in zip(names, key, strict=True)))
    )
    first, more = (_text(one, side.dialect) for one in (page, further))
    at = [list(table.c).index(column) for column in key]
    rows = side.database.select(first, {})
    while rows:
        yield rows
        rows = side.database.select(more, {n: rows[-1][i] for n, i in zip(names, at, strict=True)})


def _given(side: _Side, table: Table, row: Row) -> dict[str, Any]:
    """A row as any database would have it, and with its content."""
    given = {column.name: _value(column.type, value) for column, value in zip(table.c, row, strict=True)}
    if table.name == "lease":
        # Whose it was holds nobody up where it is copied to; the token goes on.
        given |= {"expires": 0.0, "locked": False}
    if table.name == "blobs":
        data = side.connecting.blobs.read(given["digest"]) if given["data"] is None else bytes(given["data"])
        if digest_of(data) != given["digest"]:
            raise failure(
                side.database.place, f"the content {given['digest']} is damaged", "restore a backup first"
            )
        given["data"] = data
    return given


def _value(kind: object, value: Any) -> Any:
    if isinstance(kind, Boolean) and value is not None:
        return bool(value)
    return codec.words(value) if isinstance(value, str) else value


def _canonical(table: Table, given: Mapping[str, Any]) -> bytes:
    # The digest of a content stands for it: it was found to be what it says.
    shown = {name: value for name, value in given.items() if (table.name, name) != ("blobs", "data")}
    return repr(sorted(shown.items())).encode()


def _taken(side: _Side, table: Table, given: dict[str, Any]) -> dict[str, Any]:
    """A row as that database has it."""
    if table.name == "blobs" and given["size"] > INLINE:
        staged = side.connecting.blobs.stage(given["data"])
        side.connecting.blobs.put_in_place(staged)
        return given | {"data": staged.data}
    return given


def _insertion(side: _Side, table: Table) -> str:
    values = {column.name: bindparam(column.name, type_=column.type) for column in table.c}
    return _text(insert(table).values(values), side.dialect)


def _text(statement: Any, dialect: Dialect) -> str:
    return text_of(statement.compile(dialect=dialect))
