"""Fleets to which revisions come wave by wave: `python -m tests.sim --rollouts`, with 200 hosts a seed.

Each seed is a fleet with a canary, a page and a probe of it on each host, and a handful of revisions: good ones, ones
that break the probe everywhere, and ones that break it on some hosts only. Meanwhile the controller is killed at any
write, people spoil pages, hosts go away for a while, and revisions come while the one before is under way.

What must never be, whatever happens:

- a page of a revision on a host whose turn in it has not come, as it is on record at that moment;
- more hosts that have had their turn and are not ready than may be unavailable;
- a page that breaks the probe on the canary on any other host;
- a host that has what broke the probe, once it is quiet;
- a source that is rolled back as a whole (`--rollback-within`) for what is a rollout's own affair.

And after each kill it goes on where it was: whoever has had the turn in a revision keeps it, unless it is rolled back.
"""

import asyncio
import contextlib
import json
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.app.guarding import Guard
from reconciler.app.rolling_back import RollingBack
from reconciler.engine.intake.intake import Intake
from reconciler.engine.rollouts.rolling import Rolling
from reconciler.errors import StoreError
from reconciler.model.rollout import FAILED, RolloutPhase
from reconciler.model.source import Snapshot
from tests.sim.files import Node
from tests.sim.loop import run
from tests.sim.manifests import SOURCE, load, snapshot
from tests.unit.engine.stage import VIM, Stage

HOSTS = 200
CANARY = "w000"
PAGE = "/srv/page"
PATIENCE = 7200.0
"""Seconds of virtual time in which a revision has to have come to an end."""
PROBE = {
    "from": "controller",
    "method": "GET",
    "redirects": 0,
    "status": ["200"],
    "timeout": 10,
    "within": 5,
    "retries": 0,
    "expiresWithin": 14,
}


class _Nodes(dict[str, Node]):
    """The files of a host, each change of which is told first."""

    def __init__(self, known: dict[str, Node], told: Callable[[str, Node], None]) -> None:
        super().__init__(known)
        self._told = told

    def __setitem__(self, path: str, node: Node) -> None:
        self._told(path, node)
        super().__setitem__(path, node)


