"""What an author declares of systemd beside a household: timers, and what is dropped in for a unit of their own.

Whether a timer is as declared is judged from its files by a few lines that read them as systemd does: a remark of
somebody's in one of them is no difference.
"""

import random
from typing import Any

from tests.sim.files import Node
from tests.sim.system import NONSENSE, System
from tests.sim.systemd import PLACE, link_of

Json = dict[str, Any]

KINDS = frozenset({"Timer"})
SHARE = 0.2
"""Of authors that have some."""

WRITABLE_BY_OTHERS = 0o022
THEIRS = "90-theirs.conf"
"""What others drop in."""


def clockmaker(seed: int, number: int) -> random.Random | None:
    """What an author of a world goes by in what they declare of these; None where that is nothing."""
    found = random.Random(f"{seed}/clock/{number}")
    return found if found.random() < SHARE else None


class Clockwork:
    """See the module.

    Args:
        random_: what its author goes by.
        machines: on which all of it is.
        prefix: of the names of what is theirs.
    """

    listens = False

    def __init__(self, random_: random.Random, machines: list[str], prefix: str) -> None:
        self._random = random_
        self._machines = machines
        self._prefix = prefix
        self._serial = 0
        self._finished = False
        self._items: dict[str, Json] = {}
        self.change(everything=True)

    @property
    def every(self) -> dict[str, tuple[str, ...]]:
        """References, and what each is about; first what counts as its own."""
        p = self._prefix
        tick, limits = f"{p}tick.service", f"{PLACE}/{p}tick.service.d"
        return {
            f"Unit/{p}tick": (f"{PLACE}/{tick}", f"unit:{tick}"),
            f"Unit/{p}limits": (f"{limits}/10-limits.conf", limits, f"unit:{tick}"),
            f"Service/{p}tick": (f"unit:{tick}",),
            f"Unit/{p}chore": (f"{PLACE}/{p}chore.service", f"unit:{p}chore.service"),
            f"Timer/{p}chore": (f"{PLACE}/{p}chore.timer", f"unit:{p}chore.timer"),
            f"Timer/{p}sweep": (
                f"{PLACE}/{p}sweep.timer",
                f"{PLACE}/{p}sweep.service",
                f"unit:{p}sweep.timer",
            ),
        }

    @property
    def subjects(self) -> dict[str, list[str]]:
        """What may be declared, by what it is about: references."""
        found: dict[str, list[str]] = {}
        for ref, abouts in self.every.items():
            for about in abouts:
                found.setdefault(about, []).append(ref)
        return found

    @property
    def first(self) -> dict[str, str]:
        """Of what only one of them is about, the one that counts as its own."""
        return {
            about: abouts[0]
            for abouts in self.every.values()
            for about in abouts
            if len(self.subjects[about]) == 1
        }

    @property
    def people(self) -> list[str]:
        """What people may lay hands on."""
        return [*self.subjects, *(f"{one}/{THEIRS}" for one in self.subjects if one.endswith(".d"))]

    def own(self, ref: str) -> str:
        """What a reference is about, first of all; "" where it is none of theirs."""
        return self.every.get(ref, ("",))[0]

    def change(self, *, everything: bool = False) -> None:
        """Write another version of some of it."""
        for ref in self.every:
            if everything or self._random.random() < 0.35:
                self._items[ref] = self._written(ref)

    def finish(self) -> None:
        """Every schedule is one from now on, and what is started, or runs, is there."""
        self._finished = True
        for one in self._items.values():
            if one["spec"].get("schedule") == NONSENSE:
                one["spec"]["schedule"] = "daily"

    def resources(self) -> list[Json]:
        """What is declared of it now."""
        p, found = self._prefix, []
        for ref, one in self._items.items():
            kind, _, name = ref.partition("/")
            needs = {f"Service/{p}tick": "tick", f"Timer/{p}chore": "chore"}.get(ref)
            if not one["declared"] or (
                needs and (self._finished or ref.startswith("Service")) and not self._is_there(needs)
            ):
                continue
            spec, common = dict(one["spec"]), dict(one["common"])
            if name in {f"{p}tick", f"{p}limits"} and kind == "Unit" and self._serves:
                common["notify"] = [f"Service/{p}tick"]
            found.append({"kind": kind, "name": name, "spec": spec, "common": common, "on": self._machines})
        return found

    @property
    def _serves(self) -> bool:
        service = self._items[f"Service/{self._prefix}tick"]
        enforced = service["common"].get("policy", "enforce") == "enforce"
        return enforced and service["declared"] and self._is_there("tick")

    def _is_there(self, name: str) -> bool:
        unit = self._items[f"Unit/{self._prefix}{name}"]
        return bool(
            unit["declared"]
            and unit["spec"]["state"] == "present"
            and unit["common"].get("policy", "enforce") == "enforce"
        )

    def _written(self, ref: str) -> Json:
        random_ = self._random
        kind, _, name = ref.partition("/")
        bare = name.removeprefix(self._prefix)
        common: Json = {"deletion": random_.choice(["delete", "delete", "confirm", "orphan"])}
        if random_.random() < 0.12:
            common["policy"] = random_.choice(["observe", "paused"])
        if random_.random() < 0.2:
            common["interval"] = random_.choice([5.0, 45.0])
        self._serial += 1
        if kind == "Service":
            spec: Json = {
                "unit": f"{name}.service",
                "onRefresh": "reload-or-restart",
                "settle": 1,
                "timeout": 30,
                "state": random_.choice(["running"] * 4 + ["stopped"]),
                "startup": random_.choice(["enabled"] * 3 + ["disabled"]),
            }
        elif kind == "Unit":
            spec = {"unit": f"{name}.service", "state": "present"}
            if bare == "limits":
                spec = {
                    "extends": f"{self._prefix}tick.service",
                    "dropIn": "10-limits",
                    "state": "present",
                }
            spec["content"] = f"[Service] {bare} as of {self._serial}\n"
            if random_.random() < 0.15:
                spec = {key: value for key, value in spec.items() if key != "content"} | {"state": "absent"}
        else:
            spec = {"name": name, "state": random_.choice(["present"] * 6 + ["absent"])}
            spec["enabled"] = random_.random() < 0.8
            if random_.random() < 0.7:
                spec["schedule"] = random_.choice(["daily", "Mon..Fri 02:30", "weekly", NONSENSE])
            if "schedule" not in spec or random_.random() < 0.2:
                spec["every"] = random_.choice(["15min", "1h 30min"])
            if "schedule" in spec and random_.random() < 0.3:
                spec["persistent"] = True
            if bare == "chore":
                spec["unit"] = f"{name}.service"
            else:
                spec["command"] = ["/usr/bin/sweep", random_.choice(["all", "what is old", "100%"])]
                if random_.random() < 0.3:
                    spec["environment"] = {"KEEP": str(random_.randrange(3))}
        return {"spec": spec, "common": common, "declared": random_.random() < 0.9}


