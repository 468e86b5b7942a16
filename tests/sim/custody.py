"""What must be true at every instant of packages, services and accounts, which are not ours but in part.

Nothing is run, ordered or changed without its intent on record. No package goes that nobody wants to go, none becomes
another version that nobody declared, and none at all that was on hold when we looked; the lists are fetched only where
they have to be. No service is started, stopped or masked that is not declared so, and none is reloaded without a cause.
Of accounts, only those change that are declared, and nobody is given a number that is somebody else's.
"""

from typing import TYPE_CHECKING, Any

from reconciler.model.calls import Call
from reconciler.model.names import Address, TargetName
from reconciler.model.resource import Instance
from reconciler.plugins.calls import about
from tests.sim.dpkg import FILES_ARE_THERE, Installed, Known

if TYPE_CHECKING:
    from tests.sim.machine import Machine
    from tests.sim.monitor import Monitor, Spot
    from tests.sim.process import Process
    from tests.sim.world import World

Json = dict[str, Any]

CONFIGURES = "--configure"
RUNS = {"start": "running", "restart": "running", "reload": "running", "stop": "stopped"}
STARTUP = {"enable": "enabled", "disable": "disabled", "mask": "masked"}


class Custody:
    """See the module.

    Args:
        world: at which it looks.
        monitor: which tells it.
    """

    def __init__(self, world: "World", monitor: "Monitor") -> None:
        self._world = world
        self._monitor = monitor
        self._meant: dict[tuple[TargetName, str], list[Instance]] = {}
        self._held: dict[TargetName, set[str]] = {}
        self._about: dict[str, str] = {}
        self._reloaded: set[tuple[TargetName, str]] = set()

    # --- what the controller says -----------------------------------------------------------------------------

    def ran(self, process: "Process", name: TargetName, argv: list[str]) -> None:
        """It has a program of the package manager run."""
        found = self._monitor.meant(process, self._packages(name))
        # What was cut off is carried through: what that was meant for comes to pass now.
        earlier = self._meant.get((name, "package"), []) if CONFIGURES in argv else []
        self._meant[name, "package"] = [*earlier, *found]
        if not found:
            self._monitor.violated("a command is run without an intent on record", name, argv)
        self._held[name] = set(self._world.machines[name].system.packages.held)
        packages = self._world.machines[name].system.packages
        known = packages.lists is not None and packages.fetched < self._monitor.last_look(name, "pkg.manager")
        if argv[-1] == "update" and known:
            self._monitor.violated("the lists are fetched although they need not be", name, argv)

    def said(self, process: "Process", name: TargetName, command: str, item: Json) -> None:
        """It orders something that is no path."""
        subject = str(about(Call(command, item))[0])
        refs = self._world.authors.subjects.get(subject, [])
        found = self._monitor.meant(process, [Address(f"{name}/{ref}") for ref in refs])
        self._meant[name, subject] = found
        for ref in refs:
            self._monitor.sent[name, ref] = self._world.loop.time()
        if not found:
            self._monitor.violated("an order without an intent on record", f"{command} {item}")
        for action in item.get("actions", ()):
            self._ordered(found, subject, action)

    def _ordered(self, meant: list[Instance], subject: str, action: str) -> None:
        stays = [one for one in meant if one.removal is None and not (one.kind == "Timer" and one.absent)]
        timers = {one.spec["enabled"] for one in stays if one.kind == "Timer"}
        wanted = {one.spec.get("state") for one in stays if one.kind == "Service"}
        startup = {one.spec.get("startup") for one in stays if one.kind == "Service"}
        wanted |= {"running" if enabled else "stopped" for enabled in timers}
        startup |= {"enabled" if enabled else "disabled" for enabled in timers}
        gone = len(stays) < len(meant)
        if action == "start" and "running" not in wanted:
            self._monitor.violated("a service is started that nobody wants to run", subject, meant)
        if action == "stop" and "stopped" not in wanted and not gone:
            self._monitor.violated("a service is stopped that nobody wants to stop", subject, meant)
        if action in STARTUP and STARTUP[action] not in startup and not (gone and action == "disable"):
            self._monitor.violated(f"a service is to {action}, which nobody wants", subject, meant)

    def _packages(self, name: TargetName) -> list[Address]:
        refs = [ref for refs in self._world.authors.subjects.values() for ref in refs]
        return [Address(f"{name}/{ref}") for ref in dict.fromkeys(refs) if ref.startswith("Package/")]

    # --- what becomes of it -----------------------------------------------------------------------------------

    def ordered(self, machine: "Machine", command: str, item: Json) -> None:
        """A runner is to change something that is no path."""
        self._world.note("order", machine=machine.name, command=command, item=item)
        self._about[machine.name] = command.partition(".")[0]
        if command == "unit.control" and {"reload", "restart"} & set(item["actions"]):
            for ref in self._services(item["unit"]):
                self._monitor.ran_handler(machine, ref)

    def refused(self, machine: "Machine", item: Json) -> None:
        """An order about a unit came to nothing: what it was given for is not done."""
        for ref in self._services(item["unit"]):
            self._monitor.excuse((machine.name, ref))

    def settled(self, machine: "Machine", subject: str) -> None:
        """Something that is no path has changed, and that was we."""
        self._monitor.target_writes += 1
        scheme, _, name = subject.partition(":")
        if scheme != "unit" or machine.system.units.states[name].result == "success":
            # What came to nothing has put nothing right, nor has it that it has read what it goes by.
            reloaded = (machine.name, subject) in self._reloaded
            # Nor has it who is another one since a group is: what somebody did to their shell is still to be put right.
            beside = scheme in {"user", "group"} and scheme != self._about.get(machine.name)
            self._monitor.own(machine, subject, puts_right=not (reloaded or beside))
        self._reloaded.discard((machine.name, subject))
        if scheme in {"user", "group"}:
            self._account(machine, scheme, name)

    def _account(self, machine: "Machine", scheme: str, name: str) -> None:
        accounts = machine.system.accounts
        meant = [one for (where, _), some in self._meant.items() if where == machine.name for one in some]
        named = {str(subject) for one in meant for subject in (*one.provides, *one.uses)}
        # Who goes is in no group any more, and in what goes is nobody.
        going = {one.kind for one in meant if one.absent or one.removal is not None}
        along = {"group": "User", "user": "Group"}[scheme] in going
        if f"{scheme}:{name}" not in named and not along:
            self._monitor.violated("an account is changed that nobody declared", f"{scheme}:{name}")
        for number, known in (("uid", accounts.users), ("gid", accounts.groups)):
            mine = known.get(name) if scheme == {"uid": "user", "gid": "group"}[number] else None
            other = [who for who, one in known.items() if getattr(one, number) == getattr(mine, number, None)]
            if len(other) > 1:
                self._monitor.violated("a number was taken from somebody else", number, sorted(other))

    def transacted(self, machine: "Machine", before: dict[str, Installed], names: list[str]) -> None:
        """What was run for us has changed packages."""
        packages = machine.system.packages
        meant = self._meant.get((machine.name, "package"), [])
        declared = {name: one for one in meant for name in names_of(one)}
        for name in names:
            then, now = before.get(name), packages.truth.get(name)
            one = declared.get(name)
            wanted = one is not None and one.removal is None and one.spec["state"] in {"present", "latest"}
            was, there = (state is not None and state.state in FILES_ARE_THERE for state in (then, now))
            if was and not there and (one is None or wanted):
                self._monitor.violated("a package is gone that nobody wanted gone", name, then)
            moved = then is not None and (not there or (now is not None and then.version != now.version))
            if moved and name in self._held[machine.name] and (one is None or "hold" not in one.spec):
                self._monitor.violated("a package on hold is another one", name, then, now)
            needed = any(name in packages.archive.get(each, Known(())).needs for each in declared)
            if there and not was and not wanted and not needed:
                self._monitor.violated("a package came that nobody wanted", name, now)
            if (
                then is not None
                and now is not None
                and was
                and there
                and one is None
                and then.version != now.version
            ):
                self._monitor.violated("a package is another one that nobody declared", name, then, now)

    def ran_unit(self, machine: "Machine", unit: str, job: str, by: Json | None) -> None:
        """A service was started, stopped or reloaded: it has read by now what it goes by, or does not run."""
        if job == "reload":
            self._reloaded.add((machine.name, f"unit:{unit}"))
        for ref in self._services(unit):
            self._monitor.begins_handler((machine.name, ref))

    def _services(self, unit: str) -> list[str]:
        refs = self._world.authors.subjects.get(f"unit:{unit}", [])
        return [ref for ref in refs if ref.startswith("Service/")]

    def is_at_rest(self, handler: "Spot") -> bool:
        """Whether a handler is a service that does not run: what it would have to read it reads when it is started."""
        if not handler[1].startswith("Service/"):
            return False
        subject = self._world.authors.path(Address(f"{handler[0]}/{handler[1]}"))
        state = self._world.machines[TargetName(handler[0])].system.units.states.get(
            subject.partition(":")[2]
        )
        return state is None or state.active != "active"


def names_of(one: Instance) -> list[str]:
    """The packages that an instance is about."""
    return [str(name) for name in one.spec.get("packages", [one.spec.get("package")])]
