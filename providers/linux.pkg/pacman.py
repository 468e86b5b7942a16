"""pacman: Arch Linux's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from manager import INSTALL, PURGE, REMOVE, Manager, named

if TYPE_CHECKING:
    from manager import Argv, Json


def step(wanted: Json, *, removing: bool) -> Argv:
    """One run of pacman. It does not install and remove at once.

    What conflicts with something else takes its place only where that may be removed: `--ask 4` is a yes to that.
    """
    if INSTALL in wanted:
        ask = ("--ask", "4") if removing else ()
        return ("pacman", "-S", "--noconfirm", "--needed", *ask, "--", *wanted[INSTALL])
    if PURGE in wanted:
        return ("pacman", "-Rcn", "--noconfirm", "--", *wanted[PURGE])
    return ("pacman", "-Rc", "--noconfirm", "--", *wanted[REMOVE])


PACMAN = Manager(
    name="pacman",
    status=("path:/var/lib/pacman/local/", "path:/etc/pacman.conf"),
    sources=("path:/var/lib/pacman/sync/", "path:/etc/pacman.d/", "path:/etc/pacman.conf"),
    step=step,
    refresh=("pacman", "-Syy", "--noconfirm"),
    renews="pacman -Sy",
    lift="an IgnorePkg in /etc/pacman.conf that does not name {}",
    source="a section of /etc/pacman.conf as a Block",
    beside=".pacnew",
    marks={"manual": named("pacman", "-D", "--asexplicit")},
    repair=("rm", "-f", "/var/lib/pacman/db.lck"),
    order=((REMOVE,), (PURGE,), (INSTALL,)),
    weak=False,
    noise=re.compile(
        r"resolving dep|looking for|checking |loading |Packages \(|Total |Net Upgrade"
        r"|:: (Proceed|Retrieving|Processing)|:: Do you want| \S+ downloading|:: Synchronizing"
    ),
    headings=re.compile(r"(installing|upgrading|downgrading|reinstalling|removing) "),
)
