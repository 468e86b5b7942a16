"""What is in the way of a change: asked for with the reading, so that its going is seen, and told with the plan.

The target looks for it only where the path is not as it is wanted. Below a directory it is seen from the listing.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from below import ancestors
from differences import ignored_fields, octal
from operations import account_arguments

from froyo_provider import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from differences import Json

    from froyo_provider import Resource

ACCOUNTS = {"user": "path:/etc/passwd", "group": "path:/etc/group"}
"""Where accounts that there are not yet turn up."""


def stat_question(one: Resource, kind: str) -> Json:
    """What to ask about a path, with what it is to be."""
    spec, ignored = one.spec, ignored_fields(one)
    if spec.get("state") == "absent":
        gone: Json = {"type": "absent"}
        if spec.get("force") or (spec.get("removed") and "tree" in spec):
            gone["recursive"] = True
        return {"path": spec["path"], "wanted": gone}
    wanted: Json = {"type": kind}
    with contextlib.suppress(PermanentError):  # which the plan will say
        wanted |= account_arguments(spec, ignored)
    if "mode" in spec and "mode" not in ignored:
        wanted["mode"] = octal(spec["mode"])
    if "body" in spec and "content" not in ignored:
        wanted["digest"] = spec["body"]["digest"]
    if "to" in spec and "to" not in ignored:
        wanted["to"] = spec["to"]
    question = {"path": spec["path"], "wanted": wanted}
    for field in ("backup", "validate"):
        if field in spec:
            question[field] = spec[field]
    return question


def watched(path: str, state: Json) -> tuple[str, ...]:
    """What concerns a path: itself, and all with which something in the way of a change may go away."""
    subjects = {f"path:{path}": None}
    for obstacle in state.get("obstacles", ()):
        for subject in obstacle["subjects"]:
            scheme = subject.partition(":")[0]
            subjects[ACCOUNTS.get(scheme, subject)] = None
    return tuple(subjects)


def fixed_below(path: str, state: Json, changes: Iterable[Json], entries: Iterable[Json]) -> list[Json]:
    """The first thing below that is immutable and to be changed or removed, or a directory of which something is."""
    fixed = {entry["name"] for entry in entries if entry.get("immutable")}
    if state.get("immutable"):
        fixed.add("")
    if not fixed:
        return []
    touched, removed = set(), set()
    for change in changes:
        name = change["name"]
        touched.add(name)
        if change["type"] != "absent" and (
            "purge" in change or any(field == "content" for field, *_ in change.get("differs", ()))
        ):
            touched.add(name.rpartition("/")[0])  # it is taken out of there, or replaced
        if "purge" in change or change.get("clears"):
            removed.add(name)
    for name in sorted(fixed):
        if name in touched or not removed.isdisjoint(ancestors(name)):
            at = f"{path}/{name}".removesuffix("/")
            message = f"{at} has the immutable or append-only attribute (lsattr shows it, chattr clears it)"
            return [{"class": "permanent", "code": "immutable", "message": message, "subjects": []}]
    return []
