"""A controller of several that share a store's targets, as `froyo up --share` begins one, and what the server knows.

All that decides is the engine's own: membership (`store/sharing`), who has what (`app/sharing`), and what is put in
force by whose word (`app/following`, and intakes and rollouts where one leads). The store is SQLite, which one process
has alone; what a server would do for several is done here: it knows whose sessions live, and gives up the locks of one
that has ended. Whose session was dropped hears of that at its next word, and has another one from then on.
"""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from unittest import mock

from reconciler.app.sharing.following import Following
from reconciler.app.sharing.work import SharedWork
from reconciler.engine.intake.intake import Intake
from reconciler.engine.loop.controller import Controller
from reconciler.engine.loop.supervisor import Supervisor
from reconciler.engine.rollouts.rolling import Rolling
from reconciler.engine.share import Share
from reconciler.errors import StoreError
from reconciler.model.names import SourceName
from reconciler.model.target import Target
from reconciler.runtime import Runtime
from reconciler.store import store as store_module
from reconciler.store.connecting import Signs
from reconciler.store.records import Lease, LeaseHolder
from reconciler.store.sqlite.connecting import SQLitePlace
from reconciler.store.store import Store
from reconciler.targets.session import Session
from tests.sim.loop import SimTask
from tests.sim.manifests import SOURCE, load
from tests.sim.wire import Wire

if TYPE_CHECKING:
    from reconciler.store.database import Database
    from tests.sim.shared import Shared

T = TypeVar("T")
MEMBER: ContextVar["Member | None"] = ContextVar("member", default=None)


@dataclass(slots=True)
class Locks:
    """What the server knows.

    Attributes:
        members: the sessions that show that members live, by their numbers.
        leader: the session that has the lock of the lease; None where nobody has it.
        dropped: sessions that have ended, which their owners have not heard of yet.
    """

    members: dict[int, "Member"] = field(default_factory=dict)
    leader: "Member | None" = None
    dropped: set["Member"] = field(default_factory=set)

    def drop(self, one: "Member", *, dead: bool) -> None:
        """The session of a member ends: with its process, or not."""
        self.members = {number: each for number, each in self.members.items() if each is not one}
        self.leader = None if self.leader is one else self.leader
        if not dead:
            self.dropped.add(one)


class ModelledMemberLocks:
    """What shows that a member lives, for one of them."""

    def __init__(self, locks: Locks, owner: "Member") -> None:
        self._locks, self._owner = locks, owner
        self._number = 0

    def take(self, number: int) -> bool:
        self._number = number
        self._locks.members.setdefault(number, self._owner)
        return self._locks.members[number] is self._owner

    def keep(self) -> None:
        if self._number:
            self._locks.members.setdefault(self._number, self._owner)

    def leave(self) -> None:
        if self._number:
            self._locks.members.pop(self._number, None)

    def is_dead(self, number: int) -> bool:
        return number not in self._locks.members

    def signs(self, reader: "Database") -> Signs:
        [(written,)] = reader.select("PRAGMA data_version", {})
        return Signs(frozenset(self._locks.members), self._locks.leader is not None, int(written))


class ModelledLeaseLock:
    """The lock of the lease, for one of them."""

    waits = False

    def __init__(self, locks: Locks, owner: "Member") -> None:
        self._locks, self._owner = locks, owner
        self.taken = False

    def wait(self) -> bool:
        return self.try_lock()

    def try_lock(self) -> bool:
        self.taken = self._locks.leader not in (None, self._owner)
        if not self.taken:
            self._locks.leader = self._owner
        return not self.taken

    def unlock(self) -> None:
        if self._locks.leader is self._owner:
            self._locks.leader = None

    def is_proof(self, found: Lease, newcomer: LeaseHolder) -> bool:
        del newcomer
        return found.locked


class SharedPlace(SQLitePlace):
    """Where the store is that they share."""

    def lock(self, writer: "Database | None") -> ModelledLeaseLock:  # type: ignore[override] # a server's
        del writer
        return self._owner.lease_lock

    def members(self, writer: "Database | None") -> ModelledMemberLocks:  # type: ignore[override] # a server's
        del writer
        return ModelledMemberLocks(self._owner.scene.locks, self._owner)

    @property
    def _owner(self) -> "Member":
        one = MEMBER.get()
        assert one is not None
        return one


@contextlib.contextmanager
def served() -> Iterator[None]:
    """With every store being one that such a server has."""
    with mock.patch.object(store_module, "connecting", SharedPlace):
        yield


