"""One life of the controller's process: put together as `froyo up` does, stopped in order, or killed at any instant.

After `kill` nothing that the process still does has any effect: its store is closed under it, its connections are the
kernel's to close, and its tasks are ended. What it had sent is on its way all the same.
"""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Callable, Collection, Coroutine
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.app.leading import LEASE, stand_by
from reconciler.app.mending import Mending
from reconciler.app.rolling_back import RollingBack
from reconciler.core.conditions import summarize
from reconciler.engine.intake.doubt import NO_DOUBT, Doubt
from reconciler.engine.intake.intake import Intake
from reconciler.engine.intake.unknown import kept_while_waiting
from reconciler.engine.intake.wanted import Taken
from reconciler.engine.lane.lane import Lane
from reconciler.engine.loop.controller import Controller
from reconciler.engine.loop.rounds import Rounds
from reconciler.engine.loop.submissions import Submissions
from reconciler.engine.loop.supervisor import Supervisor
from reconciler.engine.round.outcome import RoundOutcome
from reconciler.errors import LeaseLost, StoreError
from reconciler.model.calls import Call, Reply
from reconciler.model.desired import Desired
from reconciler.model.facts import Section
from reconciler.model.names import SourceName, TargetName
from reconciler.model.source import Snapshot
from reconciler.model.target import Target
from reconciler.plugins.calls import Perform, Phase
from reconciler.plugins.capabilities import Grants
from reconciler.runtime import Runtime
from reconciler.store.records import LeaseHolder
from reconciler.store.store import Store
from reconciler.targets.session import Session
from tests.sim.cluster import report
from tests.sim.git import is_pushed
from tests.sim.loop import SimTask
from tests.sim.manifests import load
from tests.sim.native import NativeHost
from tests.sim.packages import PACKAGES
from tests.sim.secrets import ProcessVault
from tests.sim.wire import Wire

if TYPE_CHECKING:
    from tests.sim.world import World

T = TypeVar("T")

PROCESS: ContextVar["Process | None"] = ContextVar("process", default=None)
HOLDER = LeaseHolder(host="controller", pid=1, boot_id="boot", since=0.0)


class WatchedHost(NativeHost):
    """The host, with somebody who looks at what it is asked to do."""

    process: "Process"

    async def run(self, package: str, phase: Phase, request: Any, perform: Perform) -> dict[str, Any]:
        if self.process.superseded:
            return await super().run(package, phase, request, perform)
        with self.process.world.monitor.provider(self.process, phase, request):
            return await super().run(package, phase, request, perform)


class WatchedSubmissions(Submissions):
    """What takes sources in, with somebody who looks at what they declare."""

    process: "Process"

    async def submit(self, desired: Desired, *, doubt: Doubt = NO_DOUBT) -> Taken | None:
        # Where it is not known what is declared, what was counts.
        before = self.in_force.of(desired.source) or self.in_force.earlier.get(desired.source)
        if self.process.superseded or self._workers.stopping:  # who was told to end takes nothing in
            return await super().submit(desired, doubt=doubt)
        self.process.world.monitor.declared(self.process, kept_while_waiting(desired, before))
        return await super().submit(desired, doubt=doubt)


class WatchedRounds(Rounds):
    """The rounds, with somebody who looks at them."""

    process: "Process"

    async def _round(self, lane: Lane, session: Session, dirty: Any, *, afresh: bool) -> None:
        with self.process.world.monitor.round(self.process, lane.target.name):
            await super()._round(lane, session, dirty, afresh=afresh)

    def _schedule(self, lane: Lane, outcome: RoundOutcome, *, whole: bool) -> None:
        self.process.world.note(
            "round",
            machine=lane.target.name,
            whole=whole,
            unchanged=outcome.unchanged,
            looked_at=",".join(address.rpartition("/")[2] for address in outcome.looked_at),
            changed=",".join(address.rpartition("/")[2] for address in outcome.changed),
            failed={
                address.rpartition("/")[2]: str(summary.reason)
                for address in outcome.looked_at
                if address in lane.states
                and not (summary := summarize(lane.states[address].conditions)).ready
            },
        )
        super()._schedule(lane, outcome, whole=whole)


def watched(controller: Controller, process: "Process") -> Controller:
    """The controller, with somebody who looks at its parts. They are what they were but for that."""
    for part, looked_at in (
        (controller.submissions, WatchedSubmissions),
        (controller._rounds, WatchedRounds),
    ):
        vars(part)["process"] = process
        part.__class__ = looked_at
    return controller


