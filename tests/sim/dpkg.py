"""The packages of a modelled target: what dpkg and apt do, as far as it can be told from outside.

What is true of a package is in dpkg's journal first, and in its status file only when a run of dpkg ends: until then,
and for as long as a run that was cut off is not carried on, whoever reads that file is told how it was before. apt
waits for its lock, and does nothing where dpkg was cut off; packages that need others bring them, and go with them. A
service that a package brings is started when it is configured, restarted by an upgrade, and stopped as it goes.

Versions are whole numbers. No package takes the place of another.
"""

import asyncio
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

Json = dict[str, Any]
Ended = Callable[[int, str, str], None]
"""Told how a program ended: its exit status, and what it said to either stream."""
Steps = Generator[float, None, tuple[int, str]]

LOCK_PATIENCE = 120.0
FILES_ARE_THERE = frozenset({"installed", "unpacked", "half-configured", "half-installed"})
PROGRAMS = frozenset({"apt-get", "apt-mark", "dpkg"})
OURS: Json = {"command": "apt-get", "pid": 9, "user": "root", "unit": "froyo-op-00000009.service"}
"""What is run for us."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an archive has of a package: its versions, the newest first, what it needs, and whether it has a unit."""

    versions: tuple[str, ...]
    needs: tuple[str, ...] = ()
    unit: bool = False


@dataclass(frozen=True, slots=True)
class Installed:
    """What dpkg has on record, in its words."""

    version: str
    state: str = "installed"
    automatic: bool = False
    broken: bool = False


class Consequences(Protocol):
    """What else is different once a package is."""

    def configured(self, name: str, known: Known) -> None:
        """It was set up, or set up anew."""

    def removed(self, name: str, *, purged: bool) -> None:
        """It has gone."""

    def merged(
        self, names: list[str], before: dict[str, "Installed"], by: Json, *, theirs: bool = False
    ) -> None:
        """The status file, which was like this before, says something else of these.

        `theirs` is whether that comes of a run of somebody else that was cut off.
        """

    def listed(self, names: list[str]) -> None:
        """The lists say something else of these."""

    def unmade(self) -> str:
        """Why nothing can be written, or ""."""


