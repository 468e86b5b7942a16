"""The world of the cases: archives by their digests, and what is on record of which one was unpacked where.

archives: {"sha256:…": {bin/app: "its content"}}      what is in them, without what lies in directories by itself
records: {/srv/app: {archive: "sha256:…"}}
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from froyo_provider import CallError

Json = dict[str, Any]


def answer(world: Json, call: str, args: Json) -> Json:
    """What the runner answers."""
    archives = world.get("archives", {})
    if call in {"archive.fetch", "archive.take"}:
        if args["archive"] not in archives:
            raise failure(call, "bad_archive", "it has another digest")
        return {"changed": False}
    record = world.get("records", {}).get(args["path"], {}).get("archive")
    if call == "archive.look":
        return looked(world, record, args)
    if args.get("absent"):
        return removed(world, record, args)
    if args["archive"] not in archives:
        raise failure(call, "blob_missing", "the body is not here", "transient")
    differs = differences(world, archives[args["archive"]], args)
    if "expect" in args and args["expect"] != digest(differs):
        raise failure(call, "conflict", "it has moved", "conflict")
    put(world, archives[args["archive"]], args)
    world.setdefault("records", {})[args["path"]] = {"archive": args["archive"]}
    return {"changed": bool(differs) or record != args["archive"]}


def failure(call: str, code: str, message: str, kind: str = "permanent") -> CallError:
    """An error of a call."""
    return CallError(call, {"class": kind, "code": code, "message": message})


def digest(value: Any) -> str:
    """What tells one value from another."""
    return "sha256:" + hashlib.sha256(json.dumps(value).encode()).hexdigest()


def chosen(members: Json, args: Json) -> Json:
    """By path, what is to be in each file."""
    found = {}
    for name, content in members.items():
        parts = name.split("/")[args.get("strip", 0) :]
        path = "/".join([args["path"], *parts])
        if parts and not any(name.startswith(one) for one in args.get("spared", ())):
            found[path] = content
    return found


def directories(paths: Json, top: str) -> list[str]:
    """The directories that lead to some paths, the top first."""
    above = {top}
    for path in paths:
        while (path := path.rpartition("/")[0]) != top:
            above.add(path)
    return sorted(above)


def differences(world: Json, members: Json, args: Json) -> list[list[str]]:
    """What is not as in an archive."""
    wanted, files, top = chosen(members, args), world["files"], args["path"]
    found = []
    for path in directories(wanted, top):
        if path not in files:
            found.append([path[len(top) + 1 :], "", "", "directory"])
        elif files[path].get("type") != "directory":
            raise failure("archive.look", "not_directory", f"{path} is no directory")
    for path, content in sorted(wanted.items()):
        node, name = files.get(path), path[len(top) + 1 :]
        if node is None:
            found.append([name, "", "", "file"])
        elif node.get("type", "file") == "directory":
            raise failure("archive.look", "wrong_type", f"{path} is a directory")
        elif node.get("type", "file") != "file":
            found.append([name, "type", node["type"], "file"])
        elif node.get("content") != content:
            found.append([name, "content", digest(node.get("content")), digest(content)])
    return found + [[path[len(top) + 1 :], "", "file", ""] for path in strays(world, wanted, args)]


def strays(world: Json, wanted: Json, args: Json) -> list[str]:
    """What is to be purged."""
    top = args["path"]
    if not args.get("purge"):
        return []
    kept = {*wanted, *directories(wanted, top)}
    spared = [f"{top}/{one}" for one in args.get("spared", ())]
    return [
        path
        for path in sorted(world["files"])
        if path.startswith(f"{top}/")
        and path not in kept
        and not any(path == one or path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in spared)
    ]


def looked(world: Json, record: str | None, args: Json) -> Json:
    """The reply of archive.look."""
    absent = args.get("absent", False)
    if record not in world.get("archives", {}) or (not absent and args.get("archive", record) != record):
        return {"known": False} | ({"before": record} if record else {})
    members = world.get("archives", {})[record]
    if absent:
        differs = [
            [path[len(args["path"]) + 1 :], "", "file", ""]
            for path in chosen(members, args)
            if world["files"].get(path, {}).get("type", "directory") == "file"
        ]
        return {"known": True, "differs": differs, "total": len(differs)}
    differs = differences(world, members, args)
    changes = {"changes": digest(differs)} if differs else {}
    return {"known": True, "differs": differs, "total": len(differs), "lost": 0, "directories": [], **changes}


def put(world: Json, members: Json, args: Json) -> None:
    """Unpack."""
    wanted, files = chosen(members, args), world["files"]
    for path in strays(world, wanted, args):
        del files[path]
    for path in directories(wanted, args["path"]):
        files.setdefault(path, {"type": "directory", "mode": "0755", "uid": 0, "gid": 0})
    for path, content in wanted.items():
        files[path] = {"type": "file", "mode": "0644", "uid": 0, "gid": 0, "content": content}


def removed(world: Json, record: str, args: Json) -> Json:
    """Take away what was unpacked."""
    if record not in world.get("archives", {}):
        return {"changed": False}
    files, wanted = world["files"], chosen(world["archives"][record], args)
    for path in wanted:
        if files.get(path, {}).get("type", "directory") == "file":
            del files[path]
    for path in reversed(directories(wanted, args["path"])):
        if path in files and not any(other.startswith(f"{path}/") for other in files):
            del files[path]
    del world["records"][args["path"]]
    return {"changed": True}
