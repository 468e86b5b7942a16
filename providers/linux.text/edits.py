"""What Line and Block have in common: the question to the target, and the edit that follows from its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

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
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Json: TypeAlias = "dict[str, Any]"

TEXT_MAX = 65536
"""Bytes of a text that are worth a unified diff to a person."""

PLACES = {"insertAfter": "after", "insertBefore": "before", "at": "at"}
"""Where what is missing comes, by the names that the call has for it."""


class EditProvider(Provider):
    """What the providers of both kinds share.

    Attributes:
        field: of the spec, with what is to be there.
        beside: the field that lines are differences of which go although what is to be there is.
    """

    field: ClassVar[str]
    beside: ClassVar[str]

    def sought(self, one: Resource) -> Json:
        """By what it is found in a text: arguments of the call."""
        raise NotImplementedError

    def remark(self, others: int) -> str:
        """What a person should know of so many lines that would do as well and are left alone."""
        del others
        return ""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """One `text.look` each. A text travels only when it is to go."""
        questions = [self.question(one) for one in wanted]
        replies = await batch("text.look", [one for one in questions if not isinstance(one, Fault)])
        left = iter(replies)
        return [
            one if isinstance(one, Fault) else self.found(resource.spec, next(left))
            for resource, one in zip(wanted, questions, strict=True)
        ]

    def question(self, one: Resource) -> Json | Fault:
        """What to ask about it, or why that is not known."""
        spec = one.spec
        try:
            asked = arguments(spec) | self.sought(one)
        except PermanentError as fault:
            return fault
        if "body" in spec:
            asked |= {"digest": spec["body"]["digest"], "size": spec["body"]["size"]}
        if not is_sensitive(spec):
            # Of a file that is private the target sends no text, unless somebody said that it is none of a secret.
            asked["text_max"] = TEXT_MAX
            if "sensitive" in spec:
                asked["private"] = True
        return asked

    def found(self, spec: Json, reply: Any) -> Actual | Fault:
        """What was answered."""
        if isinstance(reply, CallError):
            return reply
        there = reply.pop("there")
        subjects = {f"path:{spec['path']}": None}
        for obstacle in reply.get("obstacles", ()):
            subjects.update(dict.fromkeys(obstacle["subjects"]))
        others = reply.pop("others", 0)
        return Actual(there, reply, tuple(subjects), self.remark(others) if others else "")

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """What the target would do, as a difference."""
        return [self.planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def planned(self, one: Resource, now: Actual) -> Operation:
        """What it takes."""
        spec, state = one.spec, now.state
        if "edit" not in state:
            return Operation("none")
        absent = spec.get("state") == "absent"
        before, body = state.get("before"), None if absent else spec["body"]
        if absent:
            diffs = [FieldDiff("state", "present", "absent"), FieldDiff(self.field, before, None)]
        elif state["puts"] or state.get("obstacles"):
            diffs = [FieldDiff(self.field, before, body)]
        else:
            diffs = [FieldDiff(self.beside, before, None)]
        for diff in diffs:
            diff.ignored = diff.field in one.ignore or "state" in one.ignore
        if any(diff.ignored for diff in diffs):
            return Operation("none", diffs)
        edit = arguments(spec) | self.sought(one) | {"expect": state["edit"]}
        if "body" in spec:
            edit |= {"digest" if absent else "blob": spec["body"]["digest"], "size": spec["body"]["size"]}
        if is_sensitive(spec, state):
            edit |= {"sensitive": True, "mode": "0600"}
        if "mode" in spec:
            edit["mode"] = f"{int(spec['mode'], 8):04o}"
        return Operation(
            "delete" if absent else "update" if now.exists else "create",
            diffs,
            calls=[{"call": "text.edit", "args": edit}],
            blobs=[] if body is None else [body["digest"]],
            slow="validate" in spec,
            obstacles=[{"call": "text.edit", **obstacle} for obstacle in state.get("obstacles", ())],
        )

    def gone(self, spec: Json) -> Json:
        """What is declared in the place of what is to go: that there be none of it."""
        gone: Json = {"state": "absent"}
        return gone | {name: spec[name] for name in ("path", "body", "validate", "sensitive") if name in spec}


def arguments(spec: Json) -> Json:
    """What both calls are told about a file and a place in it."""
    asked: Json = {"path": spec["path"]}
    asked |= {name: spec[field] for field, name in PLACES.items() if field in spec}
    if spec.get("state") == "absent":
        asked["absent"] = True
    if spec.get("create"):
        asked["create"] = True
    if "validate" in spec:
        asked["validate"] = spec["validate"]
    return asked


def is_sensitive(spec: Json, state: Json | None = None) -> bool:
    """Whether nothing of the lines is to be told: as declared, or since the file gives nothing to group and others."""
    if "sensitive" in spec:
        return bool(spec["sensitive"])
    return any("mode" in one and not int(one["mode"], 8) & 0o077 for one in (spec, state or {}))
