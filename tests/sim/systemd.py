"""The services of a modelled target: systemd, as far as it can be told from outside.

The files of units, and what is dropped in for them, lie among the files of the machine, or come with packages; systemd
knows what it has read of them, which for what runs or begins with the host is as of its last daemon-reload. A job goes
on whoever asked for it has gone, and is cancelled by another one about the same unit. Every service says when it is
ready, and can reload.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from tests.sim.files import Files, Node, canonical_digest, digest_of

Json = dict[str, Any]
Told = Callable[[Json], None]

PLACE = "/etc/systemd/system"
WANTS = f"{PLACE}/multi-user.target.wants"
TIMERS = f"{PLACE}/timers.target.wants"
PID1 = {"command": "systemd", "pid": 1, "user": "root"}
IN_FILES = ("unmask", "enable", "disable", "mask")
JOBS = ("start", "restart", "reload")
NOWHERE = "/dev/null"


def link_of(unit: str) -> str:
    """The link by which a unit begins with the host."""
    return f"{TIMERS if unit.endswith('.timer') else WANTS}/{unit}"


def unit_of(path: str) -> str:
    """The unit that a path below `PLACE` is about: its file, a link to it, or what is dropped in for it."""
    above, _, name = path.removeprefix(f"{PLACE}/").rpartition("/")
    return above.removesuffix(".d") if above.endswith(".d") else name


@dataclass(slots=True)
class Job:
    """What is under way about a unit."""

    action: str
    timer: asyncio.TimerHandle
    ended: Callable[[str], None]


@dataclass(slots=True)
class State:
    """A unit, as systemd has it.

    Attributes:
        active: in its words.
        result: how it ended.
        read: what it has read of its file; "" where there was none.
        read_beside: what it has read of what is dropped in for it.
        started, changed: by the wall clock, in microseconds.
        took_in: when it last read the files that it goes by: it was started, or reloaded; on the loop's clock.
        known: whether it was ever enabled by the package that brings it.
    """

    active: str = "inactive"
    result: str = "success"
    read: str = ""
    read_beside: tuple[tuple[str, str], ...] = ()
    started: int = 0
    changed: int = 0
    took_in: float = -1.0
    known: bool = False
    job: Job | None = None


class Onlooker(Protocol):
    """Who wants to know."""

    def unit_changed(self, unit: str, by: Json | None, *, job: str = "") -> None:
        """It has come to rest as something else; `by` is None where it was one of ours."""

    def unit_begun(self, unit: str, by: Json) -> None:
        """Somebody else has begun to make something else of it, which nobody is told yet who watches."""

    def units_read(self) -> None:
        """The files of all units were read anew."""


@dataclass(slots=True)
class Systemd:
    """See the module.

    Attributes:
        packaged: the files of units that packages bring, by unit.
        failing: units that cannot be started, nor reloaded.
        slow: whether jobs take their time.
    """

    files: Files
    random: random.Random
    now: Callable[[], float]
    onlooker: Onlooker
    packaged: dict[str, str] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    slow: bool = False

    # --- what can be asked ------------------------------------------------------------------------------------

    def query(self, unit: str) -> Json:
        """`unit.query`."""
        state, on_disk = self._state(unit), self.on_disk(unit)
        if state.active == "inactive" and state.job is None and not self.is_enabled(unit):
            self._read(unit)  # what nothing refers to is not kept, and read when it is asked for
        unread = state.read != on_disk or (
            state.read not in {"", NOWHERE} and state.read_beside != self.beside(unit)
        )
        load = "masked" if state.read == NOWHERE else "loaded" if state.read else "not-found"
        own = f"{PLACE}/{unit}"
        path = own if own in self.files.nodes else f"/lib/systemd/system/{unit}" if on_disk else ""
        found: Json = {
            "id": unit, "load": load, "active": state.active, "sub": state.active, "file_state": self.file_state(unit),
            "path": path, "dropins": [one for one, _ in state.read_beside], "need_reload": unread,
            "can_reload": True, "type": "notify",
            "remains": False, "result": state.result, "exit": 0 if state.result == "success" else 1, "restarts": 0,
            "started_us": state.started, "changed_us": state.changed,
        }  # fmt: skip
        compared = ("id", "load", "active", "sub", "file_state", "need_reload", "started_us", "changed_us")
        return found | {"state": canonical_digest([found[key] for key in compared])}

    def on_disk(self, unit: str) -> str:
        """What its file is now; "" where there is none."""
        node = self.files.nodes.get(f"{PLACE}/{unit}")
        if node is not None:
            return NOWHERE if node.type == "symlink" else digest_of(node.content)
        return self.packaged.get(unit, "")

    def beside(self, unit: str) -> tuple[tuple[str, str], ...]:
        """What is dropped in for it now: paths, and what is in them."""
        directory = f"{PLACE}/{unit}.d"
        if directory not in self.files.nodes:
            return ()
        paths = [path for path in self.files.below(directory) if path.endswith(".conf")]
        return tuple((path, digest_of(self.files.nodes[path].content)) for path in paths)

    def is_enabled(self, unit: str) -> bool:
        """Whether it begins with the host."""
        return link_of(unit) in self.files.nodes

    def file_state(self, unit: str) -> str:
        """What is to be said of its file."""
        on_disk = self.on_disk(unit)
        if on_disk in {"", NOWHERE}:
            return "masked" if on_disk else ""
        return "enabled" if self.is_enabled(unit) else "disabled"

    def _state(self, unit: str) -> State:
        return self.states.setdefault(unit, State())

    # --- what can be done -------------------------------------------------------------------------------------

    def order(self, item: Json, tell: Told, *, alive: Callable[[], bool], by: Json | None = None) -> None:
        """One item of `unit.control`, by one of our runners; what is not begun yet dies with it.

        Args:
            item: its arguments.
            tell: gets the result, sooner or later.
            alive: whether whoever ordered it is there still.
            by: who does it, where that is none of ours.
        """
        unit, actions = item["unit"], set(item["actions"])
        before = self.query(unit)["state"]
        if item.get("expect", before) != before:
            message = f"{unit} is not any more what it was when it was looked at"
            tell({"error": {"class": "conflict", "code": "conflict", "message": message}})
            return

        def go_on(steps: list[str], result: str = "done") -> None:
            if not alive():
                return
            if result != "done":
                tell({"error": refusal(unit, result)})
            elif steps:
                self._job(unit, steps[0], by, partial(go_on, steps[1:]))
            else:
                after = self.query(unit)
                tell({"ok": {"changed": after["state"] != before, **after}})

        def in_between(result: str) -> None:
            if result == "done" and alive():
                why = self._in_files(unit, actions, by)
                go_on([job for job in JOBS if job in actions], why or "done")
            else:
                go_on([], result)

        if "stop" in actions:
            self._job(unit, "stop", by, in_between)
        else:
            in_between("done")

    def _in_files(self, unit: str, actions: set[str], by: Json | None) -> str:
        state, link = self._state(unit), link_of(unit)
        for action in IN_FILES:
            if action not in actions:
                continue
            if self.files.read_only:
                return "read-only"
            own = self.files.nodes.get(f"{PLACE}/{unit}")
            if action == "mask":
                if own is not None and own.type != "symlink":
                    return "exists"
                self.files.put(f"{PLACE}/{unit}", Node("symlink", 0o777, to=NOWHERE), PID1)
            elif action == "unmask" and own is not None and own.type == "symlink":
                self.files.remove(f"{PLACE}/{unit}", PID1)
            elif action == "enable":
                if self.on_disk(unit) in {"", NOWHERE}:
                    return "masked" if self.on_disk(unit) else "not-found"
                self.files.put(link, Node("symlink", 0o777, to=f"{PLACE}/{unit}"), PID1)
            elif action == "disable":
                self.files.remove(link, PID1)
            self.onlooker.unit_changed(unit, by)
        if actions & {*IN_FILES, "daemon-reload"}:
            self.daemon_reload()
        if "reset-failed" in actions and state.active == "failed":
            state.active, state.result = "inactive", "success"
        return ""

    def daemon_reload(self) -> None:
        """Read all files anew."""
        for unit in self.states:
            self._read(unit)
        self.onlooker.units_read()

    def _read(self, unit: str) -> None:
        state = self._state(unit)
        state.read = self.on_disk(unit)
        state.read_beside = () if state.read in {"", NOWHERE} else self.beside(unit)

    def _job(self, unit: str, action: str, by: Json | None, ended: Callable[[str], None]) -> None:
        state = self._state(unit)
        self.query(unit)  # it is read, where it was not
        if action in JOBS and state.read in {"", NOWHERE}:
            ended("masked" if state.read else "not-found")
            return
        if action == "reload" and state.active not in {"active", "reloading"}:
            ended("not active")  # what makes it so goes on
            return
        if state.job is not None:
            state.job.timer.cancel()
            cancelled, state.job = state.job, None
            cancelled.ended("canceled")
        nothing = (action == "start" and state.active == "active") or (
            action == "stop" and state.active in {"inactive", "failed"}
        )
        if nothing:
            ended("done")
            return
        if action == "restart" and state.active in {"inactive", "failed"}:
            action = "start"
        state.active = {"stop": "deactivating", "reload": "reloading"}.get(action, "activating")
        if by is not None:
            self.onlooker.unit_begun(unit, by)
        pause = self.random.uniform(0.5, 12.0) if self.slow else self.random.uniform(0.01, 0.3)
        timer = asyncio.get_running_loop().call_later(pause, self._end, unit, action, by)
        state.job = Job(action, timer, ended)

    def _end(self, unit: str, action: str, by: Json | None) -> None:
        state, loop = self.states[unit], asyncio.get_running_loop()
        job, state.job = state.job, None
        failed = action != "stop" and unit in self.failing
        if action == "stop":
            state.active, state.result = "inactive", "success"
        elif failed and action != "reload":
            state.active, state.result = "failed", "exit-code"
        else:
            state.active, state.result = "active", "success"
            if not failed:
                state.took_in = loop.time()
        state.changed = int(self.now() * 1e6)
        if action in {"start", "restart"}:
            state.started = state.changed
        self.onlooker.unit_changed(unit, by, job="" if failed else action)
        assert job is not None
        job.ended("failed" if failed else "done")

    # --- as fate has it ---------------------------------------------------------------------------------------

    def die(self, unit: str, by: Json) -> None:
        """Its process is killed, or ends."""
        state = self._state(unit)
        if state.active == "active" and state.job is None:
            state.active, state.result, state.changed = "failed", "signal", int(self.now() * 1e6)
            self.onlooker.unit_changed(unit, by)

    def brought(self, unit: str, content: str) -> None:
        """A package has brought it: it is enabled when that is new, and started, or started anew."""
        state = self._state(unit)
        self.packaged[unit] = content
        if not state.known:
            state.known = True
            self.files.put(f"{WANTS}/{unit}", Node("symlink", 0o777, to=f"/lib/systemd/system/{unit}"), PID1)
            self.onlooker.unit_changed(unit, PID1)
        self.daemon_reload()
        if self.file_state(unit) == "enabled":
            self._job(unit, "restart", {"command": "deb-systemd-invoke", "pid": 5, "user": "root"}, nobody)

    def gone(self, unit: str, *, purged: bool) -> None:
        """The package has gone that brought it."""
        state = self._state(unit)
        if state.job is not None:
            state.job.timer.cancel()
            cancelled, state.job = state.job, None
            cancelled.ended("canceled")
        state.active, state.result = "inactive", "success"
        self.packaged.pop(unit, None)
        if purged:
            state.known = False
            self.files.remove(f"{WANTS}/{unit}", PID1)
        self.daemon_reload()
        self.onlooker.unit_changed(unit, PID1)

    def lose(self) -> None:
        """The machine loses power."""
        for state in self.states.values():
            if state.job is not None:
                state.job.timer.cancel()
                state.job = None
            state.active, state.result, state.read = "inactive", "success", ""
            state.read_beside = ()

    def boot(self) -> None:
        """It has power again."""
        for unit, state in self.states.items():
            self._read(unit)
            if state.read not in {"", NOWHERE} and self.is_enabled(unit):
                state.active = "failed" if unit in self.failing else "active"
                state.result = "exit-code" if unit in self.failing else "success"
                state.started = state.changed = int(self.now() * 1e6)
                state.took_in = asyncio.get_running_loop().time()


def nobody(_result: str) -> None:
    """Nobody waits for the end of a job."""


def refusal(unit: str, result: str) -> Json:
    """What is answered where an order came to nothing."""
    code, error_class = {
        "canceled": ("conflict", "conflict"),
        "masked": ("unit_masked", "permanent"),
        "not-found": ("enoent", "transient"),
        "read-only": ("read_only", "transient"),
        "exists": ("unit_failed", "permanent"),
    }.get(result, ("unit_failed", "permanent"))
    return {
        "class": error_class,
        "code": code,
        "message": f"{unit}: modelled: {result}",
        "subjects": [f"unit:{unit}"],
    }
