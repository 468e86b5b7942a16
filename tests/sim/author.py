"""Who writes the declarations of a simulation: one author for each source, who changes their mind, and makes mistakes.

An author has slots: each is one path and kind that may be declared or not, by either of two names. Directories with
other slots below them are always declared and enforced: what lies below could never be put right without them, be it
another author's. A shared slot is known to every author, and is declared by one of them, or by several by mistake.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from reconciler.model.names import Address, SourceName, TargetName
from tests.sim import boots, trees
from tests.sim.clockwork import Clockwork, clockmaker
from tests.sim.dpkg import Known
from tests.sim.households import Household, keeper
from tests.sim.packers import Packer, packer
from tests.sim.scribes import Scribe, scribe

Json = dict[str, Any]

MOST_SHARED = 2


class Holding(Protocol):
    """What an author declares beside files of their own.

    Attributes:
        listens: whether services of it are notified by the first file.
        subjects: what may be declared, by what it is about: references.
    """

    listens: bool

    @property
    def subjects(self) -> dict[str, list[str]]: ...

    def own(self, ref: str) -> str:
        """What a reference is about, first of all; "" where it is none of theirs."""

    def change(self) -> None:
        """Write another version of some of it."""

    def resources(self) -> list[Json]:
        """What is declared of it now."""

    def finish(self) -> None:
        """Leave nothing of which only a person could make something."""


@dataclass(slots=True)
class Author:
    """See the module.

    Args:
        source: that they write.
        random: what they go by.
        machines: that they know.
        prefix: of the names of what is theirs.

    Attributes:
        gardener: what they go by where it is about trees.
        probes: whether they have a page probed that comes after their first file and before their last.
        household: what they declare of a whole machine, if anything.
        scribe: what they declare in files that others own too.
        clockwork: what they declare of timers, and of what is dropped in for units.
        packer: what they declare of archives.
        watch: what they declare of boots.
        slots: what they may declare, by its first name.
        ports: of the machines that they declare.
    """

    source: SourceName
    random: random.Random
    machines: list[str]
    prefix: str = ""
    slots: dict[str, Json] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    serial: int = 0
    gardener: random.Random = field(default_factory=random.Random)
    probes: bool = False
    household: Household | None = None
    scribe: Scribe | None = None
    clockwork: Clockwork | None = None
    packer: Packer | None = None
    watch: boots.Watch | None = None
    _below: set[str] = field(default_factory=set)

    def begin(self, directories: list[str]) -> None:
        """Find out what there is to declare.

        Args:
            directories: in which it may lie; those of this author are added.
        """
        self.ports = dict.fromkeys(self.machines, 22)
        for number in range(self.random.randrange(3)):
            path = f"{self.random.choice(directories)}/{self.prefix}d{number}"
            directories.append(path)
            self._slot("Directory", f"{self.prefix}d{number}", path)
        for number in range(self.random.randrange(1, 5)):
            path = f"{self.random.choice(directories)}/{self.prefix}f{number}"
            self._slot("File", f"{self.prefix}f{number}", path)
        for number in range(self.random.randrange(2)):
            path = f"{self.random.choice(directories)}/{self.prefix}l{number}"
            self._slot("Symlink", f"{self.prefix}l{number}", path)

    def plant(self, directories: list[str]) -> None:
        """Have a tree somewhere, perhaps; what others do does not depend on that."""
        if self.gardener.random() < 0.3:
            name = f"{self.prefix}t0"
            self._slot("Directory", name, f"{self.gardener.choice(directories)}/{name}")
            self.slots[name]["tree"] = True

    @property
    def holdings(self) -> list[Holding]:
        """What they declare beside files of their own."""
        return [one for one in (self.household, self.scribe, self.clockwork, self.packer, self.watch) if one]

    def share(self, number: int, path: str, *, mine: bool) -> None:
        """Learn of a file that others know, too; some call it otherwise."""
        name = f"shared{number}" if self.random.random() < 0.5 else f"{self.prefix}shared{number}"
        self._slot("File", name, path)
        self.slots[name] |= {"shared": True, "declared": mine}

    def write(self, everything: Collection[str]) -> None:
        """Write the first version.

        Args:
            everything: every path that anybody may declare.
        """
        self._below = set(everything)
        for name in self.slots:
            self._write_again(name)

    def change(self) -> None:
        """Write another version."""
        for one in self.holdings:
            one.change()
        for name in self.random.sample(
            sorted(self.slots), k=min(len(self.slots), self.random.randrange(1, 4))
        ):
            self._write_again(name)
        shared = sorted(name for name, one in self.slots.items() if one.get("shared"))
        if shared and self.random.random() < 0.3:
            one = self.slots[self.random.choice(shared)]
            one["declared"] = not one["declared"]
        if len(self.machines) > 1 and self.random.random() < 0.1:
            name = self.random.choice(self.machines)
            if self.ports.pop(name, None) is None:
                self.ports[name] = 22
        elif self.random.random() < 0.05:
            name = self.random.choice(sorted(self.ports) or self.machines)
            self.ports[name] = self.ports.get(name, 22) + 1

    def document(self) -> Json:
        """What is written now."""
        resources = [one for one in self.slots.values() if one["declared"]]
        names = {f"{one['kind']}/{one['name']}" for one in resources}
        written: list[Json] = [
            self.handler | {"on": list(self.machines)},
            self.maker | {"on": list(self.machines)},
        ]
        for one in resources:
            common = dict(one["common"])
            if "require" in common:
                wanted = [f"File/{self.slots[name]['name']}" for name in common["require"]]
                common["require"] = [ref for ref in wanted if ref in names]
            written.append({key: one[key] for key in ("kind", "name", "spec", "on")} | {"common": common})
        for holding in self.holdings:
            written += self._beside(holding, written)
        files = [one for one in written if one["kind"] == "File"]
        if self.probes and len(files) > 1:
            first, *rest = sorted(files, key=lambda one: str(one["spec"]["path"]).rpartition("/")[2])
            if self.packer is not None and str(first["spec"]["path"]).startswith(f"{self.packer.top}/"):
                # What is unpacked there comes before it, and where that lies before that: it cannot come last.
                rest = [one for one in rest if one["name"] != f"{self.prefix}pack"]
            above = f"File/{first['name']}"
            for probe in self.probes_of:
                written.append(probe | {"on": list(self.machines), "common": {"require": [above]}})
                above = f"HttpProbe/{probe['name']}"
            for last in rest[-1:]:
                last["common"]["require"] = [*last["common"].get("require", ()), above]
        return {"targets": dict(self.ports), "resources": written}

    @staticmethod
    def _beside(holding: Holding, written: list[Json]) -> list[Json]:
        """What is declared beside files; services that go by one of them are notified by it."""
        found = holding.resources()
        for one in found if holding.listens else ():
            enforced = one["common"].get("policy", "enforce") == "enforce"
            if one["kind"] == "Service" and enforced:
                # The first file that there is: what it goes by is its configuration.
                for file in [other for other in written if other["kind"] == "File"][:1]:
                    file["common"]["notify"] = [*file["common"].get("notify", ()), f"Service/{one['name']}"]
        return found

    @property
    def handler(self) -> Json:
        """What files may notify, and takes a while."""
        word = f"{self.prefix}reload"
        spec = {"argv": ["sleep", "20", "note", word], "refreshOnly": True}
        return {"kind": "Exec", "name": word, "spec": spec, "common": {}}

    @property
    def maker(self) -> Json:
        """A command that is run where what it makes is missing, and takes a while."""
        made = f"/srv/{self.prefix}made"
        spec = {"argv": ["sleep", "10", "make", made], "creates": made}
        return {"kind": "Exec", "name": f"{self.prefix}make", "spec": spec, "common": {}}

    @property
    def probes_of(self) -> list[Json]:
        """Pages that come after the first file, and before the last, one after the other."""
        spec = {"from": "controller", "method": "GET", "redirects": 0, "status": ["200"], "timeout": 10}
        spec |= {"within": 20, "retries": 2, "expiresWithin": 14}
        return [
            {"kind": "HttpProbe", "name": name, "spec": spec | {"url": f"http://{name}/"}}
            for name in (f"{self.prefix}port", f"{self.prefix}site")
        ]

    @property
    def paths(self) -> list[str]:
        """Every path that may be declared, or made."""
        made = [*(one["spec"]["path"] for one in self.slots.values()), self.maker["spec"]["creates"]]
        made += self.scribe.files if self.scribe is not None else ()
        return [*made, *self.packer.people] if self.packer is not None else made

    def _slot(self, kind: str, name: str, path: str) -> None:
        self.slots[name] = {
            "kind": kind,
            "name": name,
            "names": (name, f"{name}-again"),
            "spec": {"path": path},
            "common": {},
            "on": list(self.machines),
            "declared": True,
        }

    def _write_again(self, slot: str) -> None:
        if self.slots[slot].get("tree"):
            self.serial += 1
            trees.rewrite(self.slots[slot], self.gardener, self.serial)
        else:
            self._rewrite(slot)

    def _rewrite(self, slot: str) -> None:
        one, random_ = self.slots[slot], self.random
        path = one["spec"]["path"]
        spec: Json = {"path": path}
        common: Json = {}
        above = any(other.startswith(path + "/") for other in self._below)
        if not one.get("shared"):
            one["declared"] = above or random_.random() < 0.9
        if random_.random() < 0.1:
            one["name"] = random_.choice(one["names"])
        if random_.random() < 0.4:
            spec["mode"] = random_.choice(
                ["0755", "0750"] if one["kind"] == "Directory" else ["0644", "0600"]
            )
            if one["kind"] == "Symlink":
                del spec["mode"]
        if random_.random() < 0.2:
            spec["owner"] = "root"
        if one["kind"] == "File":
            self.serial += 1
            if random_.random() < 0.85:
                line = f"{slot} as of {self.serial}" + " ." * random_.choice([0, 0, 0, 1000])
                spec["content"] = f"{line}\n" * random_.choice([1, 1, 40])
                if random_.random() < 0.1:
                    spec["validate"] = ["sleep", "6", "true"]
            if random_.random() < 0.15:
                spec = {"path": path, "state": "absent"}
        elif one["kind"] == "Symlink":
            spec["to"] = random_.choice(["/srv", "f0", "../elsewhere"])
        elif not above and random_.random() < 0.15:
            spec = {"path": path, "state": "absent", "force": True}
        elif random_.random() < 0.4:
            spec["purge"] = True
            spec["except"] = ["keep-*"]
        if not above:
            if random_.random() < 0.25:
                common["policy"] = random_.choice(["observe", "paused"])
            if random_.random() < 0.1:
                common["adopt"] = "hold"
        if random_.random() < 0.6:
            common["deletion"] = random_.choice(["delete", "delete", "confirm"])
        if random_.random() < 0.2:
            common["interval"] = random_.choice([5.0, 45.0, 300.0])
        if random_.random() < 0.15 and "state" not in spec:
            common["ignore_fields"] = ["mode"]
        if one["kind"] == "File" and random_.random() < 0.3:
            files = [name for name, other in self.slots.items() if name < slot and other["kind"] == "File"]
            common["require"] = files[:1]
        if one["kind"] == "File" and random_.random() < 0.3:
            common["notify"] = [f"Exec/{self.handler['name']}"]
        one["spec"], one["common"] = spec, common


def file_of(slot: str) -> str:
    """The path at which something is; of a line or a block, that of its file."""
    scheme, _, rest = slot.partition(":")
    return rest.partition("#")[0] if scheme in {"line", "block"} else slot


class Authors:
    """All of them.

    Args:
        seed: of what is left to chance.
        machines: that they know.
        sources: how many.
        now: the wall clock.
    """

    def __init__(self, seed: int, machines: list[str], sources: int, *, now: Callable[[], float]) -> None:
        self._random = random.Random(f"{seed}/authors")
        self._machines = machines
        self.by_source: dict[SourceName, Author] = {}
        directories = ["/srv"]
        for number in range(sources):
            source = SourceName("sim" if not number else f"sim{number}")
            author = Author(
                source,
                random.Random(f"{seed}/author/{number}"),
                machines,
                prefix="" if not number else f"s{number}-",
                gardener=random.Random(f"{seed}/trees/{number}"),
                probes=random.Random(f"{seed}/probes/{number}").random() < 0.3,
            )
            keeping = keeper(seed, number)
            if keeping is not None:
                author.household = Household(keeping, machines, author.prefix)
            author.begin(directories)
            self.by_source[source] = author
        self.watch: boots.Watch | None = None
        if (watching := boots.watchman(seed, sources)) is not None:
            number, random_ = watching
            self.watch = boots.Watch(random_, machines, now)
            list(self.by_source.values())[number].watch = self.watch
        for number, author in enumerate(self.by_source.values()):
            author.plant(directories)
            if (writing := scribe(seed, number)) is not None:
                author.scribe = Scribe(writing, machines, author.prefix, directories)
            if (making := clockmaker(seed, number)) is not None:
                author.clockwork = Clockwork(making, machines, author.prefix)
            if (packing := packer(seed, number)) is not None:
                author.packer = Packer(packing, machines, author.prefix, directories)
        for number in range(self._random.randrange(MOST_SHARED + 1) if sources > 1 else 0):
            owner = self._random.choice(list(self.by_source))
            for source, author in self.by_source.items():
                author.share(number, f"/srv/shared{number}", mine=source == owner)
        for author in self.by_source.values():
            author.write(self.paths)

    def finish(self) -> None:
        """Come to terms: everybody declares all machines, alike, and each shared file is one author's."""
        port = max((port for one in self.by_source.values() for port in one.ports.values()), default=22)
        paths = sorted({one["spec"]["path"] for one in self.slots if one.get("shared")})
        owners = {path: self._random.choice(list(self.by_source)) for path in paths}
        for source, author in self.by_source.items():
            for holding in author.holdings:
                holding.finish()
            author.ports = dict.fromkeys(self._machines, port)
            for one in author.slots.values():
                if one.get("shared"):
                    one["declared"] = owners[one["spec"]["path"]] == source

    @property
    def slots(self) -> list[Json]:
        """Everybody's."""
        return [one for author in self.by_source.values() for one in author.slots.values()]

    @property
    def paths(self) -> list[str]:
        """Every path that may be declared, or made."""
        return [path for author in self.by_source.values() for path in author.paths]

    # --- who is responsible for what ------------------------------------------------------------------------------

    @cached_property
    def households(self) -> list[Household]:
        """Everybody's."""
        return [one.household for one in self.by_source.values() if one.household is not None]

    @cached_property
    def clockworks(self) -> list[Clockwork]:
        """Everybody's."""
        return [one.clockwork for one in self.by_source.values() if one.clockwork is not None]

    @cached_property
    def packers(self) -> list[Packer]:
        """Everybody's."""
        return [one.packer for one in self.by_source.values() if one.packer is not None]

    @cached_property
    def archive(self) -> dict[str, Known]:
        """What there is to install."""
        return {name: known for one in self.households for name, known in one.archive.items()}

    @cached_property
    def subjects(self) -> dict[str, list[str]]:
        """What may be declared beside files, by what it is about: references."""
        return {subject: refs for one in self.holdings for subject, refs in one.subjects.items()}

    @cached_property
    def holdings(self) -> list[Holding]:
        """Everybody's."""
        return [one for author in self.by_source.values() for one in author.holdings]

    @cached_property
    def texts(self) -> dict[str, list[str]]:
        """Files that several own a part of, and what each may have in it."""
        scribes = [one.scribe for one in self.by_source.values() if one.scribe is not None]
        return {
            file: [about for one in scribes for about in one.subjects if file_of(about) == file]
            for file in dict.fromkeys(file for one in scribes for file in one.files)
        }

    @cached_property
    def _first(self) -> dict[str, str]:
        """Of several things that are one's, the one that counts as what it is about."""
        several = [*self.households, *self.clockworks]
        return {name: about for one in several for name, about in one.first.items()}

    def slot_of(self, path: str) -> str:
        """The declared path that a path is the business of: its own, or of what is above; "" for nobody's."""
        known = {one["spec"]["path"] for one in self.slots}
        while path and path not in known and path not in self.subjects:
            path = path.rpartition("/")[0]
        return self._first.get(path, path)

    def addresses(self, name: TargetName, slot: str) -> list[Address]:
        """All that what is at a declared path may be called."""
        beside = [Address(f"{name}/{ref}") for ref in self.subjects.get(slot, ())]
        if beside:
            return beside
        return [
            Address(f"{name}/{one['kind']}/{called}")
            for one in self.slots
            if one["spec"]["path"] == slot
            for called in one["names"]
        ]

    def abouts(self, address: Address) -> set[str]:
        """All that an instance is about, beside files of its author's own."""
        _, _, ref = address.partition("/")
        return {subject for subject, refs in self.subjects.items() if ref in refs}

    def path(self, address: Address) -> str:
        """The path of an instance, or what it makes; its kind and name where there is neither."""
        _, _, ref = address.partition("/")
        for holding in self.holdings:
            if own := holding.own(ref):
                return own
        for author in self.by_source.values():
            if ref == f"Exec/{author.maker['name']}":
                return str(author.maker["spec"]["creates"])
        for one in self.slots:
            if ref in {f"{one['kind']}/{called}" for called in one["names"]}:
                return str(one["spec"]["path"])
        return ref

    def commands(self, word: str) -> list[str]:
        """The kind and name of what runs a program with this last word."""
        return [
            f"Exec/{one['name']}"
            for author in self.by_source.values()
            for one in (author.handler, author.maker)
            if one["spec"]["argv"][-1] == word
        ]
