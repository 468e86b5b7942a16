"""A target in memory that has units of systemd, too: it answers `unit.query` and `unit.control` besides.

A unit is there when its file is, or when a test says so. What is started runs, unless a test says how it ends. Time
stands still but for one tick with everything that is done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from froyo_provider.testing.memory import CALLS, MemoryHost, Node, Refused, canonical_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from froyo_provider.testing.memory import Json

PLACE = "/etc/systemd/system"
EVERYBODY = "@global"
"""Stands in the place of a user for the managers of all of them."""
ORDER = (
    *("stop", "unmask", "enable", "disable", "mask", "daemon-reload", "reset-failed"),
    *("start", "restart", "reload", "reload-or-restart"),
)
"""All that can be done to a unit, in the order in which it is done."""


@dataclass(frozen=True)
class MemoryUnit:
    """A unit as `unit.query` tells of it.

    Attributes:
        load: loaded, not-found, masked, bad-setting or error.
        load_error: why it is not loaded.
        active: active, inactive, failed, activating, deactivating or reloading.
        sub: the same in the words of its kind.
        file_state: enabled, disabled, static, masked …
        path: of its file.
        need_reload: whether its files have changed since they were read.
        can_reload: whether it can reload.
        type: of a service.
        remains: whether a service stays active after its process has ended.
        result: how it ended last.
        restarts: how often systemd has started it again.
        started_us: when it was started.
        changed_us: when it was started, reloaded or stopped.
        replaced: what it runs and is another one on the disk by now; until it is started anew.
        flapping: whether systemd starts it again and again.
        ends: how it ends whenever it is started, such as `exit-code`; "" where it stays up.
    """

    load: str = "loaded"
    load_error: str = ""
    active: str = "inactive"
    sub: str = "dead"
    file_state: str = "disabled"
    path: str = ""
    need_reload: bool = False
    can_reload: bool = False
    type: str = "simple"
    remains: bool = False
    result: str = "success"
    restarts: int = 0
    started_us: int = 0
    changed_us: int = 0
    flapping: bool = False
    replaced: Sequence[str] = ()
    ends: str = ""


MISSING = MemoryUnit(load="not-found", load_error="there is no such unit", file_state="", type="")


class UnitsHost(MemoryHost):
    """A target with units.

    Args:
        nodes: as of `MemoryHost`.
        units: by name, what is there beside what files bring. One of a user's manager is called USER/UNIT.
        users: by name, where they are at home.

    Attributes:
        units: how they are now.
        users: by name, where they are at home.
        away: users whose managers do not run.
        done: by its id, what came of an order that had one: it is not carried out again.
        clock: microseconds; one more with everything that is done.
    """

    answers: ClassVar[tuple[str, ...]] = (
        *CALLS, "unit.list", "unit.query", "unit.control", "user.stat", "facts",
    )  # fmt: skip

    def __init__(
        self,
        nodes: dict[str, Node] | None = None,
        units: Mapping[str, MemoryUnit] | None = None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        above = {"/etc": Node("directory", 0o755), "/etc/systemd": Node("directory", 0o755)}
        super().__init__({**above, PLACE: Node("directory", 0o755), **(nodes or {})})
        self.units: dict[str, MemoryUnit] = dict(units or {})
        self.users = dict(users or {})
        self.away: set[str] = set()
        self.done: dict[str, Json | Refused] = {}
        self.clock = 1_000_000

    def _file_of(self, unit: str) -> str:
        """Where the file of a unit is."""
        user, of_user, name = unit.rpartition("/")
        if not of_user:
            return f"{PLACE}/{unit}"
        if user == EVERYBODY:
            return f"/etc/systemd/user/{name}"
        return f"{self.users[user]}/.config/systemd/user/{name}"

    def _meet(self, unit: str) -> None:
        """Have the manager of a unit be there.

        Raises:
            Refused: it does not run, or there is no such user.
        """
        user, of_user, _ = unit.rpartition("/")
        if of_user and user not in {*self.users, EVERYBODY}:
            raise Refused("unknown_owner", f'there is no user named "{user}" on this target', "transient")
        if of_user and user in self.away:
            raise Refused("no_manager", f"the manager of {user} does not run", "transient")

    def _user_stat(self, user: str) -> Json:
        if user not in self.users:
            return {"exists": False, "state": canonical_digest(["absent"]), "obstacles": []}
        told = {"uid": 1000, "gid": 1000, "group": user, "groups": [], "home": self.users[user]}
        return {"exists": True, **told, "state": canonical_digest([user, told]), "obstacles": []}

    def _facts(self, only: Sequence[str]) -> Json:
        everybody = {user: {"uid": 1000, "gid": 1000, "home": home} for user, home in self.users.items()}
        return {"facts": {"users": everybody} if "users" in only else {}, "cut": []}

    def unit(self, name: str) -> MemoryUnit:
        """How a unit is, with what its file says."""
        found = self.units.get(name)
        node = self.nodes.get(self._file_of(name))
        if node is not None and node.type == "symlink" and node.to == "/dev/null":
            return replace(found or MISSING, load="masked", file_state="masked")
        if found is not None:
            return found
        if node is not None:
            return MemoryUnit(path=self._file_of(name), need_reload=False)
        return MISSING

    def _unit_list(self) -> Json:
        mine = sorted(name for name in self.units if "/" not in name)
        states = {name: self.unit(name).file_state for name in mine}
        known = ("enabled", "disabled", "masked")
        return {"units": [{"unit": unit, "file_state": one} for unit, one in states.items() if one in known]}

    def _unit_query(self, unit: str, *, replaced: bool = False) -> Json:
        self._meet(unit)
        now = self.unit(unit)
        told: Json = {
            field: getattr(now, field)
            for field in (
                *(
                    "load",
                    "active",
                    "sub",
                    "file_state",
                    "path",
                    "need_reload",
                    "can_reload",
                    "type",
                    "remains",
                ),
                *("result", "restarts", "started_us", "changed_us"),
            )
        }
        if now.flapping:
            told["flapping"] = True
        if now.load_error:
            told["load_error"] = now.load_error
        more = {"replaced": list(now.replaced)} if replaced and now.active == "active" else {}
        return told | more | {"id": unit, "exit": 0, "dropins": [], "state": canonical_digest([unit, told])}

    def _unit_control(self, unit: str, *, id: str = "", alone: str = "", **order: Any) -> Json:  # noqa: A002, ARG002 - the names of the protocol
        if not id:
            return self._carried_out(unit, **order)
        if id not in self.done:
            try:
                self.done[id] = self._carried_out(unit, **order)
            except Refused as refusal:
                self.done[id] = refusal
        came = self.done[id]
        if isinstance(came, Refused):
            raise came
        return came

    def _carried_out(
        self,
        unit: str,
        *,
        actions: Sequence[str],
        expect: str = "",
        timeout_ms: int = 0,  # noqa: ARG002 - nothing takes its time in memory
        settle_ms: int = 0,  # noqa: ARG002 - and nothing falls down later
    ) -> Json:
        before = self._unit_query(unit)
        if expect and expect != before["state"]:
            raise Refused("conflict", f"{unit} has moved", "conflict")
        for action in sorted(actions, key=ORDER.index):
            self.clock += 1
            self._do(unit, action)
        after = self._unit_query(unit)
        self.writes += before != after
        return {"changed": before["state"] != after["state"], **after}

    def _do(self, name: str, action: str) -> None:
        now, mask = self.unit(name), self._file_of(name)
        changes: dict[str, Any] = {}
        if action == "mask":
            if mask in self.nodes:
                raise Refused("unit_failed", f"{mask} is there already")
            self.nodes[mask] = Node("symlink", 0o777, to="/dev/null")
            return
        if action == "unmask":
            del self.nodes[mask]
            return
        if action == "daemon-reload":
            changes = {"need_reload": False}
        elif action in {"enable", "disable"}:
            changes = {"file_state": f"{action}d"}
        elif action == "reset-failed":
            changes = {"result": "success", "active": "inactive" if now.active == "failed" else now.active}
        elif action == "stop":
            changes = {"active": "inactive", "sub": "dead", "changed_us": self.clock}
        elif action == "reload" or (action == "reload-or-restart" and now.can_reload):
            changes = {"changed_us": self.clock}
        else:
            changes = self._started(name, now)
        if now.load != "not-found":
            self.units[name] = replace(now, **changes)

    def _started(self, name: str, now: MemoryUnit) -> dict[str, Any]:
        """What a unit is after its start.

        Raises:
            Refused: it cannot be started, or ends at once.
        """
        if now.load != "loaded":
            raise Refused("unit_masked" if now.load == "masked" else "unit_failed", f"{name} is {now.load}")
        if now.ends:
            self.units[name] = replace(now, active="failed", sub="failed", result=now.ends)
            raise Refused("unit_failed", f"{name}: it failed; the end of its journal:\nno such option")
        times = {"started_us": self.clock, "changed_us": self.clock}
        return {"active": "active", "sub": "running", "result": "success", "replaced": (), **times}
