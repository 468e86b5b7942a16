"""Files whose content is made here: what to ask about one, and the calls that put it right."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider import Actual, FieldDiff, Operation, PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from froyo_provider import Resource

Json: TypeAlias = "dict[str, Any]"

MODE = "0644"
ROOT = {"owner": "root", "group": "root"}
TEXT_MAX = 65536
"""Bytes of a file that is read to see what it means."""
IN_SYNC = Operation("none")
WRITABLE_BY_OTHERS = 0o022


def question(path: str, text: str | None) -> Json:
    """What to ask about a file that is to have a content, or is not to be there."""
    if text is None:
        return {"path": path, "wanted": {"type": "absent"}, "text_max": TEXT_MAX}
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    wanted = {"type": "file", "digest": digest, "mode": MODE, **ROOT}
    return {"path": path, "wanted": wanted, "text_max": TEXT_MAX}


def of_a_file(path: str, text: str | None, reply: Json) -> Actual:
    """What was answered about a file; where it has the wanted content already, that is its text."""
    exists = reply.pop("exists")
    if exists and text is not None and reply.get("digest") == question(path, text)["wanted"]["digest"]:
        reply["text"] = text
    watch = {f"path:{path}": None}
    for obstacle in reply.get("obstacles", ()):
        watch.update(
            dict.fromkeys(subject for subject in obstacle["subjects"] if subject.startswith("path:"))
        )
    return Actual(exists, reply, tuple(watch))


def refuse_in_the_way(path: str, now: Actual) -> None:
    """Something else than a file is not taken away.

    Raises:
        PermanentError: there is something else.
    """
    if now.exists and now.state["type"] not in {"file", "symlink"}:
        raise PermanentError(f"{path} is a {now.state['type']}, and not a file; take it away")


def attribute_diffs(now: Actual) -> list[FieldDiff]:
    """What keeps a file from being root's alone to write."""
    state = now.state
    if not now.exists or state["type"] != "file":
        return []
    diffs = []
    if int(state["mode"], 8) & WRITABLE_BY_OTHERS:
        diffs.append(FieldDiff("mode", state["mode"], MODE))
    diffs += [FieldDiff(field, state[field], "root") for field, key in (("owner", "uid"),) if state[key] != 0]
    return diffs


def writing(path: str, text: str, now: Actual) -> Json:
    """The call that puts the file in place."""
    return {
        "call": "file.write",
        "args": {"path": path, "text": text, "mode": MODE, **ROOT, "expect": now.state["state"]},
    }


def restoring(one: Resource, path: str, now: Actual) -> Operation:
    """What it takes that a file is as it was before there was anything of ours at its path."""
    body, state = one.restores or {}, now.state
    if state.get("digest") == body["digest"]:
        return IN_SYNC
    before = {key: state[key] for key in ("digest", "size", "text") if key in state} or None
    args = {"path": path, "blob": body["digest"], "size": body["size"], "mode": MODE, **ROOT}
    return Operation(
        "update" if now.exists else "create",
        [FieldDiff("content", before, body)],
        calls=[{"call": "file.write", "args": {**args, "expect": state["state"]}}],
        blobs=[body["digest"]],
        obstacles=in_the_way("file.write", state),
    )


def removing(path: str, now: Actual) -> Json:
    """The call that takes the file away."""
    return {"call": "file.remove", "args": {"path": path, "expect": now.state["state"]}}


def preimage(path: str, now: Actual) -> Json | None:
    """The content that would be lost."""
    state = now.state
    if not now.exists or "digest" not in state:
        return None
    return {"path": path, "digest": state["digest"], "size": state["size"]}


def mark_ignored(diffs: Iterable[FieldDiff], one: Resource) -> bool:
    """Mark the differences that are to be left alone; whether others remain."""
    left = False
    for diff in diffs:
        diff.ignored = diff.field in one.ignore
        left = left or not diff.ignored
    return left


def in_the_way(call: str, state: Json) -> list[Json]:
    """The obstacles to a call."""
    return [{"call": call, **one} for one in state.get("obstacles", ())]