# --- What people do -----------------------------------------------------------------------------------------------


def meddle(system: System, path: str, random_: random.Random, by: Json) -> bool:
    """Somebody writes a remark into the file of a timer, or something that means something; whether they could."""
    files = system.units.files
    node = files.nodes.get(path)
    if node is None or node.type != "file" or random_.random() < 0.3:
        return False
    lines = node.content.decode(errors="replace").splitlines(keepends=True)
    line = random_.choice(["# a remark\n", "\n", "RemainAfterElapse=no\n", "ExecStart=/bin/false\n"])
    lines.insert(random_.randrange(len(lines) + 1), line)
    files.put(path, Node("file", node.mode, node.uid, content="".join(lines).encode()), by)
    if random_.random() < 0.5:
        system.units.daemon_reload()
    return True


# --- What must be true --------------------------------------------------------------------------------------------


def differs(spec: Json, system: System) -> str:
    """What of a timer is not as declared, or ""."""
    return ", ".join(_wrong(spec, system))


def _wrong(spec: Json, system: System) -> list[str]:
    stem, nodes = f"{PLACE}/{spec['name']}", system.units.files.nodes
    timer, unit = nodes.get(f"{stem}.timer"), f"{spec['name']}.timer"
    found = system.units.query(unit)
    if spec["state"] == "absent":
        left = [".timer", *([".service"] if "command" in spec else [])]
        return [f"there is a {stem}{end}" for end in left if f"{stem}{end}" in nodes]
    wrong = ["systemd has not read it"] if found["need_reload"] else []
    if found["active"] != ("active" if spec["enabled"] else "inactive"):
        wrong.append(f"it is {found['active']}")
    if (link_of(unit) in nodes) is not spec["enabled"]:
        wrong.append("whether it begins with the host")
    says: Json = {"Unit": spec.get("unit") or f"{spec['name']}.service"}
    if "schedule" in spec:
        says["OnCalendar"] = spec["schedule"]
    if "every" in spec:
        says |= {"OnActiveSec": spec["every"], "OnUnitActiveSec": spec["every"]}
    if spec.get("persistent"):
        says["Persistent"] = "true"
    wrong += _file("timer", timer, {"Timer": says, "Install": {"WantedBy": "timers.target"}})
    if "command" in spec:
        program, word = spec["command"]
        word = word.replace("%", "%%")
        quoted = word if word.isalnum() else f'"{word}"'
        runs = {"Type": "oneshot", "ExecStart": f"{program} {quoted}"}
        if "environment" in spec:
            runs["Environment"] = f"KEEP={spec['environment']['KEEP']}"
        wrong += _file("service", nodes.get(f"{stem}.service"), {"Service": runs})
    return wrong


def _file(what: str, node: Node | None, wanted: dict[str, Json]) -> list[str]:
    if node is None or node.type != "file":
        return [f"there is no {what}"]
    wrong = (
        [] if node.uid == 0 and not node.mode & WRITABLE_BY_OTHERS else [f"the {what} is others' to write"]
    )
    found: dict[str, Json] = {}
    section = ""
    for line in node.content.decode(errors="replace").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and line[0] not in "#;":
            key, _, value = line.partition("=")
            twice = key in found.setdefault(section, {})
            found[section][f"{key} once more" if twice else key] = value
    found.get("Unit", {}).pop("Description", None)
    found = {name: said for name, said in found.items() if said}
    return wrong if found == wanted else [*wrong, f"the {what} says {found}"]
