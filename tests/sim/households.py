"""What an author declares beside files: packages, services and the files of units, users and groups.

What belongs together is declared together, or not: a service of a package that is not to be there could never run, and
a user of a group that is not to be there could never be in it.
"""

import random
from typing import Any

from tests.sim.dpkg import Known, fits
from tests.sim.files import digest_of
from tests.sim.system import System
from tests.sim.systemd import PLACE

Json = dict[str, Any]

KINDS = frozenset({"Package", "Service", "Unit", "User", "Group"})
SHARE = 0.17
"""Of authors that have one."""


def keeper(seed: int, number: int) -> random.Random | None:
    """What an author of a world goes by in what they declare beside files; None where that is nothing.

    Args:
        seed: of the world.
        number: of the author.
    """
    found = random.Random(f"{seed}/household/{number}")
    return found if found.random() < SHARE else None


class Household:
    """See the module.

    Args:
        random_: what its author goes by.
        machines: on which all of it is.
        prefix: of the names of what is theirs.
    """

    def __init__(self, random_: random.Random, machines: list[str], prefix: str) -> None:
        self._random = random_
        self._machines = machines
        self._prefix = prefix
        self._serial = 0
        parts = [part for part in ("packages", "units", "accounts") if random_.random() < 0.6]
        self.parts = frozenset(parts or ["packages"])
        self.items: dict[str, Json] = {}
        self.listens = random_.random() < 0.7
        self.change(everything=True)

    @property
    def people(self) -> list[str]:
        """What people may lay hands on, whether it is declared or not."""
        return [*self.subjects, *(f"package:{name}" for name in self.archive), "group:staff"]

    @property
    def archive(self) -> dict[str, Known]:
        """What there is to install."""
        p = self._prefix
        return {
            f"{p}lib": Known(("1",)),
            f"{p}app": Known(("2", "1"), needs=(f"{p}lib",), unit=True),
            f"{p}tool": Known(("3", "2", "1")),
            f"{p}extra": Known(("1",), needs=(f"{p}lib",)),
        }

    @property
    def subjects(self) -> dict[str, list[str]]:
        """What may be declared, by what it is about: references."""
        found: dict[str, list[str]] = {}
        for ref, about in self._every.items():
            for one in about:
                found.setdefault(one, []).append(ref)
        return found

    @property
    def _every(self) -> dict[str, tuple[str, ...]]:
        """References, and what each is about; first what counts as its own."""
        p, found = self._prefix, dict[str, tuple[str, ...]]()
        if "packages" in self.parts:
            found[f"Package/{p}app"] = (f"package:{p}app",)
            found[f"Package/{p}tools"] = (f"package:{p}tool", f"package:{p}extra")
            found[f"Package/{p}lib"] = (f"package:{p}lib",)
            found[f"Service/{p}app"] = (f"unit:{p}app.service",)
        if "units" in self.parts:
            found[f"Unit/{p}job"] = (f"{PLACE}/{p}job.service", f"unit:{p}job.service")
            found[f"Service/{p}job"] = (f"unit:{p}job.service",)
        if "accounts" in self.parts:
            found[f"Group/{p}team"] = (f"group:{p}team",)
            found[f"User/{p}ann"] = (f"user:{p}ann",)
        return found

    @property
    def first(self) -> dict[str, str]:
        """Of what several packages are, by each of them, the one that counts as its own."""
        return {
            other: about[0]
            for ref, about in self._every.items()
            for other in about
            if ref.startswith("Package/")
        }

    def own(self, ref: str) -> str:
        """What a reference is about, first of all; "" where it is none of theirs."""
        return self._every.get(ref, ("",))[0]

    def change(self, *, everything: bool = False) -> None:
        """Write another version of some of it."""
        for ref in self._every:
            if everything or self._random.random() < 0.3:
                self.items[ref] = self._written(ref)

    def finish(self) -> None:
        """Leave nothing of which only a person could make something."""
        for ref, one in self.items.items():
            if ref.endswith("lib"):  # that nothing may need it, and that others do, is a person's mistake
                one["declared"] = False

    def resources(self) -> list[Json]:
        """What is declared of it now."""
        items = {ref: one for ref, one in self.items.items() if one["declared"]}
        found = []
        for ref, one in items.items():
            kind, _, name = ref.partition("/")
            spec, common = dict(one["spec"]), dict(one["common"])
            if kind == "Service":
                above = f"{'Unit' if name.endswith('job') else 'Package'}/{name}"
                if not _is_there(items.get(above)):
                    continue
                if above.startswith("Package"):
                    common["require"] = [above]
            if "groups" in spec and not _is_there(items.get(f"Group/{self._prefix}team")):
                del spec["groups"]
            found.append({"kind": kind, "name": name, "spec": spec, "common": common, "on": self._machines})
        return found

    def _written(self, ref: str) -> Json:
        random_, p = self._random, self._prefix
        kind, _, name = ref.partition("/")
        spec: Json = {}
        common: Json = {"deletion": random_.choice(["delete", "delete", "confirm", "orphan"])}
        if random_.random() < 0.12:
            common["policy"] = random_.choice(["observe", "paused"])
        if random_.random() < 0.2:
            common["interval"] = random_.choice([5.0, 45.0])
        if ref == f"Package/{p}tools":
            spec = {"packages": [f"{p}tool", f"{p}extra"]}
        elif kind == "Package":
            spec = {"package": name, "version": random_.choice(["", "1", "2", ">=2", "<2"])}
        if name.endswith("lib"):
            spec, common = {"package": name, "state": "absent"}, {"deletion": "orphan"}
            return {"spec": spec, "common": common, "declared": random_.random() < 0.3}
        if kind == "Package":
            spec["state"] = random_.choice(["present"] * 5 + ["latest", "absent", "purged"])
            if spec["state"] != "present" or not spec.get("version"):
                spec.pop("version", None)
            if random_.random() < 0.2 and spec["state"] not in {"absent", "purged"}:
                spec["hold"] = random_.random() < 0.5
        elif kind == "Service":
            spec = {"unit": f"{name}.service", "onRefresh": "reload-or-restart", "settle": 1, "timeout": 30}
            spec["state"] = random_.choice(["running"] * 4 + ["stopped"])
            spec["startup"] = random_.choice(["enabled"] * 3 + ["disabled"])
            if spec["state"] == "stopped" and name.endswith("app") and random_.random() < 0.5:
                spec["startup"] = "masked"
        elif kind == "Unit":
            self._serial += 1
            spec = {"unit": f"{name}.service", "state": "present", "content": f"[Service] {self._serial}\n"}
            if random_.random() < 0.15:
                spec = {"unit": f"{name}.service", "state": "absent"}
        else:
            spec = {"name": name, "state": random_.choice(["present"] * 6 + ["absent"])}
            if kind == "User" and spec["state"] == "present":
                spec |= {"groups": [f"{p}team"], "shell": random_.choice(["/bin/sh", "/bin/bash"])}
                if random_.random() < 0.3:
                    # Two authors who want one number for two people contradict each other.
                    spec["uid"] = random_.choice([1002, 1003]) + 10 * int(p[1:-1] or 0)
        return {"spec": spec, "common": common, "declared": random_.random() < 0.9}


