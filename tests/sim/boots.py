"""What asks for a machine to be started anew, what is in the way of that, and who declares that it is done.

A marker in /run goes with the boot; a kernel that the boot loader does not start asks for another boot for ever. For
what a machine went down last is on its disk. One author of a world at most declares a Reboot: two would contradict each
other.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.sim.systemd import PID1

if TYPE_CHECKING:
    from tests.sim.machine import Machine

Json = dict[str, Any]
Tell = Callable[[Json], None]

KINDS = frozenset({"Reboot"})
SHARE = 0.25
"""Of worlds in which one is declared."""
REF = "Reboot/when-required"
SUBJECT = "boot:host"
MARKER = "/run/reboot-required"
INHIBITOR = "/run/systemd/inhibit/1"
APT = {"command": "apt-get", "pid": 8, "user": "root"}

MOST = 16
"""Causes that a machine remembers."""

Cause = tuple[int, int]
"""The kernel that is newer than the one that runs, and when a package has asked; 0 for none."""


def watchman(seed: int, authors: int) -> tuple[int, random.Random] | None:
    """Which of the authors of a world declares it, and what they go by in that; None where nobody does."""
    found = random.Random(f"{seed}/boots")
    return (found.randrange(authors), found) if found.random() < SHARE else None


class Watch:
    """What an author declares of boots.

    Args:
        random_: what its author goes by.
        machines: on which it is.
        now: the wall clock of the controller.
    """

    listens = False

    def __init__(self, random_: random.Random, machines: list[str], now: Callable[[], float]) -> None:
        self._random = random_
        self._machines = machines
        self._now = now
        self._item: Json = {}
        self.change()

    @property
    def subjects(self) -> dict[str, list[str]]:
        """What may be declared, by what it is about: references."""
        return {SUBJECT: [REF]}

    def own(self, ref: str) -> str:
        """What a reference is about; "" where it is none of theirs."""
        return SUBJECT if ref == REF else ""

    def change(self) -> None:
        """Write another version of it."""
        random_ = self._random
        windows = random_.choice(
            [
                [{}],
                [{}],
                [{"begins": "08:00", "ends": "08:01"}],
                [{"begins": "08:01", "ends": "08:02"}, {"begins": "08:04", "ends": "08:30"}],
                [{"days": ["fri", "sun"], "begins": "09:01", "ends": "09:03", "timezone": "Europe/Berlin"}],
                [{"days": ["sat"]}, {"begins": "23:00", "ends": "07:00"}],
                [],
            ]
        )
        common: Json = {"windows": windows}
        if random_.random() < 0.15:
            common["policy"] = random_.choice(["observe", "paused"])
        if random_.random() < 0.2:
            common["interval"] = random_.choice([5.0, 45.0])
        spec = {"when": "required", "timeout": random_.choice([20, 300])}
        self._item = {"spec": spec, "common": common, "declared": random_.random() < 0.9}

    def finish(self) -> None:
        """It is to be done within some minutes, or when a person says so."""
        begins = datetime.fromtimestamp(self._now(), UTC) + timedelta(minutes=self._random.randrange(1, 4))
        soon = {"begins": f"{begins:%H:%M}", "ends": f"{begins + timedelta(hours=6):%H:%M}"}
        self._item["declared"] = True
        self._item["common"]["windows"] = self._random.choice([[{}], [soon], [soon], []])

    def resources(self) -> list[Json]:
        """What is declared of it now."""
        kind, _, name = REF.partition("/")
        one = self._item
        made = {
            "kind": kind,
            "name": name,
            "spec": one["spec"],
            "common": one["common"],
            "on": self._machines,
        }
        return [made] if one["declared"] else []


class Boots:
    """The boots of a machine, and what asks for another one.

    Args:
        machine: whose they are.
        seed: of its own randomness.

    Attributes:
        kernel, newest: which runs, and the newest that is installed.
        asked: when a package has asked for another boot, in microseconds; 0 where none has.
        last: for what it was to go down last, and in which boot that was.
        tried: for each of the last causes, the boot in which it was to go down for that.
        going: whether it is about to.
        ours: whether it is down, or about to be, since we said so.
        up_since: when this boot began, on the loop's clock.
        inhibited, stuck, stubborn: whether somebody does not want it to go down, it hangs when it is to, and the
            boot loader starts the old kernel.
        was_asked: whether anything has asked for another boot in this one.
        done: for what it went down since we said so, cause by cause.
    """

    def __init__(self, machine: "Machine", *, seed: str) -> None:
        self.random = random.Random(f"{seed}/boots")
        self.kernel = self.newest = 1
        self.asked = 0
        self.last: Json = {}
        self.tried: dict[str, str] = {}
        self.ours = False
        self.up_since = 0.0
        self.inhibited = self.stuck = self.stubborn = self.was_asked = False
        self.done: set[tuple[int, int]] = set()
        self._for: set[tuple[int, int]] = set()
        self._machine = machine
        self._loop = asyncio.get_running_loop()
        self._going: asyncio.TimerHandle | None = None
        self._believed = 0.0

    @property
    def going(self) -> bool:
        return self._going is not None

    @property
    def cause(self) -> Cause:
        """What asks for another boot."""
        return (self.newest if self.newest > self.kernel else 0, self.asked)

    # --- as a runner meets it ---------------------------------------------------------------------------------

    def stat(self) -> Json:
        """`boot.stat`."""
        found: Json = {"boot_id": f"boot-{self._machine.boot}", "kernel": f"{self.kernel}-amd64"}
        if self.newest > self.kernel:
            found["newer"] = f"{self.newest}-amd64"
        if self.last:
            found["last"] = dict(self.last)
            found["tried"] = self._tried()
        if (within := int((self._believed - self._loop.time()) * 1000)) > 0:
            found["going_ms"] = within
        if self.asked:
            found["required"] = {"mtime_us": self.asked, "packages": ["libc6"]}
        return {"ok": found | {"obstacles": self._obstacles()}}

    def _tried(self) -> list[str]:
        return [cause for cause, of in self.tried.items() if of != f"boot-{self._machine.boot}"]

    def _obstacles(self) -> list[Json]:
        found = []
        if self.inhibited:
            found.append(_busy("backup does not want this host to go down: it is at work", INHIBITOR))
        if self._machine.system.packages.holder is not None:
            found.append(_busy("apt-get is at work on packages", "/var/lib/dpkg/status"))
        return found

    def again(self, item: Json, tell: Tell) -> None:
        """`boot.again`: mostly there is no reply."""
        boot = f"boot-{self._machine.boot}"
        before = self.last.get("id") == item["id"] and self.last["boot_id"] != boot
        if before or set(item["causes"]) <= set(self._tried()):
            tell({"ok": {"boot_id": boot, "changed": False}})
        elif item.get("boot_id", boot) != boot:
            message = "the host was started anew since it was looked at"
            tell({"error": {"class": "conflict", "code": "conflict", "message": message}})
        elif obstacles := self._obstacles():
            tell({"error": {key: obstacles[0][key] for key in ("class", "code", "message")}})
        else:
            # What has come to ask for it since it was looked at is not what it is started anew for.
            called = f"{self.cause[0]}-amd64\n", f"\n{self.cause[1]}"
            named = [hashlib.sha256(cause.encode()).hexdigest()[:32] in item["causes"] for cause in called]
            self._for |= {(kind, what) for kind, what in enumerate(self.cause) if what and named[kind]}
            self.last = {"id": item["id"], "boot_id": boot}
            kept = {cause: self.tried.get(cause, boot) for cause in item["causes"]}
            self.tried = dict([*({**kept, **self.tried} | kept).items()][:MOST])
            self._believed = self._loop.time() + item["timeout_ms"] / 1000
            self._machine.note("it is to go down", cause=self.cause, stuck=self.stuck)
            if not self.stuck and self._going is None:
                self._going = self._loop.call_later(self.random.uniform(0.05, 4.0), self._go_down)
                self.ours = True
            error = {"class": "transient", "code": "timeout", "message": "it has not gone down"}
            self._loop.call_later(item["timeout_ms"] / 1000, tell, {"error": error})

    def _go_down(self) -> None:
        self._machine.goes_down(
            self.cause, was_asked=self.was_asked, before=bool(self._for) and self._for <= self.done
        )
        self.done |= self._for
        self._machine.power_failure(self.random.choice([0.5, 5.0, 30.0]), ordered=True)

    # --- as fate meets it -------------------------------------------------------------------------------------

    def lose(self, *, ordered: bool) -> None:
        """It is down, and what is in /run has gone."""
        if self._going is not None:
            self._going.cancel()
            self._going = None
        self.ours = ordered
        self._believed = 0.0
        self._for = set()
        self.asked = 0
        self.inhibited = self.was_asked = False

    def begin(self) -> None:
        """It is up again."""
        self.ours = False
        self.up_since = self._loop.time()
        if not self.stubborn:
            self.kernel = self.newest
        self.was_asked = self.cause != (0, 0)
        self._changed("", PID1)

    def ask(self) -> None:
        """A package asks for another boot."""
        self.asked = int(self._machine.now() * 1e6)
        self._changed(MARKER, APT)

    def install(self) -> None:
        """A newer kernel is installed."""
        self.newest += 1
        self._changed(f"/boot/vmlinuz-{self.newest}-amd64", APT)

    def meddle(self, random_: random.Random) -> None:
        """Something comes to ask for another boot, does no longer, or is in the way; or it will not help."""
        fate = random_.random()
        if not self._machine.powered:
            return
        if fate < 0.4:
            self.ask()
        elif fate < 0.6:
            self.install()
        elif fate < 0.7:
            self.asked = 0
            self._changed(MARKER, {"command": "rm", "pid": 7, "user": "alice"})
        elif fate < 0.8:
            self.inhibited = not self.inhibited
            self._changed(INHIBITOR, {"command": "backup", "pid": 9, "user": "root"})
        elif fate < 0.9:
            self.stuck = not self.stuck
        else:
            self.stubborn = not self.stubborn

    def settle(self) -> None:
        """The trouble ends: nothing is in the way, what did not help has gone; and something asks, perhaps."""
        self.stuck = self.inhibited = False
        # For a kernel that was not started when it was to be, nothing is done once more: somebody takes it away.
        tried = self.stubborn or (0, self.newest) in self.done
        if self.newest > self.kernel and (tried or self.random.random() < 0.5):
            self.newest = self.kernel
        self.stubborn = False
        self._changed(INHIBITOR, APT)
        self._changed("/boot/vmlinuz", APT)
        if self._machine.powered and self.random.random() < 0.6:
            self.ask()

    def _changed(self, path: str, by: Json) -> None:
        self.was_asked |= self.cause != (0, 0)
        self._machine.told_of_boots(path, by)


def _busy(message: str, path: str) -> Json:
    return {"class": "transient", "code": "busy", "message": message, "subjects": [f"path:{path}"]}


def differs(boots: Boots) -> str:
    """What asks for another boot, or ""."""
    newer, asked = boots.cause
    return ", ".join([f"kernel {newer}"] * bool(newer) + ["a package asks"] * bool(asked))


def shown(action: str, desired: str, observed: str, asked: str = "") -> str:
    """What an approval is of; `asked` is why policies want one."""
    said = f"{action} {desired} {observed}" + (f" {[asked]}" if asked else "")
    return "sha256:" + hashlib.sha256(said.encode()).hexdigest()


def is_open(windows: list[Json], at: float) -> bool:
    """Whether any of the windows is open, as `Watch` has them, at a time by the wall clock."""
    for one in windows:
        ahead = 0 if one.get("timezone", "UTC") == "UTC" else 1  # Berlin, in winter
        now = datetime.fromtimestamp(at, UTC) + timedelta(hours=ahead)
        begins, ends = one.get("begins") or "00:00", one.get("ends") or "24:00"
        clock, over_night = f"{now:%H:%M}", ends <= begins
        day = now - timedelta(days=1) if over_night and clock < ends else now
        within = begins <= clock < ends if not over_night else clock >= begins or clock < ends
        if within and (not one.get("days") or f"{day:%a}".lower() in one["days"]):
            return True
    return False
