"""What the options of a mount mean, in whatever order and spelling, and which of them the kernel does not have.

Invariant: what cannot be seen of a mount is no difference, so that nothing is mounted again and again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

OPPOSITES = {"ro": "rw", "nosuid": "suid", "nodev": "dev", "noexec": "exec"}
"""What every mount has or has not: where none of two is declared, it is the second."""

FOR_USERS = {"user", "users", "owner", "group"}
"""With one of these, `nosuid`, `nodev` and `noexec` hold unless something behind it says otherwise."""

TIMES = {"noatime", "relatime", "strictatime"}
SEEN_AS_THEY_ARE = {"sync", "dirsync", "lazytime", "nodiratime", "mand"}
BINDS = {"bind", "rbind"}
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}

NOT_THE_KERNELS = re.compile(
    r"defaults|auto|noauto|nofail|_netdev|_rnetdev|x-.*|X-.*|comment=.*|user|users|owner|group|nouser|loop|bind|rbind"
)
"""What is said to programs, and no mount has."""


def is_bind(options: Collection[str]) -> bool:
    """Whether a directory is mounted."""
    return not BINDS.isdisjoint(options)


def holds(options: Sequence[str], flag: str) -> bool:
    """Whether `ro`, `nosuid`, `nodev` or `noexec` is declared: the last that says something about it counts."""
    held = False
    for one in options:
        if one == flag or (flag != "ro" and one in FOR_USERS):
            held = True
        elif one == OPPOSITES[flag]:
            held = False
    return held


def differing(options: Sequence[str], seen: Collection[str]) -> list[str]:
    """Which options are not in effect, as they would have to be said to a mount that is there.

    Args:
        options: as declared.
        seen: of the mount, as the kernel says.
    """
    found = []
    for flag, opposite in OPPOSITES.items():
        if holds(options, flag) is not (flag in seen):
            found.append(flag if holds(options, flag) else opposite)
    times = [one for one in options if one in TIMES]
    if times and (("noatime" in seen), ("relatime" in seen)) != (
        times[-1] == "noatime",
        times[-1] == "relatime",
    ):
        found.append(times[-1])
    found += [one for one in options if one in SEEN_AS_THEY_ARE and one not in seen]
    values = dict(one.split("=", 1) for one in seen if "=" in one)
    for one in options:
        name, equals, value = one.partition("=")
        if equals and name in values and meaning(name, value) not in (None, meaning(name, values[name])):
            found.append(one)
    return found


def meaning(name: str, value: str) -> object:
    """What a value says; None where that cannot be compared, as with a part of all memory."""
    if name in {"size", "nr_inodes", "nr_blocks"}:
        found = re.fullmatch(r"(\d+)([kmg]?)", value.lower())
        return int(found[1]) * UNITS[found[2]] if found else None
    if name in {"mode", "umask", "fmask", "dmask"} and re.fullmatch("[0-7]+", value):
        return int(value, 8)
    if name in {"uid", "gid"} and not value.isdecimal():
        return None
    return value


def said(option: str) -> object:
    """What an option says, in whatever spelling: `size=1M` is `size=1024k`."""
    name, equals, value = option.partition("=")
    known = meaning(name, value) if equals else None
    return option if known is None else (name, known)


def for_remounting(options: Sequence[str]) -> str:
    """The options with which a mount becomes as declared, also those that are declared by saying nothing."""
    kept = [one for one in options if not NOT_THE_KERNELS.fullmatch(one) and one not in OPPOSITES]
    kept = [one for one in kept if one not in OPPOSITES.values()]
    flags = [flag if holds(options, flag) else opposite for flag, opposite in OPPOSITES.items()]
    return ",".join(["remount", *(["bind"] if is_bind(options) else []), *flags, *kept])
