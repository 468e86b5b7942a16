"""What a person means by an object to reconcile, suspend or resume, as the objects that the engine knows."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

from reconciler.api.selecting import is_kind, is_subject
from reconciler.cli.asking import Asking
from reconciler.cli.unknown import nothing_matches
from reconciler.core.visible import one_line

EVERYTHING = "*"


def objects(asking: Asking, what: str) -> list[str]:
    """The objects of a suspension: "*", a target's name, a kind on a target or on all, or addresses.

    What a person names by a target or a kind goes on meaning that, whatever is declared there later.

    Raises:
        UsageError: nothing is known by that name.
    """
    if what in (EVERYTHING, "all"):
        return [EVERYTHING]
    found = asking.get("/v1/resources", {"what": what})["items"]
    if not found:
        raise nothing_matches(asking, what)
    parts = [part for part in what.split("/", 2) if part not in ("", "*")]
    for view in found if len(parts) < 3 and not is_subject(what) else ():
        if parts[0] == view["target"]:
            return ["/".join([view["target"], view["kind"]][: len(parts)])]
        if is_kind(parts[0], view["kind"]):
            return ["/".join(["*", view["kind"], *parts[1:]])]
    return [view["address"] for view in found]


def typed(object_: str) -> str:
    """The object of a suspension, as it is typed."""
    return "all" if object_ == EVERYTHING else one_line(object_.removeprefix("*/"))


def named_object(object_: str) -> str:
    """The object of a suspension, as it is spoken of."""
    if object_ == EVERYTHING:
        return "everything"
    name = one_line(object_)
    return f"{name.removeprefix('*/')} on every target" if name.startswith("*/") else name


def person(environ: Mapping[str, str]) -> str:
    """Who runs this command, in words that let others ask them."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    behind = environ.get("SUDO_USER", "")
    return f"{behind} via sudo" if behind and behind != name else name
