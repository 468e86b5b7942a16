"""What of a Service's files and packages is newer than what runs, and what is due because of it.

A program has read its files when it was started, or reloaded where that is what it does; its own code only when it was
started. So a file that was written since has not been read, whoever wrote it and whether anybody was notified or not.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = "dict[str, Any]"

_UNPACKED = "/var/lib/dpkg/info"
_ARCHITECTURES = ("amd64", "arm64")


def unpacked(package: str) -> list[str]:
    """The files that dpkg may write when it unpacks a package: some have an architecture in their names."""
    return [f"{_UNPACKED}/{package}.list", *(f"{_UNPACKED}/{package}:{one}.list" for one in _ARCHITECTURES)]


def asked_about(spec: Json) -> list[tuple[str, str]]:
    """What is asked for its time: a path, and the field because of which."""
    files = [(path, "files") for path in spec.get("files", ())]
    return files + [(path, "packages") for one in spec.get("packages", ()) for path in unpacked(one)]


def verb(spec: Json, *, can_reload: bool) -> str:
    """What is done when its files have changed."""
    if spec["onRefresh"] == "restart" or (spec["onRefresh"] == "reload-or-restart" and not can_reload):
        return "restart"
    return "reload"


def newer(spec: Json, unit: Json, stats: list[Json]) -> Json:
    """By path, what is due; of what is no path of its own, it is a program or library that runs and was replaced.

    Args:
        spec: of the Service.
        unit: as the target knows it.
        stats: for each of `asked_about`.
    """
    due: Json = {}
    if unit["active"] != "active":
        return due
    # What belongs to other packages, such as a library, is used all the same.
    due |= dict.fromkeys(unit.get("replaced", ()), "restart")
    for (path, field), stat in zip(asked_about(spec), stats, strict=True):
        what = verb(spec, can_reload=unit["can_reload"]) if field == "files" else "restart"
        since = unit["changed_us"] if what == "reload" else unit["started_us"]
        if since and stat.get("mtime_us", 0) > since:
            due[path] = what
    return due
