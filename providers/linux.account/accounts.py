"""What users and groups have in common: how one is read, what is watched, and what is ignored."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider import Actual, CallError, Fault, FieldDiff, Operation, Provider, Resource, batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Json: TypeAlias = "dict[str, Any]"

FILES = ("path:/etc/passwd", "path:/etc/group", "path:/etc/shadow")
"""Where accounts are kept."""
ELSEWHERE = frozenset({"user", "group"})
"""Schemes of subjects that are seen to change by these files."""
IN_SYNC = Operation("none")


class _Account(Provider):
    """What is an account of a target."""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """One call each, in one round trip."""
        replies = await batch(f"{self.noun()}.stat", [self.question(one) for one in wanted])
        return [
            reply if isinstance(reply, CallError) else found(reply, self.watched(one))
            for one, reply in zip(wanted, replies, strict=True)
        ]

    def absence(self, resource: Resource) -> Resource:
        """The same account, absent."""
        return replace(resource, spec={**resource.spec, "state": "absent"})

    def noun(self) -> str:
        """What its calls and its argument are called by."""
        return type(self).__name__.lower()

    def question(self, one: Resource) -> Json:
        """What to ask about an account, with what it is to be."""
        return {self.noun(): one.spec["name"], "wanted": self.wish(one)}

    def watched(self, one: Resource) -> list[str]:  # noqa: ARG002 - for a kind that has more
        """What an account depends on beside the files that all of them are in."""
        return []

    def wish(self, one: Resource) -> Json:
        """What an account is to be, as the calls take it."""
        raise NotImplementedError


def found(reply: Json, more: Iterable[str]) -> Actual:
    """What was answered about an account, which depends on `more` than the files."""
    exists = reply.pop("exists")
    watch = dict.fromkeys((*FILES, *more))
    home = posixpath.normpath(reply.get("home", ""))
    if "home_missing" in reply and home.startswith("/") and not home.startswith("//"):
        watch[f"path:{home}"] = None  # what else may stand there is no path
    for obstacle in reply.get("obstacles", ()):
        for subject in obstacle["subjects"]:
            if subject.partition(":")[0] not in ELSEWHERE:
                watch[subject] = None
    remark = ""
    if reply.get("password") == "empty":
        remark = "it has an empty password: whoever reaches a login gets in"
    return Actual(exists, reply, tuple(watch), remark)


def in_the_way(call: str, state: Json) -> list[Json]:
    """The obstacles to a call."""
    return [{"call": call, **one} for one in state.get("obstacles", ())]


def mark_ignored(diffs: Iterable[FieldDiff], one: Resource) -> bool:
    """Mark the differences that are to be left alone; whether others remain."""
    left = False
    # Whether it exists at all is a difference that carries the others with it.
    everything = "state" in one.ignore
    for diff in diffs:
        diff.ignored = diff.field in one.ignore or (everything and diff.field == "state")
        left = left or not diff.ignored
    return left


def removal(one: Resource, now: Actual, noun: str, **more: Any) -> Operation:
    """What it takes that there is no such account."""
    if not now.exists:
        return IN_SYNC
    diffs = [FieldDiff("state", "present", "absent")]
    if not mark_ignored(diffs, one):
        return Operation("none", diffs)
    name = f"{noun}.remove"
    args = {noun: one.spec["name"], "expect": now.state["state"], **more}
    return Operation(
        "delete",
        diffs,
        calls=[{"call": name, "args": args}],
        slow=True,
        obstacles=in_the_way(name, now.state),
    )
