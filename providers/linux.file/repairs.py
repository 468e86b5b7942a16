"""Putting right what is below a directory, as the plan saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from below import TREE_MAX, ancestors, digest_of, look_below, whole
from operations import ABSENT, account_arguments

from froyo_provider import CallError, ConflictError, batch, call

if TYPE_CHECKING:
    from collections.abc import Iterable

    from differences import Json

CHUNK = 1_000
"""Calls that one step makes for a tree."""


def question(path: str, rules: Json) -> Json:
    """What to ask about what is below a directory."""
    asked: Json = {"path": path, "limit": TREE_MAX, "recursive": True}
    if files := rules.get("source"):
        asked["contents"] = sorted({*files, *(above for name in files for above in ancestors(name))})
    return asked


async def planned_changes(tree: Json) -> list[Json]:
    """What is wrong below the directory, which is what the plan saw.

    Raises:
        ConflictError: it is not.
    """
    path = tree["path"]
    try:
        entries = whole(path, await call("dir.list", **question(path, tree["rules"])))
    except CallError as error:
        if error.code not in {"enoent", "not_directory"}:
            raise
        entries = []  # it is about to be made
    changes, _ = look_below(path, tree["rules"], tree["managed"], entries)
    if digest_of(changes) != tree["digest"]:
        raise ConflictError(f"what is below {path} is not what the plan saw")
    return changes


async def put_right(path: str, changes: list[Json]) -> bool:
    """Remove what is to go, make what is missing, then give the rest its attributes; whether anything changed.

    Raises:
        Fault: the first of what went wrong, after everything was tried.
    """
    replies: list[Json | CallError] = []
    replies += await remove(path, [one for one in changes if "purge" in one or "clears" in one])
    for becomes, found, name in (
        ("directory", "", "dir.ensure"),
        ("file", "", "file.write"),
        ("", "file", "file.write"),
        ("", "directory", "dir.ensure"),
    ):
        chosen = [
            one
            for one in changes
            if "differs" in one and one.get("becomes", "") == becomes and (becomes or one["type"] == found)
        ]
        replies += await in_chunks(name, [making(path, one) for one in chosen])
    replies += await relink(path, [one for one in changes if "differs" in one and one["type"] == "symlink"])
    # What has gone meanwhile owes nothing.
    failed = [reply for reply in replies if isinstance(reply, CallError) and reply.code != "enoent"]
    if failed:
        raise failed[0]
    return any(not isinstance(reply, CallError) and reply["changed"] for reply in replies)


async def remove(path: str, changes: Iterable[Json]) -> list[Json | CallError]:
    """Remove entries; a directory with what the plan saw in it."""
    calls: dict[str, list[Json]] = {"file.remove": [], "dir.remove": []}
    for change in changes:
        item: Json = {"path": f"{path}/{change['name']}"}
        if "expect" in change:
            item["expect"] = change["expect"]
        if change["type"] != "directory":
            calls["file.remove"].append(item)
        else:
            calls["dir.remove"].append({**item, "recursive": change.get("purge", change.get("clears"))})
    return [reply for name, items in calls.items() for reply in await in_chunks(name, items)]


def making(path: str, change: Json) -> Json:
    """The arguments of the call that makes a file or a directory, or puts it right."""
    after = {field: value for field, _, value in change["differs"]}
    # A change of owner would clear more than was planned.
    item: Json = {
        "path": f"{path}/{change['name']}",
        "mode": after.get("mode", change["mode"]),
        **account_arguments(after),
    }
    if "content" in after:
        item |= {"blob": after["content"]["digest"], "size": after["content"]["size"]}
    if "becomes" in change:
        item["expect"] = ABSENT if "clears" in change else change["expect"]
    elif "content" in after:
        item["expect"] = change["expect"]
    return item


async def relink(path: str, changes: Iterable[Json]) -> list[Json | CallError]:
    """Give links their owners. A link is only made anew as what it is."""
    links = [
        {
            "path": f"{path}/{one['name']}",
            **account_arguments({field: after for field, _, after in one["differs"]}),
        }
        for one in changes
        if "becomes" not in one
    ]
    stats = await in_chunks("file.stat", [{"path": item["path"]} for item in links])
    still = [
        {**item, "to": stat["to"], "expect": stat["state"]}
        for item, stat in zip(links, stats, strict=True)
        if not isinstance(stat, CallError) and stat.get("type") == "symlink"
    ]
    return await in_chunks("link.ensure", still)


async def in_chunks(name: str, items: list[Json]) -> list[Json | CallError]:
    """The same call for many items, a bounded number of them at a time."""
    replies: list[Json | CallError] = []
    for start in range(0, len(items), CHUNK):
        replies += await batch(name, items[start : start + CHUNK])
    return replies