def _is_there(one: Json | None) -> bool:
    """Whether something is declared, and will be there."""
    if one is None or one["spec"].get("state", "present") not in {"present", "latest"}:
        return False
    return one["common"].get("policy", "enforce") == "enforce"


def differs(kind: str, spec: Json, system: System) -> str:
    """What of a machine's system is not as declared, or ""."""
    judges = {"Package": _package, "Service": _service, "Unit": _unit, "Group": _group, "User": _user}
    return ", ".join(judges[kind](spec, system))


def _package(spec: Json, system: System) -> list[str]:
    packages, wrong = system.packages, []
    if packages.interrupted:
        wrong.append("dpkg was cut off")
    for name in spec.get("packages", [spec.get("package")]):
        one = packages.truth.get(name)
        if spec["state"] in {"absent", "purged"}:
            if one is not None and (spec["state"] == "purged" or one.state != "config-files"):
                wrong.append(f"{name} is {one.state}")
        elif one is None or one.state != "installed":
            wrong.append(f"{name} is {'not there' if one is None else one.state}")
        else:
            known = (packages.lists or {}).get(name)
            old = known is not None and spec["state"] == "latest" and one.version != known.versions[0]
            if old or not fits(one.version, spec.get("version", "")):
                wrong.append(f"{name} is {one.version}")
            if one.automatic:
                wrong.append(f"{name} is automatic")
            if spec.get("hold", name in packages.held) != (name in packages.held):
                wrong.append(f"{name} is on hold: {name in packages.held}")
    return wrong


def _service(spec: Json, system: System) -> list[str]:
    found, wrong = system.units.query(spec["unit"]), []
    running = found["active"] == "active"
    if spec.get("state", "stopped" if not running else "running") != ("running" if running else "stopped"):
        wrong.append(f"it is {found['active']}")
    file = found["file_state"]
    if spec.get("startup", file) != file and not (spec["startup"] == "disabled" and file == ""):
        wrong.append(f"it is {file or 'not there'}")
    return wrong


def _unit(spec: Json, system: System) -> list[str]:
    unit = spec.get("unit") or spec["extends"]
    path = f"{PLACE}/{unit}" if "unit" in spec else f"{PLACE}/{unit}.d/{spec['dropIn']}.conf"
    node, found = system.units.files.nodes.get(path), system.units.query(unit)
    wrong = ["systemd has not read it"] if found["need_reload"] else []
    if spec["state"] == "absent":
        return wrong if node is None else [*wrong, "there is one"]
    if node is None or node.type != "file":
        return [*wrong, "there is none"]
    if spec["body"]["digest"] != digest_of(node.content):
        wrong.append("content")
    return wrong if (node.mode, node.uid) == (0o644, 0) else [*wrong, f"mode {node.mode:04o}"]


def _group(spec: Json, system: System) -> list[str]:
    there = spec["name"] in system.accounts.groups
    return [] if there == (spec["state"] == "present") else ["it is there" if there else "it is not there"]


def _user(spec: Json, system: System) -> list[str]:
    accounts, name = system.accounts, spec["name"]
    if (name in accounts.users) != (spec["state"] == "present"):
        return ["it is there" if name in accounts.users else "it is not there"]
    if spec["state"] == "absent":
        return []
    one, wrong = accounts.users[name], []
    fields = [field for field in ("uid", "shell") if field in spec]
    wrong += [f"{field} {getattr(one, field)}" for field in fields if getattr(one, field) != spec[field]]
    if one.home_missing and spec.get("createHome", not spec.get("system")):
        wrong.append("it has no home")
    there = [group for group in spec.get("groups", ()) if group in accounts.groups]
    members = [group for group in there if name in accounts.groups[group].members]
    return wrong + [f"not in {group}" for group in spec.get("groups", ()) if group not in members]
