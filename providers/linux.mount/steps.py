"""What it takes that a mount be as it is declared: a line of fstab, and programs that are run."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from options import differing, for_remounting, is_bind
from tables import Entry, escape

from froyo_provider import FieldDiff, PermanentError, TransientError
from froyo_provider.programs import printed, program, succeeded

if TYPE_CHECKING:
    from froyo_provider import Resource

Json: TypeAlias = "dict[str, Any]"

FSTAB = "/etc/fstab"
SECRET = re.compile(r"(?:password2?|passwd|pass)=|user(?:name)?=[^%]*%", re.IGNORECASE)
"""How an option begins that has a password in it: of two for CIFS, and beside the name of a user (mount.cifs(8))."""


def entry_of(spec: Json) -> Entry:
    """What is declared, as a line of fstab would say it."""
    options = tuple(spec.get("options", ()))
    return Entry(
        spec["source"], spec["path"], spec["fstype"], options, spec.get("dump", 0), spec.get("pass", 0)
    )


def wants_line(spec: Json) -> bool:
    """Whether fstab is to have it."""
    return spec.get("state") != "absent" and bool(spec.get("boot", True))


def table_question(spec: Json) -> Json:
    """What to ask about the line of fstab."""
    asked: Json = {"path": FSTAB, "match": rf"^\s*[^#\s]\S*\s+\Q{escape(spec['path'])}\E/?\s"}
    if not wants_line(spec):
        return asked | {"absent": True}
    line = entry_of(spec).line().encode()
    return asked | {"digest": "sha256:" + hashlib.sha256(line).hexdigest(), "size": len(line), "create": True}


def refuse_secrets(spec: Json) -> None:
    """Options stand in fstab, which everybody can read, and in command lines.

    Raises:
        PermanentError: there is a password among them.
    """
    if any(SECRET.match(one) for one in spec.get("options", ())):
        raise PermanentError(
            "options are no place for a password: put it into a file, with `credentials=FILE`"
        )


def table_steps(one: Resource, state: Json) -> tuple[list[FieldDiff], list[Json]]:
    """What it takes that fstab be right."""
    spec, table = one.spec, state.get("table")
    before = None if table is None else Entry(**{**table, "options": tuple(table["options"])})
    edit = table_question(spec)
    edit = {name: edit[name] for name in ("path", "match", "absent", "create") if name in edit}
    edit["expect"] = state.get("edit", {}).get("edit", "")
    if not wants_line(spec):
        if before is None:
            return [], []
        return [FieldDiff("boot", before.line(), None)], [{"call": "text.edit", "args": edit}]
    after = entry_of(spec)
    if before is not None and before.says_the_same(after):
        return [], []
    edit["text"] = after.line()
    diff = FieldDiff("boot", None if before is None else before.line(), after.line())
    return [diff], [{"call": "text.edit", "args": edit}]


def live_steps(one: Resource, state: Json) -> tuple[list[FieldDiff], list[Json]]:
    """What it takes that the right thing be mounted, or nothing."""
    spec, there = one.spec, state.get("mounted")
    path, wants = spec["path"], spec.get("state", "mounted")
    if wants == "defined":
        return [], []
    if wants in {"absent", "unmounted"}:
        if there is None:
            return [], []
        return [FieldDiff("state", "mounted", wants)], [program(one.address, "umount", "--", path)]
    entry = entry_of(spec)
    make: list[Json] = []
    if state["place"] == "absent":
        make.append({"call": "dir.ensure", "args": {"path": path, "parents": True}})
    source = ["--", path]
    if not wants_line(spec):
        fstype = [] if is_bind(entry.options) else ["-t", entry.fstype]
        source = [*fstype, "-o", ",".join(entry.options) or "defaults", "--", entry.source, path]
    make.append(program(one.address, "mount", *source))
    if there is None:
        return [FieldDiff("state", "unmounted", "mounted")], make
    if there["other"]:
        diff = FieldDiff(
            "source", f"{there['source']} ({there['fstype']})", f"{entry.source} ({entry.fstype})"
        )
        return [diff], [program(one.address, "umount", "--", path), *make]
    lacks = differing(entry.options, there["options"])
    if not lacks:
        return [], []
    diff = FieldDiff("options", there["options"], lacks)
    return [diff], [program(one.address, "mount", "-o", for_remounting(entry.options), "--", path)]


def told(argv: list[str], reply: Json) -> str:
    """What a program said.

    Raises:
        TransientError: what is to be unmounted is in use; it is never torn away.
        PermanentError: it failed otherwise.
    """
    if reply["exit"] != 0 and argv[0] == "umount" and "busy" in printed(reply):
        raise TransientError(
            f"{argv[-1]} is in use, and stays mounted until it is not; fuser -vm {argv[-1]} shows by whom"
        )
    return succeeded(argv, reply)
