"""Whether a unit begins with the host: what its file says of that, and what it takes to change it."""

from __future__ import annotations

MASKED = frozenset({"masked", "masked-runtime"})

_FIXED = {
    "static": "has no [Install] section that says what it would begin with",
    "indirect": "is enabled by enabling another unit, or an instance of it",
    "generated": "is made by a generator, mostly from an init script",
    "transient": "was made while the host runs, and is gone with it",
}
"""By what systemd says of a file: why it cannot be enabled."""

_WANTED_BY = {
    "service": "multi-user.target",
    "timer": "timers.target",
    "socket": "sockets.target",
    "path": "paths.target",
}


def is_so(wanted: str, file: str) -> bool:
    """Whether a unit begins with the host as it is wanted to.

    Args:
        wanted: enabled, disabled or masked; unmasked is all but the last.
        file: the state of its file, in systemd's words.
    """
    if wanted == "enabled":
        return file in {"enabled", "alias"}
    if wanted == "masked":
        return file == "masked"
    if wanted == "unmasked":
        return file not in MASKED
    return file not in MASKED and file != "enabled"


def actions_for(wanted: str, file: str) -> list[str]:
    """What makes it so."""
    if wanted == "masked":
        return ["mask"]
    done = ["unmask"] if file in MASKED else []
    return done if wanted == "unmasked" else [*done, wanted.removesuffix("d")]


def cannot(wanted: str, file: str) -> str:
    """Why it cannot be made so, or ""."""
    return _FIXED.get(file, "") if wanted == "enabled" else ""


def link_of(unit: str, scope: str = "") -> str:
    """The link by which most units of a kind are enabled, for the host or for all users (`global`), or ""."""
    target = _WANTED_BY.get(unit.rpartition(".")[2])
    if scope == "global":
        target = "default.target" if target == "multi-user.target" else target
        return f"/etc/systemd/user/{target}.wants/{unit}" if target else ""
    return f"/etc/systemd/system/{target}.wants/{unit}" if target else ""
