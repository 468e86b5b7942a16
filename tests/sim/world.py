"""Everything that a simulation is made of, and the account of what happens in it."""

import asyncio
import contextlib
import hashlib
import random
import sqlite3
from collections import ChainMap
from pathlib import Path
from typing import Any

from reconciler.core.contest import ContestRules
from reconciler.core.prune import Budget
from reconciler.core.schedule import Rhythm
from reconciler.engine.settings import EngineSettings
from reconciler.model.names import SourceName, TargetName
from tests.sim import meddling, scribes
from tests.sim.author import Authors
from tests.sim.boots import Cause
from tests.sim.cluster import ApiServer, AppliedSource, is_clustered
from tests.sim.dpkg import Installed
from tests.sim.files import Json, Node, digest_of
from tests.sim.git import PushedSource, is_pushed
from tests.sim.loop import SimLoop
from tests.sim.machine import Machine
from tests.sim.monitor import Monitor
from tests.sim.pages import Pages
from tests.sim.process import Process
from tests.sim.rules import Rules
from tests.sim.secrets import Secrets
from tests.sim.source import SimSource

EPOCH = 1_800_000_000.0
MACHINES = (1, 1, 2, 3)
AUTHORS = (1, 1, 2, 2, 3)


def authors_of(seed: int) -> int:
    """How many authors there are in the world of a seed."""
    random_ = random.Random(f"{seed}/world")
    random_.choice(MACHINES)
    return random_.choice(AUTHORS)


