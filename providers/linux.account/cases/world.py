"""The world of the cases: accounts, and the keys that let them in.

Such as `users: {ann: {uid: 1001, group: ann, shell: /bin/sh}}`, `groups: {ann: {gid: 1001}}` and
`keys: {ann: {lines: [LINE…]}}`. A `password` is `none`, `set`, or the digest of the hash that it is. A user of the
name service is `elsewhere: true`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeAlias

from froyo_provider import CallError

Json: TypeAlias = "dict[str, Any]"

DEFAULTS = {
    "comment": "",
    "home": "",
    "shell": "/bin/sh",
    "password": "none",
    "locked": False,
    "expires": "never",
    "groups": [],
    "home_missing": False,
    "linger": False,
}
FIELDS = {
    "home": "home",
    "shell": "shell",
    "comment": "comment",
    "locked": "locked",
    "expires": "expires",
    "linger": "linger",
}


def answer(world: Json, call: str, args: Json) -> Json:
    """What the runner answers."""
    users, groups = world.setdefault("users", {}), world.setdefault("groups", {})
    noun, _, verb = call.partition(".")
    if noun == "facts":
        people = {name: {"uid": one["uid"]} for name, one in users.items()}
        return {
            "facts": {"users": people, "groups": {name: dict(one) for name, one in groups.items()}},
            "cut": [],
        }
    if noun == "key":
        return keys(world, call, args)
    name = args[noun]
    there = (users if noun == "user" else groups).get(name)
    if verb == "stat":
        wanted = args.get("wanted", {})
        reply = described(world, noun, there, wanted)
        if found := obstacles(world, noun, name, wanted):
            reply["obstacles"] = found
        return reply
    if args["expect"] != described(world, noun, there, {})["state"]:
        raise CallError(
            call, {"class": "conflict", "code": "conflict", "message": f"{name} is not as expected"}
        )
    if verb == "remove":
        return {"changed": (users if noun == "user" else groups).pop(name, None) is not None}
    if found := obstacles(world, noun, name, args):
        raise CallError(call, found[0])
    before = json.dumps(world, sort_keys=True)
    if noun == "group":
        groups[name] = {"gid": args.get("gid", groups.get(name, {}).get("gid", 2000))}
    else:
        ensure(users, groups, name, args)
    return {"changed": json.dumps(world, sort_keys=True) != before}


def described(world: Json, noun: str, there: Json | None, wanted: Json) -> Json:
    """How an account is."""
    if there is None or there.get("elsewhere"):
        return {"exists": False, "state": "sha256:" + "0" * 64}
    if noun == "group":
        return {"exists": True, "gid": there["gid"], "state": digest(there)}
    full = DEFAULTS | there
    reply = {key: full[key] for key in ("uid", "group", "comment", "home", "shell", "locked", "expires")}
    reply |= {
        "exists": True,
        "gid": world["groups"].get(full["group"], {}).get("gid", 0),
        "groups": sorted(full["groups"]),
    }
    reply["state"] = digest(reply)
    password = full["password"]
    if password.startswith("sha256:"):
        password = "wanted" if password == wanted.get("blob") else "set"
    reply["password"] = password
    if wanted.get("create_home"):
        reply["home_missing"] = full["home_missing"]
    if "linger" in wanted:
        reply["linger"] = full["linger"]
    return reply


def digest(value: Any) -> str:
    """What `expect` compares."""
    return "sha256:" + hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def obstacles(world: Json, noun: str, name: str, wanted: Json) -> list[Json]:
    """What is in the way: a number that is somebody else's, a group that there is not, who comes from elsewhere."""
    number, found = {"user": "uid", "group": "gid"}[noun], []
    if world[f"{noun}s"].get(name, {}).get("elsewhere"):
        found.append(fault("not_local", f"{name} is known through the name service", f"{noun}:{name}"))
    for other, one in sorted(world[f"{noun}s"].items()):
        if other != name and number in wanted and one[number] == wanted[number]:
            found.append(fault("taken", f"the number {one[number]} is that of {other}", f"{noun}:{other}"))
    named = (wanted.get("group"), *wanted.get("groups", ())) if noun == "user" else ()
    found += [
        fault("unknown_owner", f"there is no group {group}", f"group:{group}", kind="transient")
        for group in named
        if group is not None and group not in world["groups"]
    ]
    return found