@dataclass(slots=True)
class Dpkg:
    """See the module.

    Attributes:
        archive: what can be had, by name.
        lists: what apt knows of that; None where nothing was fetched yet.
        fetched: when that was, on the loop's clock.
        status: what the status file says.
        truth: the same with what is in the journal.
        held: packages on hold.
        interrupted: whether dpkg was cut off.
        ours: whether it was what we ran that was cut off last.
        holder: who has the lock, and whether that is one of ours.
        failing: whose scripts fail.
        offline: whether the archive cannot be reached.
        left_alone: whether people have nothing in mind with it any more.
    """

    random: random.Random
    effects: Consequences
    archive: dict[str, Known] = field(default_factory=dict)
    lists: dict[str, Known] | None = None
    fetched: float = -1.0
    status: dict[str, Installed] = field(default_factory=dict)
    truth: dict[str, Installed] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    interrupted: bool = False
    ours: bool = False
    holder: Json | None = None
    failing: set[str] = field(default_factory=set)
    offline: bool = False
    left_alone: bool = False
    _timers: dict[int, asyncio.TimerHandle] = field(default_factory=dict)
    _programs: int = 0
    _merges: bool = False

    # --- what can be asked ------------------------------------------------------------------------------------

    def look(self, call: str, item: Json) -> Json:
        """A reading call."""
        match call:
            case "pkg.query":
                return self._query(**item)
            case "pkg.list":
                asked_for = [name for name, one in self.status.items() if not one.automatic]
                there = [name for name in sorted(asked_for) if self.is_there(name)]
                found = [
                    {"name": name, "version": self.status[name].version, "hold": name in self.held}
                    for name in there
                ]
                return {"packages": found}
            case "pkg.simulate":
                return self._simulate(item)
        state: Json = {"manager": "apt", "stale": self.lists is None, "interrupted": self.interrupted}
        if self.holder is not None:
            state["interrupted"] = False
            state["holder"] = {"lock": "/var/lib/dpkg/lock-frontend", **self.holder}
        return state

    def is_there(self, name: str) -> bool:
        """Whether its files are, going by the status file."""
        return name in self.status and self.status[name].state in FILES_ARE_THERE

    def _query(self, name: str, version: str = "", *, latest: bool = False, absent: bool = False) -> Json:
        one = self.status.get(name)
        reply: Json = {
            "manager": "apt",
            "exists": self.is_there(name),
            "fits": False,
            "hold": name in self.held,
        }
        reply["state"] = one.state if one is not None else "not-installed"
        if one is not None and reply["exists"]:
            reply |= {"version": one.version, "arch": "all", "automatic": one.automatic}
            reply["fits"] = fits(one.version, version)
            if one.broken:
                reply["broken"] = True
        if not absent and (latest or not reply["fits"]):
            versions = list((self.lists or {}).get(name, Known(())).versions)
            reply |= {"stale": self.lists is None, "versions": versions}
            chosen = [each for each in versions if fits(each, version)]
            reply |= {"choice": chosen[0]} if chosen else {}
        return reply

    def _simulate(self, item: Json) -> Json:
        try:
            trial = self._changes(item)
        except LookupError as error:
            return {"changes": [], "held": [], "error": str(error)}
        changes = [
            {key: value for key, value in one.items() if key in {"action", "name", "from", "to"}}
            for one in trial
        ]
        return {"changes": changes, "held": [one["name"] for one in changes if one["name"] in self.held]}

    # --- what apt would do ------------------------------------------------------------------------------------

    def _changes(self, item: Json) -> list[Json]:
        """What a transaction comes to, in order.

        Raises:
            LookupError: apt would not do it.
        """
        there = {name: one for name, one in self.status.items() if one.state in FILES_ARE_THERE}
        found: dict[str, Json] = {}
        for verb in ("purge", "remove"):
            for name in item.get(verb, ()):
                self._go(name, verb, there, found)
                if verb == "purge" and name in self.status and name not in found:
                    found[name] = {"action": "purge", "name": name, "from": self.status[name].version}
        for wish in item.get("install", ()):
            name, _, version = wish.partition("=")
            self._come(name, version, there, found, automatic=False)
        for name, one in there.items():
            if one.broken and name not in found:
                if one.version not in (self.lists or {}).get(name, Known(())).versions:
                    raise LookupError(
                        f"E: The package {name} needs to be reinstalled, but I can't find an archive for it."
                    )
                found[name] = {
                    "action": "reinstall", "name": name, "to": one.version, "automatic": one.automatic,
                }  # fmt: skip
        return list(found.values())

    def _go(self, name: str, verb: str, there: dict[str, Installed], found: dict[str, Json]) -> None:
        if name not in there or name in found:
            return
        found[name] = {}
        for other in list(there):
            if name in self.archive.get(other, Known(())).needs:
                self._go(other, "remove", there, found)
        # What needs it goes first.
        del found[name]
        found[name] = {"action": verb, "name": name, "from": there[name].version}

    def _come(
        self, name: str, version: str, there: dict[str, Installed], found: dict[str, Json], *, automatic: bool
    ) -> None:
        if name in found:
            return
        known, before = (self.lists or {}).get(name), there.get(name)
        if before is not None and version in {"", before.version} and not before.broken:
            if before.automatic and not automatic:
                found[name] = {"action": "", "name": name, "to": before.version, "automatic": False}
            return
        if known is None:
            raise LookupError(f"E: Unable to locate package {name}")
        version = version or known.versions[0]
        if version not in known.versions:
            raise LookupError(f"E: Version '{version}' for '{name}' was not found")
        for other in known.needs:
            if other not in there:
                self._come(other, "", there, found, automatic=True)
        change: Json = {"action": "install", "name": name, "to": version, "automatic": automatic}
        if before is not None:
            older = int(before.version) < int(version)
            same = before.version == version
            change["action"] = "reinstall" if same else "upgrade" if older else "downgrade"
            change |= {"from": before.version, "automatic": automatic and before.automatic}
        found[name] = change

    # --- programs ---------------------------------------------------------------------------------------------

    def start(self, argv: list[str], by: Json, ended: Ended) -> None:
        """Have somebody run one of PROGRAMS."""
        self._programs += 1
        self._advance(self._programs, self._program(argv, by), ended)

    def _advance(self, number: int, steps: Steps, ended: Ended) -> None:
        self._timers.pop(number, None)
        try:
            pause = next(steps)
        except StopIteration as stop:
            status, said = stop.value
            ended(status, said, "" if status == 0 else said)
            return
        later = asyncio.get_running_loop().call_later(pause, self._advance, number, steps, ended)
        self._timers[number] = later

    def _program(self, argv: list[str], by: Json) -> Steps:
        names = argv[argv.index("--") + 1 :] if "--" in argv else []
        yield 0.01
        if why := self.effects.unmade():
            return 100, f"E: {why}\n"
        if argv[0] == "apt-mark":
            return self._mark(argv[1], names, by)
        if argv[-1] == "update":
            return (yield from self._update())
        waited = 0.0
        while self.holder is not None:
            if argv[0] == "dpkg" or waited >= LOCK_PATIENCE:
                return 100, f"E: Could not get lock. It is held by process {self.holder['pid']}\n"
            waited += 1.0
            yield 1.0
        self.holder = {"command": by["command"].split()[0], "pid": by["pid"]}
        if argv[0] == "dpkg":
            status, said = yield from self._configure_all(by)
        elif self.interrupted:
            status, said = 100, "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'\n"
        else:
            gone = [name.removesuffix("-") for name in names if name.endswith("-")]
            item: Json = {"install": [name for name in names if not name.endswith("-")], "remove": gone}
            verb = next((one for one in ("purge", "remove") if one in argv), "install")
            status, said = yield from self._transact(
                item if verb == "install" else {verb: names},
                by,
                may_remove="APT::Get::Remove=false" not in argv,
            )
        self.holder = None
        return status, said

    def _mark(self, verb: str, names: list[str], by: Json) -> tuple[int, str]:
        if verb == "manual":
            for name in names:
                if name in self.truth:
                    self.truth[name] = replace(self.truth[name], automatic=False)
                    self.status[name] = replace(self.status[name], automatic=False)
        elif self.holder is not None:
            return 100, "dpkg: error: dpkg frontend lock was locked by another process\n"
        elif verb == "hold":
            self.held |= set(names)
        else:
            self.held -= set(names)
        self.effects.merged(names, dict(self.status), by)
        return 0, ""

    def _update(self) -> Steps:
        yield self.random.uniform(1.0, 8.0)
        if self.offline:  # what cannot be fetched is no error to apt: what it had before is used
            return (
                0,
                "W: Some index files failed to download. They have been ignored, or old ones used instead.\n",
            )
        before, self.lists = self.lists, dict(self.archive)
        if before is None:
            self.fetched, before = asyncio.get_running_loop().time(), {}
        self.effects.listed([name for name, one in self.archive.items() if before.get(name) != one])
        return 0, ""

    def _transact(self, item: Json, by: Json, *, may_remove: bool) -> Steps:
        try:
            changes = self._changes(item)
        except LookupError as error:
            return 100, f"{error}\n"
        gone = [one for one in changes if one["action"] in {"remove", "purge"}]
        come = [one for one in changes if one not in gone and one["action"]]
        if gone and not may_remove:
            return 100, "E: Packages need to be removed but remove is disabled.\n"
        if come:
            yield self.random.uniform(0.5, 4.0)
            if self.offline:
                return 100, "E: Failed to fetch some archives\n"
        for one in changes:
            if not one["action"]:
                self._mark("manual", [one["name"]], by)
        said = ""
        for one in gone:
            said += f"Removing {one['name']} ({one['from']}) ...\n"
            yield from self._remove(one["name"], purged=one["action"] == "purge")
        for one in come:
            said += f"Unpacking {one['name']} ({one['to']}) ...\n"
            yield from self._unpack(one)
        if gone or come:
            self._merge(by)
        return (yield from self._configure(said, by))

    def _remove(self, name: str, *, purged: bool) -> Steps:
        self._merges = True
        one = self.truth.get(name)
        if one is None:
            return 0, ""
        if one.state in FILES_ARE_THERE:
            self.truth[name] = replace(one, state="half-configured")
            yield self.random.uniform(0.1, 2.0)
            self.effects.removed(name, purged=purged)
        if purged:
            del self.truth[name]
        else:
            self.truth[name] = replace(one, state="config-files", broken=False)
        return 0, ""

    def _unpack(self, change: Json) -> Steps:
        self._merges = True
        name, automatic = change["name"], change.get("automatic", False)
        self.truth[name] = Installed(change["to"], "half-installed", automatic, broken=True)
        yield self.random.uniform(0.1, 3.0)
        self.truth[name] = Installed(change["to"], "unpacked", automatic)
        return 0, ""

    def _configure_all(self, by: Json) -> Steps:
        # The first thing that it does is to read what was written down, by whomever.
        self._merge(by, theirs=not self.ours)
        return (yield from self._configure("", by))

    def _configure(self, said: str, by: Json) -> Steps:
        failed = False
        waiting = [name for name, one in self.truth.items() if one.state in {"unpacked", "half-configured"}]
        for name in sorted(
            waiting, key=lambda one: -len([x for x in self.archive.values() if one in x.needs])
        ):
            self._merges = True
            before = self.truth[name]
            self.truth[name] = replace(before, state="half-configured")
            yield self.random.uniform(0.1, 2.0)
            if name in self.failing:
                failed = True
                said += f"Setting up {name} ({before.version}) ...\n"
                said += f"dpkg: error processing package {name} (--configure):\n"
                continue
            said += f"Setting up {name} ({before.version}) ...\n"
            self.truth[name] = replace(before, state="installed")
            self.effects.configured(name, self.archive.get(name, Known(())))
        self._merge(by)
        return (100 if failed else 0), said

    def _merge(self, by: Json, *, theirs: bool = False) -> None:
        """A run of dpkg has come to its end: what it had written down is in the status file now."""
        names = sorted(
            name
            for name in self.truth.keys() | self.status.keys()
            if self.truth.get(name) != self.status.get(name)
        )
        before, self.status = self.status, dict(self.truth)
        self.interrupted = self._merges = False
        if names:
            self.effects.merged(names, before, by, theirs=theirs)

    def lose(self) -> None:
        """The machine loses power, or somebody kills whatever is at work."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._merges:
            self.interrupted = True
            self.ours = self.holder is not None and self.holder["pid"] == OURS["pid"]
        self._merges = False
        self.holder = None


def fits(version: str, bounds: str) -> bool:
    """Whether a version is within some bounds."""
    for part in filter(None, bounds.split(",")):
        wanted = part.lstrip("<>=")
        sign, number, bound = part.removesuffix(wanted) or "=", int(version), int(wanted)
        if not {">=": number >= bound, "<": number < bound, "=": number == bound}[sign]:
            return False
    return True
