"""The kind Directory: the directory itself, and where wanted the tree below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from below import TREE_MAX, digest_of, look_below, planned_changes, put_right, tree_diffs, tree_rules, whole
from differences import anything_left, attribute_diffs, ignored_fields, octal
from operations import (
    IN_SYNC,
    PathProvider,
    account_arguments,
    creation,
    perform,
    plan_each,
    planned_call,
    removal,
)
from refusals import refuse_in_the_way, refuse_system, refuse_unchangeable

from froyo_provider import (
    Actual,
    CallError,
    Fault,
    FieldDiff,
    Operation,
    PermanentError,
    Resource,
    Result,
    TransientError,
    batch,
    gather,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from differences import Json

SHOWN = 100
"""Entries below a directory that a plan shows one by one."""

WATCHED = 1_000
"""Directories of a tree whose events are asked for; what changes below the others is found by the rescan."""

WATCHED_CHARACTERS = 200_000
"""Of all of their paths together; the host takes some more."""

PATH_MAX = 4095
"""Bytes of a path."""


class Directory(PathProvider):
    """A directory, and where wanted the tree below it."""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """One `file.stat` each, and one `dir.list` where it matters what is inside."""
        listed = [one for one in wanted if inside_matters(one.spec)]
        stats, listings = await gather(
            batch("file.stat", [{"path": one.spec["path"]} for one in wanted]),
            batch("dir.list", [directory_question(one.spec) for one in listed]),
        )
        inside = {one.address: listing for one, listing in zip(listed, listings, strict=True)}
        found: list[Actual | Fault] = []
        for one, stat in zip(wanted, stats, strict=True):
            try:
                found.append(directory_actual(one, stat, inside.get(one.address)))
            except Fault as fault:
                found.append(fault)
        return found

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """Compare attributes, its own and those of what is below."""
        return plan_each(plan_directory, wanted, actual)

    async def apply(self, operation: Operation) -> Result:
        """Make the calls of the plan, then put right what is below."""
        payload = operation.payload
        await refuse_to_take_along(payload.get("spared", ()))
        # Looked at before anything is done: if it is not as planned, nothing is.
        changes = await planned_changes(payload["tree"]) if "tree" in payload else []
        changed = await perform(payload["calls"])
        if changes:
            changed |= await put_right(payload["tree"]["path"], changes)
        return Result(changed)


def inside_matters(spec: Json) -> bool:
    """Whether it is of interest what is inside."""
    return bool(spec.get("purge") or "recursive" in spec or spec.get("state") == "absent")


def directory_question(spec: Json) -> Json:
    """What to ask about what is inside."""
    if spec.get("state") == "absent":
        return {"path": spec["path"], "limit": TREE_MAX}
    return {"path": spec["path"], "limit": TREE_MAX, "recursive": True}


def is_path(text: str) -> bool:
    """Whether a directory can be named so: a tree can be deeper than any path, and then its depths have none."""
    return len(text.removesuffix("/").encode(errors="surrogateescape")) <= PATH_MAX


def managed_below(one: Resource) -> list[str]:
    """What other manifests manage below the directory, relative to it."""
    start = len(one.spec["path"]) + 1
    return [path[start:] for path in one.managed]


def directory_actual(one: Resource, stat: Json | CallError, listing: Json | CallError | None) -> Actual:
    """What was answered about a directory."""
    spec, path = one.spec, one.spec["path"]
    if isinstance(stat, CallError):
        raise stat
    exists = stat.pop("exists")
    if listing is None or not exists or stat["type"] != "directory":
        return Actual(exists, stat, (f"path:{path}",))
    if isinstance(listing, CallError):
        raise listing
    if spec.get("state") == "absent":
        others = {name.partition("/")[0] for name in managed_below(one)}
        names = [entry["name"] for entry in listing["entries"] if entry["name"] not in others]
        stat["entries"] = names[:SHOWN]
        return Actual(exists, stat, (f"path:{path}/",))
    rules, ignored_rules = tree_rules(spec, one.ignore)
    entries, managed = whole(path, listing), managed_below(one)
    changes, visited = look_below(rules, managed, entries)
    if changes:
        stat["tree"] = {"total": len(changes), "digest": digest_of(changes), "first": changes[:SHOWN]}
    if ignored_rules:
        stat["ignored"] = look_below(ignored_rules, managed, entries)[0][:SHOWN]
    # With the slash, a path stands for what is directly in it, too.
    below = (f"{path}/{name}/" for name in visited[:WATCHED])
    watch = [f"path:{path}/"]
    room = WATCHED_CHARACTERS
    for name in filter(is_path, below):
        room -= len(name)
        if room < 0:
            break
        watch.append(f"path:{name}")
    return Actual(exists, stat, tuple(watch))


def plan_directory(one: Resource, now: Actual) -> Operation:
    """What a Directory takes."""
    spec, state, path = one.spec, now.state, one.spec["path"]
    for field in ("purge", "recursive"):
        if spec.get(field):
            refuse_system(path, field)
    if now.exists and state["type"] != "directory":
        refuse_in_the_way("a directory", one, state)
    if spec.get("state") == "absent":
        return directory_removal(one, state) if now.exists else IN_SYNC
    if not now.exists or state["type"] != "directory":
        mode = octal(spec.get("mode", "0755"))
        return creation(one, now, [], planned_call("dir.ensure", path, mode=mode, **account_arguments(spec)))
    ignored = ignored_fields(one)
    diffs = attribute_diffs(spec, state)
    payload: Json = {"calls": []}
    if anything_left(diffs, ignored):
        refuse_unchangeable(path, state, replace=False)
        # The mode is always said: a change of owner would clear setgid.
        mode = octal(spec["mode"]) if "mode" in spec and "mode" not in ignored else state["mode"]
        arguments = {"mode": mode, "expect": state["state"], **account_arguments(spec, ignored)}
        payload["calls"].append(planned_call("dir.ensure", path, **arguments))
    if "tree" in state:
        tree = state["tree"]
        diffs += tree_diffs(tree["first"], more=tree["total"] - len(tree["first"]))
        payload["tree"] = {
            "path": path,
            "digest": tree["digest"],
            "managed": managed_below(one),
            "rules": tree_rules(spec, ignored)[0],
        }
    for diff in tree_diffs(state.get("ignored", ())):
        diff.ignored = True
        diffs.append(diff)
    if not diffs:
        return IN_SYNC
    return Operation("update" if payload["calls"] or "tree" in payload else "none", diffs, payload)


def directory_removal(one: Resource, state: Json) -> Operation:
    """What it takes to have no directory."""
    spec, path = one.spec, one.spec["path"]
    if state["type"] != "directory":
        return removal(one, state)
    entries = state["entries"]
    if entries and not spec.get("force"):
        some = ", ".join(entries[:5]) + (" and more" if len(entries) > 5 else "")
        if spec.get("removed"):
            raise PermanentError(f"{path} is not empty ({some}); it is left where it is until it is")
        raise PermanentError(f"{path} is not empty ({some}); `force: true` removes it with everything in it")
    if spec.get("force"):
        refuse_system(path, "force")
    extra = [FieldDiff("entries", entries, None)] if entries else []
    operation = removal(one, state, *extra, recursive=bool(spec.get("force")))
    if operation.action != "none":
        operation.payload["spared"] = list(one.managed)
    return operation


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
