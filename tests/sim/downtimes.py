"""What must be true at every instant of hosts that are started anew.

None is outside of its windows but where a person has approved just that, none for a cause twice or for none at all, and
no more at a time than may be; who counts is on record with the intent, and until all on the host was seen as it is to
be.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.core.conditions import summarize
from reconciler.core.reasons import DECIDED
from reconciler.model.conditions import Reason
from reconciler.model.names import Address, TargetName
from reconciler.model.resource import Instance, Policy
from tests.sim.boots import REF, Cause, is_open, shown
from tests.sim.manifests import path_of
from tests.sim.rules import ASKED

if TYPE_CHECKING:
    from tests.sim.machine import Machine
    from tests.sim.monitor import Monitor
    from tests.sim.process import Process
    from tests.sim.world import World

INTENTS = f"""
    SELECT run, address, action, desired, observed FROM plan_units
    WHERE outcome IS NULL AND address LIKE '%/{REF}'
"""


class Downtimes:
    """See the module.

    Args:
        world: at which it looks.
        monitor: which tells it.
    """

    def __init__(self, world: "World", monitor: "Monitor") -> None:
        self._world = world
        self._monitor = monitor
        self._seen: set[tuple[str, str]] = set()
        self._counted: set[TargetName] = set()
        self._approved: set[tuple[Address, str]] = set()

    def approved(self, address: Address, what: str) -> None:
        """A person has approved something."""
        self._approved.add((address, what))

    def committed(self, process: "Process", declared: Mapping[str, Instance]) -> None:
        """Something was put on record, perhaps what is about to be done.

        Args:
            process: whose store it is.
            declared: what was ever declared, by its digest.
        """
        if self._world.authors.watch is None:
            return
        assert process.account is not None
        counted = {TargetName(name) for (name,) in process.account.execute("SELECT target FROM disruptions")}
        begun = []
        for run, address, *intent in process.account.execute(INTENTS):
            if (run, address) not in self._seen:
                self._seen.add((run, address))
                begun.append((Address(address), *intent))
        for name in self._counted - counted:
            self._released(process, name)
        for address, action, desired, observed in begun:
            name = TargetName(address.split("/")[0])
            if name not in counted:
                self._monitor.violated("who is disrupted is not on record", address)
            # What policies want approved, and what no window is open for, is one approval.
            approved = {shown(action, desired, observed, why) for why in ("", ASKED)}
            if any((address, one) in self._approved for one in approved):
                continue
            one = declared[desired]
            windows = [window._asdict() for window in one.common.windows]
            if not is_open(windows, self._world.now()):
                self._monitor.violated("a host is started anew outside of its windows", address, windows)
            most = self._world.settings.max_disrupted
            if name not in self._counted and len(counted) > max(most, len(self._counted & counted)):
                self._monitor.violated("too many are disrupted at a time", address, *sorted(counted))
        self._counted = counted

    def _released(self, process: "Process", name: TargetName) -> None:
        """A target counts no longer."""
        controller, machine = process.controller, self._world.machines[name]
        lane = controller.lanes.get(name)
        if lane is None or name not in controller.in_force.targets:
            return
        if machine.boots.ours:
            self._monitor.violated("what is down, or about to be, counts no longer", name)
        summaries = {address: summarize(state.conditions) for address, state in lane.states.items()}
        left = any(not one.ready and one.reason in DECIDED for one in summaries.values())
        for address, one in lane.instances.items():
            summary = summaries.get(address)
            if one.removal is not None and not one.disruptive:
                continue
            # What comes after something that is left alone will not be any more than that.
            waits = left and summary is not None and summary.reason is Reason.DEPENDENCY_NOT_READY
            if summary is None or not (summary.ready or waits or summary.reason in DECIDED):
                self._monitor.violated("what is not itself again counts no longer", address, summary)
            elif (
                one.kind == "File"
                and one.common.policy is Policy.ENFORCE
                and summary.ready
                and self._monitor.last_look(name, path_of(one)) < machine.boots.up_since
            ):
                self._monitor.violated("what nobody has looked at counts as itself again", address)

    def went_down(self, machine: "Machine", cause: Cause, *, was_asked: bool, before: bool) -> None:
        """A machine goes down since it was told to."""
        self._monitor.target_writes += 1
        self._monitor.own(machine, "boot:host")
        if not was_asked:
            self._monitor.violated("a host is started anew although nothing asks for it", machine.name)
        if before and cause != (0, 0):
            self._monitor.violated("a host is started anew twice for one cause", machine.name, cause)

    def sent(self, process: "Process", name: TargetName, item: Any) -> None:
        """A host is to be started anew."""
        if not self._monitor.intents(process, [Address(f"{name}/{REF}")]):
            self._monitor.violated("a host is started anew without an intent on record", name, item)
