"""The world of the cases: beside files, settings of the kernel.

Such as `settings: {net.core.somaxconn: {value: "128"}}`.
"""

from __future__ import annotations

from typing import Any

from froyo_provider import CallError


def answer(world: dict[str, Any], call: str, args: dict[str, Any]) -> dict[str, Any]:
    """What the runner answers."""
    if call == "pkg.changed":  # no package has brought any of the files
        below = sorted(path for path in world["files"] if path.startswith(f"{args['path']}/"))
        return {"files": [{"path": path} for path in below], "unread": [], "cut": False}
    setting = world.get("settings", {}).get(args["name"])
    path = "/proc/sys/" + args["name"].replace(".", "/")
    if call == "sysctl.stat":
        return {"exists": setting is not None, "path": path, **(setting or {})}
    if setting is None:
        missing = {"class": "transient", "code": "enoent", "message": f"{path} does not exist"}
        raise CallError(call, missing)
    if args["value"] == "impossible":
        refused = {"class": "permanent", "code": "not_supported", "message": "the kernel does not take it"}
        raise CallError(call, refused)
    changed = setting["value"] != args["value"]
    setting["value"] = args["value"]
    return {"changed": changed}
