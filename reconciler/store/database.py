"""What the store asks of a database: named statements, transactions, and an account of what went wrong.

Invariants: a statement has one name and one meaning in every database (`reconciler.store.sql` has the names); who
writes is alone while it does, whatever process it is in; nothing but `explain` knows a driver's errors.

    with database.transaction():
        database.execute(sql.PUT_STATE, row)

Blocking: to be used on a lane. Knows no tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from reconciler.errors import StoreError

Place = Path | str
"""Where a store is: the path of an SQLite database, or the address of one of PostgreSQL."""

NOTHING: Mapping[str, object] = {}


class Rows(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows it has changed."""

    def fetchone(self) -> Any:
        """The next row; None after the last."""

    def fetchall(self) -> list[Any]:
        """All that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """A connection. See the module."""

    @property
    def place(self) -> Place:
        """What it is called in errors."""

    def execute(self, name: str, parameters: Mapping[str, object] = NOTHING, /) -> Rows:
        """Execute the statement of that name."""

    def execute_many(self, name: str, rows: Iterable[Mapping[str, object]], /) -> None:
        """Execute it once for each of these."""

    def append(self, name: str, rows: Sequence[Mapping[str, object]], /) -> Sequence[int]:
        """Insert rows into a table that numbers them; gives their numbers, which rise in the order of the commits."""

    def transaction(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """A transaction that writes; whoever else wants to write waits from its first moment on.

        Args:
            durable: whether it must survive that the machine of the database loses power.
        """

    def reading(self) -> AbstractContextManager[None]:
        """A transaction that reads: one moment of everything."""

    def explain(self, error: BaseException) -> StoreError | None:
        """What `error` means for this store; None if it is none of the database's, or of the system's."""

    def is_gone(self, error: BaseException) -> bool:
        """Whether `error` is nobody's fault but of the way to the database: nothing can be written just now."""

    @property
    def elsewhere(self) -> str:
        """What to do where something is that is none of ours, as a clause."""

    # --- Its schema ---------------------------------------------------------------------------------------------------

    def revision(self) -> str:
        """The revision of the schema; "" when there is none, or when it is older than the first."""

    def has_tables(self) -> bool:
        """Whether there is anything but the note of a schema, which is all that there is before the first one."""

    def is_empty(self) -> bool:
        """Whether there is nothing at all."""

    def changing_schema(self) -> AbstractContextManager[None]:
        """A transaction in which tables may be made anew; nobody else may be at it."""

    def make(self) -> None:
        """Make the newest schema, where there is nothing."""

    def upgrade(self) -> None:
        """Run the migrations that are missing."""

    # --- All of it, for a copy ----------------------------------------------------------------------------------------

    @property
    def dialect(self) -> str:
        """What SQLAlchemy calls it."""

    def select(self, text: str, parameters: Mapping[str, object], /) -> list[Any]:
        """What a statement gives that has no name."""

    def insert(self, text: str, rows: Iterable[Mapping[str, object]], /) -> None:
        """Insert rows by a statement that has no name."""

    def last_number(self, table: str, column: str) -> int:
        """The last number that a table has given to a row, be it that the row is gone; 0 if it has given none."""

    def go_on_from(self, table: str, column: str, number: int) -> None:
        """Have a table give higher numbers than this."""

    # --- Keeping it ---------------------------------------------------------------------------------------------------

    def is_overgrown(self) -> bool:
        """Whether it wants `tidy`."""

    def tidy(self) -> None:
        """Give back what is not needed any more. Waits for nobody."""

    def damages(self) -> list[str]:
        """What is wrong, one line each."""

    def count(self, table: str) -> int:
        """How many rows a table has."""

    def bytes(self) -> tuple[int, int]:
        """The size of the database, and of its log."""

    def finish(self) -> None:
        """End in order: nothing is left for the next one to mend."""

    def close(self) -> None:
        """End at once. May be called twice."""
