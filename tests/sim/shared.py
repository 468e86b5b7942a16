"""Several controllers that share the targets of one store: `python -m tests.sim --shared`.

Each seed is a handful of machines, one source, and members that come, end, are killed at any write or anywhere, are
stopped for up to a minute and go on, lose their sessions at the store, or do not reach it. Meanwhile the source says
something else, people write into files, and machines are away. In half of the seeds revisions come wave by wave.

What must never be, whatever happens:

- a change on a machine by a member that has not got it on record; or, of one that is no member any more, after
  another one has come there;
- anything begun, or written to the store, by one that may not; a part that goes to somebody else while its member is
  one, or under a token that was used before; a member that is taken for dead and whose session lives;
- once it is quiet, anything that is not as declared, or lost: what was there before us, what a handler is owed; and a
  part that moves although neither who has it nor who gets it has come or gone.
"""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.core.conditions import Summary, summarize
from reconciler.core.contest import ContestRules
from reconciler.core.prune import Budget
from reconciler.core.sharing import shard_of
from reconciler.engine.settings import EngineSettings
from reconciler.errors import FroyoError, LeaseLost, StoreError
from reconciler.model.calls import Call, Reply
from reconciler.model.names import Address, TargetName, split_address
from reconciler.plugins.capabilities import Grants
from tests.sim.files import Node
from tests.sim.machine import Machine
from tests.sim.manifests import SOURCE
from tests.sim.members import MEMBER, Locks, Member, account
from tests.sim.native import NativeHost
from tests.sim.packages import PACKAGES
from tests.sim.runner import Runner
from tests.sim.source import SimSource

EPOCH = 1_800_000_000.0
VIM = {"command": "vim", "pid": 4711, "user": "alice"}
OLD = b"was here before\n"
KEPT = "SELECT address FROM inventory WHERE preimage IS NOT NULL AND address LIKE '%/File/x1%'"


class SharedMachine(Machine):
    """A machine, each change of which is told with whoever makes it."""

    scene: "Shared"

    def changed_by(self, runner: Runner) -> None:
        super().changed_by(runner)
        self.scene.changed_by(self, runner)


class _Witness:
    """Who hears what happens at machines."""

    def __init__(self, scene: "Shared") -> None:
        self._scene = scene

    def two_at_a_time(self, machine: Machine, older: int, newer: int) -> None:
        self._scene.violated(f"{machine.name} is changed under {older} after {newer} has come")

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_, **__: None


@dataclass(slots=True)
class Record:
    """What the store says of who shares it."""

    members: set[int]
    shards: dict[int, tuple[int, int]]
    begun: set[tuple[str, str]]
    replaced: set[TargetName]
    version: int


