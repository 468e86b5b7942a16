"""What the kernel is set to when the machine starts, by files that others have written (sysctl.d(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from generated import TEXT_MAX

from froyo_provider import CallError, batch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PLACES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")
"""Where they are: of two of one name the one in the earlier place counts, and of all the last by name."""
_SWAPPED = str.maketrans("./", "/.")
OURS = "zz-"
BESIDE = {"/etc/sysctl.d/99-sysctl.conf": "/etc/sysctl.conf"}
"""The one link that Debian has among them."""


class Setting(NamedTuple):
    """What a file sets.

    Attributes:
        value: with any blanks as one space.
        path: of the file.
    """

    value: str
    path: str


async def set_by_others() -> dict[str, Setting]:
    """What is set by files that are not ours, by the name of the setting."""
    listings: list[Any] = await batch("dir.list", [{"path": place} for place in PLACES])
    files: dict[str, str] = {}
    for place, listing in zip(PLACES, listings, strict=True):
        if isinstance(listing, CallError):
            if listing.code == "enoent":
                continue
            raise listing
        for entry in listing["entries"]:
            name = entry["name"]
            if name.endswith(".conf") and not name.startswith(OURS):
                files.setdefault(name, f"{place}/{name}")
    paths = [BESIDE.get(path, path) for _, path in sorted(files.items())]
    found: dict[str, Setting] = {}
    for path, reply in zip(
        paths, await batch("file.stat", [{"path": path, "text_max": TEXT_MAX} for path in paths]), strict=True
    ):
        text = "" if isinstance(reply, CallError) else str(reply.get("text", ""))
        found |= {name: Setting(value, path) for name, value in settings_in(text).items()}
    return found


async def said_whole(paths: Collection[str], settings: Mapping[str, Setting]) -> set[str]:
    """Those of `paths` of which each line that sets anything is among `settings`, from that very file."""
    some = sorted(paths)
    stats: list[Any] = await batch("file.stat", [{"path": path, "text_max": TEXT_MAX} for path in some])
    whole = set()
    for path, stat in zip(some, stats, strict=True):
        text = "" if isinstance(stat, CallError) else str(stat.get("text", ""))
        lines = [line for line in map(str.strip, text.split("\n")) if line and line[0] not in "#;"]
        mine = settings_in(text)
        # A line that is read in another way, such as one with a `*` in it, is none of them.
        if len(lines) == len(mine) and all(settings.get(n) == Setting(v, path) for n, v in mine.items()):
            whole.add(path)
    return whole


def dotted(name: str) -> str:
    """The name of a setting as it is declared, with dots: the first of `.` and `/` parts it, as for sysctl(8).

    Example:
        >>> dotted("net/ipv4/conf/eth0.1/forwarding")
        'net.ipv4.conf.eth0/1.forwarding'
    """
    parted = name.lstrip("/")
    first = min((at for at in (parted.find("."), parted.find("/")) if at >= 0), default=0)
    return parted.translate(_SWAPPED) if parted[first : first + 1] == "/" else parted


def settings_in(text: str) -> dict[str, str]:
    """What a file sets; names with a `*` in them are left out."""
    found = {}
    for line in text.split("\n"):
        name, equals, value = line.strip().partition("=")
        name = dotted(name.strip().removeprefix("-"))
        if equals and name[:1] not in {"", "#", ";"} and "*" not in name:
            found[name] = " ".join(value.split())
    return found