class Process:
    """See the module.

    Args:
        world: in which it runs.
        number: of this life.
        directory: with the store.
    """

    def __init__(self, world: "World", *, number: int, directory: Path) -> None:
        self.world = world
        self.number = number
        self.path = directory / "froyo.db"
        self.dead = False
        self.up = False
        self.tasks: dict[SimTask, None] = {}
        self.wires: list[Wire] = []
        self.writes = 0
        self.crash_at: tuple[int, str] | None = None
        self.vault = ProcessVault(world.secrets)
        self.told = asyncio.Event()
        self.killed = asyncio.Event()
        self.left: list[str] = []
        self.runtime = Runtime(
            connect=self._connect,
            now=world.now,
            random=random.Random(f"{world.seed}/process/{number}"),
            new_id=self._new_id,
            offload=self._offload,
            environ={},
            outside=self._outside,
        )
        self._ids = 0
        self.store: Store
        self.controller: Controller
        self.intakes: dict[SourceName, Intake] = {}
        self.mending: dict[SourceName, Mending] = {}
        self.supervisor: Supervisor
        self.host: WatchedHost
        self.account: sqlite3.Connection | None = None
        self.rolling_back: RollingBack | None = None
        self.frozen: list[asyncio.Handle] | None = None
        self.superseded = self.renewing = False
        self.term = 0
        self.cut_off_until = 0.0

    # --- its life ---------------------------------------------------------------------------------------------

    async def main(self) -> None:
        """From start to end."""
        self.store = await Store.open(self.path, runtime=self.runtime)
        if self.world.several:
            await self._lead()
        else:
            await self.store.acquire_lease(HOLDER, 1e9)
        self.account = sqlite3.connect(self.path, isolation_level=None)
        self.world.monitor.begun(self)
        self.host = WatchedHost(
            PACKAGES, grants=Grants({one.name: one.capabilities for one in PACKAGES}), audit=self._audited
        )
        self.host.process = self
        self.host._loaded = self.world.plugins
        self.controller = Controller(
            store=self.store,
            host=self.host,
            runtime=self.runtime,
            open_session=self._open_session(),
            settings=self.world.settings,
            policies=self.world.rules.of(self),
        )
        watched(self.controller, self)
        self.controller.gathering.changed = self._facts_changed
        self.supervisor = Supervisor(runtime=self.runtime)
        self.supervisor.add("controller", self.controller.run)
        for source in self.world.served:
            self._serve(source)
        if self.world.several:
            self.supervisor.add("lease", self._keep_leading)
        if is_pushed(self.world.seed):
            self.rolling_back = RollingBack(self.store, self.runtime, self.intakes)
            self.supervisor.add("rollbacks", self.rolling_back.run)
        await self.controller.start()
        self.up = True
        running = asyncio.create_task(self.supervisor.run(), name="supervisor")
        waiting = asyncio.create_task(self.told.wait(), name="signals")
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        self.left = list(await self.controller.stop(grace=self.world.grace))
        self.up = False
        waiting.cancel()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await self.store.close()

    def _open_session(self) -> Any:
        opened = partial(Session.open, secrets=self.vault.of)
        return partial(opened, fence=self.store.fence_of) if self.world.several else opened

    async def _lead(self) -> None:
        """Stand by until nobody else leads."""
        where: Any = SimpleNamespace(kept_in="the store")
        await stand_by(self.store, self.runtime, where, lambda _said: None, lambda _said: None)
        self.world.leads(self)

    async def _keep_leading(self) -> None:
        """End as soon as it is known that another one leads."""
        while True:
            await asyncio.sleep(LEASE / 3)
            try:
                self.renewing = True
                await self.store.renew_lease(LEASE)
            except LeaseLost:
                self.world.note("a controller hears that it leads no longer", process=self.number)
                self.kill()
            except StoreError:
                pass  # it cannot be told just now
            finally:
                self.renewing = False

    def freeze(self) -> None:
        """SIGSTOP."""
        if not self.dead and self.frozen is None:
            self.world.note("the controller is frozen", process=self.number)
            self.frozen = []

    def thaw(self) -> None:
        """SIGCONT."""
        if self.frozen is not None:
            self.world.note("the controller goes on", process=self.number)
            kept, self.frozen = self.frozen, None
            self.world.loop.thaw(kept)

    def dropped(self) -> None:
        """The server of the store has dropped its session, of which it hears when it asks for something."""
        if hasattr(self, "store"):
            self.store._lock.unlock()

    def _serve(self, name: SourceName) -> None:
        self.controller.submissions.expected.add(name)
        watched = self.world.sources[name].watched(self)
        intake = self.intakes[name] = Intake(
            name,
            load=self._load,
            submissions=self.controller.submissions,
            store=self.store,
            runtime=self.runtime,
            taken=self._taken,
            follows=watched.doubt,
        )

        mending = None
        if watched.apart is not None:
            before, offload = partial(self.store.snapshot_in_force, name), self.runtime.offload
            mending = Mending(watched.apart, load=self._load, before=before, offload=offload)
            self.mending[name] = mending

        async def run() -> None:
            if watched.remote:
                await intake.resume()
            snapshots = watched.snapshots()
            await intake.run(snapshots if mending is None else mending.mended(snapshots))

        self.supervisor.add(f"source {name}", run)
        if watched.objects is not None:
            self.supervisor.add(f"statuses {name}", lambda: report(self, name, watched))

    async def reconsider(self) -> None:
        """What all sources declare is seen once more: what that is evaluated with is another one."""
        for name, intake in list(self.intakes.items()):
            if name in self.mending:
                self.mending[name].again()
            else:
                await intake.reconsider()

    def _load(self, shown: Snapshot) -> Desired:
        return load(shown, self.controller.facts.known if self.world.asks else None, self.vault)

    async def _facts_changed(self, name: TargetName, sections: Collection[Section]) -> None:
        """What depends on what a machine says of itself is seen once more."""
        self.world.note("facts", machine=name, sections=",".join(sorted(sections)))
        if self.world.asks and "os" in sections:
            await self.reconsider()

    async def _taken(self, desired: Desired) -> None:
        """What had to wait for this is taken, too."""
        for name, intake in list(self.intakes.items()):
            if name != desired.source:
                await intake.again()

    def spawn(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Have something done in this process."""
        token = PROCESS.set(self)
        try:
            return asyncio.get_running_loop().create_task(work, name=name)
        finally:
            PROCESS.reset(token)

    def kill(self) -> None:
        """kill -9."""
        if self.dead:
            return
        self.thaw()
        self.dead = True
        self.up = False
        self.killed.set()
        self.world.note("the controller is killed", process=self.number, writes=self.writes)
        if hasattr(self, "store"):
            self.store.abandon()
        for wire in self.wires:
            wire.sever()
        for task in list(self.tasks):
            task.cancel()

    async def reap(self) -> None:
        """Wait until nothing of it is left."""
        for _ in range(50):
            if not self.tasks:
                break
            for task in list(self.tasks):
                task.cancel()
            await asyncio.wait(list(self.tasks), timeout=10.0)
        if self.tasks:
            self.world.monitor.violated("tasks do not end when cancelled", [t.get_name() for t in self.tasks])
        if self.account is not None:
            self.account.close()
            self.account = None

    # --- the world, as it sees it -----------------------------------------------------------------------------

    async def _connect(self, target: Target) -> Wire:
        if self.dead:
            await self._never()
        wire = await self.world.machines[target.name].connect(
            said=lambda data: self.world.monitor.said(self, target.name, data), controller=self.term
        )
        self.wires = [one for one in self.wires if not one.closed]
        self.wires.append(wire)
        return wire

    async def _offload(self, lane: str, function: Callable[[], T]) -> T:
        if self.dead:
            await self._never()
        if lane != "store":
            return function()
        self.writes += 1
        due = self.crash_at is not None and self.writes >= self.crash_at[0]
        if due and self.crash_at is not None and self.crash_at[1] == "before":
            self.kill()
            await self._never()
        if self.up and self.world.loop.time() < self.cut_off_until:
            raise StoreError(f"{self.path}: modelled: no route to the server")
        if self.up and self.world.store_fails():
            raise StoreError(f"{self.path}: modelled: database or disk is full")
        before = self._version()
        result = function()
        # That it keeps house in a file is no news to anybody.
        said = getattr(getattr(function, "func", None), "__name__", "") == "_transact"
        if said and before != self._version():
            self.world.monitor.must_not("a store is written by one that leads no longer", self.number)
        if due:
            self.kill()
            await self._never()
        self.world.monitor.committed(self)
        return result

    def _version(self) -> Any:
        """Of the store, for one that leads no longer: it is another one once somebody has written."""
        asked = self.superseded and self.account is not None
        return self.account.execute("PRAGMA data_version").fetchone() if asked and self.account else None

    async def _outside(self, call: Call, reach: Any) -> Reply:
        if self.dead:
            await self._never()
        return await self.world.pages.ask(reach.__self__.target.name, call)

    @staticmethod
    async def _never() -> None:
        await asyncio.get_running_loop().create_future()

    def _new_id(self) -> str:
        self._ids += 1
        return f"{int(self.world.now() * 1000):012x}{self.number:04x}{self._ids:06x}"

    def _audited(self, kind: str, facts: Any) -> None:
        self.world.note("audit", kind=kind, facts=dict(facts))


def register(task: SimTask) -> None:
    """Note to which process a new task belongs."""
    process = PROCESS.get()
    if process is not None:
        process.tasks[task] = None
        task.add_done_callback(lambda task: process.tasks.pop(task, None))  # type: ignore[arg-type,misc] # a task of any result