class World:
    """See the module.

    Args:
        seed: of everything that is left to chance.
        directory: for the store.
        several: whether controllers stand by, and take over when the one that leads does not answer.
    """

    def __init__(self, seed: int, directory: Path, *, several: bool = False) -> None:
        self.seed = seed
        self.several = several
        # Whether what is declared depends on what the machines say of themselves.
        self.asks = random.Random(f"{seed}/asks").random() < 0.4
        self.directory = directory
        self.loop: SimLoop = asyncio.get_running_loop()  # type: ignore[assignment] # there is no other
        self.random = random.Random(f"{seed}/world")
        self.trace: list[tuple[float, str, Json]] = []
        self.failed = asyncio.Event()
        self.monitor = Monitor(self)
        self.clock_offset = 0.0
        self.store_trouble = 0.0
        self.grace = 5.0
        self.plugins: dict[str, Any] = {}
        self.secrets = Secrets(seed)
        names = [f"m{number}" for number in range(self.random.choice(MACHINES))]
        self.machines: dict[TargetName, Machine] = {
            TargetName(name): Machine(name, seed=f"{seed}/{name}", witness=self, now=self.now)
            for name in names
        }
        self.authors = Authors(seed, names, self.random.choice(AUTHORS), now=self.now)
        self.server = ApiServer(random.Random(f"{seed}/server"))
        self.server.let_go = self.monitor.removals.let_go
        self.sources = {name: self._source(name) for name in self.authors.by_source}
        self.alone_in_cluster = is_clustered(seed) and len(self.sources) == 1
        self.served: list[SourceName] = list(self.sources)
        for machine in self.machines.values():
            self._populate(machine)
        self.settings = self._settings()
        self.process: Process | None = None
        self.replicas: list[Process] = []
        self.lives = self.terms = 0
        self.pages = Pages(seed)
        self.rules = Rules(seed, self.now)

    def _source(self, name: SourceName) -> SimSource | PushedSource | AppliedSource:
        if is_pushed(self.seed):
            return PushedSource(name, f"{self.seed}")
        return AppliedSource(name, self.server) if is_clustered(self.seed) else SimSource(name)

    def _populate(self, machine: Machine) -> None:
        """Somebody has lived here before."""
        for one in self.authors.slots:
            path = one["spec"]["path"]
            if not machine.files.has_parent(path) or self.random.random() < 0.5:
                continue
            if one["kind"] == "Directory":
                node = Node("directory", 0o700)
            elif one["kind"] == "Symlink":
                node = Node("symlink", 0o777, to="/nowhere")
            else:
                wanted = one["spec"].get("content", "").encode()
                content = self.random.choice(
                    [wanted, b"was here before\n", b"%s was here\n" % path.encode(), b"\xff\x00binary" * 9]
                )
                node = Node(content=content)
            machine.files.put(path, node, {"command": "history", "pid": 1})
        machine.clockwork = frozenset(one for each in self.authors.clockworks for one in each.people)
        machine.contents = ChainMap(*(one.contents for one in self.authors.packers))
        machine.texts, machine.real = frozenset(self.authors.texts), self.secrets.real
        lived = random.Random(f"{self.seed}/{machine.name}/wrote")
        for path in self.authors.texts:
            for _ in range(lived.choice([0, 1, 1, 3]) if machine.files.has_parent(path) else 0):
                scribes.meddle(machine.files, path, lived, {"command": "history", "pid": 1})
        if self.authors.households:
            meddling.furnish(
                machine.system, self.authors.archive, random.Random(f"{self.seed}/{machine.name}/lived")
            )
        elif self.authors.clockworks:
            machine.system.furnish()

    def _settings(self) -> EngineSettings:
        """The numbers of the loop: as they are by default, or smaller, so that more happens."""
        random_ = self.random
        rhythm = Rhythm(watched=60.0, unwatched=10.0, settle=0.25)
        contest = ContestRules(patience=random_.choice([10.0, 60.0]), longest_pause=30.0, quiet=20.0)
        return EngineSettings(
            rhythm=rhythm,
            contest=contest,
            retry_cap=random_.choice([10.0, 60.0]),
            concurrent_rounds=random_.choice([1, 2, 64]),
            rescan_patience=random_.choice([5.0, 60.0]),
            apply_patience=random_.choice([8.0, 90.0]),
            batch=random_.choice([1, 3, 2000]),
            prune=Budget(instances=random_.choice([1, 3])),
            max_disrupted=random.Random(f"{self.seed}/disrupted").choice([1, 1, 2]),
        )

    # --- for those in it --------------------------------------------------------------------------------------

    def now(self) -> float:
        """The wall clock of everybody."""
        return EPOCH + self.loop.time() + self.clock_offset

    def store_fails(self) -> bool:
        """Whether the next write to the store is to fail."""
        return bool(self.store_trouble) and self.random.random() < self.store_trouble

    def forget_facts(self) -> None:
        """What is on record of the machines themselves gets lost while no controller runs."""
        path = self.directory / "froyo.db"
        if path.exists():
            with (
                contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection,
                contextlib.suppress(sqlite3.OperationalError),  # there is no table yet
            ):
                connection.execute("DELETE FROM facts")
            self.note("facts are lost")

    def note(self, what: str, **details: Any) -> None:
        """Something happened."""
        self.trace.append((self.loop.time(), what, details))

    def wrote(self, machine: Machine, command: str, item: Json, result: Json, before: Node | None) -> None:
        """For machines."""
        self.monitor.wrote(machine, command, item, result, before)

    def unpacked(self, machine: Machine, item: Json, before: dict[str, Node | None]) -> None:
        """For machines."""
        self.monitor.unpacked(machine, item, before)

    def ran(self, machine: Machine, argv: list[str]) -> None:
        """For machines."""
        self.monitor.ran(machine, argv)

    def begins(self, machine: Machine, argv: list[str]) -> None:
        """For machines."""
        self.monitor.begins(machine, argv)

    def ordered(self, machine: Machine, command: str, item: Json) -> None:
        """For machines."""
        self.monitor.custody.ordered(machine, command, item)

    def refused(self, machine: Machine, item: Json) -> None:
        """For machines."""
        self.monitor.custody.refused(machine, item)

    def settled(self, machine: Machine, subject: str) -> None:
        """For machines."""
        self.monitor.custody.settled(machine, subject)

    def transacted(self, machine: Machine, before: dict[str, Installed], names: list[str]) -> None:
        """For machines."""
        self.monitor.custody.transacted(machine, before, names)

    def ran_unit(self, machine: Machine, unit: str, job: str, by: Json | None) -> None:
        """For machines."""
        self.monitor.custody.ran_unit(machine, unit, job, by)

    def went_down(self, machine: Machine, cause: Cause, *, was_asked: bool, before: bool) -> None:
        """For machines."""
        self.monitor.downtimes.went_down(machine, cause, was_asked=was_asked, before=before)

    def leads(self, process: Process) -> None:
        """Another controller leads from now on."""
        if self.process is not None and self.process is not process:
            self.process.superseded = True
        self.terms += 1
        process.term = self.terms
        self.note("a controller leads", process=process.number, term=process.term)
        self.process = process

    def two_at_a_time(self, machine: Machine, older: int, newer: int) -> None:
        """For machines."""
        self.monitor.must_not("a target is changed by two at a time", machine.name, older, newer)

    def looked(self, machine: Machine, path: str) -> None:
        """For machines."""
        self.monitor.looked(machine, path)

    def changed(self, machine: Machine, path: str, node: Node | None) -> None:
        """For machines."""
        if node is not None:
            self.monitor.foreign[machine.name, path].add(digest_of(node.content))
        self.monitor.meddled(machine, path)

    # --- the account ------------------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        """What happened, one line each."""
        here = str(self.directory)
        return [
            f"{at:12.6f}  {what:<18} "
            + "  ".join(f"{key}={value}" for key, value in details.items()).replace(here, "STATE")
            for at, what, details in self.trace
        ]

    def digest(self) -> str:
        """Equal digests, equal histories."""
        return hashlib.sha256("\n".join(self.lines()).encode()).hexdigest()[:16]
