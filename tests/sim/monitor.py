"""What must be true at every instant of a simulation, whatever goes wrong. It looks, and never takes part.

A violation does not raise where it is found, for the engine might catch it: it is kept, and ends the simulation.
"""

import contextlib
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from reconciler.engine.intake.in_force import InForce
from reconciler.model.desired import Desired
from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.resource import Instance, Policy
from reconciler.plugins.calls import Phase
from tests.sim import dpkg, packers, scribes, trees
from tests.sim.author import file_of
from tests.sim.custody import Custody
from tests.sim.downtimes import Downtimes
from tests.sim.files import Node
from tests.sim.manifests import path_of
from tests.sim.process import PROCESS, Process
from tests.sim.removals import Removals
from tests.sim.revisions import Revisions
from tests.sim.runner import AGAIN, WRITING, Json, frames_in
from tests.sim.system import ORDERS

if TYPE_CHECKING:
    from tests.sim.machine import Machine
    from tests.sim.world import World

MARGIN = 1e-6

IN_DOUBT = "SELECT address, cause FROM refresh_owed WHERE NOT certain"

TRIED_BESIDE = """
    SELECT owed.address, owed.cause, owed.run FROM refresh_owed AS owed
    JOIN plan_units AS tried ON tried.run = owed.run AND tried.address = owed.cause
    JOIN plan_units AS beside ON beside.address = owed.address AND beside.action = 'refresh'
    WHERE owed.certain AND (beside.outcome IS NULL OR beside.outcome = 'Abandoned') AND beside.run < tried.run
    AND (tried.outcome IS NULL OR tried.outcome NOT IN ('Applied', 'InSync', 'Contested'))
"""

