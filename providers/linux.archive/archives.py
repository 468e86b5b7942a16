"""The kind Archive: what is looked at, and the calls that put it right.

Invariant: an archive is known by its digest. Where it comes from matters only when something of it is missing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider import (
    Actual,
    CallError,
    Fault,
    FieldDiff,
    Operation,
    PermanentError,
    Provider,
    Resource,
    batch,
    gather,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Json: TypeAlias = "dict[str, Any]"

WATCHED_CHARACTERS = 200_000
"""Of the paths of all directories whose events are asked for; what changes in others is found by the rescan."""
MORE = 60_000
"""Milliseconds that unpacking may take beyond the download."""
SHORT = len("sha256:") + 12
"""Characters of a digest that are shown."""
FIELDS = {
    "strip": "strip",
    "include": "include",
    "except": "except",
    "fileMode": "file_mode",
    "directoryMode": "directory_mode",
    "setuid": "setuid",
    "purge": "purge",
}
"""Fields that the target is told as they are, by its names for them."""
OWNERS = {"owner": "uid", "group": "gid"}


class Archive(Provider):
    """What is in an archive, below a directory."""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """What is at each place, and what of the archive is not there as it should be."""
        places = list(dict.fromkeys(one.spec["from"] for one in wanted if "from" in one.spec))
        there = await batch("file.stat", [{"path": place} for place in places])
        stats: dict[str, Any] = dict(zip(places, there, strict=True))
        digests = [digest_of(one.spec, stats) for one in wanted]
        # They are of different types, which gather cannot say.
        tops, looks = await gather(
            batch("file.stat", [top_question(one) for one in wanted]),
            batch("archive.look", [question(one, some) for one, some in zip(wanted, digests, strict=True)]),
        )
        return [
            seen(one, some, stats, top, look)
            for one, some, top, look in zip(wanted, digests, tops, looks, strict=True)
        ]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """What is not as declared."""
        return [
            removal(one, now.state) if one.spec["state"] == "absent" else presence(one, now)
            for one, now in zip(wanted, actual, strict=True)
        ]

    def absence(self, resource: Resource) -> Resource:
        """Nothing of what was unpacked."""
        return replace(resource, spec={**resource.spec, "state": "absent"})


def digest_of(spec: Json, stats: Json) -> str:
    """The digest of the archive; "" where that is not known."""
    if "body" in spec:
        return str(spec["body"]["digest"])
    if "sha256" in spec:
        return "sha256:" + str(spec["sha256"]).removeprefix("sha256:")
    stat = stats.get(spec.get("from", ""))
    return "" if stat is None or isinstance(stat, CallError) else str(stat.get("digest", ""))


def top_question(one: Resource) -> Json:
    """What to ask about the directory itself."""
    spec = one.spec
    if spec["state"] == "absent":
        return {"path": spec["path"]}
    return {"path": spec["path"], "wanted": {"type": "directory", **owners_of(one)}}


def owners_of(one: Resource) -> Json:
    """Whose it is to be, as calls have it."""
    found: Json = {}
    for field, number in OWNERS.items():
        value = one.spec.get(field)
        if value is None or field in one.ignore:
            continue
        if isinstance(value, int) or value.isdecimal():
            found[number] = int(value)
        else:
            found[field] = value
    return found


def question(one: Resource, digest: str) -> Json:
    """What to ask about what is below it."""
    spec = one.spec
    asked: Json = {"path": spec["path"], "limit": spec["maximumSize"], **owners_of(one)}
    asked |= {
        name: spec[field] for field, name in FIELDS.items() if spec.get(field) and field not in one.ignore
    }
    prefix = f"{spec['path']}/"
    if spared := [path.removeprefix(prefix) for path in one.managed if path.startswith(prefix)]:
        asked["spared"] = spared
    if spec["state"] == "absent":
        return {**asked, "absent": True}
    if "url" in spec:
        asked["fetches"] = True
    return {**asked, "archive": digest} if digest else asked


def seen(one: Resource, digest: str, stats: Json, top: Any, look: Any) -> Actual | Fault:
    """What is known of one."""
    spec = one.spec
    source = stats.get(spec.get("from", ""))
    for reply in (top, look, source):
        if isinstance(reply, CallError):
            return reply
    state: Json = {
        key: look[key] for key in ("known", "before", "differs", "total", "changes", "lost") if key in look
    }
    obstacles = [*look.get("obstacles", ()), *top.get("obstacles", ())]
    if digest:
        state["digest"] = digest
    if source is not None and spec["state"] == "present":
        found = source.get("digest", "")
        if not found:
            message = (
                f"{spec['from']} is no regular file" if source["exists"] else f"{spec['from']} does not exist"
            )
            subjects = [f"path:{spec['from']}"]
            obstacles.append(
                {"class": "transient", "code": "enoent", "message": message, "subjects": subjects}
            )
        elif found != digest:
            state["other"] = found
    if obstacles:
        state["obstacles"] = obstacles
    exists = bool(look["known"]) if spec["state"] == "absent" else bool(top["exists"])
    watch = watched(spec, obstacles, look.get("directories", ()))
    return Actual(exists, state, watch, unfinished=bool(look.get("unfinished")))


def watched(spec: Json, obstacles: list[Json], directories: Sequence[str]) -> tuple[str, ...]:
    """What concerns one."""
    subjects = [f"path:{spec['path']}/"]
    if "from" in spec:
        subjects.append(f"path:{spec['from']}")
    subjects += [subject for each in obstacles for subject in each["subjects"] if subject.startswith("path:")]
    room = WATCHED_CHARACTERS
    for name in directories:
        subject = f"path:{spec['path']}/{name}/"
        room -= len(subject)
        if room < 0:
            break
        subjects.append(subject)
    return tuple(dict.fromkeys(subjects))


def removal(one: Resource, state: Json) -> Operation:
    """What it takes that there is nothing of it any more."""
    if not state["known"]:
        return Operation("none")
    diffs = [FieldDiff("state", "present", "absent"), *differences(state)]
    if "state" in one.ignore:
        for diff in diffs:
            diff.ignored = True
        return Operation("none", diffs)
    calls = [{"call": "archive.unpack", "args": question(one, "")}]
    return Operation("delete", diffs, calls=calls, lost=state["total"])


def presence(one: Resource, now: Actual) -> Operation:
    """What it takes that all of it is there."""
    spec, state = one.spec, now.state
    if state["known"] and not state["total"]:
        return Operation("none")
    if "other" in state:
        raise PermanentError(f"{spec['from']} has the digest {state['other']}, and not {state['digest']}")
    digest = state.get("digest", "")
    diffs = [] if now.exists else [FieldDiff("state", "absent", "present")]
    if not state["known"]:
        diffs.append(FieldDiff("archive", state.get("before"), digest or None))
        if "body" in spec:
            # What the controller has, it can show.
            diffs.append(FieldDiff("content", None, {key: spec["body"][key] for key in ("digest", "size")}))
    diffs += differences(state)
    calls, blobs = coming(spec, digest)
    unpack = question(one, digest) | {"timeout_ms": spec["timeout"] * 1000 + MORE}
    unpack.pop("fetches", None)
    if "changes" in state:
        unpack["expect"] = state["changes"]
    if blobs:
        unpack["blob"] = digest
    calls.append({"call": "archive.unpack", "args": unpack})
    return Operation(
        "update" if now.exists else "create",
        diffs,
        calls=calls,
        blobs=blobs,
        lost=state.get("lost", 0),
        slow=True,
        obstacles=[{"call": calls[0]["call"], **each} for each in state.get("obstacles", ())],
    )


def coming(spec: Json, digest: str) -> tuple[list[Json], list[str]]:
    """The calls by which the archive comes to be at the target, and the bodies that the controller sends."""
    if "body" in spec:
        return [], [digest]
    bounds: Json = {"archive": digest, "limit": spec["maximumSize"]}
    if "url" in spec:
        bounds |= {"url": spec["url"], "timeout_ms": spec["timeout"] * 1000}
        return [{"call": "archive.fetch", "args": bounds}], []
    return [{"call": "archive.take", "args": {"path": spec["from"], **bounds}}], []


def differences(state: Json) -> list[FieldDiff]:
    """What is not as it should be, name by name, and how many more there are."""
    diffs = [difference(*one) for one in state.get("differs", ()) if any(one[:2])]
    if more := state.get("total", 0) - len(state.get("differs", ())):
        diffs.append(FieldDiff("entries", f"{more} more differ", "as in the archive"))
    return diffs


def difference(name: str, field: str, before: str, after: str) -> FieldDiff:
    """One of them, with as much of a digest as a person needs."""
    where = f"entries[{name}]" if name else "path"
    if field == "content":
        return FieldDiff(f"{where}.content", f"{before[:SHORT]}…", f"{after[:SHORT]}…")
    return FieldDiff(f"{where}.{field}" if field else where, before or None, after or None)
