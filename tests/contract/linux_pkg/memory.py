"""A target with packages in memory: as much of dpkg and apt as the package linux.pkg can tell from the real ones.

The real ones are in `test_real_apt.py`. Versions here are numbers with points.
"""

from __future__ import annotations

import base64
import copy
import fnmatch
import operator
import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from froyo_provider.testing.memory import MemoryHost, Node

Json: TypeAlias = "dict[str, Any]"
ORDER = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq}


@dataclass
class Known:
    """A package of a repository.

    Attributes:
        versions: the newest first.
        needs: what is installed with it, and what it cannot be without.
        clashes: what it cannot be with.
        fails: whether its installation script always fails.
    """

    versions: tuple[str, ...]
    needs: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()
    fails: bool = False


@dataclass
class Installed:
    """A package of dpkg's database."""

    version: str
    state: str = "installed"
    hold: bool = False
    automatic: bool = False
    kept: tuple[str, ...] = ()


def directories() -> MemoryHost:
    """A target with what apt keeps in files."""
    paths = (
        "/etc",
        "/etc/apt",
        "/etc/apt/sources.list.d",
        "/var",
        "/var/lib",
        "/var/lib/apt",
        "/var/lib/apt/lists",
    )
    return MemoryHost({path: Node("directory", 0o755) for path in paths})


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def fits(version: str, bounds: str) -> bool:
    for part in filter(None, bounds.replace(" ", "").split(",")):
        sign, wanted = re.fullmatch(r"(>=|<=|>|<|=)?(.*)", part).groups()  # type: ignore[union-attr] # it always does
        if not ORDER[sign or "="](number(version), number(wanted)):
            return False
    return True


