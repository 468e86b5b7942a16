"""The kind AuthorizedKey."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING

import people
from accounts import IN_SYNC, in_the_way, mark_ignored

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

    from accounts import Json

    from froyo_provider import Found
    from froyo_provider.model import ActionName

USERS = "path:/etc/passwd"
"""Where users turn up, and their homes move."""
LENGTH = 4
"""Bytes of a length within a key."""


class AuthorizedKey(Provider):
    """A key that lets a user in over SSH, or all that do."""

    async def find(self) -> list[Found]:
        """Those of people, and of root, one by one."""
        return await people.keys()

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """One call each, in one round trip; of what is no key, why it is none."""
        asked: dict[str, Json] = {}
        found: dict[str, Actual | Fault] = {}
        for one in wanted:
            try:
                asked[one.address] = question(one.spec)
            except PermanentError as fault:
                found[one.address] = fault
        replies = await batch("key.stat", list(asked.values()))
        for address, reply in zip(asked, replies, strict=True):
            found[address] = reply if isinstance(reply, CallError) else seen(reply)
        return [found[one.address] for one in wanted]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """What differs between the file and what is declared."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource: Resource) -> Resource:
        """The same keys, absent."""
        return replace(resource, spec={**resource.spec, "state": "absent"})


def question(spec: Json) -> Json:
    """What to ask about the keys of a user, which is what is to be done as well."""
    lines = lines_of(spec)
    if spec.get("state") == "absent":
        return {"user": spec["user"], "keys": lines, "absent": True}
    if "keys" in spec:
        return {"user": spec["user"], "keys": lines, "exclusive": True}
    return {"user": spec["user"], "keys": lines}


def lines_of(spec: Json) -> list[str]:
    """The declared keys as lines of the file."""
    for index, option in enumerate(spec.get("options", ())):
        if not is_option(option):
            raise PermanentError(
                f"options[{index}] is none of sshd's: a blank is within double quotes, which are closed again, as in"
                ' command="/usr/bin/rsync --server"'
            )
    options = ",".join(spec.get("options", ()))
    written = spec["keys"] if "keys" in spec else [spec["key"]]
    lines = []
    for index, line in enumerate(written):
        text = " ".join(line.split())
        if not is_key(text):
            where = f"keys[{index}]" if "keys" in spec else "key"
            raise PermanentError(
                f"{where} is no public key such as ssh-ed25519 AAAA… ann@laptop: the one line of a file *.pub,"
                " and options in `options`"
            )
        lines.append(f"{options} {text}" if options else text)
    return lines


def is_option(text: str) -> bool:
    """Whether sshd reads it as options: at a blank that is not within quotes they end, and the key would begin."""
    quoted, skipped = False, False
    for index, letter in enumerate(text):
        if skipped:
            skipped = False
        elif text[index : index + 2] == '\\"':
            skipped = True
        elif letter == '"':
            quoted = not quoted
        elif letter.isspace() and not quoted:
            return False
    return not quoted and not text.startswith("#")


def is_key(line: str) -> bool:
    """Whether it is a public key, without options: what is in base64 begins with the name of its kind."""
    kind, _, rest = line.partition(" ")
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except binascii.Error:
        return False
    named = kind.encode()
    return len(named) > 0 and blob.startswith(len(named).to_bytes(LENGTH, "big") + named)


def seen(reply: Json) -> Actual:
    """What was answered about the keys of a user."""
    watch = {USERS: None}
    if "path" in reply:
        watch[f"path:{reply['path']}"] = None
    for obstacle in reply.get("obstacles", ()):
        for subject in obstacle["subjects"]:
            if not subject.startswith("user:"):
                watch[subject] = None
    return Actual(reply.pop("exists"), reply, tuple(watch))


def planned(one: Resource, now: Actual) -> Operation:
    """What a key, or all of them, take."""
    spec, state = one.spec, now.state
    absent = spec.get("state") == "absent"
    if "keys" not in state:
        # Whose file cannot be reached has no key there that could be taken away.
        if absent and state["obstacles"][0]["code"] in {"unknown_owner", "enoent"}:
            return IN_SYNC
        diffs = [FieldDiff("state", "unknown", "absent" if absent else "present")]
    elif not state["differs"]:
        return IN_SYNC
    else:
        diffs = differences(spec, state, absent=absent)
    if not mark_ignored(diffs, one):
        return Operation("none", diffs)
    args = question(spec)
    if args.get("exclusive") and "state" in state:
        args["expect"] = state["state"]
    action: ActionName = "delete" if absent else "create"
    if not absent and any(key["count"] for key in state.get("keys", ())):
        action = "update"
    obstacles = in_the_way("key.ensure", state)
    return Operation(action, diffs, calls=[{"call": "key.ensure", "args": args}], obstacles=obstacles)


def differences(spec: Json, state: Json, *, absent: bool) -> list[FieldDiff]:
    """Key by key: which are missing, which have other options, and which are too many."""
    diffs = []
    options = ",".join(spec.get("options", ()))
    written = spec["keys"] if "keys" in spec else [spec["key"]]
    for line, there in zip(written, state["keys"], strict=True):
        told = f"{there['fingerprint']} {' '.join(line.split()[2:])}".strip()
        if absent:
            if there["count"]:
                diffs.append(FieldDiff("key", told, None))
        elif not there["count"]:
            diffs.append(FieldDiff("key", None, told))
        elif there["options"] != options:
            diffs.append(FieldDiff("options", there["options"] or None, options or None))
        elif there["count"] > 1:
            diffs.append(FieldDiff("key", f"{told}, {there['count']} times", told))
    diffs += [FieldDiff("keys", other, None) for other in state.get("others", ())]
    if state.get("more"):
        diffs.append(FieldDiff("keys", f"and {state['more']} more", None))
    if state["loose"] and not absent:
        diffs.append(FieldDiff("mode", "others can write to it", "the user's alone"))
    return diffs
