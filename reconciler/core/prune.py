"""What happens to what is ours and is declared no longer: whether it may go, and whether a person is asked first.

Nothing is removed because it is missing from a source, but because its declaration said so while it stood: `deletion`.
Invariants: only what we created, or what was replaced and can be brought back, is ever touched; what makes up a system,
and what the controller itself lives on, never is. More than the budget at once is held in full, and so is everything
when the source was not read in full, or an older revision came back: to take away on purpose is worth one word, and a
slip is not worth a fleet. This module must not know how anything is removed.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.model.names import split_address
from reconciler.model.resource import Deletion, Policy
from reconciler.model.subjects import PATH

if TYPE_CHECKING:
    from reconciler.model.names import Address, Reference, TargetName
    from reconciler.model.resource import Instance

ESSENTIAL = (
    *(
        "/",
        "/bin",
        "/boot",
        "/boot/**",
        "/dev",
        "/dev/**",
        "/etc",
        "/home",
        "/lib*",
        "/media",
        "/mnt",
        "/opt",
        "/proc",
    ),
    *(
        "/proc/**",
        "/root",
        "/run",
        "/sbin",
        "/srv",
        "/sys",
        "/sys/**",
        "/tmp",  # noqa: S108 - named, and nothing is put there
        "/usr",
        "/usr/*",
        "/var",
        "/var/*",
    ),
    *(
        "/etc/passwd*",
        "/etc/shadow*",
        "/etc/group*",
        "/etc/gshadow*",
        "/etc/sudoers",
        "/etc/fstab",
        "/etc/hosts",
    ),
    *(
        "/etc/nsswitch.conf",
        "/etc/resolv.conf",
        "/etc/pam.d",
        "/etc/pam.d/**",
        "/etc/ld.so.*",
        "/etc/machine-id",
    ),
    *("/etc/ssh", "/etc/ssh/**", "**/.ssh", "**/.ssh/**"),
    *("**/froyo.service", "**/froyo@*.service", "**/froyo*.service.d", "**/froyo*.service.d/**"),
)
"""Globs of paths that are never removed for want of a manifest; `*` stands for part of a name, `**` for any path.

Without them nobody could log in, or nothing would start any more: whoever means it declares them absent.
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may go at once without a person being asked; of the two, the larger counts.

    Attributes:
        instances: so many.
        share: this part of what the source declared.
    """

    instances: int = 3
    share: float = 0.1

    def of(self, declared: int) -> int:
        """How many of `declared` instances may go."""
        return max(self.instances, int(declared * self.share))


def is_protected(path: str, own_paths: Collection[str] = ()) -> bool:
    """Whether what is at `path` is never removed for want of a manifest.

    Args:
        path: on the target.
        own_paths: where the controller keeps its state and finds its manifests, where the target is its own machine.
    """
    path = path.rstrip("/") or "/"
    if any(path == own or path.startswith(own + "/") or own.startswith(path + "/") for own in own_paths):
        return True
    return any(_matches(path, pattern) for pattern in ESSENTIAL)


def _matches(path: str, pattern: str) -> bool:
    if "**" not in pattern and path.count("/") != pattern.count("/"):
        return False  # fnmatch lets one asterisk pass a slash
    return fnmatch.fnmatchcase(path, pattern)


def why_left(
    instance: Instance, *, created: bool, replaced: bool, own_paths: Collection[str] = ()
) -> str | None:
    """Why something that is ours and declared no longer stays as it is; None if it is to go.

    Args:
        instance: as it was last declared.
        created: whether there was nothing before us.
        replaced: whether what was there before us is kept, and can come back.
        own_paths: see `is_protected`.
    """
    common = instance.common
    if common.deletion is Deletion.ORPHAN:
        return "its deletion is orphan"
    if common.policy is not Policy.ENFORCE:
        return f"its policy is {common.policy}"
    if instance.absent:
        return "it was declared absent, and is"
    if not (created or replaced or instance.made_here):
        return "it was there before us"
    if any(is_protected(one.name, own_paths) for one in instance.provides if one.scheme == PATH):
        return (
            "it is protected: what a system or froyo itself lives on is never removed for want of a manifest"
        )
    return None


def unselected(
    gone: Collection[Address],
    declared: Iterable[Address],
    *,
    selecting: Collection[Reference],
    targets: Collection[TargetName],
) -> dict[Address, str]:
    """Why some of `gone` may be a slip: what was declared is declared still, and it is labels that leave it out.

    A misspelt label takes half of its targets from a resource, or everything from a target, and in a small fleet that
    stays within any budget.

    Args:
        gone: all that one source declares no longer and that is to go.
        declared: the instances that the source still declares.
        selecting: what it declares for whatever targets a selector selects.
        targets: that it still declares.
    """
    left = [split_address(address) for address in declared]
    lost = Counter(split_address(address)[1] for address in gone)
    kept = Counter(ref for _, ref in left)
    bare = set(targets) - {target for target, _ in left}
    found = {}
    for address in gone:
        target, ref = split_address(address)
        if ref not in selecting:
            continue
        if lost[ref] >= kept[ref]:
            before = kept[ref] + lost[ref]
            found[address] = (
                f"{ref} is still declared, and selects {kept[ref]} of the {before} targets that it did: a label, or"
                " its selector, may be misspelt"
            )
        elif target in bare:
            found[address] = (
                f"{ref} is still declared, and nothing is for {target}: its labels may be misspelt"
            )
    return found


def holds(
    gone: Mapping[Address, Deletion],
    *,
    declared: int,
    budget: Budget,
    held: Mapping[Address, str],
    slips: Mapping[Address, str] | None = None,
    doubts: Mapping[Address, str] | None = None,
    earlier: int = 0,
) -> dict[Address, str]:
    """Why each of `gone` waits for a person, in words for them; those that may go at once are left out.

    Args:
        gone: all that one source declares no longer and that is to go, whenever it was dropped, with what its
            declaration said.
        declared: how many instances the source still declares.
        budget: how many may go at once.
        held: what has been waiting until now, and why: it goes on waiting.
        slips: what may be one, and why; see `unselected`.
        doubts: of what the source may not mean that, and why.
        earlier: how many have gone already because of the same revision, such as from targets whose facts came first.
    """
    count = len(gone) + earlier
    most = budget.of(declared + count)
    why = ""
    if count > most:
        why = f"{count} of {declared + count} instances are declared no longer, and {most} may go in one revision"
    waits = {}
    for address, deletion in gone.items():
        if reason := held.get(address) or (doubts or {}).get(address) or why or (slips or {}).get(address):
            waits[address] = reason
        elif deletion is Deletion.CONFIRM:
            waits[address] = "deletion: confirm asks first"
    return waits
