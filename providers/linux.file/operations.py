"""What all kinds do alike: their calls, the making and removing of what is at a path, and the applying of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from differences import (
    anything_left,
    body_of,
    ignored_fields,
    new_attributes,
    number_of,
    preimage_of,
)
from refusals import refuse_unchangeable

from froyo_provider import (
    Actual,
    Fault,
    FieldDiff,
    Operation,
    PermanentError,
    Provider,
    Resource,
    call,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from differences import Json

HIGHEST_ID = 2**32 - 2
"""The highest user or group number; the one above means "no change" to the kernel."""

ABSENT = "sha256:" + hashlib.sha256(b'["absent"]').hexdigest()
"""The state of a path at which there is nothing."""

IN_SYNC = Operation("none")


def planned_call(name: str, path: str, **args: Any) -> Json:
    """A call to be made when the operation is applied."""
    return {"call": name, "args": {"path": path, **args}}


def account_arguments(spec: Json, ignored: Collection[str] = ()) -> Json:
    """The declared owner and group as a call takes them."""
    arguments: Json = {}
    for field, key in (("owner", "uid"), ("group", "gid")):
        wanted = spec.get(field)
        if wanted is None or field in ignored:
            continue
        number = number_of(wanted)
        if number is None:
            arguments[field] = wanted
        elif number <= HIGHEST_ID:
            arguments[key] = number
        else:
            raise PermanentError(f"{field}: {wanted} is above {HIGHEST_ID}, the highest number that there is")
    return arguments


def removing_call(path: str, state: Json, *, recursive: bool = False) -> Json:
    """The call that removes what is there."""
    if state["type"] != "directory":
        return planned_call("file.remove", path, expect=state["state"])
    return planned_call("dir.remove", path, expect=state["state"], recursive=recursive)


def removal(one: Resource, state: Json, *extra: FieldDiff, recursive: bool = False) -> Operation:
    """What it takes to have nothing at the path."""
    path = one.spec["path"]
    diffs = [FieldDiff("state", "present", "absent"), *extra]
    if "digest" in state:
        diffs.append(FieldDiff("content", body_of(state), None))
    if not anything_left(diffs, ignored_fields(one)):
        return Operation("none", diffs)
    refuse_unchangeable(path, state, replace=True)
    calls = [removing_call(path, state, recursive=recursive)]
    return Operation("delete", diffs, calls=calls, preimage=preimage_of(path, state))


def creation(one: Resource, now: Actual, fields: list[FieldDiff], make: Json, **more: Any) -> Operation:
    """What it takes to have it where there is nothing, or something of another type.

    Args:
        one: the resource.
        now: what is there; whether that may be replaced has been decided.
        fields: what is said about its content.
        make: the call that makes it.
        **more: of the operation.
    """
    path, state, wanted = one.spec["path"], now.state, one.kind.lower() if one.restores is None else "file"
    if now.exists:
        diffs = [FieldDiff("type", state["type"], wanted)]
        if state["type"] == "symlink":
            diffs.append(FieldDiff("to", state["to"], None))
        elif state["type"] == "file":
            diffs.append(FieldDiff("content", body_of(state), None))
    else:
        diffs = [FieldDiff("state", "absent", "present")]
    diffs += fields + new_attributes(one.spec)
    # What is ignored is left alone where it is; it has to begin as something, though.
    if not anything_left(diffs, {"state"}.intersection(one.ignore)):
        return Operation("none", diffs)
    calls = [make]
    make["args"]["expect"] = state["state"]
    if not now.exists:
        return Operation("create", diffs, calls=calls, **more)
    refuse_unchangeable(path, state, replace=True)
    if "directory" in {state["type"], wanted}:
        calls.insert(0, removing_call(path, state))
        make["args"]["expect"] = ABSENT
    return Operation("update", diffs, calls=calls, preimage=preimage_of(path, state), **more)


def with_more(operation: Operation, more: Json) -> Operation:
    """The same where doing it takes more than its calls: then `apply` gets these, with what else it needs to know."""
    if not more:
        return operation
    return replace(operation, payload={"calls": list(operation.calls), **more}, calls=())


async def perform(calls: Iterable[Json]) -> bool:
    """Make planned calls one after the other; whether any of them changed something."""
    changed = False
    for one in calls:
        reply = await call(one["call"], **one["args"])
        changed |= reply["changed"]
    return changed


def plan_each(
    plan: Callable[[Resource, Actual], Operation], wanted: list[Resource], actual: list[Actual]
) -> list[Operation | Fault]:
    """The plan of each, with a fault in the place of one that cannot be."""
    planned: list[Operation | Fault] = []
    for one, now in zip(wanted, actual, strict=True):
        try:
            operation = plan(one, now)
            if operation.action != "none":
                operation.obstacles = obstacles_of(operation, now.state)
            planned.append(operation)
        except Fault as fault:
            planned.append(fault)
    return planned


def obstacles_of(operation: Operation, state: Json) -> list[Json]:
    """What was seen to be in the way of an operation, as faults of the call that would meet it."""
    calls = operation.calls or operation.payload.get("calls")
    name = calls[-1]["call"] if calls else ""
    return [{"call": name, **obstacle} for obstacle in state.get("obstacles", ())]


class PathProvider(Provider):
    """What the providers of the three kinds share."""

    def absence(self, resource: Resource) -> Resource:
        """Nothing at the path, or what was there before; never by `force`."""
        path = resource.spec["path"]
        if resource.restores is not None:
            spec: Json = {"path": path, "body": resource.restores}
        else:
            spec = {"path": path, "state": "absent", "removed": True}
        return replace(resource, spec=spec)
