"""A place where a store is: how it is reached, and what shows there that the holder of its lease lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reconciler.store.blobs import Blobs
from reconciler.store.database import Database, Place
from reconciler.store.records import Lease, LeaseHolder


class LeaseLock(Protocol):
    """What shows that the holder of a lease lives: it dies with its process. Used on the writer's lane only.

    Attributes:
        taken: whether somebody else had it when it was tried last.
        waits: whether `wait` is worth a call before it is tried.
    """

    taken: bool
    waits: bool

    def wait(self) -> bool:
        """Take it, waiting a little for who has it to end. Outside of a transaction."""

    def try_lock(self) -> bool:
        """Take it if nobody else has it. True if it is held now."""

    def unlock(self) -> None:
        """Give it back. May be called twice."""

    def is_proof(self, found: Lease, newcomer: LeaseHolder) -> bool:
        """Whether a newcomer who has the lock may conclude that the holder of `found` is gone."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What is to be seen of those who work with a store, at one moment.

    Attributes:
        living: the members that show that they live.
        led: whether anybody has the lock of the lease.
        written: another number after each transaction that has written.
    """

    living: frozenset[int]
    led: bool
    written: int


class MemberLocks(Protocol):
    """What shows that a controller lives which shares the store. Used on the writer's lane, but for `signs`."""

    def take(self, number: int) -> bool:
        """Show from now on that the member of that number lives; whether that could be had."""

    def keep(self) -> None:
        """The same again, where what showed it was lost. Outside of a transaction."""

    def leave(self) -> None:
        """Show it no longer. May be called twice."""

    def is_dead(self, number: int) -> bool:
        """Within a transaction: whether nobody shows that another member lives, and nobody can until its end."""

    def signs(self, reader: Database) -> Signs:
        """Who lives, as far as it is to be seen, within a transaction that reads."""


class Connecting(Protocol):
    """A place where a store is or is going to be."""

    @property
    def place(self) -> Place:
        """What it is called in errors."""

    @property
    def blobs(self) -> Blobs:
        """Where the large contents are."""

    def writer(self) -> Database:
        """The one connection that writes; makes the database where that is its part.

        Raises:
            StoreError: it cannot be had.
        """

    def reader(self) -> Database:
        """A connection that cannot write.

        Raises:
            StoreError: there is no database, or it cannot be read.
        """

    def lock(self, writer: Database | None) -> LeaseLock:
        """The lock of the lease, for who writes by `writer`."""

    def members(self, writer: Database | None) -> MemberLocks | None:
        """What shows who shares it, for who writes by `writer`; None where it is one process's."""
