"""What an author declares of archives, what people do to what was unpacked, and what must be true of it.

Some have files of their own where an archive is unpacked: one that the archive has, too, and one that it has not. Those
are never the archive's, neither to write nor to purge.
"""

import json
import random
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.model.names import Address
from reconciler.model.resource import Instance
from tests.sim.archives import Members, is_excepted, members_of
from tests.sim.files import Files, Node, digest_of

if TYPE_CHECKING:
    from tests.sim.machine import Machine

Json = dict[str, Any]

KINDS = frozenset({"Archive"})
SHARE = 0.2
"""Of authors that have one."""

NAMES = ("a", "b", "sub/c", "sub/deep/d", "keep-e", "sub/keep-f")
"""What an archive may have in it."""
BESIDE = (*NAMES, "sub", "litter", "sub/litter", "keep-it", "own")
"""What people may lay hands on, below where it is unpacked."""


def packer(seed: int, number: int) -> random.Random | None:
    """What an author of a world goes by in what they declare of archives; None where that is nothing."""
    found = random.Random(f"{seed}/an unpacker/{number}")
    return found if found.random() < SHARE else None


class Packer:
    """See the module.

    Args:
        random_: what its author goes by.
        machines: on which all of it is.
        prefix: of the names of what is theirs.
        directories: in which it may be unpacked.

    Attributes:
        top: where it is unpacked.
        contents: whatever has ever been in an archive of theirs, by its digest.
    """

    listens = False

    def __init__(
        self, random_: random.Random, machines: list[str], prefix: str, directories: Sequence[str]
    ) -> None:
        self._random = random_
        self._machines = machines
        self._prefix = prefix
        self._serial = 0
        self._finished = False
        self._lies_there = random_.random() < 0.4  # and is not sent
        self._has_inside = random_.random() < 0.6
        self.top = f"{random_.choice(directories)}/{prefix}unpacked"
        self.contents: dict[str, Members] = {}
        self._listed: dict[str, Json] = {}
        self._items: dict[str, Json] = {}
        self.change(everything=True)

    @property
    def _every(self) -> dict[str, str]:
        p = self._prefix
        found = {f"Archive/{p}pack": self.top}
        if self._lies_there:
            found[f"File/{p}pack"] = f"/srv/{p}pack.json"
        if self._has_inside:
            found |= {f"File/{p}inside": f"{self.top}/a", f"File/{p}own": f"{self.top}/own"}
        return found

    @property
    def subjects(self) -> dict[str, list[str]]:
        """What may be declared, by what it is about: references."""
        return {about: [ref] for ref, about in self._every.items()}

    @property
    def people(self) -> list[str]:
        """What people may lay hands on."""
        return [*self._every.values(), *(f"{self.top}/{name}" for name in BESIDE)]

    def own(self, ref: str) -> str:
        """What a reference is about; "" where it is none of theirs."""
        return self._every.get(ref, "")

    def change(self, *, everything: bool = False) -> None:
        """Write another version of some of it."""
        for ref in self._every:
            if everything or self._random.random() < 0.4:
                self._items[ref] = self._written(ref)

    def finish(self) -> None:
        """What lies on the machines to be unpacked is declared from now on."""
        self._finished = True

    def resources(self) -> list[Json]:
        """What is declared of it now; nothing below what is not to be there."""
        p, found = self._prefix, []
        pack = self._items[f"Archive/{p}pack"]
        there = pack["declared"] and pack["spec"]["state"] == "present"
        there = there and pack["common"].get("policy", "enforce") == "enforce"
        source = self._items.get(f"File/{p}pack")
        lies = source is None or (
            source["declared"] and source["common"].get("policy", "enforce") == "enforce"
        )
        for ref, one in self._items.items():
            kind, _, name = ref.partition("/")
            spec, declared = one["spec"], one["declared"]
            if kind == "Archive" and spec["state"] == "present":
                declared = declared and (lies or not self._finished)
            if name in {f"{p}inside", f"{p}own"}:
                declared = declared and there and (lies or not self._finished)
            if declared:
                made = {"kind": kind, "name": name, "spec": dict(spec), "common": dict(one["common"])}
                found.append(made | {"on": self._machines})
        return found

    def _written(self, ref: str) -> Json:
        random_ = self._random
        kind, _, name = ref.partition("/")
        self._serial += 1
        common: Json = {"deletion": random_.choice(["delete", "delete", "confirm", "orphan"])}
        if random_.random() < 0.12:
            common["policy"] = random_.choice(["observe", "paused"])
        if random_.random() < 0.2:
            common["interval"] = random_.choice([5.0, 45.0])
        if kind == "File":
            spec: Json = {"path": self._every[ref], "content": f"{name} as of {self._serial}\n"}
            if name.endswith("pack"):
                spec["content"] = self._packed()
        else:
            spec = {"path": self.top, "maximumSize": 1 << 20, "timeout": 60, "strip": 0, "setuid": False}
            spec["state"] = random_.choice(["present"] * 6 + ["absent"])
            spec["purge"] = random_.random() < 0.5
            if spec["purge"] or random_.random() < 0.5:
                spec["except"] = ["keep-*"]
            if self._lies_there:
                spec["from"] = f"/srv/{self._prefix}pack.json"
            else:
                spec["content"] = self._packed()
        return {"spec": spec, "common": common, "declared": random_.random() < 0.9}

    def _packed(self) -> str:
        """Another archive, of which something is as it was before."""
        random_ = self._random
        for name in NAMES:
            if name not in self._listed or random_.random() < 0.5:
                text = f"{name} as of {self._serial}\n" * random_.choice([1, 1, 40])
                self._listed[name] = {"text": text, "runs": random_.random() < 0.3}
        listed = [name for name in NAMES if name == "a" or random_.random() < 0.7]
        content = json.dumps(
            [[name, self._listed[name]["text"], self._listed[name]["runs"]] for name in listed]
        )
        self.contents[digest_of(content.encode())] = members_of(content.encode())
        return content


