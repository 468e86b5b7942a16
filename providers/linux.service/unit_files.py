"""The kind Unit: the file of a unit, or a drop-in for one, and that systemd has read it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import homes
from scopes import (
    GLOBAL,
    SYSTEM,
    foreign,
    in_words,
    making,
    nobody_there,
    unit_in,
    writing_calls,
)
from unit_looks import MODE, TEXT_MAX, look, path_in, unit_of

from froyo_provider import (
    Actual,
    CallError,
    Fault,
    FieldDiff,
    Found,
    Operation,
    PermanentError,
    Provider,
    Resource,
    batch,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freshness import Json

FILE = re.compile(rf"({SYSTEM}|{GLOBAL})/{homes.FILE.pattern}")
NOWHERE = "/dev/null"
"""Where the link of a masked unit leads."""


class Unit(Provider):
    """A file of systemd's, which has to be read by it when it has changed."""

    async def find(self) -> list[Found]:
        """What somebody has put into /etc/systemd, or a user at home, as far as it is as it would be declared."""
        changed = await batch("pkg.changed", [{"path": SYSTEM}, {"path": GLOBAL}])
        for one in changed:  # nobody knows; or there is no systemd
            if isinstance(one, CallError) and one.code not in {"not_supported", "enoent"}:
                raise one
        paths = [file["path"] for one in changed if not isinstance(one, CallError) for file in one["files"]]
        specs = [(path, spec) for path in paths if (spec := spec_of(path))]
        specs += homes.files(await homes.listed())
        stats = await batch("file.stat", [{"path": path, "text_max": TEXT_MAX} for path, _ in specs])
        texts = [
            (path, spec, stat)
            for (path, spec), stat in zip(specs, stats, strict=True)
            if not isinstance(stat, CallError) and "text" in stat
        ]
        wanted = [
            Resource("", "Unit", "", {**spec, "state": "present", "body": content_of(stat)})
            for _, spec, stat in texts
        ]
        return [
            Found(name_of(path, spec), {**spec, "content": stat["text"]})
            for (path, spec, stat), one, now in zip(texts, wanted, await self.read(wanted), strict=True)
            if isinstance(now, Actual) and is_in_sync(planned(one, now))
        ]

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """The files, and what managers make of the units, in one round trip; before that, where users are at home."""
        return await look(wanted)

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """What is not as declared."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource: Resource) -> Resource:
        """No such file, or what was there before."""
        kept = ("unit", "extends", "dropIn", "scope", "user")
        spec = {key: resource.spec[key] for key in kept if key in resource.spec}
        more = (
            {"state": "absent"}
            if resource.restores is None
            else {"state": "present", "body": resource.restores}
        )
        return replace(resource, spec=spec | more, ignore=())


def name_of(path: str, spec: Json) -> str:
    """What to call the file of a unit that was found."""
    if "user" in spec:
        return f"{spec['user']}/{path.partition('/.config/systemd/user/')[2]}"
    return path.removeprefix("/etc/systemd/").removeprefix("system/")


def spec_of(path: str) -> Json | None:
    """What a file in that place is declared as; None where it is of no unit."""
    file = FILE.fullmatch(path)
    if file is None:
        return None
    place, unit, drop_in = file.groups()
    spec: Json = {"scope": "global"} if place == GLOBAL else {}
    return spec | ({"unit": unit} if drop_in is None else {"extends": unit, "dropIn": drop_in})


def planned(one: Resource, now: Actual) -> Operation | Fault:
    """What is to be done about one."""
    if "nobody" in now.state:
        return of_nobody(one, now.state["nobody"])
    try:
        operation = removal(one, now) if one.spec["state"] == "absent" else presence(one, now)
    except Fault as fault:
        return fault
    if operation.action != "none":
        operation.obstacles = [{"call": "file.write", **each} for each in now.state.get("obstacles", ())]
    return operation


def of_nobody(one: Resource, why: str) -> Operation:
    """Where a user is not there neither are the user's units, nor can they be."""
    if one.spec["state"] == "absent":
        return Operation("none")
    diffs = [FieldDiff("state", "absent", "present"), FieldDiff("content", None, one.spec["body"])]
    return Operation("create", diffs, calls=reading(one.spec, {}), obstacles=[nobody_there(one.spec, why)])


def is_in_sync(operation: Operation | Fault) -> bool:
    """Whether there would be nothing to do."""
    return isinstance(operation, Operation) and operation.action == "none"


