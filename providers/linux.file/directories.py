"""The kind Directory: the directory itself, and where wanted the tree below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from below import (
    TREE_MAX,
    bodies_of,
    digest_of,
    is_private,
    look_below,
    tree_diffs,
    tree_rules,
    whole,
)
from differences import anything_left, attribute_diffs, ignored_fields, octal
from files import TEXT_MAX, or_the_file_before
from obstacles import fixed_below, stat_question, watched
from operations import (
    IN_SYNC,
    PathProvider,
    account_arguments,
    creation,
    perform,
    plan_each,
    planned_call,
    with_more,
)
from refusals import refuse_in_the_way, refuse_system, refuse_unchangeable
from remarks import lost_below, mounted_below, remark_on
from removals import directory_removal, left_inside, managed_below, refuse_others, refuse_to_take_along
from repairs import planned_changes, put_right, question

from froyo_provider import (
    Actual,
    CallError,
    Fault,
    FieldDiff,
    Operation,
    PermanentError,
    Resource,
    Result,
    batch,
    gather,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

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
        """One `file.stat` each, and one `dir.list` where it matters what is inside; then the texts that differ."""
        listed = [one for one in wanted if inside_matters(one.spec)]
        stats, listings = await gather(
            batch("file.stat", [stat_question(one, "directory") for one in wanted]),
            batch("dir.list", [directory_question(one.spec) for one in listed]),
        )
        inside = {one.address: listing for one, listing in zip(listed, listings, strict=True)}
        found: list[Actual | Fault] = []
        for one, stat in zip(wanted, stats, strict=True):
            try:
                found.append(directory_actual(one, stat, inside.get(one.address)))
            except Fault as fault:
                found.append(fault)
        await read_texts(
            [(one, now) for one, now in zip(wanted, found, strict=True) if isinstance(now, Actual)]
        )
        return found

    def absence(self, resource: Resource) -> Resource:
        """As for all; the tree that came from the source goes with its directory."""
        absent = super().absence(resource)
        if "tree" in resource.spec and resource.restores is None:
            absent.spec["tree"] = resource.spec["tree"]
        return absent

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """Compare attributes, its own and those of what is below."""
        return plan_each(or_the_file_before(plan_directory), wanted, actual)

    async def apply(self, operation: Operation) -> Result:
        """Make the calls of the plan, with what has to be looked at before them and put right after them."""
        payload = operation.payload
        await refuse_to_take_along(payload.get("spared", ()))
        if "listed" in payload:
            await refuse_others(**payload["listed"])
        # Looked at before anything is done: if it is not as planned, nothing is.
        changes = await planned_changes(payload["tree"]) if "tree" in payload else []
        changed = await perform(payload["calls"])
        if changes:
            changed |= await put_right(payload["tree"]["path"], changes)
        return Result(changed)


def inside_matters(spec: Json) -> bool:
    """Whether it is of interest what is inside."""
    return bool({"tree", "recursive"} & spec.keys() or spec.get("purge") or spec.get("state") == "absent")


def directory_question(spec: Json) -> Json:
    """What to ask about what is inside."""
    if spec.get("state") == "absent" and "tree" not in spec:
        return {"path": spec["path"], "limit": TREE_MAX}
    return question(spec["path"], {"source": spec["tree"]} if "tree" in spec else {})


def is_path(text: str) -> bool:
    """Whether a directory can be named so: a tree can be deeper than any path, and then its depths have none."""
    return len(text.removesuffix("/").encode(errors="surrogateescape")) <= PATH_MAX


def directory_actual(one: Resource, stat: Json | CallError, listing: Json | CallError | None) -> Actual:
    """What was answered about a directory."""
    spec, path = one.spec, one.spec["path"]
    if isinstance(stat, CallError):
        raise stat
    exists = stat.pop("exists")
    there = exists and stat["type"] == "directory"
    absent = spec.get("state") == "absent"
    if listing is None or (not there and (absent or "tree" not in spec)):
        return Actual(exists, stat, watched(path, stat))
    if not there:
        listing = {"entries": [], "truncated": False}  # all of it is missing
    if isinstance(listing, CallError):
        raise listing
    if absent:
        stat["entries"] = left_inside(one, listing["entries"])[:SHOWN]
        if "tree" in spec:
            stat["listed"] = digest_of([{"name": entry["name"]} for entry in whole(path, listing)])
        return Actual(exists, stat, watched(f"{path}/", stat))
    rules, ignored_rules = tree_rules(spec, one.ignore, owned=one.owned)
    entries, managed = whole(path, listing), managed_below(one)
    changes, visited = look_below(path, rules, managed, entries)
    if fixed := fixed_below(path, stat, changes, entries):
        stat["obstacles"] = [*stat.get("obstacles", ()), *fixed]
    if changes:
        stat["tree"] = {
            "total": len(changes),
            "digest": digest_of(changes),
            "first": changes[:SHOWN],
            "refused": next(
                (f"{path}/{one['name']} {one['refused']}" for one in changes if "refused" in one), ""
            ),
            "bodies": bodies_of(changes),
            "lost": lost_below(changes, entries),
        }
    if ignored_rules:
        stat["ignored"] = look_below(path, ignored_rules, managed, entries)[0][:SHOWN]
    # With the slash, a path stands for what is directly in it, too.
    below = (f"{path}/{name}/" for name in visited[:WATCHED])
    watch = [*watched(f"{path}/", stat)]
    room = WATCHED_CHARACTERS
    for name in filter(is_path, below):
        room -= len(name)
        if room < 0:
            break
        watch.append(f"path:{name}")
    return Actual(exists, stat, tuple(watch), remark_on(mounted_below(rules, managed, entries)))


async def read_texts(read: Iterable[tuple[Resource, Actual]]) -> None:
    """Have the texts of those files below that differ and are shown, as far as they are nobody's secret."""
    asked: list[tuple[Json, Json]] = []
    for one, now in read:
        said = one.spec.get("sensitive")
        for change in (*now.state.get("tree", {}).get("first", ()), *now.state.get("ignored", ())):
            for field, before, _ in change.get("differs", ()):
                if (
                    field != "content"
                    or not before
                    or before["size"] > TEXT_MAX
                    or is_private(change, said=said)
                ):
                    continue
                path = f"{one.spec['path']}/{change['name']}"
                asked.append((before, {"path": path, "text_max": TEXT_MAX, "private": said is False}))
    replies = await batch("file.stat", [question for _, question in asked])
    for (body, _), reply in zip(asked, replies, strict=True):
        if not isinstance(reply, CallError) and reply.get("digest") == body["digest"] and "text" in reply:
            body["text"] = reply["text"]


