"""apt, with dpkg below it: Debian's, Ubuntu's and their relatives'."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from manager import INSTALL, PURGE, REMOVE, Manager, named

if TYPE_CHECKING:
    from manager import Argv, Json

GET = (
    *("apt-get", "-y", "-q", "-f", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"),
    *("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"),
    *("--allow-downgrades", "--allow-change-held-packages"),
)


def step(wanted: Json, *, removing: bool) -> Argv:
    """One run of apt.

    It may remove something only where somebody wants that: what it would remove was looked at, but not under its lock.
    """
    argv = [*GET, "-o", f"APT::Get::Remove={str(removing).lower()}"]
    if PURGE in wanted:
        return (*argv, "purge", "--", *wanted[PURGE])
    if "recommends" in wanted:
        argv += ["-o", f"APT::Install-Recommends={str(wanted['recommends']).lower()}"]
    gone = [f"{name}-" for name in wanted.get(REMOVE, ())]
    return (*argv, "install", "--", *wanted.get(INSTALL, ()), *gone)


APT = Manager(
    name="apt",
    status=("path:/var/lib/dpkg/status", "path:/var/lib/apt/extended_states"),
    sources=("path:/var/lib/apt/lists/", "path:/etc/apt/sources.list.d/", "path:/etc/apt/sources.list"),
    step=step,
    refresh=("apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", "update"),
    renews="apt-get update",
    lift="apt-mark unhold {}",
    source="a Repository",
    beside=".dpkg-dist",
    marks={verb: named("apt-mark", verb) for verb in ("manual", "unhold", "hold")},
    repair=("dpkg", "--force-confdef", "--force-confold", "--configure", "-a"),
    order=((INSTALL, REMOVE), (PURGE,)),
    files=True,
    environment={
        "DEBIAN_FRONTEND": "noninteractive",
        "APT_LISTCHANGES_FRONTEND": "none",
        "NEEDRESTART_MODE": "l",
        "UCF_FORCE_CONFFOLD": "1",
    },
    noise=re.compile(
        r"\(Reading database|Reading |Building |Get:|Fetched |Hit:|Ign:|Selecting previously |Preparing to unpack "
        r"|Need to get |After this operation|The following"
        r"|\d+ (upgraded|not fully)|  \S|Use 'apt autoremove'|debconf: delaying"
    ),
    headings=re.compile(
        r"(Setting up|Unpacking|Removing|Purging configuration files for|Processing triggers for) "
    ),
)