def fault(code: str, message: str, subject: str, *, kind: str = "permanent") -> Json:
    """Something in the way."""
    return {"class": kind, "code": code, "message": message, "subjects": [subject]}


def ensure(users: Json, groups: Json, name: str, args: Json) -> None:
    """Make a user be as it is wanted."""
    if name not in users:
        groups.setdefault(name, {"gid": 3000})
        home = {"home": f"/home/{name}", "home_missing": not args.get("create_home", False)}
        users[name] = {"uid": 3000, "group": name, "locked": "blob" not in args, **home}
    one = users[name]
    one |= {field: args[key] for key, field in FIELDS.items() if key in args}
    if "uid" in args:
        one["uid"] = args["uid"]
    if "group" in args:
        one["group"] = args["group"]
    if "groups" in args:
        kept = () if args.get("exact") else one.get("groups", ())
        one["groups"] = sorted({*kept, *args["groups"]} - {one["group"]})
    if "blob" in args:
        one["password"] = args["blob"]
    if args.get("create_home"):
        one["home_missing"] = False


def keys(world: Json, call: str, args: Json) -> Json:
    """What is asked of, or done to, the keys of a user."""
    name = args["user"]
    if call == "key.list":
        lines = world.get("keys", {}).get(name, {}).get("lines", [])
        return {"keys": [{"key": bare(line), "options": options(line)} for line in lines]}
    if name not in world["users"]:
        missing = fault("unknown_owner", f"there is no user {name}", f"user:{name}", kind="transient")
        if call == "key.ensure":
            raise CallError(call, missing)
        return {"exists": False, "obstacles": [missing]}
    held = world.setdefault("keys", {}).get(name, {}).get("lines", [])
    edited = edit(held, args)
    if call == "key.ensure":
        if args.get("expect", digest(held)) != digest(held):
            raise CallError(call, {"class": "conflict", "code": "conflict", "message": "not as expected"})
        if edited != held:
            world["keys"][name] = {"lines": edited}
        return {"changed": edited != held}
    reply: Json = {
        "path": f"/home/{name}/.ssh/authorized_keys",
        "exists": bool(held),
        "loose": False,
        "differs": edited != held,
        "state": digest(held),
        "keys": [of_one(held, line) for line in args["keys"]],
    }
    mine = {blob(line) for line in args["keys"]}
    others = [digest(blob(line))[:20] for line in held if blob(line) not in mine]
    if args.get("exclusive") and others:
        reply |= {"others": others, "more": 0}
    return reply


def of_one(held: list[str], line: str) -> Json:
    """How often a key is there, and how."""
    same = [one for one in held if blob(one) == blob(line)]
    found = {"fingerprint": digest(blob(line))[:20], "count": len(same)}
    return found | ({"options": options(same[0])} if same else {})


def edit(held: list[str], args: Json) -> list[str]:
    """The keys as they are wanted."""
    wanted = {blob(line): line for line in args["keys"]}
    if args.get("absent"):
        return [line for line in held if blob(line) not in wanted]
    kept = {}
    for line in held:
        mine = wanted.get(blob(line))
        if mine is None and args.get("exclusive"):
            continue
        kept.setdefault(blob(line), line if mine is None or options(mine) == options(line) else mine)
    return list((kept | {key: line for key, line in wanted.items() if key not in kept}).values())


def blob(line: str) -> str:
    """What a key is."""
    return next(word for word in line.split() if word.startswith("AAAA"))


def bare(line: str) -> str:
    """A key without its options."""
    return line[len(options(line)) :].strip()


def options(line: str) -> str:
    """What stands before the kind of a key."""
    first = line.split(maxsplit=1)[0]
    return "" if first.startswith("ssh-") else first