@dataclass
class Debian:
    """A target. `calls` is all that was asked, `ran` the programs that were run."""

    known: dict[str, Known]
    installed: dict[str, Installed] = field(default_factory=dict)
    stale: bool = False
    holder: Json | None = None
    interrupted: bool = False
    fetched: dict[str, Known] = field(default_factory=dict)
    missing: str = ""
    fails: str = ""
    lists: tuple[str, ...] = ()
    files: MemoryHost = field(default_factory=directories)
    calls: list[Json] = field(default_factory=list)
    ran: list[list[str]] = field(default_factory=list)

    def reply(self, call: Json) -> Json:
        self.calls.append(call)
        name, args = call["call"], call["args"]
        if name.startswith(("file.", "dir.")):
            return self.files.reply(call)
        if self.missing:
            return {"error": {"class": "permanent", "code": "not_supported", "message": self.missing}}
        answers = {
            "pkg.query": self.query,
            "pkg.list": self.list,
            "pkg.simulate": self.simulate,
            "pkg.manager": self.manager,
            "exec.run": self.run,
        }
        return {"ok": answers[name](args)}

    def manager(self, _: Json) -> Json:
        reply: Json = {"manager": "apt", "stale": self.stale, "interrupted": self.interrupted}
        return reply | ({"holder": self.holder} if self.holder else {})

    def query(self, args: Json) -> Json:
        one = self.installed.get(args["name"])
        bounds = args.get("version", "")
        exists = one is not None and one.state != "config-files"
        reply: Json = {
            "exists": exists,
            "fits": exists and fits(one.version, bounds),
            "state": "not-installed",
            "hold": False,
        }
        if one is not None:
            reply |= {"state": one.state, "hold": one.hold}
            if exists:
                reply |= {"version": one.version, "arch": "all", "automatic": one.automatic}
            if one.kept:
                reply["kept"] = list(one.kept)
        if not args.get("absent") and (args.get("latest") or not reply["fits"]):
            versions = self.known.get(args["name"], Known(())).versions
            reply |= {"stale": self.stale, "versions": list(versions)}
            if choice := next((version for version in versions if fits(version, bounds)), None):
                reply["choice"] = choice
        return reply

    def list(self, args: Json) -> Json:
        del args
        asked = {name: one for name, one in sorted(self.installed.items()) if not one.automatic}
        return {
            "packages": [
                {"name": name, "version": one.version, "hold": one.hold} for name, one in asked.items()
            ]
        }

    def simulate(self, args: Json) -> Json:
        trial = copy.deepcopy(self)
        try:
            changes = trial.change(args)
        except LookupError as error:
            return {"changes": [], "held": [], "error": str(error)}
        held = [one["name"] for one in changes if self.installed.get(one["name"], Installed("")).hold]
        return {"changes": changes, "held": held}

    def change(self, args: Json) -> list[Json]:
        """Do it, and say what was done."""
        changes: list[Json] = []
        for name in args.get("purge", ()):
            self.remove(name, changes, "purge")
        for name in args.get("remove", ()):
            self.remove(name, changes, "remove")
        for wish in args.get("install", ()):
            name, _, version = wish.partition("=")
            self.install(name, version, changes, automatic=False)
        return changes

    def remove(self, name: str, changes: list[Json], action: str) -> None:
        there = self.installed.get(name)
        if there is None:
            return
        for other, known in self.known.items():
            if name in known.needs and other in self.installed:
                self.remove(other, changes, "remove")
        if there.state != "config-files" or action == "purge":
            changes.append({"action": action, "name": name, "from": there.version})
        if action == "purge":
            del self.installed[name]
        else:
            there.state = "config-files"

    def install(self, name: str, version: str, changes: list[Json], *, automatic: bool) -> None:
        known = self.known.get(name)
        if known is None:
            raise LookupError(f"Unable to locate package {name}")
        version = version or known.versions[0]
        for other in known.clashes:
            self.remove(other, changes, "remove")
        for other in known.needs:
            if self.installed.get(other, Installed("", "config-files")).state == "config-files":
                self.install(other, "", changes, automatic=True)
        there = self.installed.get(name)
        if there is None or there.state == "config-files":
            changes.append({"action": "install", "name": name, "to": version})
        elif there.version != version:
            verb = "upgrade" if number(there.version) < number(version) else "downgrade"
            changes.append({"action": verb, "name": name, "from": there.version, "to": version})
        state = "half-configured" if known.fails else "installed"
        hold = there.hold if there else False
        self.installed[name] = Installed(version, state, hold, automatic)

    def run(self, args: Json) -> Json:
        argv = args["argv"]
        self.ran.append(argv)
        said, failed = "", False
        if argv[0] == "dpkg":
            self.interrupted = False
        elif argv[0] == "apt-mark":
            for name in argv[3:]:
                one = self.installed[name]
                if argv[1] == "manual":
                    one.automatic = False
                else:
                    one.hold = argv[1] == "hold"
        elif argv[-1] == "update":
            said, failed = self.fails, bool(self.fails)
            if not failed:
                self.stale = False
                self.known |= self.fetched
                self.files.nodes |= {f"/var/lib/apt/lists/{name}": Node() for name in self.lists}
        else:
            names = argv[argv.index("--") + 1 :]
            changes = self.change(
                {"purge": names}
                if "purge" in argv
                else {
                    "install": [name for name in names if not name.endswith("-")],
                    "remove": [name.removesuffix("-") for name in names if name.endswith("-")],
                }
            )
            removed = [one for one in changes if one["action"] in {"remove", "purge"}]
            assert not removed or "APT::Get::Remove=true" in argv, "apt would not have done that"
            said = "(Reading database ... \n" + "".join(
                f"{'Removing' if one in removed else 'Setting up'} {one['name']} ...\n" for one in changes
            )
            broken = [name for name, one in self.installed.items() if one.state == "half-configured"]
            failed = bool(broken)
            said += "".join(f"dpkg: error processing package {name} (--configure):\n" for name in broken)
        stdout = base64.b64encode(said.encode()).decode()
        return {
            "exit": 100 if failed else 0,
            "signal": None,
            "stdout": stdout,
            "stderr": "",
            "truncated": False,
        }

    def asked(self, pattern: str) -> int:
        """How many calls there were of a name."""
        return len([one for one in self.calls if fnmatch.fnmatchcase(one["call"], pattern)])