Spot = tuple[TargetName, str]
"""What is at a declared path of a machine, by whatever name."""


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
        self.preimages: dict[Spot, bytes] = {}
        self._made: set[Spot] = set()
        self.foreign: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._world = world
        self._rounds: dict[tuple[int, TargetName], Any] = {}
        self.revisions = Revisions(world, self.violated)
        self.removals = Removals(world, self.violated, self.revisions.rewritten)
        self.custody = Custody(world, self)
        self.downtimes = Downtimes(world, self)
        self._writing: set[tuple[int, Spot]] = set()
        self._applied: dict[Spot, list[float]] = defaultdict(list)
        self._concluded: dict[Spot, float] = {}
        self._looked: dict[tuple[str, str], float] = {}
        self._last_event = 0
        self._events: set[tuple[Any, ...]] = set()
        self._declared: dict[str, Instance] = {}
        self._suspended: dict[str, float] = {}
        self._own: dict[Spot, list[float]] = defaultdict(list)
        self._notifying: dict[Spot, dict[Spot, Node | None]] = defaultdict(dict)
        self._attempted: set[Spot] = set()
        self._owing: dict[tuple[TargetName, str], set[Spot]] = {}
        self._in_doubt: dict[Spot, set[Spot]] = {}
        self._booted: dict[Spot, int] = {}
        self._edits: dict[tuple[TargetName, str], tuple[str, list[Instance], list[str]]] = {}
        self._unpackings: dict[tuple[TargetName, str], tuple[list[Instance], dict[Address, Instance]]] = {}
        self._doubts: set[tuple[str, ...]] = set()
        self.sent: dict[Spot, float] = {}
        self._changed: dict[Spot, tuple[float, int, int]] = {}

    def violated(self, what: str, *details: Any) -> None:
        """Something that must never be has been, unless it is what one says of itself that leads no longer."""
        process = PROCESS.get()
        if process is None or not process.superseded:
            self.must_not(what, *details)

    def must_not(self, what: str, *details: Any) -> None:
        """Something that must never be has been, whoever did it."""
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
        said = f"{record.getMessage()} {record.exc_info} {getattr(record, 'fields', '')}"
        if found := self._world.secrets.told(said):
            self.violated("a secret is in the log", found, said)
        why = f": {record.exc_info[1]!r}" if record.exc_info else ""
        expected = "modelled:" in str(getattr(record, "fields", "")) and not record.exc_info
        if not expected:
            self.violated(
                "the engine logs an error",
                f"{record.getMessage()}{why} {getattr(record, 'fields', '')}",
                *(_traceback(record)),
            )

    def begun(self, process: Process) -> None:
        """A controller has opened its store."""
        assert process.account is not None
        # What an earlier one has attempted may be under way yet: a run before that is decided is not for it.
        self._doubts = set(
            process.account.execute("SELECT address, cause, run FROM refresh_owed WHERE NOT certain")
        )

    @contextlib.contextmanager
    def round(self, process: Process, name: TargetName) -> Iterator[None]:
        """A round is under way."""
        key = (process.number, name)
        if key in self._rounds:
            self.violated("two rounds at once", name)
        assert process.controller.in_force
        self._rounds[key] = SimpleNamespace(instances=process.controller.in_force.instances)
        assert process.account is not None
        for address, cause in process.account.execute(IN_DOUBT):
            if split_address(cause)[0] == name and cause not in self._rounds[key].instances:
                # It is declared no longer, or by another name: no look can decide about it any more.
                self._attempted.add(split_address(address))
        for one in process.controller.in_force.instances.values():
            self._declared[one.digest] = one
        try:
            yield
        finally:
            del self._rounds[key]

    def declared(self, process: Process, desired: Desired) -> None:
        """Something else is declared from now on."""
        self.revisions.declared(process, desired)
        self.removals.declared(process, desired)
        for number, spot in self._writing:
            if number == process.number:
                # Should it be declared no longer, nobody will have looked whether it came to be changed.
                self._attempted |= self._notifies(spot)
                if not self._is_declared(desired, spot):
                    self.preimages.pop(spot, None)
        states = process.controller.lanes.states()
        others = [one for name, one in process.controller.in_force.sources.items() if name != desired.source]
        declared = {self.spot(address) for one in (desired, *others) for address in one.instances}
        for handler, causes in self._notifying.items():
            if self.spot(Address(f"{handler[0]}/{handler[1]}")) not in declared:
                causes.clear()  # what is not declared is owed nothing
        self._made &= declared
        for spot in self.preimages.keys() - declared:
            # Never known to be ours, and no concern of ours any more: should it be declared again, it begins anew.
            called = self._world.authors.addresses(*spot)
            if not any(address in states and states[address].owned for address in called):
                del self.preimages[spot]

    def _is_declared(self, desired: Desired | InForce, spot: Spot) -> bool:
        return any(address in desired.instances for address in self._world.authors.addresses(*spot))

    def spot(self, address: Address) -> Spot:
        """What an instance is about."""
        return split_address(address)[0], self._world.authors.path(address)

    @contextlib.contextmanager
    def provider(self, process: Process, phase: Phase, request: Json) -> Iterator[None]:
        """A provider is asked to do something."""
        if process.dead or phase not in (Phase.APPLY, Phase.DESTROY):
            yield
            return
        begun = {(process.number, self.spot(one["address"])) for one in request["operations"]}
        if twice := begun & self._writing:
            self.violated("two writers at one subject at once", *twice)
        self._writing |= begun
        self._checked(process, phase, request)
        for _, spot in begun:
            if not self._is_declared(process.controller.in_force, spot):
                self._attempted |= self._notifies(spot)  # as in `declared`, which came before this
        try:
            yield
        finally:
            self._writing -= begun

    def _checked(self, process: Process, phase: Phase, request: Json) -> None:
        name = request["target"]["name"]
        desired = self._rounds.get((process.number, name))
        if desired is None:
            self.violated("an apply outside of any round", name)
            return
        for operation in request["operations"]:
            address = operation["address"]
            self._applied[self.spot(address)].append(self._world.loop.time())
            one = desired.instances.get(address)
            if one is None:
                self.violated("an apply of what is not declared", address)
            elif (one.removal is not None) is not (phase is Phase.DESTROY):
                self.violated("a removal of what is declared, or an apply of what is to go", address, one)
            elif one.removal is not None:
                self.removals.begun(process, one)
                self.preimages.pop(self.spot(address), None)
            elif one.common.policy is not Policy.ENFORCE:
                self.violated("an apply although the policy forbids it", address, one.common.policy)
            elif wrong := self._not_probed(process, one, desired.instances):
                self.violated("an apply before what it waits for was probed anew", address, wrong)
            if wrong := self._not_allowed(process, address):
                self.violated("an apply that policies do not let pass", address, wrong)
            if (held := process.controller.suspensions.holding(address)) is not None:
                self.violated("an apply of what is suspended", address, held)

    def _not_allowed(self, process: Process, address: Address) -> str:
        """Why policies do not let something be done, or ""."""
        rules, approved = self._world.rules, process.controller.approvals.of(address)
        said = rules.said(process, address)
        passes = not rules.decide or said == "allow" or (said == "ask" and approved is not None)
        return "" if passes else said or "nobody has decided about it"

    def _not_probed(self, process: Process, one: Instance, declared: Mapping[Address, Instance]) -> str:
        """What an instance comes after that was not probed since something above that was changed, or ""."""
        for probe in _probes(one, declared):
            if process.controller.suspensions.holding(probe.address) is not None:
                continue  # it is left alone, so nothing waits for it
            asked = self._world.pages.well.get((one.target, probe.spec["url"]))
            for above in {ref for each in (probe, *_probes(probe, declared)) for ref in each.common.require}:
                spot = self.spot(Address(f"{one.target}/{above}"))
                # What was cut off may come to pass later than anybody can know.
                changed, *same = self._changed.get(spot, (0.0, 0, 0))
                known = same == [process.number, self._world.machines[one.target].sessions]
                if known and (asked is None or asked < changed):
                    return f"{probe.address} was asked at {asked}, and {above} changed at {changed}"
        return ""

    def said(self, process: Process, name: TargetName, data: bytes) -> None:
        """The controller sends something to a target."""
        if process.dead or not any(
            b'"command":"' + word.encode() in data for word in (*WRITING, "exec.run", AGAIN)
        ):
            return
        for frame in frames_in(data):
            command = frame.get("command")
            for item in frame["items"] if command in WRITING else ():
                if command == "text.edit":
                    self._edit(process, name, command, item)
                elif command == "archive.take":
                    pass  # which changes nothing but what the runner has
                elif command in ORDERS:
                    self.custody.said(process, name, command, item)
                else:
                    self._intended(process, name, command, item)
            for item in frame["items"] if command == AGAIN else ():
                self.downtimes.sent(process, name, item)
            for item in frame["items"] if command == "exec.run" else ():
                if item["argv"][0] in dpkg.PROGRAMS:
                    self.custody.ran(process, name, item["argv"])
                    continue
                refs = self._world.authors.commands(item["argv"][-1])
                for ref in refs:
                    self.sent[name, ref] = self._world.loop.time()
                if not self.intents(process, [Address(f"{name}/{ref}") for ref in refs]):
                    self.violated("a command is run without an intent on record", name, item["argv"])

    def meant(self, process: Process, addresses: list[Address]) -> list[Instance]:
        """What is on record as about to be done about these."""
        found = self.intents(process, addresses)
        return [self._declared[digest] for digest in found if digest in self._declared]

    def intents(self, process: Process, addresses: list[Address]) -> list[str]:
        """The digests of what is on record as about to be done."""
        assert process.account is not None
        return [
            digest
            for address in addresses
            for (digest,) in process.account.execute(
                "SELECT desired FROM plan_units WHERE outcome IS NULL AND address = ?", (address,)
            )
        ]

    def _intended(self, process: Process, name: TargetName, command: str, item: Json) -> None:
        authors, path = self._world.authors, item["path"]
        instances = self._rounds[process.number, name].instances
        slot = authors.slot_of(path)
        while slot and not any(address in instances for address in authors.addresses(name, slot)):
            # Nobody's own: then it is the business of the nearest directory above that is declared.
            slot = authors.slot_of(slot.rpartition("/")[0])
        found = self.intents(process, authors.addresses(name, slot))
        # What is written is owed by what it was meant for, whatever is declared when it comes to pass; not by what an
        # attempt before this one was meant for, which a lost session has left in doubt, and which was looked at since.
        now = {one.digest for address in authors.addresses(name, slot) if (one := instances.get(address))}
        meant = [
            self._declared[digest]
            for digest in (now.intersection(found) or found)
            if digest in self._declared
        ]
        owed = self._owing[name, _said(command, item)] = {
            (name, ref)
            for one in meant
            for ref in one.common.notify
            # What is not declared is owed nothing, and may come to be declared later.
            if (handler := instances.get(Address(f"{name}/{ref}"))) is not None and handler.removal is None
        }
        self._in_doubt[name, slot] = owed
        if command == "archive.unpack":
            self._unpackings[name, _said(command, item)] = meant, dict(instances)
        if not found:
            self.violated("a write without an intent on record", f"{command} {path} for {slot}")
            return
        of_tree = any("tree" in one.spec and trees.is_of(one.spec, path) for one in meant)
        of_it = of_tree or path in self._world.authors.subjects
        if slot != path and not of_it and not command.endswith(".remove"):
            self.violated("a write below that no source has", f"{command} {path} for {slot}")
        if command.endswith(".remove"):
            declared = [one for digest in found if (one := self._declared.get(digest)) is not None]
            if not any(_may_remove(one, path) for one in declared):
                self.violated("a removal that nobody declared", f"{command} {path} for {slot}", declared)
            if slot != path and not of_it:
                self.removals.purged(process, name, path)

    def _edit(self, process: Process, name: TargetName, command: str, item: Json) -> None:
        """A part of a file is to be another one."""
        assert process.account is not None
        # What goes is known by what it was, and not by what finds it.
        real = self._world.secrets.real
        digest, begin = item.get("blob") or item.get("digest"), item.get("begin", "")
        for slot in self._world.authors.texts[item["path"]]:
            addresses = self._world.authors.addresses(name, slot)
            meant = [
                one
                for one in self.meant(process, addresses)
                if digest in {said := one.spec["body"]["digest"], real.get(said)}
                and begin.endswith(one.spec.get("marker", ""))
            ]
            if meant:
                shown = [
                    text
                    for address in addresses
                    for (text,) in process.account.execute(
                        "SELECT diffs FROM plan_units WHERE outcome IS NULL AND address = ?", (address,)
                    )
                ]
                self._edits[name, _said(command, item)] = slot, meant, shown
                return
        self.violated("an edit without an intent on record", name, item)

    def _edited(self, machine: "Machine", command: str, item: Json, before: Node | None) -> str:
        """A part of a file is another one; whose it is."""
        slot, meant, shown = self._edits[machine.name, _said(command, item)]
        after = machine.files.nodes.get(item["path"])
        if wrong := scribes.unwarranted(meant, before, after):
            self.violated("an edit of what nobody declared", machine.name, item, wrong, meant)
        if wrong := scribes.unshown(meant, before, after, shown):
            self.violated("an edit takes what nobody was shown", machine.name, item, wrong, shown)
        return slot

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
        edit = command == "text.edit"
        slot = self._edited(machine, command, item, before) if edit else ""
        spot = machine.name, slot or self._world.authors.slot_of(item["path"])
        self._in_doubt.pop(spot, None)
        owed = self._owing.get((machine.name, _said(command, item)), set())
        self._attempted |= self._notifies(spot) | owed
        if changed:
            self.target_writes += 1
            self._own[spot].append(self._world.loop.time())
            if self._world.process is not None:
                lived = (self._world.process.number, machine.sessions)
                self._changed[spot] = (self._world.loop.time(), *lived)
            for handler in owed:
                self._notifying[handler].setdefault(spot, before)
            after = machine.files.nodes.get(item["path"])
            if (
                before is not None
                and before.type == "file"
                and after is not None
                and after.content != before.content
                and spot[1] == item["path"]
                and len(self._own[spot]) == 1
            ):
                self._replaced(spot, before.content)
            if before is None and after is not None and after.type == "file" and spot[1] == item["path"]:
                self._created(spot)

    def unpacked(self, machine: "Machine", item: Json, before: dict[str, Node | None]) -> None:
        """A runner has unpacked an archive, or a part of one."""
        meant, declared = self._unpackings[machine.name, _said("archive.unpack", item)]
        if wrong := packers.unwarranted(meant, declared, before, machine.files.nodes, machine.contents):
            self.violated("an unpacking of what nobody declared", machine.name, item, wrong, meant)

    def meddled(self, machine: "Machine", path: str) -> None:
        """Somebody else has changed something. If we were about to put it right, its handler is owed all the same."""
        spot = machine.name, self._world.authors.slot_of(path)
        self._made.discard((machine.name, path))
        if self._rounds:  # before the first, nobody was about to do anything
            self._attempted |= self._notifies(spot)
        # What was sent and cut off before it was done: nobody can tell whose doing it is that it has changed.
        self._attempted |= self._in_doubt.get(spot, set())
        for handler, causes in self._notifying.items():
            if path == spot[1] and spot in causes and machine.files.nodes.get(path) == causes[spot]:
                # It is as it was before: whoever sees it so owes nothing, and whoever does not may.
                del causes[spot]
                self._attempted.add(handler)

    def _notifies(self, spot: Spot) -> set[Spot]:
        """The handlers of what is somewhere, by the last word of what they run."""
        process = self._world.process
        if process is None:
            return set()
        # A round that is under way goes by what was declared when it began.
        under_way = self._rounds.get((process.number, spot[0]))
        called = self._world.authors.addresses(*spot)
        return {
            (spot[0], str(ref))
            for declared in (under_way, process.controller.in_force)
            if declared is not None
            for address in called
            if (one := declared.instances.get(address)) is not None
            for ref in one.common.notify
        }

    def _replaced(self, spot: Spot, content: bytes) -> None:
        """Something is gone that was there before us."""
        process = self._world.process
        if process is None or process.account is None:
            return
        for address in self._world.authors.addresses(*spot):
            adopted = process.account.execute(
                "SELECT 1 FROM plan_units WHERE outcome IS NULL AND address = ? AND cause = 'adopt'",
                (address,),
            ).fetchone()
            if adopted:
                self.preimages.setdefault(spot, content)

    def ran(self, machine: "Machine", argv: list[str]) -> None:
        """A command that is no check is to be run."""
        self._world.note("command", machine=machine.name, argv=argv)
        if "note" not in argv:
            return
        self.ran_handler(machine, f"Exec/{argv[-1]}")

    def ran_handler(self, machine: "Machine", ref: str) -> None:
        """A handler is to be run."""
        handler = machine.name, ref
        causes, self._notifying[handler] = self._notifying[handler], {}
        attempted = handler in self._attempted
        self._attempted.discard(handler)
        process = self._world.process
        if process is not None and any(self.spot(a) in causes for a in process.controller._under_way):
            self._attempted.add(handler)  # what came of that is only looked at after this
        if any(self._own[spot][-1] > self.sent[handler] for spot in causes):
            self._attempted.add(handler)  # nobody can tell that this was asked for before, and came after it
        # Whether it had been run before the machine lost power is not known.
        rebooted = self._booted.get(handler, machine.boot) != machine.boot
        self._booted[handler] = machine.boot
        known = causes or attempted or rebooted
        if not known and not self._was_in_doubt(handler) and not self._was_tried_beside(handler):
            self.violated("a handler runs without a cause", *handler)

    def _was_in_doubt(self, handler: Spot) -> bool:
        """Whether a handler is owed for what was in doubt when the controller began."""
        process = self._world.process
        lane = process.controller.lanes.get(TargetName(handler[0])) if process is not None else None
        return lane is not None and any(
            (one.address, one.cause, one.run) in self._doubts
            for one in lane.refreshes.of(Address(f"{handler[0]}/{handler[1]}"))
        )

    def _was_tried_beside(self, handler: Spot) -> bool:
        """Whether another change to a cause was tried, and failed, beside a run of which nobody knows if it ended."""
        process = self._world.process
        if process is None or process.account is None:
            return False
        return any(split_address(one[0]) == handler for one in process.account.execute(TRIED_BESIDE))

    def begins(self, machine: "Machine", argv: list[str]) -> None:
        """A command begins."""
        self._world.note("command begins", machine=machine.name, argv=argv)
        if tuple(argv) in machine.programs.running.values():
            self.violated("two of one command at once", machine.name, argv)
        if "note" in argv:
            self.begins_handler((machine.name, f"Exec/{argv[-1]}"))

    def excuse(self, handler: Spot) -> None:
        """A handler may run once more."""
        self._attempted.add(handler)

    def own(self, machine: "Machine", subject: str, *, puts_right: bool = True) -> None:
        """Something that is no path is another one, and that was we; perhaps it `puts_right` what somebody did."""
        spot = machine.name, self._world.authors.slot_of(subject)
        self._in_doubt.pop(spot, None)
        self._attempted |= self._notifies(spot)
        if puts_right:
            self._own[spot].append(self._world.loop.time())

    def begins_handler(self, handler: Spot) -> None:
        """It sees what is there by now."""
        if causes := self._notifying[handler]:
            causes.clear()  # what came about while it waited for its turn it has seen as well
            self._attempted.add(handler)  # and nobody else can tell that

    def handlers_ran(self, excused: Callable[[Address], bool]) -> None:
        """At rest no handler is owed any more."""
        process = self._world.process
        if process is None or process.account is None or process.controller.in_force is None:
            return
        declared = process.controller.in_force.instances
        # To what is only observed, or paused, it stays owed.
        left_alone = {a for a, one in declared.items() if one.common.policy is not Policy.ENFORCE}
        certain = process.account.execute("SELECT address, cause FROM refresh_owed WHERE certain")
        if owed := [(address, cause) for address, cause in certain if address not in left_alone]:
            self.violated("a handler is still owed", *owed)
        for handler, causes in self._notifying.items():
            nodes = self._world.machines[handler[0]].files.nodes
            if self.custody.is_at_rest(handler) or f"{handler[0]}/{handler[1]}" in left_alone:
                continue
            lost = [
                spot
                for spot, before in causes.items()
                # What is again as it was before has no need of one.
                if any(
                    address in declared and not excused(address)
                    for address in self._world.authors.addresses(*spot)
                )
                and nodes.get(spot[1]) != before
            ]
            if lost:
                self.violated("a handler is lost", *handler, lost)

    def _created(self, spot: Spot) -> None:
        """Something is there that was not, and is not known as ours."""
        process = self._world.process
        if process is None or process.account is None:
            return
        known = "SELECT 1 FROM inventory WHERE address = ?"
        called = self._world.authors.addresses(*spot)
        nodes = self._world.machines[spot[0]].files.nodes
        others = {path for address in called for path in self._world.authors.abouts(address)} - {spot[1]}
        if any(path in nodes and nodes[path].type == "file" for path in others):
            return  # of several files that are one thing to us another one was there before
        # What came to be declared no longer while it was under way is nobody's by the time that it is there.
        declared = process.controller.in_force is not None and self._is_declared(
            process.controller.in_force, spot
        )
        if declared and not any(process.account.execute(known, (address,)).fetchone() for address in called):
            self._made.add(spot)

    def made_is_ours(self) -> None:
        """At rest what was made where there was nothing is known to be."""
        process = self._world.process
        if process is None or process.account is None:
            return
        adopted = {
            self.spot(address): address
            for (address,) in process.account.execute(
                "SELECT address FROM inventory WHERE ownership = 'adopted' AND preimage IS NULL"
            )
        }
        if wrong := [adopted[spot] for spot in sorted(self._made) if spot in adopted]:
            self.violated("what we made counts as having been there before us", *wrong)

    def looked(self, machine: "Machine", path: str) -> None:
        """A runner has looked at a path."""
        self._looked[machine.name, path] = self._world.loop.time()

    def last_look(self, name: str, path: str) -> float:
        """When a path was last looked at."""
        return self._looked.get((name, path), -1.0)

    # --- the store --------------------------------------------------------------------------------------------

    def committed(self, process: Process) -> None:
        """Something was done on the writer's lane."""
        if process.account is None or process.dead or process.superseded:
            return
        self.store_writes += not process.renewing
        self.downtimes.committed(process, self._declared)
        rows = process.account.execute(
            "SELECT id, at, reason, object, message, evidence, duration, data FROM events WHERE id > ? ORDER BY id",
            (self._last_event,),
        ).fetchall()
        for number, *event in rows:
            self._last_event = number
            at, reason, about, message, evidence, duration, data = event
            self._world.note("event", about=about, reason=reason, message=message)
            if found := self._world.secrets.told(f"{message} {evidence} {data}"):
                self.violated("a secret is in an event", about, message, found)
            # Of a source, the problems may be others where the sentence is the same.
            if (said := (at, reason, about, message, data)) in self._events:
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
                self._concluded[self.spot(about)] = self._applied[self.spot(about)][-1]

    def _was_drift(self, address: Address, message: str, *, late: bool) -> None:
        """A repair must answer a change that somebody else made since we last did something there.

        Args:
            address: what was repaired.
            message: of the event.
            late: it was done some time ago, and could not be stored until now.
        """
        spot = self.spot(address)
        machine, path = self._world.machines[spot[0]], spot[1]
        abouts = self._world.authors.abouts(address)
        foreign = [
            change.at
            for change in machine.changes
            if not change.ours
            and (
                change.path == file_of(path)
                or change.path in abouts
                or change.path.startswith(path + "/")
                or (change.path[0] != "/" and self._world.authors.slot_of(change.path) == path)
            )
        ]
        begun = self._applied[spot] if late else self._applied[spot][-1:]
        for start in begun:
            own = max((at for at in self._own[spot] if at < start - MARGIN), default=-1.0)
            if (
                "/Directory/" in address
                or "/Package/" in address
                or "/Timer/" in address
                or "/Archive/" in address
            ):
                # What is below, or belongs to it, takes several steps, and more may come between them.
                own = self._concluded.get(spot, -1.0)
            if any(at >= own - MARGIN for at in foreign):
                return
        self.violated("own doing is reported as drift", address, message)


