"""What the kernel says is mounted, and what /etc/fstab says is to be: as values, and back to a line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from options import said

ESCAPED = {" ": "\\040", "\t": "\\011", "\n": "\\012", "\\": "\\134"}
"""What would end a field of either table, and how it is written there."""


@dataclass(frozen=True)
class Entry:
    """A line of fstab.

    Attributes:
        source: a device, a name for one such as `UUID=…`, a directory, `host:/path`, or a word such as `tmpfs`.
        path: where it is mounted.
        fstype: `none` for a bind mount.
        options: in order.
        dump: the fifth field.
        order: the sixth, in which they are checked when the machine starts.
    """

    source: str
    path: str
    fstype: str
    options: tuple[str, ...] = ()
    dump: int = 0
    order: int = 0

    def line(self) -> str:
        """As it stands in fstab."""
        options = ",".join(self.options) or "defaults"
        fields = (self.source, self.path, self.fstype, options)
        line = " ".join((*map(escape, fields), str(self.dump), str(self.order)))
        return f"\\043{line[1:]}" if line.startswith("#") else line  # else it would be a remark

    def says_the_same(self, other: Entry) -> bool:
        """Whether the two mean one thing, however they are written."""
        mine, theirs = (
            (one.source, one.fstype, frozenset(map(said, one.options)) - {"defaults"}, one.dump, one.order)
            for one in (self, other)
        )
        return mine == theirs


@dataclass(frozen=True)
class Mounted:
    """A line of the kernel's table.

    Attributes:
        device: major and minor number, as text.
        root: which directory of that file system is mounted.
        path: where.
        fstype: of the file system.
        source: what it was mounted from.
        options: of the mount, and of its file system.
    """

    device: str
    root: str
    path: str
    fstype: str
    source: str
    options: frozenset[str]


def escape(field: str) -> str:
    """A field as both tables write it."""
    return "".join(ESCAPED.get(letter, letter) for letter in field)


def unescape(field: str) -> str:
    """What a field of either table says."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda found: chr(int(found[1], 8)), field)


def entries(fstab: str) -> list[Entry]:
    """What fstab says, line by line; what is no entry is left out."""
    found = []
    for line in fstab.split("\n"):
        fields = re.split("[ \t]+", line.strip(" \t"))
        if len(fields) < 3 or fields[0].startswith("#"):
            continue
        numbers = [int(one) if one.isdecimal() else 0 for one in (*fields[4:6], "0", "0")]
        options = tuple(map(unescape, fields[3].split(","))) if len(fields) > 3 else ()
        source, path, fstype = map(unescape, fields[:3])
        found.append(Entry(source, path.rstrip("/") or "/", fstype, options, numbers[0], numbers[1]))
    return found


def mounted(mountinfo: str) -> list[Mounted]:
    """What is mounted, in the order in which it was: of two at one place the later one is on top."""
    found = []
    # A name may hold whatever else Python takes for the end of a line, and users choose some of them.
    for line in filter(None, mountinfo.split("\n")):
        front, _, back = line.partition(" - ")
        fields, more = front.split(" "), back.split(" ")
        fstype, source, of_all = (*more, "", "")[:3]
        options = frozenset((*fields[5].split(","), *of_all.split(",")))
        root, path = map(unescape, fields[3:5])
        found.append(Mounted(fields[2], root, path, fstype, unescape(source), options))
    return found


def on_top(table: list[Mounted], path: str) -> Mounted | None:
    """What is mounted at a path, if anything is."""
    return next((one for one in reversed(table) if one.path == path), None)


def around(table: list[Mounted], path: str) -> Mounted | None:
    """What a path lies on."""
    best = None
    for one in table:
        within = path == one.path or path.startswith(one.path.rstrip("/") + "/")
        if within and (best is None or len(one.path) >= len(best.path)):
            best = one
    return best
