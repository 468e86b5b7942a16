"""The world of the cases: a host that can be started anew.

It is `boot: {host: {number, required, newer, last, obstacles, stuck}}`.
"""

from __future__ import annotations

from typing import Any

from froyo_provider import CallError


def answer(world: dict[str, Any], call: str, args: dict[str, Any]) -> dict[str, Any]:
    """What the runner answers; what asks for another boot has gone with it, but for what is `stuck`."""
    host = world.setdefault("boot", {}).setdefault("host", {})
    boot = f"boot-{host.get('number', 1)}"
    obstacles = [
        {
            "class": "transient",
            "code": "busy",
            "message": why,
            "subjects": ["path:/run/systemd/shutdown/scheduled"],
        }
        for why in host.get("obstacles", ())
    ]
    if call == "boot.stat":
        told = {key: host[key] for key in ("required", "newer", "last") if key in host}
        return {"boot_id": boot, "kernel": "6.1.0-18-amd64", "obstacles": obstacles, **told}
    last = host.get("last", {})
    if last.get("id") == args["id"] and last["boot_id"] != boot:
        return {"boot_id": boot, "changed": False}
    if args.get("boot_id", boot) != boot:
        raise CallError(call, {"class": "conflict", "code": "conflict", "message": "it was started anew"})
    if obstacles:
        raise CallError(call, obstacles[0])
    host["last"] = {"id": args["id"], "boot_id": boot}
    host["number"] = host.get("number", 1) + 1
    if not host.get("stuck"):
        host.pop("required", None)
        host.pop("newer", None)
    return {"boot_id": f"boot-{host['number']}", "changed": True}
