"""What an author declares of files that several own a part of: lines and blocks, and what people do to such files.

What they wrote there themselves is theirs: a line or a block goes or changes only where it is declared so.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from reconciler.model.resource import Instance
from tests.sim.files import Files, Node, digest_of
from tests.sim.secrets import PLACEHOLDER, keyed
from tests.sim.texts import BOM

Json = dict[str, Any]

KINDS = frozenset({"Line", "Block"})
SHARE = 0.2
"""Of authors that have one."""

COMMON = "/srv/common.conf"
"""A file of which each of them has a part."""
FIRST = b"[main]\n# an example\n[other]\nkeep=1\n"
"""What people have there."""
KEYS = ("k0", "k1")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def scribe(seed: int, number: int) -> random.Random | None:
    """What an author of a world goes by in what they declare of such files; None where that is nothing."""
    found = random.Random(f"{seed}/scribe/{number}")
    return found if found.random() < SHARE else None


class Scribe:
    """See the module.

    Args:
        random_: what its author goes by.
        machines: on which all of it is.
        prefix: of the names of what is theirs.
        directories: in which their own file may be.
    """

    listens = False

    def __init__(
        self, random_: random.Random, machines: list[str], prefix: str, directories: Sequence[str]
    ) -> None:
        self._random = random_
        self._machines = machines
        self._prefix = prefix
        self._serial = 0
        self._has_secret = random_.random() < 0.5
        self._own = f"{random_.choice(directories)}/{prefix}conf"
        self._items: dict[str, Json] = {}
        self.change(everything=True)

    @property
    def files(self) -> tuple[str, ...]:
        """Those of which they have a part."""
        return COMMON, self._own

    @property
    def subjects(self) -> dict[str, list[str]]:
        """What may be declared, by what it is about: references."""
        return {about: [ref] for ref, about in self._every.items()}

    @property
    def _every(self) -> dict[str, str]:
        p, fixed = self._prefix, digest_of(self._fixed.encode())
        return {
            f"Line/{p}k0": f"line:{COMMON}#{self._match('k0')}",
            f"Line/{p}k1": f"line:{self._own}#{self._match('k1')}",
            f"Line/{p}fixed": f"line:{COMMON}#{fixed}",
            f"Block/{p}b0": f"block:{COMMON}#{p}b0",
            f"Block/{p}b1": f"block:{self._own}#{p}b1",
        }

    def own(self, ref: str) -> str:
        """What a reference is about; "" where it is none of theirs."""
        return self._every.get(ref, "")

    def change(self, *, everything: bool = False) -> None:
        """Write another version of some of it."""
        for ref in self._every:
            if everything or self._random.random() < 0.4:
                self._items[ref] = self._written(ref)

    def finish(self) -> None:
        """Nothing of it needs a person to put it right but what people have written there: see `settle`."""

    def resources(self) -> list[Json]:
        """What is declared of it now."""
        return [
            {"kind": kind, "name": name, "on": self._machines} | {key: one[key] for key in ("spec", "common")}
            for ref, one in self._items.items()
            if one["declared"]
            for kind, _, name in (ref.partition("/"),)
        ]

    @property
    def _fixed(self) -> str:
        return f"include {self._prefix}extra"

    def _match(self, key: str) -> str:
        return rf"^#?\s*{self._prefix}{key}="

    def _written(self, ref: str) -> Json:
        random_ = self._random
        kind, _, name = ref.partition("/")
        common: Json = {"deletion": random_.choice(["delete", "delete", "confirm", "orphan"])}
        if random_.random() < 0.12:
            common["policy"] = random_.choice(["observe", "paused"])
        if random_.random() < 0.2:
            common["interval"] = random_.choice([5.0, 45.0])
        self._serial += 1
        spec: Json = {"path": self._every[ref].partition(":")[2].partition("#")[0], "create": True}
        spec["state"] = random_.choice(["present"] * 5 + ["absent"])
        if kind == "Block":
            lines = [f"in {name} as of {self._serial}\n"] * random_.choice([0, 1, 1, 3])
            if self._has_secret and name.endswith("b1"):
                lines = [f"token of {self._serial} = {PLACEHOLDER}\n"]
            spec |= {"marker": name, "content": "".join(lines)}
        elif name.endswith("fixed"):
            spec["line"] = self._fixed
        else:
            key = name.removeprefix(self._prefix)
            spec |= {"line": f"{name}={self._serial}", "match": self._match(key)}
            if random_.random() < 0.5:
                spec["several"] = random_.choice(["first", "last", "all"])
        if random_.random() < 0.4:
            spec |= random_.choice(
                [{"insertAfter": r"^\[main\]"}, {"insertBefore": r"^\[other\]"}, {"at": "begin"}]
            )
        if random_.random() < 0.1:
            spec["validate"] = ["sleep", "6", "true"]
        return {"spec": spec, "common": common, "declared": random_.random() < 0.8}


# --- What people do -----------------------------------------------------------------------------------------------


def meddle(files: Files, path: str, random_: random.Random, by: Json) -> None:
    """Somebody writes something into such a file, takes something out, or makes something else of it."""
    node = files.nodes.get(path)
    if node is None or node.type != "file":
        if files.has_parent(path):
            files.put(path, Node(content=FIRST), by)
        return
    lines = node.content.splitlines(keepends=True)
    at, fate = random_.randrange(len(lines) + 1), random_.random()
    chosen = lines[at : at + 1]
    if fate < 0.2:
        lines[at : at + 1] = []
    elif fate < 0.4:
        lines[at : at + 1] = [re.sub(rb"[0-9]+", b"%d" % random_.randrange(90, 99), one) for one in chosen]
    elif fate < 0.5:
        lines[at : at + 1] = [b"# " + one for one in chosen]
    elif fate < 0.6:
        lines[at:at] = chosen
    elif fate < 0.7:
        lines[at : at + 1] = [one.rstrip(b"\r\n") + random_.choice([b"\r\n", b"\n", b""]) for one in chosen]
    elif fate < 0.75:
        lines = random_.choice(
            [[], [BOM, *lines], [UTF_16[0], *lines], list(FIRST.splitlines(keepends=True))]
        )
    else:
        key = random_.choice(["k0", "k1", "s1-k0", "s1-k1", "theirs"])
        lines.insert(at, b"%s=%d\n" % (key.encode(), random_.randrange(100, 200)))
    files.put(path, Node(mode=node.mode, uid=node.uid, content=b"".join(lines)), by)


def settle(files: Files, paths: Sequence[str], prefixes: Sequence[str]) -> None:
    """The trouble ends: where nobody could tell what is meant, people begin anew."""
    by = {"command": "admin", "pid": 7, "user": "alice"}
    for path in paths:
        node = files.nodes.get(path)
        if node is None:
            for parent in _above(path):
                if parent not in files.nodes:
                    files.put(parent, Node("directory", 0o755), by)
            files.put(path, Node(content=FIRST), by)
        elif node.type != "file" or not _is_plain(node.content, prefixes):
            files.remove(path, by)
            files.put(path, Node(content=FIRST), by)


def _above(path: str) -> list[str]:
    """The directories that lead to a path."""
    parts = path.split("/")[1:-1]
    return ["/" + "/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _is_plain(content: bytes, prefixes: Sequence[str]) -> bool:
    """Whether everybody could find their place there."""
    lines = [line.rstrip(b"\r \t") for line in content.removeprefix(BOM).split(b"\n")]
    if content.startswith(UTF_16) or not {b"[main]", b"[other]"} <= set(lines):
        return False
    for prefix in prefixes:
        for key in KEYS:
            if (
                sum(bool(re.match(rb"#?\s*%s%s=" % (prefix.encode(), key.encode()), line)) for line in lines)
                > 1
            ):
                return False
        for name in (f"{prefix}b0", f"{prefix}b1"):
            marks = [line for line in lines if line in {mark.encode() for mark in marks_of(name)}]
            if [mark.encode() for mark in marks_of(name)] * (len(marks) // 2) != marks:
                return False
    return True


# --- Whether it is as declared ------------------------------------------------------------------------------------


def marks_of(marker: str) -> tuple[str, str]:
    """The lines around a block."""
    return f"# BEGIN {marker}", f"# END {marker}"


def lines_in(node: Node | None) -> list[bytes]:
    """The lines of a file, without what ends them."""
    if node is None or node.type != "file":
        return []
    return [line.removesuffix(b"\r") for line in node.content.removeprefix(BOM).split(b"\n")]


def differs(kind: str, spec: Json, files: Files) -> str:
    """What of a line or block is not as declared, or ""."""
    node = files.nodes.get(spec["path"])
    if node is not None and node.content.startswith(UTF_16):
        return "it is no text"
    lines, absent = lines_in(node), spec["state"] == "absent"
    if node is None and not absent:
        return "there is no file"
    if kind == "Block":
        begin, end = (mark.encode() for mark in marks_of(spec["marker"]))
        bare = [line.rstrip(b" \t") for line in lines]
        wanted = [] if absent else [begin, end]
        if [line for line in bare if line in {begin, end}] != wanted:
            return "there are markers" if absent else "the markers are not there once"
        inside = [] if absent else lines[bare.index(begin) + 1 : bare.index(end)]
        text = b"".join(line + b"\n" for line in inside)
        return "" if absent or digest_of(text) == spec["body"]["digest"] else "content"
    exact = [line for line in lines if digest_of(line) == spec["body"]["digest"]]
    similar = [line for line in lines if "match" in spec and re.search(spec["match"].encode(), line)]
    if absent:
        return "there is one" if exact or similar else ""
    if not exact:
        return "there is none"
    return "there are others" if spec.get("several") == "all" and set(similar) - set(exact) else ""


def unwarranted(meant: Sequence[Instance], before: Node | None, after: Node | None) -> str:
    """What an edit has done to a file that nothing which it was for is about, or ""."""
    then, now = Counter(lines_in(before)), Counter(lines_in(after))
    for gone in then - now:
        if gone and not any(_may_take(one, gone, lines_in(before)) for one in meant):
            return f"{gone!r} is gone"
    for came in now - then:
        if came and not any(_may_put(one, came, lines_in(after)) for one in meant):
            return f"{came!r} came"
    return ""


def unshown(meant: Sequence[Instance], before: Node | None, after: Node | None, shown: Sequence[str]) -> str:
    """What went for a line that is not what was shown to go, or ""."""
    if any(one.kind != "Line" for one in meant) or any("(sensitive)" in diffs for diffs in shown):
        return ""
    then = lines_in(before)
    left = Counter(then) - Counter(lines_in(after))
    gone = [line for line in dict.fromkeys(then) if left[line] for _ in range(left[line])]
    text = gone[0] if len(gone) == 1 else b"".join(line + b"\n" for line in gone)
    known = digest_of(text), keyed(digest_of(text))
    return repr(gone) if any(gone) and not any(one in diffs for diffs in shown for one in known) else ""


def _may_take(one: Instance, line: bytes, lines: Sequence[bytes]) -> bool:
    spec, goes = one.spec, one.removal is not None
    if one.kind == "Line":
        if digest_of(line) == spec["body"]["digest"]:
            return goes or one.absent
        return not goes and "match" in spec and bool(re.search(spec["match"].encode(), line))
    return _is_within(spec, line, lines) or _is_beside_a_marker(spec, line, lines)


def _may_put(one: Instance, line: bytes, lines: Sequence[bytes]) -> bool:
    if one.removal is not None or one.absent:
        return False
    if one.kind == "Line":
        return digest_of(line) == one.spec["body"]["digest"]
    return _is_within(one.spec, line, lines)


def _is_beside_a_marker(spec: Json, line: bytes, lines: Sequence[bytes]) -> bool:
    """Whether a line is of what is declared of a block, of which somebody has taken one marker away."""
    begin, end = (mark.encode() for mark in marks_of(spec["marker"]))
    bare = [each.rstrip(b" \t") for each in lines]
    found = [i for i, each in enumerate(bare) if each in (begin, end)]
    if len(found) != 1:
        return False
    (at,) = found
    above = bare[at] == end
    sizes = range(1, at + 1) if above else range(1, len(lines) - at)
    spans = [lines[at - size : at] if above else lines[at + 1 : at + 1 + size] for size in sizes]
    body = spec["body"]

    def is_content(span: Sequence[bytes]) -> bool:
        # Of what has a secret in it nobody here knows the digest that it has on a machine.
        whole = b"".join(each + b"\n" for each in span)
        return body.get("secret", False) or body["digest"] in (digest_of(whole), digest_of(whole[:-1]))

    return any(line in span and is_content(span) for span in spans)


def _is_within(spec: Json, line: bytes, lines: Sequence[bytes]) -> bool:
    """Whether a line is a marker of a block, or somewhere between two."""
    begin, end = (mark.encode() for mark in marks_of(spec["marker"]))
    inside = False
    for each in lines:
        bare = each.rstrip(b" \t")
        inside = bare == begin or (inside and bare != end)
        if each == line and (inside or bare == end):
            return True
    return False