class Fleet:
    """One seed.

    Attributes:
        violations: what must never have been.
        lines: what happened.
        kills: of the controller.
    """

    def __init__(self, seed: int, directory: Path, hosts: int) -> None:
        self.random = random.Random(f"rollouts {seed}")
        self.violations: list[str] = []
        self.lines: list[str] = []
        self.kills = 0
        self.names = [f"w{number:03}" for number in range(hosts)]
        self.stage = Stage(directory, *self.names)
        self.number = 0
        self.bad: dict[str, set[str]] = {}
        self.most = self.random.choice([hosts, 5, 20])
        self._spoiling = False
        for name, machine in self.stage.machines.items():
            machine.files.nodes = _Nodes(
                machine.files.nodes, lambda path, node, n=name: self._wrote(n, path, node)
            )
            self.stage.page(f"{name}", lambda n=name: self._answer(n))

    # --- What is declared ---------------------------------------------------------------------------------------------

    def revision(self, broken: set[str], *, rollout: bool = True) -> Snapshot:
        """The next one, which breaks the probe on these hosts."""
        self.number += 1
        text = f"r{self.number}\n"
        self.bad[text] = broken
        resources = [
            {
                "kind": "File",
                "name": "page",
                "spec": {"path": PAGE, "content": text},
                "common": {},
                "on": self.names,
            }
        ]
        resources += [
            {
                "kind": "HttpProbe",
                "name": f"site-{name}",
                "spec": PROBE | {"url": f"http://{name}/"},
                "common": {"require": ["File/page"], "interval": 60.0},
                "on": [name],
            }
            for name in self.names
        ]
        spec: dict[str, Any] = {
            "targets": {},
            "waves": [{"targets": {"matchLabels": {"canary": "yes"}}}, {"size": "10%"}, {"size": "30%"}],
            "maxUnavailable": self.most,
            "deadline": "10m",
            "onFailure": "rollback",
        }
        document = {
            "targets": dict.fromkeys(self.names, 22),
            "labels": {CANARY: {"canary": "yes"}},
            "resources": resources,
            "rollouts": {"web": spec} if rollout else {},
        }
        return snapshot(document, number=self.number)

    # --- What is looked at --------------------------------------------------------------------------------------------

    def content(self, name: str) -> str:
        node = self.stage.machines[name].files.nodes.get(PAGE)
        return "" if node is None else node.content.decode()

    def _answer(self, name: str) -> int:
        return 500 if name in self.bad.get(self.content(name), ()) else 200

    def _wrote(self, name: str, path: str, node: Node) -> None:
        if path != PAGE or self._spoiling:
            return
        text = node.content.decode()
        broken = self.bad.get(text, set())
        if CANARY in broken and name != CANARY:
            self.violate(f"{name} has {text.strip()}, which broke the canary")
        self._on_record(name, text.strip())

    def _on_record(self, name: str, revision: str) -> None:
        """See that a host gets what is in force there, as whoever looks into the store at this moment finds it."""
        with contextlib.closing(sqlite3.connect(self.stage.directory / "froyo.db")) as store:
            rows = store.execute("SELECT target, document FROM rollout_turns").fetchall()
            heads = store.execute("SELECT document FROM rollouts").fetchall()
        if not heads:
            return
        turns = {target: json.loads(text) for target, text in rows}
        head = json.loads(heads[0][0])
        turn = turns.get(name)
        if turn is not None and turn["begun"] is None and revision != turn["revision"]:
            self.violate(f"{name} gets {revision} out of turn: {turn['revision']} is in force there")
        away = [n for n, one in turns.items() if one["begun"] is not None and one["seen"] != "Ready"]
        if head["phase"] not in ("RolledBack", "Complete") and len(away) > self.most:
            self.violate(f"{len(away)} are not ready, and {self.most} may be")

    def violate(self, what: str) -> None:
        """Something that must never be."""
        self.violations.append(f"{self.stage.loop.time():.3f} {what}")

    def note(self, what: str) -> None:
        """Something happens."""
        self.lines.append(f"{self.stage.loop.time():10.3f} {what}")

    # --- What happens -------------------------------------------------------------------------------------------------

    async def live(self, taken: Snapshot) -> bool:
        """One life of the controller with a source that says this; whether it was killed before all came to an end."""
        stage = self.stage
        intake = Intake(
            SOURCE,
            load=load,
            submissions=stage.controller.submissions,
            store=stage.store,
            runtime=stage.runtime,
        )
        rolling = Rolling(stage.store, stage.runtime, stage.controller, {SOURCE: intake}, stage.settings)
        rollbacks = RollingBack(stage.store, stage.runtime, {SOURCE: intake})
        guard = Guard(stage.store, stage.runtime, stage.controller, rollbacks, within=600.0)
        tasks = [asyncio.create_task(one.run()) for one in (rolling, rollbacks, guard)]
        begun = stage.loop.time()
        try:
            with contextlib.suppress(StoreError):
                await intake.take(taken)
            while stage.store_fails is None and not await self._over(taken):
                if stage.loop.time() - begun > PATIENCE:
                    self.violate(
                        f"{taken.revision} does not come to an end: {await stage.store.load_rollouts()}"[:600]
                    )
                    break
                await self._trouble()
                await asyncio.sleep(1.0)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return stage.store_fails is not None

    async def _over(self, taken: Snapshot) -> bool:
        try:
            records = await self.stage.store.load_rollouts()
        except StoreError:
            return False
        return bool(records) and all(one.phase.over and one.revision == taken.revision for one in records)

    async def _trouble(self) -> None:
        draw, name = self.random.random(), self.random.choice(self.names)
        if draw < 0.05 and self.content(name):
            self._spoiling = True
            self.stage.spoil("page", on=name, by=VIM)
            self._spoiling = False
        elif draw < 0.08:
            self.stage.machines[name].partition(self.random.uniform(1.0, 120.0))

    def _having(self, text: str) -> set[str]:
        return {name for name in self.names if self.content(name) == text}

    async def roll(self, broken: set[str]) -> None:
        """A revision comes, and reaches its end over whatever kills there are; or is overtaken by the next one."""
        taken = self.revision(broken)
        text = f"r{self.number}\n"
        kills = self.random.choice([0, 1, 1, 2, 3])
        self.note(f"{taken.revision} breaks {len(broken)}; {kills} kills, {self.most} may be unavailable")
        for left in range(kills, -1, -1):
            self.stage.writes_left = self.random.randint(1, 120) if left else None
            had = self._having(text)
            killed = await self.live(taken)
            if not killed:
                self.stage.writes_left = None
                break
            self.kills += 1
            await self.stage.killed()
            if not broken and had - self._having(text) - self._spoilt():
                self.violate(f"{sorted(had)[:3]} do not have {taken.revision} any more after a kill")
        if await self.stage.store.load_rollbacks():
            self.violate(f"{taken.revision} is rolled back as a whole, which is the rollout's own affair")
            return
        [record] = await self.stage.store.load_rollouts()
        self.note(f"{record.phase}: {record.message}")
        if not broken and record.phase is not RolloutPhase.COMPLETE:
            # Who was away for too long has failed, as is declared.
            if "not ready within" not in record.message:
                self.violate(f"{taken.revision} is good, and came to: {record.phase} {record.message}")
        elif broken and record.phase not in FAILED:
            self.violate(f"{taken.revision} breaks {len(broken)}, and came to: {record.phase}")

    def _spoilt(self) -> set[str]:
        return {name for name in self.names if self.content(name) not in self.bad}

    async def quiet(self) -> None:
        """Once nobody interferes any more, nobody has what breaks the probe, and all have what is in force there."""
        stage = self.stage
        intake = Intake(
            SOURCE,
            load=load,
            submissions=stage.controller.submissions,
            store=stage.store,
            runtime=stage.runtime,
        )
        await intake.restore()
        await asyncio.sleep(900.0)
        in_force = stage.controller.in_force.of(SOURCE)
        assert in_force is not None
        for name in self.names:
            if name in self.bad.get(self.content(name), ()):
                self.violate(f"{name} still has {self.content(name).strip()}, which breaks it")
            if self.content(name).strip() != in_force.revision_on(name):  # type: ignore[arg-type]
                self.violate(f"{name} has {self.content(name).strip()!r}, not {in_force.revision_on(name)!r}")  # type: ignore[arg-type]


def simulate(seed: int, hosts: int = HOSTS) -> Fleet:
    """Run one seed."""
    directory = Path(tempfile.mkdtemp(prefix="froyo-sim-"))
    found: list[Fleet] = []

    async def play() -> None:
        fleet = Fleet(seed, directory, hosts)
        found.append(fleet)
        await fleet.stage.begin()
        try:
            first = Intake(
                SOURCE,
                load=load,
                submissions=fleet.stage.controller.submissions,
                store=fleet.stage.store,
                runtime=fleet.stage.runtime,
            )
            await first.take(fleet.revision(set(), rollout=False))
            await fleet.stage.settled(within=600.0)
            draw = fleet.random
            for _ in range(3):
                kind = draw.choice(["good", "good", "canary", "some"])
                some = {*draw.sample(fleet.names[1:], k=max(1, hosts // 20))}
                broken = {"good": set(), "canary": {CANARY, *some}, "some": some}[kind]
                await fleet.roll(broken)
            await fleet.quiet()
        finally:
            await fleet.stage.end()

    try:
        run(play())
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return found[0]
