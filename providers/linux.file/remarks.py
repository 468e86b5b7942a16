"""What a person should know of a file or of what is below a directory, beside what of it is not as declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from below import ancestors
from globs import Globs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from differences import Json


def mounted_below(rules: Json, managed: Iterable[str], entries: list[Json]) -> list[str]:
    """What is left alone below since another file system begins there, although nobody has said that it should be."""
    if not any(entry.get("mountpoint") for entry in entries):
        return []
    excepted, said, found = Globs(rules.get("except", ())), set(managed), []
    for entry in entries:
        name = entry["name"]
        if name in said or name.rpartition("/")[0] in said or excepted.match(name):
            said.add(name)
        elif entry.get("mountpoint"):
            found.append(name)
    return found


def remark_on(mounted: list[str]) -> str:
    """The same for a person."""
    if not mounted:
        return ""
    named = [name if len(name) <= 200 else name[:200] + "…" for name in mounted[:5]]
    more = f" and {len(mounted) - 5:,} more" if len(mounted) > 5 else ""
    return (
        f"left alone, since another file system or subvolume begins there: {', '.join(named)}{more}"
        " (`except` says that this is meant)"
    )


def lost_below(changes: Iterable[Json], entries: Iterable[Json]) -> int:
    """How many regular files are to be removed or replaced, with what is in them."""
    gone, replaced = set(), 0
    for change in changes:
        if "purge" in change or change.get("clears"):
            gone.add(change["name"])
        elif change["type"] == "file":
            replaced += "becomes" in change or any(field == "content" for field, *_ in change["differs"])
    below = (entry["name"] for entry in entries if gone and entry["type"] == "file")
    return replaced + sum(not gone.isdisjoint((name, *ancestors(name))) for name in below)


LOSSES = {
    "names": "other hard links of it keep the old content",
    "capabilities": "its capabilities (getcap) will be gone",
}
"""By what the target calls it."""


def remark_on_losses(loses: Iterable[str]) -> str:
    """What a change of a file costs that its fields do not show."""
    return "; ".join(LOSSES[one] for one in loses if one in LOSSES)
