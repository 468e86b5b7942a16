"""The world of the cases: a host that can be started anew.

It is `boot: {host: {number, required, newer, obstacles, stuck}}`, and the file NOTE.
"""

from __future__ import annotations

from typing import Any

from froyo_provider import CallError

NOTE = "/var/lib/froyo/boot"


def noted(world: dict[str, Any]) -> list[list[str]]:
    """For what it was started anew last, and for each of the last causes, with the boot of each."""
    content = str(world.get("files", {}).get(NOTE, {}).get("content", ""))
    return [line.split() for line in content.splitlines()]


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
        told = {key: host[key] for key in ("required", "newer") if key in host}
        if last := noted(world):
            told["last"] = {"id": last[0][0], "boot_id": last[0][1]}
            told["tried"] = [cause for cause, of in last[1:] if of != boot]
        return {"boot_id": boot, "kernel": "6.1.0-18-amd64", "obstacles": obstacles, **told}
    before, causes = noted(world), args.get("causes", ())
    tried = {cause: of for cause, of in before[1:] if of != boot}
    if before and before[0][0] == args["id"] and before[0][1] != boot:
        return {"boot_id": boot, "changed": False}
    if causes and all(cause in tried for cause in causes):
        return {"boot_id": boot, "changed": False}
    if args.get("boot_id", boot) != boot:
        raise CallError(call, {"class": "conflict", "code": "conflict", "message": "it was started anew"})
    if obstacles:
        raise CallError(call, obstacles[0])
    lines = [(args["id"], boot), *(dict.fromkeys(causes, boot) | tried).items()]
    world.setdefault("files", {})[NOTE] = {"content": "".join(f"{one} {of}\n" for one, of in lines)}
    host["number"] = host.get("number", 1) + 1
    if not host.get("stuck"):
        host.pop("required", None)
        host.pop("newer", None)
    return {"boot_id": f"boot-{host['number']}", "changed": True}
