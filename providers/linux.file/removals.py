"""The removal of a directory: what keeps it, and what goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from below import ancestors, digest_of, whole
from operations import removal, with_more
from refusals import refuse_system
from repairs import question

from froyo_provider import (
    CallError,
    ConflictError,
    FieldDiff,
    Operation,
    PermanentError,
    Resource,
    TransientError,
    batch,
    call,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from differences import Json


def managed_below(one: Resource) -> list[str]:
    """What other manifests manage below the directory, relative to it."""
    start = len(one.spec["path"]) + 1
    return [path[start:] for path in one.managed]


def left_inside(one: Resource, entries: list[Json]) -> list[str]:
    """What keeps a directory that is to go: neither another manifest's nor of the tree that came from the source."""
    managed, files = managed_below(one), one.spec.get("tree", {})
    if not files:
        others = {name.partition("/")[0] for name in managed}
        return [entry["name"] for entry in entries if entry["name"] not in others]
    known = {*files, *managed}
    known |= {above for name in known for above in ancestors(name)}
    return [entry["name"] for entry in entries if entry["name"] not in known]


def directory_removal(one: Resource, state: Json) -> Operation:
    """What it takes to have no directory."""
    spec, path = one.spec, one.spec["path"]
    if state["type"] != "directory":
        return removal(one, state)
    entries = state["entries"]
    tree = spec.get("removed") and spec.get("tree")
    if entries and not spec.get("force"):
        some = ", ".join(entries[:5]) + (" and more" if len(entries) > 5 else "")
        if spec.get("removed"):
            raise PermanentError(f"{path} is not empty ({some}); it is left where it is until it is")
        raise PermanentError(f"{path} is not empty ({some}); `force: true` removes it with everything in it")
    if spec.get("force"):
        refuse_system(path, "force")
    extra = [FieldDiff("entries", entries, None)] if entries else []
    if tree:
        extra.append(FieldDiff("source", f"{len(tree)} files", None))
    operation = removal(one, state, *extra, recursive=bool(spec.get("force") or tree))
    if operation.action == "none":
        return operation
    more: Json = {"spared": list(one.managed)} if one.managed else {}
    if tree:
        more["listed"] = {"path": path, "digest": state["listed"]}
    return with_more(operation, more)


async def refuse_others(path: str, digest: str) -> None:
    """A directory is not removed with more in it than the plan saw.

    Raises:
        ConflictError: there is.
    """
    try:
        entries = whole(path, await call("dir.list", **question(path, {})))
    except CallError as error:
        if error.code != "enoent":
            raise
        return
    if digest_of([{"name": entry["name"]} for entry in entries]) != digest:
        raise ConflictError(f"what is below {path} is not what the plan saw")


async def refuse_to_take_along(spared: Sequence[str]) -> None:
    """A directory is not removed while there is something in it that another manifest manages.

    Raises:
        TransientError: there is. Where that is to go too, it will have gone the next time.
    """
    found = await batch("file.stat", [{"path": path, "digest": False} for path in spared])
    for path, stat in zip(spared, found, strict=True):
        if not isinstance(stat, CallError) and stat["exists"]:
            raise TransientError(
                f"{path} is still in it, and managed by another manifest; declare it absent as well"
            )
