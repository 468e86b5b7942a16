"""A modelled target: files, a power switch, a network, and the runners of the sessions to it."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from reconciler.errors import TransportError
from reconciler.model.names import TargetName
from tests.sim import clockwork, meddling, scribes, texts
from tests.sim.archives import Archives, Members
from tests.sim.boots import SUBJECT, Boots, Cause
from tests.sim.dpkg import OURS, Installed
from tests.sim.files import Files, Node
from tests.sim.programs import Programs
from tests.sim.runner import Json, Runner
from tests.sim.system import System
from tests.sim.systemd import PID1, PLACE, unit_of
from tests.sim.weather import Weather
from tests.sim.wire import Wire

CONNECT_TIMEOUT = 15.0
OPERATION: Json = {"command": "froyo-runner", "pid": 10, "user": "root", "unit": "froyo-op-00000010.service"}
"""What carries out an order that goes on without the session that gave it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a machine.

    Attributes:
        at: on the loop's clock.
        path: what was changed: a path, or a subject such as `package:app`.
        ours: whether a runner of ours did it.
    """

    at: float
    path: str
    ours: bool


class Witness(Protocol):
    """Who wants to know what happens at a machine."""

    def note(self, what: str, **details: Any) -> None:
        """Something happened."""

    def wrote(self, machine: "Machine", command: str, item: Json, result: Json, before: Node | None) -> None:
        """A runner has done one item of a writing command, where `before` was before."""

    def unpacked(self, machine: "Machine", item: Json, before: dict[str, Node | None]) -> None:
        """A runner has unpacked an archive, and changed these paths, at which something else was `before`."""

    def two_at_a_time(self, machine: "Machine", older: int, newer: int) -> None:
        """What an older controller has begun is done after a newer one has come."""

    def looked(self, machine: "Machine", path: str) -> None:
        """A runner has looked at a path."""

    def ran(self, machine: "Machine", argv: list[str]) -> None:
        """A command that is no check is to be run, and is not under way yet."""

    def begins(self, machine: "Machine", argv: list[str]) -> None:
        """It is its turn."""

    def changed(self, machine: "Machine", path: str, node: Node | None) -> None:
        """Somebody else has put something at a path, or taken it away."""

    def ordered(self, machine: "Machine", command: str, item: Json) -> None:
        """A runner is to change something that is no path."""

    def refused(self, machine: "Machine", item: Json) -> None:
        """An order about a unit came to nothing."""

    def settled(self, machine: "Machine", subject: str) -> None:
        """Something that is no path has changed, and that was we."""

    def transacted(self, machine: "Machine", before: dict[str, Installed], names: list[str]) -> None:
        """What was run for us has changed packages."""

    def ran_unit(self, machine: "Machine", unit: str, job: str, by: Json | None) -> None:
        """A service was started, stopped or reloaded."""

    def went_down(self, machine: "Machine", cause: Cause, *, was_asked: bool, before: bool) -> None:
        """It goes down since we said so."""


class Machine:
    """See the module.

    Args:
        name: as in addresses.
        seed: of its own randomness.
        witness: who wants to know.
        now: the wall clock.
    """

    def __init__(self, name: str, *, seed: str, witness: Witness, now: Callable[[], float]) -> None:
        self.name = TargetName(name)
        self.random = random.Random(seed)
        self.files = Files(told=self._told)
        self.system = System(self.files, seed=seed, now=now, observer=self)
        self.programs = Programs(
            self.files,
            self.system.packages,
            control=self._carry_out,
            asked=lambda argv: self._witness.ran(self, argv),
            begins=lambda argv: self._witness.begins(self, argv),
        )
        self.boots = Boots(self, seed=seed)
        self.weather = Weather()
        self.now = now
        self.boot = 1
        self.powered = True
        self.silent_until = 0.0
        self.changes: list[Change] = []
        self.rivals: dict[str, tuple[float, bytes]] = {}
        self.texts: frozenset[str] = frozenset()
        self.clockwork: frozenset[str] = frozenset()
        self.archives = Archives(self.files)
        self.contents: Mapping[str, Members] = {}
        self.real: dict[str, str] = {}
        self.runners: list[Runner] = []
        self.sessions = 0
        self.controller = 0
        self.fences: dict[str, int] = {}
        self._witness = witness
        self._loop = asyncio.get_running_loop()
        self._writer: Runner | None = None
        self._ordered: dict[str, Runner] = {}

    # --- as the controller meets it ---------------------------------------------------------------------------

    async def connect(self, *, said: Callable[[bytes], None], controller: int = 0) -> Wire:
        """Start a runner, and give the wire to it.

        Raises:
            TransportError: it cannot be reached.
        """
        await asyncio.sleep(3 * self.latency())
        if self._loop.time() < self.silent_until:
            await asyncio.sleep(CONNECT_TIMEOUT)
            raise TransportError(f"{self.name}: modelled: connection timed out")
        if not self.powered or self.random.random() < self.weather.refuses:
            raise TransportError(f"{self.name}: modelled: connection refused")
        self.sessions += 1
        runner = Runner(self, said=said, pid=1000 + self.sessions)
        runner.controller = controller
        self.runners.append(runner)
        self.note("a runner starts", pid=runner.pid)
        runner.start()
        return runner.wire

    def latency(self) -> float:
        """Seconds for one way."""
        return self.random.uniform(*self.weather.latency)

    def note(self, what: str, **details: Any) -> None:
        """Something happened here."""
        self._witness.note(what, machine=self.name, **details)

    def fence(self, runner: Runner, store: str, token: int) -> None:
        """A session says under whose lease it is: of those with an older one none goes on."""
        runner.fence = (store, token)
        self.fences[store] = max(token, self.fences.get(store, 0))
        for one in list(self.runners):
            if one.fence is not None and one.fence[1] < self.fences[one.fence[0]]:
                one.end("fenced")

    def changed_by(self, runner: Runner) -> None:
        """A runner is about to change something."""
        if runner.controller < self.controller:
            self._witness.two_at_a_time(self, runner.controller, self.controller)

    def looked(self, runner: Runner, path: str) -> None:
        """A runner has looked at a path."""
        if not runner.orphan:
            self._witness.looked(self, path)

    def write(
        self,
        runner: Runner,
        command: str,
        item: Json,
        blobs: dict[str, bytes],
        *,
        most: int | None = None,
    ) -> Json:
        """One item of a writing command; of what has several steps, `most` of them, and then it is cut off."""
        self.changed_by(runner)
        self._writer = runner
        before = self.files.nodes.get(item["path"])
        all_before = dict(self.files.nodes) if command == "archive.unpack" else {}
        try:
            if command.startswith("archive."):
                result = self.archives.do(command, item, blobs, most=most)
            else:
                do = partial(texts.do, self.files) if command == "text.edit" else self.files.do
                result = do(command, item, blobs)
        finally:
            self._writer = None
        if command == "archive.unpack":
            paths = [path for path in {**all_before, **self.files.nodes} if self._moved(path, all_before)]
            self._witness.unpacked(self, item, {path: all_before.get(path) for path in paths})
        self._witness.wrote(self, command, item, result, before)
        return result

    def _moved(self, path: str, before: Mapping[str, Node]) -> bool:
        return self.files.nodes.get(path) != before.get(path)

    def order(self, runner: Runner, command: str, item: Json, tell: Callable[[Json], None]) -> None:
        """One item of a command that changes something that is no path."""
        self.changed_by(runner)
        if "id" in item:
            self.programs.run(item, tell)
            return
        self._witness.ordered(self, command, item)
        unit = item.get("unit", "")
        if unit:
            self._ordered[unit] = runner

        def told(result: Json) -> None:
            self._ordered.pop(unit, None)
            tell(result)

        self._writer = runner
        try:
            self.system.order(command, item, told, alive=lambda: runner.alive)
        finally:
            self._writer = None

    def _carry_out(self, item: Json, tell: Callable[[Json], None]) -> None:
        """An order that goes on whatever becomes of whoever gave it."""

        def told(result: Json) -> None:
            if "error" in result:
                self._witness.refused(self, item)
            tell(result)

        self._witness.ordered(self, "unit.control", item)
        self.system.order("unit.control", item, told, alive=lambda: True)

    def forget(self, runner: Runner) -> None:
        """A runner has ended."""
        self.runners.remove(runner)

    def _told(self, path: str, by: Json | None) -> None:
        self.changes.append(Change(self._loop.time(), path, by is None))
        self.note("own change" if by is None else "foreign change", path=path)
        if by is not None:
            self._witness.changed(self, path, self.files.nodes.get(path))
        if by is not None and by is not PID1 and path.startswith(f"{PLACE}/"):
            # Whether anything may start a unit, and with what, lies in files, of which systemd has not heard yet.
            self.changes.append(Change(self._loop.time(), f"unit:{unit_of(path)}", False))
        for runner in list(self.runners):
            # A runner knows its own writes only: those of one that lingers are somebody else's to it.
            mine = by is None and runner is self._writer
            runner.changed(f"path:{path}", None if mine else by or {"command": "runner", "pid": 1})
        if path in self.rivals:
            pause = self.rivals[path][0] * self.random.uniform(0.5, 1.5)
            self._loop.call_later(pause, self.put_back, path)

    # --- what becomes of its system ---------------------------------------------------------------------------

    def shifted(self, subject: str, by: Json | None, *, seen_by: str) -> None:
        """Something that is no path has changed."""
        ours = by is None or by is OURS
        if subject:
            self.changes.append(Change(self._loop.time(), subject, ours))
            self.note("own change" if ours else "foreign change", path=subject)
            if ours:
                self._witness.settled(self, subject)
            else:
                self._witness.changed(self, subject, None)
        whose = self._ordered.get(seen_by.removeprefix("unit:"), self._writer)
        for runner in list(self.runners):
            mine = runner is whose and (by is None or seen_by.startswith("unit:"))
            runner.changed(seen_by, None if mine else by or OPERATION)

    def transacted(self, before: dict[str, Installed], names: list[str]) -> None:
        """For packages."""
        self._witness.transacted(self, before, names)

    def ran_unit(self, unit: str, job: str, by: Json | None) -> None:
        """For services."""
        self._witness.ran_unit(self, unit, job, by)

    # --- its boots --------------------------------------------------------------------------------------------

    def told_of_boots(self, path: str, by: Json) -> None:
        """What asks for another boot is something else."""
        self.changes.append(Change(self._loop.time(), SUBJECT, False))
        self.note("another boot", kernel=self.boots.kernel, cause=self.boots.cause)
        for runner in list(self.runners) if path else ():
            runner.changed(f"path:{path}", by)

    def goes_down(self, cause: Cause, *, was_asked: bool, before: bool) -> None:
        """For its boots."""
        self._witness.went_down(self, cause, was_asked=was_asked, before=before)

    # --- as fate meets it -------------------------------------------------------------------------------------

    def power_failure(self, seconds: float, *, ordered: bool = False) -> None:
        """Go down at once, and come back with the files as they are; perhaps since it was `ordered`."""
        self.note("goes down" if ordered else "power failure", seconds=seconds)
        self.powered = False
        self.boot += 1
        self.boots.lose(ordered=ordered)
        self.programs.lose()
        self.system.lose()
        for runner in list(self.runners):
            runner.die()
            # Nobody is left to close the connection: the controller has to find out.
            if self.random.random() < 0.5:
                runner.wire.cut(TransportError(f"{self.name}: modelled: connection reset"))
        self._loop.call_later(seconds, self._power_on, self.boot)

    def _power_on(self, boot: int) -> None:
        if boot == self.boot:  # else it has failed once more meanwhile
            self.powered = True
            self.system.boot()
            self.boots.begin()

    def lose_sessions(self) -> None:
        """Every connection to it is cut."""
        self.note("sessions are cut")
        for runner in list(self.runners):
            runner.wire.cut(TransportError(f"{self.name}: modelled: broken pipe"))

    def partition(self, seconds: float) -> None:
        """Nothing arrives for a while, in either direction; then it does, or nothing of it ever will."""
        self.note("partition", seconds=seconds)
        self.silent_until = max(self.silent_until, self._loop.time() + seconds)

    def meddle(self, path: str) -> None:
        """Somebody changes something at `path`, in one way or another."""
        random_ = self.random
        by = {
            "command": f"vim {path}",
            "pid": random_.randrange(2000, 9999),
            "user": random_.choice(["root", "alice"]),
        }
        if self.files.read_only:
            return
        if not path.startswith("/"):
            meddling.meddle(self.system, path, random_, by)
            return
        if path in self.texts and random_.random() < 0.9:
            scribes.meddle(self.files, path, random_, by)
            return
        if path in self.clockwork and clockwork.meddle(self.system, path, random_, by):
            return
        node = self.files.nodes.get(path)
        if node is None:
            if self.files.has_parent(path):
                self.files.put(path, Node(content=b"put here by somebody %d\n" % random_.randrange(1000)), by)
        elif random_.random() < 0.25:
            self.files.remove(path, by)
        elif random_.random() < 0.4:
            self.files.put(path, replace(node, mode=random_.choice([0o600, 0o640, 0o755, 0o777])), by)
        elif random_.random() < 0.2:
            self.files.put(path, replace(node, uid=1000), by)
        elif node.type == "file":
            self.files.put(
                path,
                replace(
                    node,
                    content=random_.choice([b"spoiled by somebody %d\n", b"\xfe\xff%d"])
                    % random_.randrange(5),
                ),
                by,
            )
        elif node.type == "symlink":
            self.files.put(path, replace(node, to="/dev/null"), by)
        else:
            self.files.put(f"{path}/litter-{random_.randrange(4)}", Node(content=b"litter\n"), by)

    def put_back(self, path: str) -> None:
        """A rival that looks after `path` puts its own content in place, if it is not there."""
        if path in self.rivals:
            self.overwrite(path, self.rivals[path][1], {"command": "rival", "pid": 77, "user": "root"})

    def overwrite(self, path: str, content: bytes, by: Json) -> None:
        """Somebody changes what is in a file, if there is one."""
        node = self.files.nodes.get(path)
        if node is not None and node.type == "file" and not self.files.read_only:
            self.files.put(path, replace(node, content=content), by)
