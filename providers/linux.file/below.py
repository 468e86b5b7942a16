"""What is below a directory: what of it is not as declared, and putting that right."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from differences import attribute_diffs, undress
from globs import Globs
from operations import account_arguments

from froyo_provider import CallError, ConflictError, FieldDiff, PermanentError, batch, call

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from differences import Json

TREE_MAX = 50_000
"""Entries below a directory that are looked at; as a listing they still fit a frame."""

CHUNK = 1_000
"""Calls that one step makes for a tree."""


def whole(path: str, listing: Json) -> list[Json]:
    """The entries of a tree, all of them.

    Raises:
        PermanentError: it was not seen whole, so that nothing is known of it.
    """
    if listing["truncated"]:
        raise PermanentError(
            f"{path} has more than {TREE_MAX} entries below it, too many for `purge` and `recursive`;"
            " declare the directories in it that matter"
        )
    entries: list[Json] = listing["entries"]
    return entries


def look_below(rules: Json, managed: Iterable[str], entries: Iterable[Json]) -> tuple[list[Json], list[str]]:
    """What is wrong below a directory, and the directories in it that are its own concern.

    What another manifest manages, a mount point, and what is excepted is left alone with all below it.

    Args:
        rules: the fields `purge`, `recursive` and `except`.
        managed: what other manifests manage, relative to the directory.
        entries: of the listing: a directory comes before what is in it.
    """
    purge = bool(rules.get("purge"))
    wanted = wanted_below(rules.get("recursive", {}))
    excepted = Globs(rules.get("except", ()))
    kept = set(managed)
    for entry in entries:
        if entry.get("mountpoint") or excepted.match(entry["name"]):
            kept.add(entry["name"])
    leading = {above for name in kept for above in ancestors(name)}
    changes: list[Json] = []
    visited: list[str] = []
    closed = set()
    for entry in entries:
        name, found = entry["name"], entry["type"]
        if name.rpartition("/")[0] in closed or name in kept:
            closed.add(name)
        elif purge and name not in leading:
            closed.add(name)
            changes.append({"name": name, "type": found, "purge": True})
        else:
            if found == "directory":
                visited.append(name)
            diffs = attribute_diffs(wanted[found], entry) if found in wanted else []
            if found == "file":
                undress(wanted.get(found, {}), entry, diffs, ())
            if diffs:
                differs = [[diff.field, diff.before, diff.after] for diff in diffs]
                changes.append({"name": name, "type": found, "mode": entry["mode"], "differs": differs})
    return changes, visited


def wanted_below(recursive: Json) -> dict[str, Json]:
    """The attributes that are declared for each type of file."""
    owners: Json = {field: recursive[field] for field in ("owner", "group") if field in recursive}
    wanted: dict[str, Json] = {"file": dict(owners), "directory": dict(owners), "symlink": owners}
    for found, field in (("file", "fileMode"), ("directory", "directoryMode")):
        if field in recursive:
            wanted[found]["mode"] = recursive[field]
    return {found: attributes for found, attributes in wanted.items() if attributes}


def ancestors(name: str) -> Iterable[str]:
    """The directories on the way to a name, nearest first."""
    while (name := name.rpartition("/")[0]) != "":
        yield name


def tree_rules(spec: Json, ignore: Collection[str]) -> tuple[Json, Json]:
    """What is declared for what is below: what counts, and what is only shown as it is to be ignored."""
    counts: Json = {"recursive": {}}
    ignored: Json = {"recursive": {}}
    if spec.get("purge"):
        (ignored if "purge" in ignore else counts)["purge"] = True
    for field, value in spec.get("recursive", {}).items():
        left = "recursive" in ignore or f"recursive.{field}" in ignore
        (ignored if left else counts)["recursive"][field] = value
    anything = ignored["recursive"] or "purge" in ignored
    excepted = {"except": spec["except"]} if "except" in spec else {}
    return counts | excepted, ignored | excepted if anything else {}


def tree_diffs(changes: Iterable[Json], *, more: int = 0) -> list[FieldDiff]:
    """What is wrong below, entry by entry, and how many more there are."""
    diffs = []
    for change in changes:
        where = f"entries[{change['name']}]"
        if "purge" in change:
            diffs.append(FieldDiff(where, change["type"], None))
        for field, before, after in change.get("differs", ()):
            diffs.append(FieldDiff(f"{where}.{field}", before, after))
    if more:
        diffs.append(FieldDiff("entries", f"{more} more differ", "as declared"))
    return diffs


def digest_of(changes: list[Json]) -> str:
    """What tells one list of changes from another."""
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()


async def planned_changes(tree: Json) -> list[Json]:
    """What is wrong below the directory, which is what the plan saw.

    Raises:
        ConflictError: it is not.
    """
    path = tree["path"]
    listing = await call("dir.list", path=path, limit=TREE_MAX, recursive=True)
    changes, _ = look_below(tree["rules"], tree["managed"], whole(path, listing))
    if digest_of(changes) != tree["digest"]:
        raise ConflictError(f"what is below {path} is not what the plan saw")
    return changes


async def put_right(path: str, changes: list[Json]) -> bool:
    """Remove what is to go, then give the rest its attributes; whether anything changed.

    Raises:
        Fault: the first of what went wrong, after everything was tried.
    """
    calls: dict[str, list[Json]] = {"file.remove": [], "dir.remove": [], "file.write": [], "dir.ensure": []}
    links: list[Json] = []
    for change in changes:
        item: Json = {"path": f"{path}/{change['name']}"}
        if "purge" in change:
            if change["type"] == "directory":
                calls["dir.remove"].append({**item, "recursive": True})
            else:
                calls["file.remove"].append(item)
            continue
        after = {field: value for field, _, value in change["differs"]}
        item |= account_arguments(after)
        if change["type"] == "symlink":
            links.append(item)
        else:
            # A change of owner would clear more than was planned.
            item["mode"] = after.get("mode", change["mode"])
            calls["file.write" if change["type"] == "file" else "dir.ensure"].append(item)
    replies = []
    for name, items in calls.items():
        replies += await in_chunks(name, items)
    # A link is only made anew as what it is.
    stats = await in_chunks("file.stat", [{"path": item["path"]} for item in links])
    still = [
        {**item, "to": stat["to"], "expect": stat["state"]}
        for item, stat in zip(links, stats, strict=True)
        if not isinstance(stat, CallError) and stat.get("type") == "symlink"
    ]
    replies += await in_chunks("link.ensure", still)
    # What has gone meanwhile owes nothing.
    failed = [reply for reply in replies if isinstance(reply, CallError) and reply.code != "enoent"]
    if failed:
        raise failed[0]
    return any(not isinstance(reply, CallError) and reply["changed"] for reply in replies)


async def in_chunks(name: str, items: list[Json]) -> list[Json | CallError]:
    """The same call for many items, a bounded number of them at a time."""
    replies: list[Json | CallError] = []
    for start in range(0, len(items), CHUNK):
        replies += await batch(name, items[start : start + CHUNK])
    return replies
