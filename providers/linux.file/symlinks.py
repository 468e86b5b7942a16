"""The kind Symlink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from differences import anything_left, attribute_diffs, ignored_fields
from files import or_the_file_before
from obstacles import stat_question, watched
from operations import (
    IN_SYNC,
    PathProvider,
    account_arguments,
    creation,
    plan_each,
    planned_call,
    removal,
)
from refusals import refuse_in_the_way, refuse_unchangeable

from froyo_provider import Actual, CallError, Fault, FieldDiff, Operation, Resource, batch

if TYPE_CHECKING:
    from collections.abc import Sequence


class Symlink(PathProvider):
    """A symbolic link."""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """One `file.stat` each."""
        replies = await batch("file.stat", [stat_question(one, "symlink") for one in wanted])
        return [
            reply
            if isinstance(reply, CallError)
            else Actual(reply.pop("exists"), reply, watched(one.spec["path"], reply))
            for one, reply in zip(wanted, replies, strict=True)
        ]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """Compare where it points to, and whose it is."""
        return plan_each(or_the_file_before(plan_symlink), wanted, actual)


def plan_symlink(one: Resource, now: Actual) -> Operation:
    """What a Symlink takes."""
    spec, state = one.spec, now.state
    if now.exists and state["type"] != "symlink":
        refuse_in_the_way("a symbolic link", one, state)
    if spec.get("state") == "absent":
        return removal(one, state) if now.exists else IN_SYNC
    to = spec["to"]
    if not now.exists or state["type"] != "symlink":
        link = planned_call("link.ensure", spec["path"], to=to, **account_arguments(spec))
        return creation(one, now, [FieldDiff("to", None, to)], link)
    diffs = attribute_diffs(spec, state)
    if state["to"] != to:
        diffs.insert(0, FieldDiff("to", state["to"], to))
    if not diffs:
        return IN_SYNC
    ignored = ignored_fields(one)
    if not anything_left(diffs, ignored):
        return Operation("none", diffs)
    refuse_unchangeable(spec["path"], state, replace=True)
    arguments = {"to": to, "expect": state["state"], **account_arguments(spec, ignored)}
    if "to" in ignored:
        arguments["to"] = state["to"]
    # It is another link that takes its place: whose it is has to be said.
    if "owner" not in arguments:
        arguments.setdefault("uid", state["uid"])
    if "group" not in arguments:
        arguments.setdefault("gid", state["gid"])
    return Operation("update", diffs, calls=[planned_call("link.ensure", spec["path"], **arguments)])
