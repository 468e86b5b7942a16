"""The world of the cases: no package has brought any of the files that are in it."""

from __future__ import annotations

from typing import Any


def answer(world: dict[str, Any], call: str, args: dict[str, Any]) -> dict[str, Any]:
    """What the runner answers to `pkg.changed`."""
    if call != "pkg.changed":
        raise LookupError(call)
    below = sorted(path for path in world["files"] if path.startswith(f"{args['path']}/"))
    return {"files": [{"path": path} for path in below], "unread": [], "cut": False}
