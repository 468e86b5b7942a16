"""What a modelled machine has beside files that its owners look after: packages, services and accounts.

They are asked and told by the calls of micro_runner/protocol.md that are about them. Every change is told to whoever
listens by its subject, such as `package:app`, and by the file that somebody who watches would see.
"""

import random
from collections.abc import Callable
from typing import Any, Protocol

from tests.sim.accounts import Accounts
from tests.sim.dpkg import OURS, Dpkg, Installed, Known
from tests.sim.files import Files, Node
from tests.sim.systemd import PID1, PLACE, TIMERS, WANTS, Systemd

Json = dict[str, Any]
Told = Callable[[str, Json | None], None]

STATUS = "/var/lib/dpkg/status"
LISTS = "/var/lib/apt/lists"
PUBLISHED = {"command": "apt-get update", "pid": 6, "user": "root"}
PASSWD = "/etc/passwd"
NONSENSE = "every other day"
"""What is no time of systemd's calendar; anything else is one."""
LOOKS = frozenset(
    {"pkg.query", "pkg.list", "pkg.simulate", "pkg.manager", "user.stat", "group.stat"}
    | {"unit.query", "unit.calendar"}
)
"""Calls that read, and are answered here."""
ACCOUNTS = frozenset({"user.ensure", "user.remove", "group.ensure", "group.remove"})
ORDERS = frozenset({*ACCOUNTS, "unit.control"})
"""Calls that change something, and are answered here."""


class Observer(Protocol):
    """Who is told what becomes of a system."""

    def shifted(self, subject: str, by: Json | None, *, seen_by: str) -> None:
        """Something about a subject has changed, which whoever watches `seen_by` sees."""

    def ran_unit(self, unit: str, job: str, by: Json | None) -> None:
        """A job about a unit has come to its end."""

    def transacted(self, before: dict[str, Installed], names: list[str]) -> None:
        """What was run for us has changed these packages, which were like this before."""


class System:
    """See the module.

    Args:
        files: of the machine.
        seed: of its own randomness.
        now: the wall clock.
        observer: who is told.
    """

    def __init__(self, files: Files, *, seed: str, now: Callable[[], float], observer: Observer) -> None:
        self.random = random.Random(f"{seed}/system")
        self.packages = Dpkg(random=self.random, effects=self)
        self.units = Systemd(files, random=self.random, now=now, onlooker=self)
        self.accounts = Accounts(self._account_changed, self.unmade)
        self._files = files
        self._observer = observer

    def furnish(self) -> None:
        """Have the directories in which all this lies."""
        for path in ("/etc", "/etc/systemd", PLACE, WANTS, TIMERS):
            self._files.nodes.setdefault(path, Node("directory", 0o755))

    def look(self, call: str, item: Json) -> Json:
        """One item of LOOKS, as a result on the wire."""
        match call.partition(".")[0]:
            case "pkg":
                return {"ok": self.packages.look(call, item)}
            case "unit" if call == "unit.calendar":
                valid = item["expression"] != NONSENSE
                return {"ok": {"valid": valid} if valid else {"valid": False, "error": "modelled: invalid"}}
            case "unit":
                return {"ok": self.units.query(item["unit"])}
        return {"ok": self.accounts.look(call, item)}

    def order(
        self, call: str, item: Json, tell: Callable[[Json], None], *, alive: Callable[[], bool]
    ) -> None:
        """One item of ORDERS; `tell` gets its result, sooner or later."""
        if call in ACCOUNTS:
            tell(self.accounts.do(call, item))
        else:
            self.units.order(item, tell, alive=alive)

    def unmade(self) -> str:
        """Why nothing can be written, or ""."""
        if self._files.read_only:
            return "read-only file system"
        return "no space left on device" if self._files.full else ""

    def lose(self) -> None:
        """The machine loses power."""
        self.packages.lose()
        self.units.lose()
        self.accounts.locked_by = ""
        for unit in sorted(self.units.states):
            self._observer.shifted(f"unit:{unit}", {"command": "power failure", "pid": 0}, seen_by="")

    def boot(self) -> None:
        """It has power again; what begins with it runs, whoever had stopped it."""
        self.units.boot()
        for unit, state in sorted(self.units.states.items()):
            if state.active == "active":
                self._observer.shifted(f"unit:{unit}", PID1, seen_by="")

    # --- what is told -----------------------------------------------------------------------------------------

    def configured(self, name: str, known: Known) -> None:
        """For packages."""
        if known.unit:
            self.units.brought(f"{name}.service", f"{name} {self.packages.truth[name].version}")

    def removed(self, name: str, *, purged: bool) -> None:
        """For packages."""
        if f"{name}.service" in self.units.packaged:
            self.units.gone(f"{name}.service", purged=purged)

    def merged(
        self, names: list[str], before: dict[str, Installed], by: Json, *, theirs: bool = False
    ) -> None:
        """For packages."""
        if by is OURS and not theirs:
            self._observer.transacted(before, names)
        for name in names:
            self._observer.shifted(f"package:{name}", by, seen_by=f"path:{STATUS}")

    def listed(self, names: list[str]) -> None:
        """For packages: what the latest version is has changed, and that was whoever publishes them."""
        for name in names:
            self._observer.shifted(f"package:{name}", PUBLISHED, seen_by=f"path:{LISTS}/modelled_Packages")

    def unit_changed(self, unit: str, by: Json | None, *, job: str = "") -> None:
        """For units."""
        if job:
            self._observer.ran_unit(unit, job, by)
        self._observer.shifted(f"unit:{unit}", by, seen_by=f"unit:{unit}")

    def unit_begun(self, unit: str, by: Json) -> None:
        """For units."""
        self._observer.shifted(f"unit:{unit}", by, seen_by="")

    def units_read(self) -> None:
        """For units: nobody but who watches is to know of it."""
        for unit in sorted(self.units.states):
            self._observer.shifted("", PID1, seen_by=f"unit:{unit}")

    def _account_changed(self, subject: str, by: Json | None) -> None:
        self._observer.shifted(subject, by, seen_by=f"path:{PASSWD}")