def _said(command: str, item: Json) -> str:
    return json.dumps([command, item], sort_keys=True)


def _may_remove(one: Instance, path: str) -> bool:
    if one.spec.get("state") == "absent" or one.removal is not None:
        return any(subject.name == path for subject in one.provides if subject.scheme == "path")
    if one.kind == "Directory" and path_of(one) == path:
        return True  # something else has taken its place, and makes room for it
    if "tree" in one.spec and trees.is_of(one.spec, path):
        return True  # what it has goes with it, and makes room for what it has by now
    purged = one.spec.get("purge") and path.startswith(path_of(one) + "/")
    return bool(purged) and not trees.is_named(path[len(path_of(one)) + 1 :])


def _traceback(record: logging.LogRecord) -> list[str]:
    if not record.exc_info:
        return []
    return logging.Formatter().formatException(record.exc_info).splitlines()[-14:]


def _probes(one: Instance, declared: Mapping[Address, Instance]) -> list[Instance]:
    """The probes that an instance comes after, one after the other."""
    above = [declared.get(Address(f"{one.target}/{ref}")) for ref in one.common.require]
    mine = [
        probe for probe in above if probe is not None and probe.probe is not None and probe.removal is None
    ]
    return [each for probe in mine for each in (probe, *_probes(probe, declared))]
