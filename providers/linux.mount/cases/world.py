"""The world of the cases: beside files, mount(8) and umount(8), and the lines of /etc/fstab.

What is mounted is in /proc/self/mountinfo, which is a file here: `files: {/proc/self/mountinfo: {content: "…"}}`.
`busy: {/srv/data: {}}` is in use and cannot be unmounted.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any, TypeAlias

from froyo_provider import CallError

Json: TypeAlias = "dict[str, Any]"

FSTAB, MOUNTINFO = "/etc/fstab", "/proc/self/mountinfo"
PROGRAMS_ONLY = re.compile(r"defaults|noauto|nofail|_netdev|x-.*|bind|remount")


def answer(world: Json, call: str, args: Json) -> Json:
    """What the runner answers."""
    if call == "exec.run":
        status, said = run(world, list(args["argv"]))
        stderr = base64.b64encode(said.encode()).decode()
        return {"exit": status, "signal": None, "stdout": "", "stderr": stderr, "truncated": False}
    lines = text_of(world, FSTAB).splitlines()
    pattern = re.sub(r"\\Q(.*?)\\E", lambda found: re.escape(found[1]), args["match"])
    found = [line for line in lines if re.search(pattern, line)]
    wanted = args.get("text") if call == "text.edit" else None
    there = [line for line in found if "digest" in args and digest_of(line) == args["digest"]]
    differs = bool(found) if args.get("absent") else not there and wanted not in found
    edit = {"edit": digest_of("\n".join([*found, str(bool(args.get("absent")))]))} if differs else {}
    if call == "text.look":
        return {"exists": bool(lines), "there": bool(found), **edit}
    if not differs:
        return {"changed": False}
    if args.get("expect") and args["expect"] != edit["edit"]:
        moved = {"class": "conflict", "code": "conflict", "message": f"{FSTAB} has changed"}
        raise CallError(call, moved)
    kept = [line for line in lines if line not in found]
    put(world, FSTAB, [*kept, wanted] if wanted is not None else kept)
    return {"changed": True}


def digest_of(text: str) -> str:
    """As it stands in calls."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def text_of(world: Json, path: str) -> str:
    """What is in a file."""
    return str(world["files"].get(path, {}).get("content", ""))


def put(world: Json, path: str, lines: list[str]) -> None:
    """Have these lines in a file."""
    world["files"][path] = {**world["files"].get(path, {}), "content": "".join(f"{one}\n" for one in lines)}


def run(world: Json, argv: list[str]) -> tuple[int, str]:
    """What a program does: its exit status, and what it says."""
    path = argv[-1]
    table = text_of(world, MOUNTINFO).splitlines()
    there = [line for line in table if line.split()[4] == path]
    if argv[0] == "systemctl":
        return 0, ""
    if argv[0] == "umount":
        if path in world.get("busy", {}):
            return 32, f"umount: {path}: target is busy."
        if not there:
            return 32, f"umount: {path}: not mounted."
        table.remove(there[-1])
    else:
        options = argv[argv.index("-o") + 1].split(",") if "-o" in argv else []
        if "remount" in options:
            if not there:
                return 32, f"mount: {path}: mount point not mounted or bad option."
            source, fstype = there[-1].rpartition(" - ")[2].split()[1::-1]
            table.remove(there[-1])
        elif "-o" in argv:
            source, fstype = argv[-2], argv[argv.index("-t") + 1] if "-t" in argv else "none"
        else:
            line = next(
                (one.split() for one in text_of(world, FSTAB).splitlines() if path in one.split()), None
            )
            if line is None:
                return 1, f"mount: {path}: can't find in {FSTAB}."
            source, fstype, options = line[0], line[2], line[3].split(",")
        if world["files"].get(path, {}).get("type", "file") != "directory":
            return 32, f"mount: {path}: mount point does not exist."
        table.append(mounted(world, path, source, fstype, options))
    put(world, MOUNTINFO, table)
    return 0, ""


def mounted(world: Json, path: str, source: str, fstype: str, options: list[str]) -> str:
    """A line of the kernel's table."""
    kept = [one for one in options if not PROGRAMS_ONLY.fullmatch(one)]
    flags = [one for one in kept if "=" not in one and one not in {"rw", "ro", "suid", "dev", "exec"}]
    flags.insert(0, "ro" if "ro" in kept else "rw")
    data = ",".join(["rw", *(one for one in kept if "=" in one)])
    device, root = f"0:{40 + len(path)}", "/"
    if "bind" in options:  # the file system that the directory is on, and where in it that is
        holders = [line.split() for line in text_of(world, MOUNTINFO).splitlines()]
        around = [one for one in holders if f"{source}/".startswith(one[4].rstrip("/") + "/")]
        if around:
            best = max(around, key=lambda one: len(one[4]))
            within = source[len(best[4].rstrip("/")) :]
            device, root = best[2], (best[3].rstrip("/") + within).rstrip("/") or "/"
    return f"36 25 {device} {root} {path} {','.join(flags)} - {fstype} {source} {data}"