class Member:
    """See the module.

    Args:
        scene: of which it is a part.
        number: which process it is.

    Attributes:
        dead: it was killed.
        up: it is one of them and has not been told to end.
        frozen: what is to happen once it goes on; None where it is not stopped.
        was_up: it has been.
        cut_off_until: when it reaches the store again.
        crash_at: the write at which it is killed; None for none.
    """

    def __init__(self, scene: "Shared", number: int) -> None:
        self.scene, self.number = scene, number
        self.dead = self.up = self.was_up = False
        self.frozen: list[asyncio.Handle] | None = None
        self.cut_off_until = 0.0
        self.crash_at: int | None = None
        self.writes = 0
        self.told, self.ended = asyncio.Event(), asyncio.Event()
        self.tasks: dict[SimTask, None] = {}
        self.wires: list[Wire] = []
        self.lease_lock = ModelledLeaseLock(scene.locks, self)
        self.runtime = Runtime(
            connect=self._connect,
            now=scene.now,
            random=random.Random(f"{scene.seed}/member/{number}"),
            new_id=self._new_id,
            offload=self._offload,
            environ={},
            outside=scene.outside,
        )
        self._ids = 0
        self.store: Store
        self.controller: Controller
        self.supervisor: Supervisor
        self.intakes: dict[SourceName, Intake] = {}
        self.us = 0

    # --- Its life -----------------------------------------------------------------------------------------------------

    async def main(self) -> None:
        """From start to end."""
        self.store = await Store.open(self.scene.path, runtime=self.runtime)
        us = await self.store.membership.join(LeaseHolder("here", self.number, "boot", 0.0))
        self.us = us.number
        self.controller = Controller(
            store=self.store,
            host=self.scene.host,
            runtime=self.runtime,
            open_session=partial(Session.open, fence=self.store.fence_of),
            settings=self.scene.settings,
            share=Share(alone=False),
        )
        following = Following(
            self.store, self.runtime, self.controller, load_of=lambda _name: load, taken=lambda: None
        )
        self.supervisor = Supervisor(runtime=self.runtime)
        work = SharedWork(
            self.store,
            us,
            self.controller,
            following,
            sources=self,
            beat=partial(self.supervisor.beat, "sharing"),
        )
        self.supervisor.add("controller", self.controller.run)
        self.supervisor.add("sharing", partial(work.run, self._lead))
        await self.controller.start()
        self.up = self.was_up = True
        self.scene.note(f"{self.number} joins")
        running = asyncio.create_task(self.supervisor.run(), name="supervisor")
        waiting = asyncio.create_task(self.told.wait(), name="signals")
        try:
            await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            self.supervisor.end()
            await self.controller.stop(grace=5.0)
        finally:
            self.up = False
            for one in (waiting, running):
                one.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            await self.store.close()

    def _lead(self) -> None:
        self.scene.leads(self)
        self.controller.submissions.expected.add(SOURCE)
        intake = self.intakes[SOURCE] = Intake(
            SOURCE,
            load=load,
            submissions=self.controller.submissions,
            store=self.store,
            runtime=self.runtime,
        )
        rolling = Rolling(self.store, self.runtime, self.controller, self.intakes, self.scene.settings)
        self.supervisor.add("source", lambda: intake.run(self.scene.source.snapshots()))
        self.supervisor.add("rollouts", rolling.run)

    async def take_over(self) -> None:
        """Its one source declares no others."""

    def kill(self) -> None:
        """kill -9."""
        if self.dead:
            return
        self.thaw()
        self.dead, self.up = True, False
        self.scene.note(f"{self.number} is killed")
        if hasattr(self, "store"):
            self.store.abandon()
        for wire in self.wires:
            wire.sever()
        for task in list(self.tasks):
            task.cancel()
        self.ended.set()

    def freeze(self) -> None:
        """SIGSTOP."""
        if self.frozen is None:
            self.frozen = []

    def thaw(self) -> None:
        """SIGCONT."""
        if self.frozen is not None:
            kept, self.frozen = self.frozen, None
            self.scene.loop.thaw(kept)

    # --- The world, as it sees it -------------------------------------------------------------------------------------

    async def _connect(self, target: Target) -> Wire:
        if self.dead:
            await self._never()
        machine = self.scene.machines[target.name]
        fence = self.store.fence_of(target.name)
        assert fence is not None
        wire = await machine.connect(said=lambda _data: None, controller=fence.token)
        self.scene.opened[target.name, fence.token] = self
        self.wires = [one for one in self.wires if not one.closed]
        self.wires.append(wire)
        return wire

    async def _offload(self, lane: str, function: Callable[[], T]) -> T:
        if self.dead:
            await self._never()
        if not lane.startswith("store"):
            return function()
        self._reaches_it()
        if lane != "store":
            return function()
        self.writes += 1
        if self.crash_at is not None and self.writes >= self.crash_at and self.runtime.random.random() < 0.5:
            await self._die()
        # That it keeps house in a file is no news to anybody.
        says = getattr(getattr(function, "func", None), "__name__", "") == "_transact"
        with self.scene.looking(self) if says else contextlib.nullcontext():
            result = function()
        if self.crash_at is not None and self.writes >= self.crash_at:
            await self._die()
        return result

    async def _die(self) -> None:
        self.scene.kill(self)
        await self._never()

    def _reaches_it(self) -> None:
        if self.scene.loop.time() < self.cut_off_until:
            raise StoreError(f"{self.scene.path}: modelled: no route to the server")
        if self in self.scene.locks.dropped:
            self.scene.locks.dropped.remove(self)
            raise StoreError(f"{self.scene.path}: modelled: the session has ended")

    @staticmethod
    async def _never() -> None:
        await asyncio.get_running_loop().create_future()

    def _new_id(self) -> str:
        self._ids += 1
        return f"{int(self.scene.now() * 1000):012x}{self.number:04x}{self._ids:06x}"


def frozen(context: Context) -> list[asyncio.Handle] | None:
    """Where what is to happen is kept, of one that is stopped."""
    one = context.get(MEMBER)
    return one.frozen if one is not None else None


def register(task: SimTask) -> None:
    """Note whose a new task is."""
    one = MEMBER.get()
    if one is not None:
        one.tasks[task] = None
        task.add_done_callback(lambda task: one.tasks.pop(task, None))  # type: ignore[arg-type,misc] # of any result


def account(path: Path) -> sqlite3.Connection:
    """The store, for who only looks."""
    return sqlite3.connect(path, isolation_level=None)
