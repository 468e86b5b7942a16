"""What must be true at every instant of a simulation, whatever goes wrong. It looks, and never takes part.

A violation does not raise where it is found, for the engine might catch it: it is kept, and ends the simulation.
"""

import contextlib
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from reconciler.model.desired import Desired
from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.resource import Deletion, Instance, Policy
from reconciler.model.subjects import Subject
from reconciler.plugins.calls import Phase
from tests.sim.files import Node
from tests.sim.manifests import path_of
from tests.sim.process import PROCESS, Process
from tests.sim.runner import WRITING, Json, frames_in

if TYPE_CHECKING:
    from tests.sim.machine import Machine
    from tests.sim.world import World

MARGIN = 1e-6


class Monitor(logging.Handler):
    """See the module.

    Args:
        world: at which it looks.
    """

    def __init__(self, world: "World") -> None:
        super().__init__(logging.ERROR)
        self.violations: list[str] = []
        self.store_writes = 0
        self.target_writes = 0
        self.repaired: list[Json] = []
        self.preimages: dict[Address, bytes] = {}
        self.foreign: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._world = world
        self._rounds: dict[tuple[int, TargetName], Any] = {}
        self._applied: dict[Address, list[float]] = defaultdict(list)
        self._concluded: dict[Address, float] = {}
        self._looked: dict[tuple[str, str], float] = {}
        self._last_event = 0
        self._events: set[tuple[Any, ...]] = set()
        self._declared: dict[str, Instance] = {}
        self._suspended: dict[str, float] = {}
        self._writing: dict[tuple[int, TargetName, Subject], Address] = {}
        self._own: dict[Address, list[float]] = defaultdict(list)
        self._notifying: dict[TargetName, dict[Address, Node | None]] = defaultdict(dict)
        self._attempted: set[TargetName] = set()
        self._booted: dict[TargetName, int] = {}

    def violated(self, what: str, *details: Any) -> None:
        """Something that must never be has been."""
        text = what + "".join(f"\n    {detail}" for detail in details)
        self._world.note("VIOLATION", which=text)
        self.violations.append(text)
        self._world.failed.set()

    # --- the engine -------------------------------------------------------------------------------------------

    def emit(self, record: logging.LogRecord) -> None:
        """What the engine logs as an error is a defect, unless its process was killed under it."""
        process = PROCESS.get()
        if process is None or process.dead or not process.up:
            return
        why = f": {record.exc_info[1]!r}" if record.exc_info else ""
        expected = "modelled:" in str(getattr(record, "fields", "")) and not record.exc_info
        if not expected:
            self.violated(
                "the engine logs an error",
                f"{record.getMessage()}{why} {getattr(record, 'fields', '')}",
                *(_traceback(record)),
            )

    @contextlib.contextmanager
    def round(self, process: Process, name: TargetName) -> Iterator[None]:
        """A round is under way."""
        key = (process.number, name)
        if key in self._rounds:
            self.violated("two rounds at once", name)
        assert process.controller.in_force
        self._rounds[key] = SimpleNamespace(instances=process.controller.in_force.instances)
        for one in process.controller.in_force.instances.values():
            self._declared[one.digest] = one
        try:
            yield
        finally:
            del self._rounds[key]

    def declared(self, process: Process, desired: Desired) -> None:
        """Something else is declared from now on."""
        states = process.controller.states()
        for address in [address for address in self.preimages if address not in desired.instances]:
            # Never known to be ours, and no concern of ours any more: should it be declared again, it begins anew.
            if address not in states or not states[address].owned:
                del self.preimages[address]

    @contextlib.contextmanager
    def provider(self, process: Process, phase: Phase, request: Json) -> Iterator[None]:
        """A provider does something, from when it is asked to until it has answered."""
        if process.dead or phase not in (Phase.APPLY, Phase.DESTROY):
            yield
            return
        desired = self._rounds.get((process.number, request["target"]["name"]))
        if desired is None:
            self.violated("an apply outside of any round", request["target"]["name"])
            yield
            return
        self._applies(process, phase, request, desired)
        named = [operation["address"] for operation in request["operations"]]
        writing = {
            (process.number, one.target, subject): one.address
            for address in named
            if (one := desired.instances.get(address)) is not None
            for subject in one.provides
        }
        if twice := self._writing.keys() & writing.keys():
            self.violated(
                "two writers at one subject", *((key, self._writing[key], writing[key]) for key in twice)
            )
        self._writing |= writing
        try:
            yield
        finally:
            for key in writing:
                self._writing.pop(key, None)

    def _applies(self, process: Process, phase: Phase, request: Json, desired: Any) -> None:
        for operation in request["operations"]:
            address = operation["address"]
            self._applied[address].append(self._world.loop.time())
            one = desired.instances.get(address)
            if one is None:
                self.violated("an apply of what is not declared", address)
            elif (one.removal is not None) is not (phase is Phase.DESTROY):
                self.violated("a removal of what is declared, or an apply of what is to go", address, one)
            elif one.removal is not None:
                self._destroyed(process, one)
            elif one.common.policy is not Policy.ENFORCE:
                self.violated("an apply although the policy forbids it", address, one.common.policy)
            if (held := process.controller.suspensions.holding(address)) is not None:
                self.violated("an apply of what is suspended", address, held)

    def _destroyed(self, process: Process, one: Instance) -> None:
        """Something is about to be removed for want of a manifest."""
        assert process.account is not None and one.removal is not None
        address = one.address
        found = process.account.execute(
            "SELECT ownership, preimage FROM inventory WHERE address = ?", (address,)
        ).fetchone()
        if found is None:
            self.violated("a removal of what is not ours", address)
        elif found[0] != "created" and found[1] is None:
            self.violated("a removal of what was there before us", address)
        if one.common.deletion is Deletion.ORPHAN:
            self.violated("a removal that no manifest asked for", address)
        if one.removal.hold and process.controller.approvals.of(address) is None:
            self.violated("a removal that waits for a person", address, one.removal.hold)
        self.preimages.pop(address, None)

    def said(self, process: Process, name: TargetName, data: bytes) -> None:
        """The controller sends something to a target."""
        if process.dead or not any(b'"command":"' + word.encode() in data for word in WRITING):
            return
        for frame in frames_in(data):
            if frame.get("command") in WRITING:
                for item in frame["items"]:
                    self._intended(process, name, frame["command"], item["path"])

    def _intended(self, process: Process, name: TargetName, command: str, path: str) -> None:
        assert process.account is not None
        address = self._world.owner(name, path)
        if address not in self._rounds[process.number, name].instances:
            # Nobody's own: then it is the business of the directory above.
            address = self._world.owner(name, path.rpartition("/")[0])
        found = process.account.execute(
            "SELECT desired FROM plan_units WHERE outcome IS NULL AND address = ?", (address,)
        ).fetchall()
        if not found:
            self.violated("a write without an intent on record", f"{command} {path} for {address}")
            return
        if command.endswith(".remove"):
            declared = [self._declared.get(digest) for (digest,) in found]
            if not any(one is not None and _may_remove(one, path) for one in declared):
                self.violated("a removal that nobody declared", f"{command} {path} for {address}", declared)

    # --- the targets ------------------------------------------------------------------------------------------

    def wrote(self, machine: "Machine", command: str, item: Json, result: Json, before: Node | None) -> None:
        """A runner has done one item of a writing command."""
        changed = result.get("ok", {}).get("changed", False)
        self._world.note(
            "write",
            machine=machine.name,
            command=command,
            path=item["path"],
            result="changed" if changed else result.get("error", {}).get("code", "same"),
        )
        if self._notifies(self._world.owner(machine.name, item["path"])):
            self._attempted.add(machine.name)
        if changed:
            self.target_writes += 1
            address = self._world.owner(machine.name, item["path"])
            self._own[address].append(self._world.loop.time())
            if self._notifies(address):
                self._notifying[machine.name].setdefault(address, before)
            after = machine.files.nodes.get(item["path"])
            if (
                before is not None
                and before.type == "file"
                and after is not None
                and after.content != before.content
                and self._world.path(address) == item["path"]
                and len(self._own[address]) == 1
            ):
                self._replaced(address, before.content)

    def meddled(self, machine: "Machine", path: str) -> None:
        """Somebody else has changed something. If we were about to put it right, its handler is owed all the same."""
        begun = self._rounds  # before the first, nobody was about to do anything
        if begun and self._notifies(self._world.owner(machine.name, path)):
            self._attempted.add(machine.name)

    def _notifies(self, address: Address) -> bool:
        process = self._world.process
        if process is None:
            return False
        # A round that is under way goes by what was declared when it began.
        under_way = self._rounds.get((process.number, split_address(address)[0]))
        known = (under_way, process.controller.in_force)
        return any(
            one.common.notify
            for declared in known
            if declared is not None and (one := declared.instances.get(address)) is not None
        )

    def _replaced(self, address: Address, content: bytes) -> None:
        """Something is gone that was there before us."""
        process = self._world.process
        if process is None or process.account is None:
            return
        adopted = process.account.execute(
            "SELECT 1 FROM plan_units WHERE outcome IS NULL AND address = ? AND cause = 'adopt'", (address,)
        ).fetchone()
        if adopted:
            self.preimages.setdefault(address, content)

    def ran(self, machine: "Machine", argv: list[str]) -> None:
        """A handler begins."""
        self._world.note("handler", machine=machine.name, argv=argv)
        causes, self._notifying[machine.name] = self._notifying[machine.name], {}
        attempted = machine.name in self._attempted
        self._attempted.discard(machine.name)
        # Whether it had been run before the machine lost power is not known.
        rebooted = self._booted.get(machine.name, machine.boot) != machine.boot
        self._booted[machine.name] = machine.boot
        if not causes and not attempted and not rebooted:
            self.violated("a handler runs without a cause", machine.name)

    def handlers_ran(self, excused: Callable[[Address], bool]) -> None:
        """At rest no handler is owed any more."""
        process = self._world.process
        if process is None or process.account is None or process.controller.in_force is None:
            return
        owed = process.account.execute("SELECT address, cause FROM refresh_owed WHERE certain").fetchall()
        if owed:
            self.violated("a handler is still owed", *owed)
        for name, causes in self._notifying.items():
            nodes = self._world.machines[name].files.nodes
            lost = [
                one
                for one, before in causes.items()
                # What is again as it was before has no need of one.
                if one in process.controller.in_force.instances
                and not excused(one)
                and nodes.get(self._world.path(one)) != before
            ]
            if lost:
                self.violated("a handler is lost", name, lost)

    def looked(self, machine: "Machine", path: str) -> None:
        """A runner has looked at a path."""
        self._looked[machine.name, path] = self._world.loop.time()

    def last_look(self, name: str, path: str) -> float:
        """When a path was last looked at."""
        return self._looked.get((name, path), -1.0)

    # --- the store --------------------------------------------------------------------------------------------

    def committed(self, process: Process) -> None:
        """Something was done on the writer's lane."""
        if process.account is None or process.dead:
            return
        self.store_writes += 1
        rows = process.account.execute(
            "SELECT id, at, reason, object, message, evidence, duration FROM events WHERE id > ? ORDER BY id",
            (self._last_event,),
        ).fetchall()
        for number, *event in rows:
            self._last_event = number
            at, reason, about, message, evidence, duration = event
            self._world.note("event", about=about, reason=reason, message=message)
            if (said := (at, reason, about, message)) in self._events:
                self.violated("an event is told twice", said)
            self._events.add(said)
            late = abs(at - self._world.now()) > MARGIN
            if reason == "Repaired":
                self.repaired.append(
                    {
                        "at": self._world.loop.time(),
                        "object": about,
                        "evidence": json.loads(evidence) if evidence else None,
                        "duration": duration,
                        "message": message,
                    }
                )
                # What sums up a flood speaks of what was put back before.
                self._was_drift(about, message, late=late or message.startswith("put back"))
            if reason in {"Repaired", "Created", "Updated", "Removed"} and not late:
                self._concluded[about] = self._applied[about][-1]

    def _was_drift(self, address: Address, message: str, *, late: bool) -> None:
        """A repair must answer a change that somebody else made since we last did something there.

        Args:
            address: what was repaired.
            message: of the event.
            late: it was done some time ago, and could not be stored until now.
        """
        machine = self._world.machines[address.split("/")[0]]  # type: ignore[index] # a str is a TargetName
        path = self._world.path(address)
        foreign = [
            change.at
            for change in machine.changes
            if not change.ours and (change.path == path or change.path.startswith(path + "/"))
        ]
        begun = self._applied[address] if late else self._applied[address][-1:]
        for start in begun:
            own = max((at for at in self._own[address] if at < start - MARGIN), default=-1.0)
            if "/Directory/" in address:
                # What is below takes several steps, and more may come between them.
                own = self._concluded.get(address, -1.0)
            if any(at >= own - MARGIN for at in foreign):
                return
        self.violated("own doing is reported as drift", address, message)


def _may_remove(one: Instance, path: str) -> bool:
    if one.spec.get("state") == "absent" or one.removal is not None:
        return path_of(one) == path
    if one.kind == "Directory" and path_of(one) == path:
        return True  # something else has taken its place, and makes room for it
    purged = one.spec.get("purge") and path.startswith(path_of(one) + "/")
    return bool(purged) and not path[len(path_of(one)) + 1 :].startswith("keep-")


def _traceback(record: logging.LogRecord) -> list[str]:
    if not record.exc_info:
        return []
    return logging.Formatter().formatException(record.exc_info).splitlines()[-14:]
