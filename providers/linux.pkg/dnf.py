"""dnf 4, with rpm below it: Fedora's up to 40, Red Hat Enterprise Linux's, and its relatives'."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from manager import INSTALL, REMOVE, Manager, named
from rpm import STATUS, spelled

if TYPE_CHECKING:
    from manager import Argv, Json

PROGRAM = ("dnf", "-y", "--setopt=clean_requirements_on_remove=False", "--disableplugin=versionlock")
"""What nobody needs any more stays; what is on hold was seen to before."""


def step(wanted: Json, *, removing: bool) -> Argv:
    """One run of dnf."""
    if INSTALL not in wanted:
        return (*PROGRAM, "remove", "--", *(spelled(name, "-") for name in wanted[REMOVE]))
    argv = [*PROGRAM]
    if removing:
        argv.append("--allowerasing")
    if "recommends" in wanted:
        argv.append(f"--setopt=install_weak_deps={str(wanted['recommends']).lower()}")
    return (*argv, "install", "--", *(spelled(name, "-") for name in wanted[INSTALL]))


DNF = Manager(
    name="dnf",
    status=(*STATUS, "path:/etc/dnf/plugins/versionlock.list", "path:/var/lib/dnf/history.sqlite"),
    sources=("path:/etc/yum.repos.d/", "path:/etc/dnf/dnf.conf", "path:/var/cache/dnf/"),
    step=step,
    refresh=("dnf", "-y", "-q", "--refresh", "makecache"),
    renews="dnf makecache",
    lift="dnf versionlock delete {}",
    source="/etc/yum.repos.d/{}.repo as a File",
    beside=".rpmnew",
    marks={
        "manual": named("dnf", "-y", "-q", "mark", "install"),
        "unhold": named("dnf", "-y", "-q", "versionlock", "delete"),
        "hold": named("dnf", "-y", "-q", "versionlock", "add"),
    },
    order=((INSTALL,), (REMOVE,)),
    relock=True,
    noise=re.compile(
        r"Last metadata|Dependencies resolved|=+$| Package +Arch|Transaction |Total |Installed size|Freed space"
        r"|(Install|Upgrade|Downgrade|Remove) +\d|Downloading|Running transaction|  (Preparing|Verifying) |New leaves"
        r"|(Installed|Upgraded|Downgraded|Removed|Installing|Upgrading|Downgrading|Removing)[a-z ]*:$|Complete!"
        r"|Is this ok| \S+ +\S+ +\S+ +\S+ +[0-9.]+ |  \S+( {2,}\S+)*\s*$"
    ),
    headings=re.compile(r"  (Installing|Upgrading|Downgrading|Erasing|Cleanup|Running scriptlet) +:"),
)