# --- What people do -----------------------------------------------------------------------------------------------


def settle(files: Files, one: Packer) -> None:
    """The trouble ends: what is in the way of what is to be unpacked is taken away."""
    by = {"command": "rm", "pid": 7, "user": "alice"}
    directories = {"", "sub", "sub/deep"}
    for name in (*directories, *NAMES):
        path = f"{one.top}/{name}".rstrip("/")
        node = files.nodes.get(path)
        if node is not None and node.type != ("directory" if name in directories else "file"):
            files.remove(path, by)


# --- What must be true --------------------------------------------------------------------------------------------


def differs(one: Instance, machine: "Machine", managed: Collection[str]) -> str:
    """What of an archive is not there as declared, or "".

    Args:
        one: what is declared.
        machine: where it is.
        managed: every path that is declared on the machine.
    """
    spec, nodes, top, contents = one.spec, machine.files.nodes, one.spec["path"], machine.contents
    theirs = [path for path in managed if path.startswith(f"{top}/")]
    below = list(machine.files.below(top))
    kept = [*theirs, *(path for path in below if "except" in spec and is_excepted(path[len(top) + 1 :]))]
    if spec["state"] == "absent":
        return "it is on record" if top in machine.archives.records else ""
    if "from" in spec:
        lies = nodes.get(spec["from"])
        digest = digest_of(lies.content) if lies is not None and lies.type == "file" else ""
    else:
        digest = spec["body"]["digest"]
    if digest not in contents:
        return "there is no such archive"
    members = contents[digest]
    wrong = []
    for name, (kind, mode) in members.items():
        path = f"{top}/{name}"
        if _is_left(spec, name, top, theirs):
            continue
        wanted = "directory" if kind == "directory" else "file"
        node = nodes.get(path)
        if node is None or node.type != wanted:
            wrong.append(f"no {wanted} {name}")
        elif wanted == "file" and (node.content, node.mode) != (kind.partition(":")[2].encode(), mode):
            wrong.append(f"content or mode of {name}")
    if spec["purge"]:
        wrong += [
            f"has {path}"
            for path in below
            if (name := path[len(top) + 1 :]) not in members
            and not _is_left(spec, name, top, theirs)
            and not any(other.startswith(f"{path}/") for other in kept)
        ]
    return ", ".join(wrong)


def _is_left(spec: Json, name: str, top: str, theirs: Collection[str]) -> bool:
    path = f"{top}/{name}"
    return ("except" in spec and is_excepted(name)) or any(
        path == one or path.startswith(f"{one}/") for one in theirs
    )


def unwarranted(
    meant: Sequence[Instance],
    instances: Mapping[Address, Instance],
    before: Mapping[str, Node | None],
    after: Mapping[str, Node],
    contents: Mapping[str, Members],
) -> str:
    """What an unpacking has done that nobody declared, or "".

    Args:
        meant: what is on record as about to be done.
        instances: all that was declared when it was sent.
        before: of the paths that it has changed, what was there.
        after: what is there now.
        contents: of archives, by digest.
    """
    every = list(contents.values())
    for one in meant:
        spec, top = one.spec, one.spec["path"]
        theirs = {
            subject.name
            for other in instances.values()
            if other.target == one.target and other.address != one.address and other.removal is None
            for subject in other.provides
            if subject.scheme == "path" and subject.name.startswith(f"{top}/")
        }
        goes = one.removal is not None or spec["state"] == "absent"
        for path, was in before.items():
            name, now = path[len(top) + 1 :] if path != top else "", after.get(path)
            if name and _is_left(spec, name, top, theirs):
                return f"{path} is left to others"
            if now is None:
                own = any(name in members for members in every) or not name
                if not (own and goes) and not (spec.get("purge") and not goes):
                    return f"{path} is gone, which was {was}"
            elif goes:
                return f"{path} is there, although all of it is to go"
            elif name and not any(_is_so(now, members.get(name)) for members in every):
                return f"{path} is in no archive as it is now: {now}"
    return ""


def _is_so(node: Node, member: tuple[str, int] | None) -> bool:
    if member is None:
        return False
    kind, mode = member
    if kind == "directory":
        return node.type == "directory"
    return node.type == "file" and (node.content, node.mode) == (kind.partition(":")[2].encode(), mode)
