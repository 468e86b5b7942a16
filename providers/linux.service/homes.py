"""What users have put into their homes for their own managers, as far as it would be declared: for `froyo import`.

A home is its user's to change. So nothing is followed there: only a regular file of the user counts, below directories.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from scopes import directories, places_of

from froyo_provider import CallError, Fault, Resource, batch, call_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freshness import Json

PEOPLE = range(1000, 60_000)
"""The numbers that are given to people (Debian policy, 9.2.2)."""
UNIT = (
    r"([A-Za-z0-9:_.\\-]+(?:@[A-Za-z0-9:_.\\-]*)?"
    r"\.(?:service|socket|timer|path|mount|automount|swap|target|slice))"
)
"""The name of a unit, or of a template of some."""
FILE = re.compile(rf"{UNIT}(?:\.d/([A-Za-z0-9_-][A-Za-z0-9_.-]*)\.conf)?")
LINK = re.compile(rf"(?:[^/]+\.(?:wants|requires)/)?{UNIT}")

Listed: TypeAlias = "tuple[str, Json, list[Json]]"
"""A user, where the files of that user's units are, and what there is."""


async def listed() -> list[Listed]:
    """What people, and root, have there."""
    known = await call_unless({"no_systemd"}, "facts", only=["users"])
    everybody = known["facts"].get("users", {}) if known is not None else {}
    users = [name for name, one in sorted(everybody.items()) if one["uid"] in PEOPLE or name == "root"]
    asked = [Resource("", "Unit", "", {"scope": "user", "user": user}) for user in users]
    places = [
        (user, place)
        for user, place in zip(users, await places_of(asked), strict=True)
        if not isinstance(place, Fault) and "nobody" not in place
    ]
    above = [directories(place, f"{place['path']}/any") for _, place in places]
    stats = iter(
        await batch("file.stat", [{"path": path, "digest": False} for some in above for path in some])
    )
    plain = [
        one
        for one, some in zip(places, above, strict=True)
        if all([_is_directory(next(stats)) for _ in some])  # noqa: C419 - each has its answer taken
    ]
    lists = await batch("dir.list", [{"path": place["path"], "recursive": True} for _, place in plain])
    return [
        (user, place, found["entries"])
        for (user, place), found in zip(plain, lists, strict=True)
        if not isinstance(found, CallError)
    ]


def _is_directory(stat: Json | CallError) -> bool:
    return not isinstance(stat, CallError) and stat.get("type") == "directory"


def files(homes: list[Listed]) -> Iterator[tuple[str, Json]]:
    """The files of units and drop-ins, by path, each as it is declared."""
    for user, place, entries in homes:
        for entry in entries:
            file = FILE.fullmatch(entry["name"])
            if file is None or entry["type"] != "file" or entry["uid"] != place["uid"]:
                continue
            unit, drop_in = file.groups()
            about = {"unit": unit} if drop_in is None else {"extends": unit, "dropIn": drop_in}
            yield f"{place['path']}/{entry['name']}", {"scope": "user", "user": user, **about}


def begun(homes: list[Listed]) -> list[tuple[str, str]]:
    """The services and timers of which a link says that they begin with a user's manager, or never: user and unit."""
    found = {
        (user, link.group(1))
        for user, _, entries in homes
        for entry in entries
        if entry["type"] == "symlink" and (link := LINK.fullmatch(entry["name"])) is not None
    }
    return sorted(one for one in found if one[1].endswith((".service", ".timer")))
