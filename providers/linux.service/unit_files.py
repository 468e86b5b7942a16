"""The kind Unit: the file of a unit, or a drop-in for one, and that systemd has read it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
    call,
    gather,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freshness import Json

PLACE = "/etc/systemd/system"
MODE = "0644"
TEXT_MAX = 65536
"""Bytes of a text that are worth a unified diff to a person."""
FILE = re.compile(
    rf"{PLACE}/([A-Za-z0-9:_.\\-]+(?:@[A-Za-z0-9:_.\\-]*)?"
    r"\.(?:service|socket|timer|path|mount|automount|swap|target|slice))(?:\.d/([A-Za-z0-9_-][A-Za-z0-9_.-]*)\.conf)?"
)
NOWHERE = "/dev/null"
"""Where the link of a masked unit leads."""


class Unit(Provider):
    """A file of systemd's, which has to be read by it when it has changed."""

    async def find(self) -> list[Found]:
        """What somebody has put into /etc/systemd/system, as far as there would be nothing to do about it."""
        try:
            changed = await call("pkg.changed", path=PLACE)
        except CallError as error:
            if error.code in {"not_supported", "enoent"}:  # nobody knows; or there is no systemd
                return []
            raise
        specs = [spec for one in changed["files"] if (spec := spec_of(one["path"]))]
        stats = await batch("file.stat", [{"path": path_of(spec), "text_max": TEXT_MAX} for spec in specs])
        texts = [
            (spec, stat)
            for spec, stat in zip(specs, stats, strict=True)
            if not isinstance(stat, CallError) and "text" in stat
        ]
        wanted = [
            Resource("", "Unit", "", {**spec, "state": "present", "body": content_of(stat)})
            for spec, stat in texts
        ]
        return [
            Found(path_of(spec).removeprefix(f"{PLACE}/"), {**spec, "content": stat["text"]})
            for (spec, stat), one, now in zip(texts, wanted, await self.read(wanted), strict=True)
            if isinstance(now, Actual) and is_in_sync(planned(one, now))
        ]

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """The files, and what systemd makes of the units, in one round trip."""
        # The two are of different types, which gather cannot say.
        found: list[Any] = await gather(
            batch("file.stat", [question(one) for one in wanted]),
            batch("unit.query", [{"unit": unit_of(one.spec)} for one in wanted]),
        )
        return [seen(one, stat, unit) for one, stat, unit in zip(wanted, *found, strict=True)]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """What is not as declared."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource: Resource) -> Resource:
        """No such file, or what was there before."""
        spec = {key: resource.spec[key] for key in ("unit", "extends", "dropIn") if key in resource.spec}
        more = (
            {"state": "absent"}
            if resource.restores is None
            else {"state": "present", "body": resource.restores}
        )
        return replace(resource, spec=spec | more, ignore=())


def spec_of(path: str) -> Json | None:
    """What a file in that place is declared as; None where it is of no unit."""
    file = FILE.fullmatch(path)
    if file is None:
        return None
    unit, drop_in = file.groups()
    return {"unit": unit} if drop_in is None else {"extends": unit, "dropIn": drop_in}


def unit_of(spec: Json) -> str:
    """The unit that the file is about."""
    return str(spec.get("unit") or spec["extends"])


def path_of(spec: Json) -> str:
    """Where the file is."""
    if "unit" in spec:
        return f"{PLACE}/{spec['unit']}"
    return f"{PLACE}/{spec['extends']}.d/{spec['dropIn']}.conf"


def question(one: Resource) -> Json:
    """What to ask about the file."""
    spec = one.spec
    if spec["state"] == "absent":
        wanted: Json = {"type": "absent"}
    else:
        wanted = {"type": "file", "mode": MODE, "uid": 0, "gid": 0}
        if "content" not in one.ignore:
            wanted["digest"] = spec["body"]["digest"]
    return {"path": path_of(spec), "wanted": wanted, "text_max": TEXT_MAX}


def seen(one: Resource, stat: Json | CallError, unit: Json | CallError) -> Actual | Fault:
    """What is known of one."""
    if isinstance(stat, CallError):
        return stat
    if isinstance(unit, CallError):
        return unit
    path, state = path_of(one.spec), dict(stat)
    exists = state.pop("exists")
    # The directory of the drop-ins is made with the first of them.
    around = f"path:{path.rpartition('/')[0]}"
    obstacles = [
        one for one in state.pop("obstacles", ()) if around not in one["subjects"] or one["code"] != "enoent"
    ]
    if obstacles:
        state["obstacles"] = obstacles
    state |= {"unread": unit["need_reload"], "load": unit["load"]}
    if "load_error" in unit:
        state["loadError"] = unit["load_error"]
    watch = [f"path:{path}", *(subject for one in obstacles for subject in one["subjects"])]
    if unit["load"] != "template":
        watch.append(f"unit:{unit['id']}")
    return Actual(exists, state, tuple(dict.fromkeys(watch)))


def planned(one: Resource, now: Actual) -> Operation | Fault:
    """What is to be done about one."""
    try:
        operation = removal(one, now) if one.spec["state"] == "absent" else presence(one, now)
    except Fault as fault:
        return fault
    if operation.action != "none":
        operation.obstacles = [{"call": "file.write", **each} for each in now.state.get("obstacles", ())]
    return operation


def is_in_sync(operation: Operation | Fault) -> bool:
    """Whether there would be nothing to do."""
    return isinstance(operation, Operation) and operation.action == "none"


def removal(one: Resource, now: Actual) -> Operation:
    """What it takes to have no such file. The link that masks the unit is a Service's business."""
    state, path = now.state, path_of(one.spec)
    if not now.exists or is_mask(state):
        return to_be_read(one, state, [])
    if state["type"] == "directory":
        raise PermanentError(f"{path} is a directory; it is left where it is")
    diffs = [FieldDiff("state", "present", "absent", ignored="state" in one.ignore)]
    if "digest" in state:
        diffs.append(FieldDiff("content", content_of(state), None, ignored="state" in one.ignore))
    if diffs[0].ignored:
        return Operation("none", diffs)
    calls = [{"call": "file.remove", "args": {"path": path, "expect": state["state"]}}, reading(one.spec)]
    return Operation("delete", diffs, calls=calls, preimage=preimage_of(path, state))


