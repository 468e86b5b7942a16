"""What is in the way of a change, as far as what is known of one package alone says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manager import INSTALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manager import Manager
    from wishes import Change, Json, Wish

UNSATISFIABLE = "unsatisfiable"


def in_the_way(
    manager: Manager, wish: Wish, change: Change, found: Json, *, fetched: bool = False
) -> list[Json]:
    """What keeps a package from being changed, as far as what is known of it alone says so.

    Args:
        manager: the target's.
        wish: what is wanted.
        change: what is to be done.
        found: what `pkg.query` says.
        fetched: whether the lists have just been fetched, so that nothing is to be expected from that.
    """
    if change.verb and found["hold"] and wish.hold is None:
        told = (
            f"{wish.name} is on hold on the target: declare `hold` to change it all the same,"
            f" or lift it with {manager.lift.format(wish.name)}"
        )
        return [obstacle("held", told, *manager.status)]
    if change.hold is not None and ("hold" if change.hold else "unhold") not in manager.marks:
        told = (
            f"{manager.name} has no command by which {wish.name} comes on hold or off it:"
            f" declare its configuration, and leave `hold` out here"
        )
        return [obstacle("not_supported", told, *manager.status)]
    if change.verb == INSTALL and wish.body is not None and not manager.files:
        told = (
            f"{wish.name} is to be installed from a file, and linux.pkg does not do that with {manager.name}"
        )
        return [obstacle("not_supported", f"{told}: name a repository that has it", *manager.status)]
    if change.verb != INSTALL or change.target or (found.get("stale") and not fetched):
        return []
    if versions := found.get("versions"):
        told = f"{manager.name} knows no version {wish.version} of {wish.name}, but {', '.join(versions)}"
        epochs = {version.partition(":")[0] if ":" in version else "" for version in versions}
        if "" not in epochs and ":" not in str(wish.version):
            told += f" (what stands before the colon is part of it, as in >={min(epochs)}:1.0)"
        return [_renewable(manager, told)]
    return [unknown_packages(manager, [wish.name])]


def unknown_packages(manager: Manager, names: Sequence[str]) -> Json:
    """What is in the way of packages that the manager has never heard of."""
    told = f"{manager.name} knows no package {', '.join(names)}, or only as something that others provide"
    return _renewable(manager, told)


def _renewable(manager: Manager, told: str) -> Json:
    told = f"{told}: name another, or add a source that has it ({manager.renews} renews what {manager.name} knows)"
    return obstacle(UNSATISFIABLE, told, *manager.sources)


def obstacle(code: str, message: str, *subjects: str) -> Json:
    """Something in the way, and with what it may go away."""
    return {"class": "permanent", "code": code, "message": message, "subjects": list(subjects)}
