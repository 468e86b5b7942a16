"""The world of the cases: units of systemd, as `froyo_provider.testing.units` has them.

units: {nginx.service: {active: active, sub: running, file_state: enabled, …}}      the fields of a MemoryUnit
users: {ann: /home/ann}
clock: {now: 1000000}
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from froyo_provider import CallError
from froyo_provider.testing.memory import Node
from froyo_provider.testing.units import MemoryUnit, UnitsHost


def answer(world: dict[str, Any], call: str, args: dict[str, Any]) -> dict[str, Any]:
    """What the runner answers."""
    if call == "unit.calendar":
        refused = "nonsense" in args["expression"]
        return {"valid": False, "error": "Failed to parse it"} if refused else {"valid": True}
    if call == "pkg.changed":  # no package has brought any of the files
        below = sorted(path for path in world["files"] if path.startswith(f"{args['path']}/"))
        return {"files": [{"path": path} for path in below], "unread": [], "cut": False}
    files = {path: Node.parse(node) for path, node in world["files"].items()}
    units = {name: MemoryUnit(**unit) for name, unit in world.get("units", {}).items()}
    host = UnitsHost(files, units, world.get("users"))
    host.clock = world.get("clock", {}).get("now", host.clock)
    there = set(host.nodes)
    reply = host.reply({"call": call, "args": args})
    if call == "unit.control":
        world["units"] = {name: asdict(unit) for name, unit in host.units.items()}
        world["clock"] = {"now": host.clock}
        world["files"] = {
            path: node.to_json() for path, node in host.nodes.items() if path in files or path not in there
        }
    if "error" in reply:
        raise CallError(call, reply["error"])
    return dict(reply["ok"])
