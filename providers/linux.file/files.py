"""The kind File."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from differences import (
    anything_left,
    attribute_diffs,
    body_of,
    ignored_fields,
    octal,
    preimage_of,
    undress,
)
from found import files_found
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
from remarks import remark_on_losses

from froyo_provider import Actual, CallError, Fault, FieldDiff, Found, Operation, Rehearsal, Resource, batch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from differences import Json

TEXT_MAX = 65536
"""Bytes of a text that are worth a unified diff to a person."""

EMPTY: Json = {"digest": "sha256:" + hashlib.sha256(b"").hexdigest(), "size": 0}
"""What is in a file that is created although no content is declared."""


class File(PathProvider):
    """A regular file."""

    rehearsal = Rehearsal(
        {
            "path": "/rehearsed",
            "state": "present",
            "mode": "0600",
            "owner": "root",
            "group": "root",
            "body": EMPTY,
        },
        {
            "file.stat": {
                "exists": True,
                "type": "file",
                "mode": "0644",
                "uid": 1,
                "gid": 1,
                "owner": "daemon",
                "group": "daemon",
                "size": 1,
                "digest": "sha256:" + hashlib.sha256(b"1").hexdigest(),
                "text": "1",
                "state": "sha256:" + hashlib.sha256(b"2").hexdigest(),
            }
        },
    )

    async def find(self) -> list[Found]:
        """What somebody has put into /etc, or changed there."""
        return await files_found()

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """One `file.stat` each. A text travels only when it differs."""
        replies = await batch("file.stat", [file_question(one) for one in wanted])
        return [
            reply if isinstance(reply, CallError) else file_actual(one.spec, reply)
            for one, reply in zip(wanted, replies, strict=True)
        ]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """Compare content and attributes."""
        return plan_each(plan_file, wanted, actual)


def content_matters(spec: Json) -> bool:
    """Whether what is in the file is of interest: where none is declared it may well be a log that grows."""
    return "body" in spec or spec.get("state") == "absent"


def file_question(one: Resource) -> Json:
    """What to ask about a file."""
    spec, question = one.spec, stat_question(one, "file")
    if not content_matters(spec):
        question["digest"] = False
    elif not is_sensitive(spec):
        # Of a file that is private by now the runner sends no text, unless somebody said that it is none of a secret.
        question["text_max"] = TEXT_MAX
        if "sensitive" in spec:
            question["private"] = True
    return question


def is_sensitive(spec: Json, state: Json | None = None) -> bool:
    """Whether nothing of the content is to be told: as declared, or since a mode gives nothing to group and others."""
    if "sensitive" in spec:
        return bool(spec["sensitive"])
    return any("mode" in one and not int(one["mode"], 8) & 0o077 for one in (spec, state or {}))


def file_actual(spec: Json, reply: Json) -> Actual:
    """What was answered about a file."""
    exists, loses = reply.pop("exists"), reply.pop("loses", [])
    if not content_matters(spec):
        reply.pop("size", None)
    return Actual(exists, reply, watched(spec["path"], reply), remark_on_losses(loses))


def or_the_file_before(
    plan: Callable[[Resource, Actual], Operation],
) -> Callable[[Resource, Actual], Operation]:
    """Plans as `plan` does; but what was a file before us and is to be that again, as a File."""
    return lambda one, now: (plan if one.restores is None else plan_file)(one, now)


def plan_file(one: Resource, now: Actual) -> Operation:
    """What a File takes."""
    spec, state, body = one.spec, now.state, one.spec.get("body")
    if spec.get("state") == "absent":
        if not now.exists:
            return IN_SYNC
        if state["type"] not in ({"file"} if spec.get("removed") else {"file", "symlink"}):
            refuse_in_the_way("a regular file", one, state)
        return removal(one, state)
    if now.exists and state["type"] == "file":
        return file_update(one, state)
    # A link stands for content that somebody else cares for: it gives way to content only.
    if now.exists and (state["type"] != "symlink" or body is None or "content" in ignored_fields(one)):
        refuse_in_the_way("a regular file", one, state)
    fields = [] if body is None else [FieldDiff("content", None, body)]
    body = body or EMPTY
    # What comes back had a mode that is not known: who made it may have had reasons to show it to nobody.
    mode = None if one.restores is None else "0600"
    make = file_write(spec, mode=mode, body=body, sensitive=is_sensitive(spec, state))
    return creation(one, now, fields, make, blobs=[body["digest"]], slow="validate" in make["args"])


def file_update(one: Resource, state: Json) -> Operation:
    """What it takes to put a regular file right."""
    spec, body = one.spec, one.spec.get("body")
    diffs = attribute_diffs(spec, state)
    if body is not None and body["digest"] != state["digest"]:
        diffs.insert(0, FieldDiff("content", body_of(state), body))
    if not diffs:
        return IN_SYNC
    ignored = ignored_fields(one)
    mode = undress(spec, state, diffs, ignored)
    if not anything_left(diffs, ignored):
        return Operation("none", diffs)
    if diffs[0].field != "content" or diffs[0].ignored:
        body = None
    refuse_unchangeable(spec["path"], state, replace=body is not None)
    # The mode is always said: what was planned is what is done, whatever a change of owner does to it on the way.
    write = file_write(spec, mode=mode, body=body, ignored=ignored, sensitive=is_sensitive(spec, state))
    if "state" in state:
        write["args"]["expect"] = state["state"]
    if body is None:
        return Operation("update", diffs, calls=[write])
    if "backup" in spec:
        write["args"]["backup"] = spec["backup"]
    preimage = preimage_of(spec["path"], state)
    more: Json = {"preimage": preimage, "slow": "validate" in write["args"]}
    return Operation("update", diffs, calls=[write], blobs=[body["digest"]], **more)


def file_write(
    spec: Json, *, mode: str | None, body: Json | None, ignored: Collection[str] = (), sensitive: bool = False
) -> Json:
    """The call that puts a file in place, or only its attributes right.

    Args:
        spec: of the File.
        mode: where none is declared, or it is to be left alone; None for that of any new file.
        body: the new content; None leaves it as it is.
        ignored: fields to be left alone.
        sensitive: whether what a validation says of the content is not to be told.
    """
    if "mode" in spec and "mode" not in ignored:
        mode = octal(spec["mode"])
    arguments = account_arguments(spec, ignored)
    if mode is not None:
        arguments["mode"] = mode
    if body is not None:
        arguments |= {"blob": body["digest"], "size": body["size"]}
        if "validate" in spec:
            arguments["validate"] = spec["validate"]
            if sensitive:
                arguments["sensitive"] = True
    return planned_call("file.write", spec["path"], **arguments)