def plan_directory(one: Resource, now: Actual) -> Operation:
    """What a Directory takes."""
    spec, state, path = one.spec, now.state, one.spec["path"]
    for field, key in (("purge", "purge"), ("recursive", "recursive"), ("source", "tree")):
        if spec.get(key):
            refuse_system(path, field)
    if now.exists and state["type"] != "directory":
        refuse_in_the_way("a directory", one, state)
    if spec.get("state") == "absent":
        return directory_removal(one, state) if now.exists else IN_SYNC
    ignored = ignored_fields(one)
    below, tree = tree_plan(one, state, ignored)
    lost = state["tree"]["lost"] if tree else 0
    if not now.exists or state["type"] != "directory":
        mode = octal(spec.get("mode", "0755"))
        make = planned_call("dir.ensure", path, mode=mode, **account_arguments(spec))
        operation = creation(one, now, below, make, blobs=state.get("tree", {}).get("bodies", ()))
        operation.lost = lost
        return with_more(operation, tree)
    diffs = attribute_diffs(spec, state)
    calls = []
    if anything_left(diffs, ignored):
        refuse_unchangeable(path, state, replace=False)
        # The mode is always said: a change of owner would clear setgid.
        mode = octal(spec["mode"]) if "mode" in spec and "mode" not in ignored else state["mode"]
        arguments = {"mode": mode, "expect": state["state"], **account_arguments(spec, ignored)}
        calls.append(planned_call("dir.ensure", path, **arguments))
    diffs += below
    for diff in tree_diffs(state.get("ignored", ()), said=spec.get("sensitive")):
        diff.ignored = True
        diffs.append(diff)
    if not diffs:
        return IN_SYNC
    if not calls and not tree:
        return Operation("none", diffs)
    bodies = state.get("tree", {}).get("bodies", ())
    return with_more(Operation("update", diffs, calls=calls, blobs=bodies, lost=lost), tree)


def tree_plan(one: Resource, state: Json, ignored: Collection[str]) -> tuple[list[FieldDiff], Json]:
    """What differs below, and what the apply has to know of it.

    Raises:
        PermanentError: something is in the way that is not removed.
    """
    if "tree" not in state:
        return [], {}
    tree = state["tree"]
    if tree["refused"]:
        raise PermanentError(tree["refused"])
    diffs = tree_diffs(tree["first"], said=one.spec.get("sensitive"), more=tree["total"] - len(tree["first"]))
    known = {
        "path": one.spec["path"],
        "digest": tree["digest"],
        "managed": managed_below(one),
        "rules": tree_rules(one.spec, ignored, owned=one.owned)[0],
    }
    return diffs, {"tree": known}