def removal(one: Resource, now: Actual) -> Operation:
    """What it takes to have no such file. The link that masks the unit is a Service's business."""
    state, path = now.state, path_in(now.state["place"], one.spec)
    if not now.exists or is_mask(state):
        return to_be_read(one, state, [])
    if state["type"] == "directory":
        raise PermanentError(f"{path} is a directory; it is left where it is")
    diffs = [FieldDiff("state", "present", "absent", ignored="state" in one.ignore)]
    theirs = foreign(state["place"], state)
    if "digest" in state and not theirs:
        diffs.append(FieldDiff("content", content_of(state), None, ignored="state" in one.ignore))
    if diffs[0].ignored:
        return Operation("none", diffs)
    calls = [{"call": "file.remove", "args": {"path": path, "expect": state["state"]}}]
    calls += reading(one.spec, state)
    return Operation("delete", diffs, calls=calls, preimage=None if theirs else preimage_of(path, state))


def presence(one: Resource, now: Actual) -> Operation:
    """What it takes to have the file as declared, and read."""
    spec, state, body = one.spec, now.state, one.spec["body"]
    place = state["place"]
    path = path_in(place, spec)
    write: Json = {
        "path": path,
        "blob": body["digest"],
        "size": body["size"],
        "mode": MODE,
        "uid": place["uid"],
        "gid": place["gid"],
    }
    if not now.exists:
        calls = [*around(spec, state), *writing_calls(place, path, state, write), *reading(spec, state)]
        diffs = [FieldDiff("state", "absent", "present"), FieldDiff("content", None, body)]
        return Operation("create", diffs, calls=calls, blobs=[body["digest"]])
    if is_mask(state):
        raise PermanentError(
            f"{spec['unit']} is masked, by a link where its file is to be:"
            f" {in_words(spec, 'systemctl')} unmask it first"
        )
    if state["type"] not in {"file", "symlink"}:
        raise PermanentError(f"{path} is no regular file; it is left where it is")
    diffs = []
    if state["type"] == "symlink":
        diffs.append(FieldDiff("type", f"a symbolic link to {state['to']}", "file"))
    elif foreign(place, state):
        diffs.append(FieldDiff("content", f"a file of {state['owner']}", body))
    elif state["digest"] != body["digest"]:
        diffs.append(FieldDiff("content", content_of(state), body, ignored="content" in one.ignore))
    if state["type"] == "file" and state["mode"] != MODE:
        diffs.append(FieldDiff("mode", state["mode"], MODE, ignored="mode" in one.ignore))
    for field, number in (("owner", "uid"), ("group", "gid")):
        if state[number] != place[number]:
            diffs.append(FieldDiff(field, state[field], place[field], ignored=field in one.ignore))
    left = {diff.field for diff in diffs if not diff.ignored}
    if not left:
        return to_be_read(one, state, diffs)
    arguments = {key: write[key] for key in ("path", "mode", "uid", "gid")}
    if left & {"content", "type"}:
        arguments = write
    calls = [*writing_calls(place, path, state, arguments), *reading(spec, state)]
    blobs = [body["digest"]] if "blob" in arguments else []
    lost = preimage_of(path, state) if blobs and not foreign(place, state) else None
    return Operation("update", diffs, calls=calls, blobs=blobs, preimage=lost)


def around(spec: Json, state: Json) -> list[Json]:
    """The calls that make the directories which a new file is to be in."""
    place = state["place"]
    if "home" in place:
        return making(place, state.get("missing", ()))
    directory = path_in(place, spec).rpartition("/")[0]
    return [] if "unit" in spec else [{"call": "dir.ensure", "args": {"path": directory}}]


def to_be_read(one: Resource, state: Json, diffs: list[FieldDiff]) -> Operation:
    """The file is as declared: what is left is that systemd has read it, and understood it."""
    if state["unread"]:
        diffs = [*diffs, FieldDiff("loaded", "as it was before", "as it is")]
        return Operation("delete" if one.removed else "update", diffs, calls=reading(one.spec, state))
    if one.spec["state"] == "present" and state["load"] in {"bad-setting", "error"}:
        raise PermanentError(f"systemd does not take it: {state.get('loadError', state['load'])}")
    return Operation("none", diffs)


def reading(spec: Json, state: Json) -> list[Json]:
    """The call that has the manager read its files anew; one that does not run reads them when it begins."""
    if "unmanaged" in state:
        return []
    unit = unit_in(spec, unit_of(spec))
    return [{"call": "unit.control", "args": {"unit": unit, "actions": ["daemon-reload"]}}]


def is_mask(state: Json) -> bool:
    """Whether there is what masks the unit, in the place of its file."""
    return state.get("type") == "symlink" and state["to"] == NOWHERE


def content_of(state: Json) -> Json:
    """The content that is there, as a diff shows it."""
    return {key: state[key] for key in ("digest", "size", "text") if key in state}


def preimage_of(path: str, state: Json) -> Json | None:
    """The content that would be lost."""
    return {"path": path, "digest": state["digest"], "size": state["size"]} if "digest" in state else None