class Shared:
    """One seed.

    Attributes:
        violations: what must never have been.
        lines: what happened.
        opened: the member that has opened a session to a target under a token.
    """

    def __init__(self, seed: int, directory: Path) -> None:
        self.seed, self.directory, self.path = seed, directory, directory / "froyo.db"
        self.random = random.Random(f"shared {seed}")
        self.loop: Any = asyncio.get_running_loop()
        self.violations: list[str] = []
        self.lines: list[str] = []
        self.failed = asyncio.Event()
        self.locks = Locks()
        self.opened: dict[tuple[TargetName, int], Member] = {}
        self.members: list[Member] = []
        self.machines: dict[TargetName, SharedMachine] = {}
        self.old: set[TargetName] = set()
        self.replaced: set[TargetName] = set()
        self.commits = self.changes = self.lives = 0
        self._account: sqlite3.Connection | None = None
        self._joined: set[int] = set()
        self._keeping: set[asyncio.Task[None]] = set()
        self._tokens: dict[int, int] = {}
        for number in range(self.random.choice([3, 6, 8])):
            name = TargetName(f"m{number}")
            machine = SharedMachine(name, seed=f"{seed}/{name}", witness=_Witness(self), now=self.now)
            machine.scene = self
            self.machines[name] = machine
            if self.random.random() < 0.4:
                self.old.add(name)
                machine.files.put("/srv/x1", Node(content=OLD), VIM)
        self.source = SimSource(SOURCE)
        self.turn = 0
        self.rolls = self.random.random() < 0.5
        self.settings = EngineSettings(
            contest=ContestRules(patience=10.0, longest_pause=30.0, quiet=20.0),
            retry_cap=10.0,
            rescan_patience=60.0,
            prune=Budget(instances=1000),
        )
        self.host = NativeHost(
            PACKAGES, grants=Grants({one.name: one.capabilities for one in PACKAGES}), audit=lambda *_: None
        )

    # --- What is declared ---------------------------------------------------------------------------------------------

    def say(self) -> None:
        """The source says something else."""
        self.turn += 1
        names = [str(name) for name in self.machines]
        page = {"path": "/srv/page", "content": f"turn {self.turn}\n"}
        reload = {"argv": ["note", "reload"], "refreshOnly": True}
        resources: list[dict[str, Any]] = [
            {
                "kind": "File",
                "name": "page",
                "spec": page,
                "common": {"notify": ["Exec/reload"]},
                "on": names,
            },
            {"kind": "Exec", "name": "reload", "spec": reload, "common": {}, "on": names},
        ]
        for number in range(3):
            on = [name for name in names if self.random.random() < 0.5]
            spec = {"path": f"/srv/x{number}", "content": f"x{number} {self.turn % 2}\n"}
            common = {"deletion": "delete"}
            resources.append({"kind": "File", "name": f"x{number}", "spec": spec, "common": common, "on": on})
        spec = {"targets": {}, "waves": [{"size": "1"}, {"size": "50%"}], "maxUnavailable": 2}
        document = {
            "targets": dict.fromkeys(names, 22),
            "resources": [one for one in resources if one["on"]],
            "rollouts": {"web": spec} if self.rolls else {},
        }
        self.source.say(document)
        self.note(f"the source says turn {self.turn}")

    # --- What is looked at --------------------------------------------------------------------------------------------

    def now(self) -> float:
        """The wall clock."""
        return EPOCH + float(self.loop.time())

    def note(self, what: str) -> None:
        """Something happens."""
        self.lines.append(f"{self.loop.time():10.3f} {what}")

    def violated(self, what: str) -> None:
        """Something that must never be."""
        self.note(f"VIOLATION {what}")
        self.violations.append(f"{self.loop.time():.3f} {what}")
        self.failed.set()

    def leads(self, one: Member) -> None:
        """Another one leads."""
        self.note(f"{one.number} leads")

    async def outside(self, call: Call, reach: Any) -> Reply:
        """There are no pages."""
        raise NotImplementedError(call, reach)

    def record(self) -> Record:
        """What the store says of who shares it."""
        assert self._account is not None
        ask = self._account.execute
        return Record(
            {number for (number,) in ask("SELECT number FROM members")},
            {
                shard: (member, token)
                for shard, member, token in ask("SELECT shard, member, token FROM shards")
            },
            {*ask("SELECT run, address FROM plan_units WHERE outcome IS NULL")},
            {split_address(Address(address))[0] for (address,) in ask(KEPT)},
            ask("PRAGMA data_version").fetchone()[0],
        )

    @contextlib.contextmanager
    def looking(self, one: Member) -> Iterator[None]:
        """A member is about to write to the store."""
        if self._account is None:
            self._account = account(self.path)
        before = self.record()
        yield
        after = self.record()
        if before.version == after.version:
            return
        self.commits += 1
        if one.us in self._joined and one.us not in before.members:
            self.violated(f"{one.number} writes to the store, and is no member any more")
        self._joined |= after.members
        self.replaced |= after.replaced
        for number in before.members - after.members:
            if number != one.us and number in self.locks.members:
                self.violated(f"{one.number} takes a member for dead whose session lives")
        for shard, (member, token) in after.shards.items():
            was, _ = before.shards.get(shard, (0, 0))
            if member == was:
                continue
            if was and was in after.members and not (member == 0 and was == one.us):
                self.violated(f"{one.number} takes part {shard} from one who is there")
            if member and (member != one.us or token <= self._tokens.get(shard, 0)):
                self.violated(f"part {shard} changes hands under {token}, after {self._tokens.get(shard, 0)}")
            self._tokens[shard] = max(token, self._tokens.get(shard, 0))
        for _, address in sorted(after.begun - before.begun):
            owner, _ = after.shards.get(shard_of(split_address(Address(address))[0]), (0, 0))
            if owner != one.us:
                self.violated(f"{one.number} begins something on {address}, which is another one's")

    def close(self) -> None:
        """Look at nothing any more."""
        if self._account is not None:
            self._account.close()

    def wanted(self) -> dict[TargetName, dict[str, bytes | None]]:
        """What is to be at each path of each machine; None for nothing."""
        found: dict[TargetName, dict[str, bytes | None]] = {}
        for name in self.machines:
            found[name] = {f"/srv/x{number}": None for number in range(3)}
            if name in self.old:
                found[name]["/srv/x1"] = OLD
            if name in self.old - self.replaced:
                # Who replaced it was killed before that was on record, or nobody has.
                del found[name]["/srv/x1"]
            for one in self.source.document["resources"]:
                if "path" in one["spec"] and name in one["on"]:
                    found[name][one["spec"]["path"]] = one["spec"]["content"].encode()
        return found

    def has_heard(self, machine: Machine) -> bool:
        """Whether its handler has run since we have changed what notifies it."""
        changed = [one.at for one in machine.changes if one.ours and one.path == "/srv/page"]
        ran = [at for at, argv in machine.programs.ran if argv == ("note", "reload")]
        return not changed or (bool(ran) and max(ran) >= max(changed))

    def unready(self, one: Member) -> list[tuple[Address, Summary]]:
        """What a member does not call ready."""
        known = {address: summarize(state.conditions) for address, state in one.controller.states().items()}
        return [(address, said) for address, said in known.items() if not said.ready]

    def changed_by(self, machine: Machine, runner: Runner) -> None:
        """A runner is about to change a machine."""
        self.changes += 1
        one, record = self.opened[machine.name, runner.controller], self.record()
        owner, _ = record.shards.get(shard_of(machine.name), (0, 0))
        if owner != one.us and (one.us in record.members or (one.told.is_set() and not one.dead)):
            self.violated(f"{one.number} changes {machine.name}, which is another one's on record")

    # --- Members ------------------------------------------------------------------------------------------------------

    @property
    def living(self) -> list[Member]:
        """Those that do something."""
        return [one for one in self.members if one.up and one.frozen is None]

    def begin(self) -> Member:
        """Have another one."""
        self.lives += 1
        one = Member(self, self.lives)
        self.members.append(one)
        token = MEMBER.set(one)
        try:
            main = self.loop.create_task(one.main(), name=f"member {one.number}")
        finally:
            MEMBER.reset(token)
        keeping = asyncio.create_task(self._keep(one, main), name=f"keep {one.number}")
        self._keeping.add(keeping)
        keeping.add_done_callback(self._keeping.discard)
        return one

    async def _keep(self, one: Member, main: "asyncio.Task[None]") -> None:
        ended = asyncio.create_task(one.ended.wait(), name="killed")
        await asyncio.wait([main, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        error = main.exception() if main.done() and not main.cancelled() else None
        if error is not None and not one.dead:
            # Who cannot reach the store when it begins or ends, says so and ends.
            is_away = isinstance(error, StoreError) and (one.told.is_set() or not one.was_up)
            if not isinstance(error, LeaseLost) and not is_away:
                self.violated(f"{one.number} ends by itself: {error!r}")
            self.kill(one)
        one.dead, one.up = True, False
        for _ in range(50):
            if not one.tasks:
                break
            for task in list(one.tasks):
                task.cancel()
            await asyncio.wait(list(one.tasks), timeout=10.0)
        if main.done() and not main.cancelled():
            main.exception()  # which has been looked at, or is of one that was killed
        if one.tasks:
            self.violated(f"tasks of {one.number} do not end: {[task.get_name() for task in one.tasks]}")
        self.members.remove(one)
        self.locks.dropped.discard(one)
        self.note(f"{one.number} has ended")

    def kill(self, one: Member) -> None:
        """A process ends, and so do its sessions, now or when the server hears of it."""
        one.kill()
        if self.random.random() < 0.7:
            self.locks.drop(one, dead=True)
        else:
            self.loop.call_later(self.random.uniform(0.0, 20.0), lambda: self.locks.drop(one, dead=True))

    def ask(self, one: Member, work: Any) -> None:
        """A person wants something of a member."""

        async def asked() -> None:
            with contextlib.suppress(FroyoError):
                await work

        token = MEMBER.set(one)
        try:
            self.loop.create_task(asked(), name="user")
        finally:
            MEMBER.reset(token)