def presence(one: Resource, now: Actual) -> Operation:
    """What it takes to have the file as declared, and read."""
    spec, state, path, body = one.spec, now.state, path_of(one.spec), one.spec["body"]
    write: Json = {
        "path": path,
        "blob": body["digest"],
        "size": body["size"],
        "mode": MODE,
        "uid": 0,
        "gid": 0,
    }
    if not now.exists:
        calls = [] if "unit" in spec else [{"call": "dir.ensure", "args": {"path": path.rpartition("/")[0]}}]
        calls += [{"call": "file.write", "args": {**write, "expect": state["state"]}}, reading(spec)]
        diffs = [FieldDiff("state", "absent", "present"), FieldDiff("content", None, body)]
        return Operation("create", diffs, calls=calls, blobs=[body["digest"]])
    if is_mask(state):
        raise PermanentError(
            f"{spec['unit']} is masked, by a link where its file is to be: systemctl unmask it first"
        )
    if state["type"] not in {"file", "symlink"}:
        raise PermanentError(f"{path} is no regular file; it is left where it is")
    diffs = []
    if state["type"] == "symlink":
        diffs.append(FieldDiff("type", f"a symbolic link to {state['to']}", "file"))
    elif state["digest"] != body["digest"]:
        diffs.append(FieldDiff("content", content_of(state), body, ignored="content" in one.ignore))
    if state["type"] == "file" and state["mode"] != MODE:
        diffs.append(FieldDiff("mode", state["mode"], MODE, ignored="mode" in one.ignore))
    for field, number in (("owner", "uid"), ("group", "gid")):
        if state[number] != 0:
            diffs.append(FieldDiff(field, state[field], "root", ignored=field in one.ignore))
    left = {diff.field for diff in diffs if not diff.ignored}
    if not left:
        return to_be_read(one, state, diffs)
    arguments = {key: write[key] for key in ("path", "mode", "uid", "gid")}
    if left & {"content", "type"}:
        arguments = write
    calls = [{"call": "file.write", "args": {**arguments, "expect": state["state"]}}, reading(spec)]
    blobs = [body["digest"]] if "blob" in arguments else []
    return Operation(
        "update", diffs, calls=calls, blobs=blobs, preimage=preimage_of(path, state) if blobs else None
    )


def to_be_read(one: Resource, state: Json, diffs: list[FieldDiff]) -> Operation:
    """The file is as declared: what is left is that systemd has read it, and understood it."""
    if state["unread"]:
        diffs = [*diffs, FieldDiff("loaded", "as it was before", "as it is")]
        return Operation("delete" if one.removed else "update", diffs, calls=[reading(one.spec)])
    if one.spec["state"] == "present" and state["load"] in {"bad-setting", "error"}:
        raise PermanentError(f"systemd does not take it: {state.get('loadError', state['load'])}")
    return Operation("none", diffs)


def reading(spec: Json) -> Json:
    """The call that has systemd read its files anew."""
    return {"call": "unit.control", "args": {"unit": unit_of(spec), "actions": ["daemon-reload"]}}


def is_mask(state: Json) -> bool:
    """Whether there is what masks the unit, in the place of its file."""
    return state.get("type") == "symlink" and state["to"] == NOWHERE


def content_of(state: Json) -> Json:
    """The content that is there, as a diff shows it."""
    return {key: state[key] for key in ("digest", "size", "text") if key in state}


def preimage_of(path: str, state: Json) -> Json | None:
    """The content that would be lost."""
    return {"path": path, "digest": state["digest"], "size": state["size"]} if "digest" in state else None
