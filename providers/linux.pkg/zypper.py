"""zypper, with rpm below it: SUSE's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from manager import INSTALL, REMOVE, Manager, named
from rpm import STATUS, spelled

if TYPE_CHECKING:
    from manager import Argv, Json

PROGRAM = ("zypper", "--non-interactive", "--no-refresh", "install", "--oldpackage")


def name_of(text: str) -> str:
    """`NAME.ARCHITECTURE=VERSION`."""
    name, equals, version = text.partition("=")
    return f"{spelled(name, '')}{equals}{version}"


def step(wanted: Json, *, removing: bool) -> Argv:
    """One run of zypper, in which packages come and go."""
    argv = [*PROGRAM]
    if removing:
        argv.append("--force-resolution")
    if "recommends" in wanted:
        argv.append("--recommends" if wanted["recommends"] else "--no-recommends")
    gone = [f"-{name_of(name)}" for name in wanted.get(REMOVE, ())]
    return (*argv, "--", *map(name_of, wanted.get(INSTALL, ())), *gone)


ZYPPER = Manager(
    name="zypper",
    status=(*STATUS, "path:/etc/zypp/locks"),
    sources=("path:/etc/zypp/repos.d/", "path:/etc/zypp/zypp.conf", "path:/var/cache/zypp/solv/"),
    step=step,
    refresh=("zypper", "--non-interactive", "refresh"),
    renews="zypper refresh",
    lift="zypper removelock {}",
    source="/etc/zypp/repos.d/{}.repo as a File",
    beside=".rpmnew",
    marks={
        "unhold": named("zypper", "--non-interactive", "removelock"),
        "hold": named("zypper", "--non-interactive", "addlock"),
    },
    relock=True,
    noise=re.compile(
        r"Loading repository|Reading installed|Resolving package|Retrieving|Checking for file|The following"
        r"|\d+ (new )?packages? |Overall download|Continue\?|  \S|rpm: |Additional rpm output"
        r"|Warning: \d+ packages? had"
    ),
    headings=re.compile(r"\(\s*\d+/\d+\) (Installing|Removing|Upgrading)"),
)
