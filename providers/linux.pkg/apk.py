"""apk, of version 2 or 3: Alpine Linux's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from manager import INSTALL, REMOVE, Manager, named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from manager import Argv, Json

PROGRAM = ("apk", "--wait", "120")


def step(wanted: Json, *, removing: bool) -> Argv:  # noqa: ARG001 # it never removes what somebody asked for
    """One run of apk, in which packages come and go.

    What is asked for in a version is in its list (/etc/apk/world) with it afterwards, and what is to go as something
    that is not wanted: both is lifted in runs that follow.
    """
    gone = [f"!{name}" for name in wanted.get(REMOVE, ())]
    return (*PROGRAM, "add", "--", *wanted.get(INSTALL, ()), *gone)


def pinned(versions: Mapping[str, str]) -> Argv:
    """In the list with the version that is installed."""
    return (*PROGRAM, "add", "--", *(f"{name}={version}" for name, version in sorted(versions.items())))


APK = Manager(
    name="apk",
    status=("path:/lib/apk/db/installed", "path:/usr/lib/apk/db/installed", "path:/etc/apk/world"),
    sources=("path:/etc/apk/repositories", "path:/var/cache/apk/", "path:/etc/apk/cache/"),
    step=step,
    refresh=(*PROGRAM, "update"),
    renews="apk update",
    lift="apk add {}",
    source="a line of /etc/apk/repositories as a Line",
    beside=".apk-new",
    marks={
        "mend": named(*PROGRAM, "fix"),
        "tidy": named(*PROGRAM, "del"),
        "free": named(*PROGRAM, "add"),
        "manual": named(*PROGRAM, "add"),
        "unhold": named(*PROGRAM, "add"),
        "hold": pinned,
    },
    weak=False,
    noise=re.compile(r"OK: |fetch |\d+ errors?; "),
    headings=re.compile(r"\(\d+/\d+\) "),
)
