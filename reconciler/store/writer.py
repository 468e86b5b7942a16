"""The one writer: everything that changes the database goes through here, on one connection and one lane.

Invariants:
- A unit of work is all or nothing, and so is each of them in a group: units that wait at the same time share
  one transaction (group commit), and if any of them fails, all are tried again, each in a transaction of its
  own.
- A caller that is cancelled does not cancel its unit: the unit belongs to the writer from `submit` on.
- A unit with a guard is refused once the lease has changed hands: the check is part of the transaction.
- Order is that of submission, and nothing here depends on the clock: with an offload that calls functions at
  once, a simulation replays exactly. Such an offload may raise instead, before or after the call: that is a
  crash before or after a commit, and every caller is told.

Knows no tables.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from reconciler.model.metrics import NOBODY, STORE_WRITE, Meter
from reconciler.store.failures import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reconciler.runtime import Offload
    from reconciler.store.database import Database

T = TypeVar("T")

Guard: TypeAlias = "Callable[[Database], None]"
"""Raises LeaseLost where what it guards must not be written any more. Called within the transaction."""

LANE = "store"

LAST_CHORES = 20
"""How often, at most, housekeeping is taken up again before the end: what is left waits for the next process."""


class Chores(Protocol):
    """What is to be done from time to time."""

    def are_due(self) -> bool:
        """Whether it is time, or something is left of the last time."""

    def run(self, connection: Database) -> None:
        """Do a little of them, in transactions of their own: whoever commits meanwhile waits."""


@dataclass(frozen=True, slots=True, eq=False)
class _Unit:
    work: Callable[[Database], Any]
    guard: Guard | None
    durable: bool
    done: asyncio.Future[Any]


class Writer:
    """See the module.

    Args:
        database: the one connection that writes; the writer owns it from now on.
        offload: runs functions on the lane.
        chores: done on the lane, between transactions that somebody waits for.
        committed: is told, on the loop, what became of each unit, in the order of the commits; it must not fail.
        meter: is told how long transactions take.
    """

    def __init__(
        self,
        database: Database,
        offload: Offload,
        chores: Chores,
        committed: Callable[[Any], None],
        meter: Meter = NOBODY,
    ) -> None:
        self._meter = meter
        self._database = database
        self._offload = offload
        self._chores = chores
        self._committed = committed
        self._waiting: list[_Unit] = []
        self._task: asyncio.Task[None] | None = None
        self.closed = False
        self.trouble = ""
        """Why the last housekeeping failed, or ""."""

    async def submit(
        self, work: Callable[[Database], T], *, guard: Guard | None = None, durable: bool = False
    ) -> T:
        """Have `work` done in a transaction, together with others that wait.

        Args:
            work: reads and writes on the connection it is given; it may be called a second time after a
                rollback.
            guard: sees in the same transaction that the lease under which this is written is still ours; None for what
                needs none.
            durable: whether it must survive that this machine loses power, too.

        Raises:
            LeaseLost: it is not.
            StoreError: it was not written.
        """
        if self.closed:
            raise failure(
                self._database.place, "the store is closed", "this is a defect of froyo: please report it"
            )
        # A future of its own, which a cancelled caller takes down with it without touching the unit.
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Unit(work, guard, durable, done))
        if self._task is None:
            self._task = asyncio.create_task(self._flush(), name="store-writer")
        return await done

    async def alone(self, function: Callable[[Database], T]) -> T:
        """Call `function` on the lane, outside of any transaction.

        Raises:
            StoreError: it failed.
        """
        with self._explaining():
            return await self._offload(LANE, partial(function, self._database))

    async def close(self) -> None:
        """Write what waits, put the log into the database, and end. Nothing can be submitted any more."""
        self.closed = True
        while self._task is not None:
            await asyncio.shield(self._task)
        await self._offload(LANE, self._finish)

    def abandon(self) -> None:
        """End as a crash would: without finishing anything."""
        self.closed = True
        self._database.close()

    def _finish(self) -> None:
        # Commands that end at once would otherwise never get far with it.
        try:
            for _ in range(LAST_CHORES):
                if not self._chores.are_due():
                    break
                self._chores.run(self._database)
        except Exception as error:
            if self._database.explain(error) is None:
                raise
        finally:
            self._database.finish()

    async def _flush(self) -> None:
        """Commit group after group until nobody waits, and keep house in between, and then until that is done."""
        try:
            due = False
            while self._waiting or (due and not self.closed):
                if self._waiting:
                    group, self._waiting = self._waiting, []
                    due = await self._settle(group)
                if due:
                    due = await self._housekeeping()
        finally:
            self._task = None
            # Left only when this task is cancelled, as the end of the loop does: nobody would come back for
            # them.
            for unit in self._waiting:
                unit.done.cancel()
            self._waiting.clear()

    async def _settle(self, group: list[_Unit]) -> bool:
        """Commit `group` and tell its callers. True if housekeeping is due."""
        begun = asyncio.get_running_loop().time()
        try:
            results, due = await self._offload(LANE, partial(self._transact, group))
        except asyncio.CancelledError:
            for unit in group:
                unit.done.cancel()
            raise
        except BaseException as failed:  # noqa: BLE001 - not ours: it goes to each of those whom it concerns
            results, due = [(None, failed)] * len(group), False
        self._meter.observe(STORE_WRITE, asyncio.get_running_loop().time() - begun)
        for unit, (result, error) in zip(group, results, strict=True):
            if error is None:
                self._committed(result)
            if unit.done.done():
                continue  # its caller was cancelled
            if error is None:
                unit.done.set_result(result)
            else:
                unit.done.set_exception(error)
        return due

    def _transact(self, group: Sequence[_Unit]) -> tuple[list[tuple[Any, BaseException | None]], bool]:
        """On the lane: what became of each unit, and whether housekeeping is due."""
        try:
            results: list[tuple[Any, BaseException | None]] = [(done, None) for done in self._commit(group)]
        except Exception as error:  # noqa: BLE001 - each unit's own affair, once it is clear whose
            if len(group) == 1 or self._database.is_gone(error):
                explained = self._explained(error)
                return [(None, explained)] * len(group), False
            results = [self._transact([unit])[0][0] for unit in group]
        return results, self._is_due()

    def _commit(self, group: Sequence[_Unit]) -> list[Any]:
        database = self._database
        with database.transaction(durable=any(unit.durable for unit in group)):
            results = []
            for unit in group:
                if unit.guard is not None:
                    unit.guard(database)
                results.append(unit.work(database))
        return results

    def _explained(self, error: Exception) -> Exception:
        explained = self._database.explain(error)
        if explained is None:
            return error
        explained.__cause__ = error
        return explained

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if (explained := self._database.explain(error)) is None:
                raise
            raise explained from error

    # --- Between transactions -------------------------------------------------------------------------

    def _is_due(self) -> bool:
        return self._chores.are_due() or self._database.is_overgrown()

    async def _housekeeping(self) -> bool:
        """Keep house for a little while. True if something is left to do."""
        try:
            left = await self._offload(LANE, self._keep_house)
            self.trouble = ""
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - nobody waits for it; `froyo status` tells
            self.trouble = str(error)
            return False
        return left

    def _keep_house(self) -> bool:
        with self._explaining():
            if self._chores.are_due():
                self._chores.run(self._database)
            left = self._chores.are_due()
            if left and not self._database.is_overgrown():
                return True
            self._database.tidy()
            return left
