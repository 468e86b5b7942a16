"""Whose manager of units a thing is declared for, and where the files of its units are.

A unit of a user's manager is called USER/UNIT in calls and subjects. The home of a user is that user's to change, so
what is done there never takes what somebody else owns for the user's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from froyo_provider import CallError, Fault, Resource, batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from freshness import Json

SYSTEM = "/etc/systemd/system"
GLOBAL = "/etc/systemd/user"
LINGERS = "/var/lib/systemd/linger"
BELOW_HOME = (".config", "systemd", "user")
ABSENT = "sha256:40484e9c59942961cf6765b3c408cddd550d8eea3b5cc8cfd12aa1d88092abec"
"""The state of a path at which there is nothing."""
NOBODY_THERE = frozenset({"no_manager", "unknown_owner"})
"""Why a user's manager cannot be asked although nothing is wrong with it: it does not run, or there is no such user."""


def unit_in(spec: Json, unit: str) -> str:
    """What a unit is called in a call."""
    if spec.get("scope") == "global":
        return f"@global/{unit}"
    return f"{spec['user']}/{unit}" if spec.get("scope") == "user" else unit


def in_words(spec: Json, program: str) -> str:
    """How a person calls systemctl or journalctl for the manager that is meant."""
    if spec.get("scope") == "global":
        return f"{program} --global"
    if spec.get("scope") != "user":
        return f"{program} -u" if program == "journalctl" else program
    if program == "journalctl":
        return f"journalctl _UID=$(id -u {spec['user']}) --user-unit"
    return f"{program} --user --machine={spec['user']}@"


def absent_unit(spec: Json, unit: str, why: str) -> Json:
    """A unit that no manager is there to tell of."""
    quiet: Json = {"load": "not-found", "active": "inactive", "sub": "dead", "result": "success", "type": ""}
    numbers: Json = {"exit": 0, "restarts": 0, "started_us": 0, "changed_us": 0}
    flags: Json = {"need_reload": False, "can_reload": False, "remains": False}
    names: Json = {"id": unit_in(spec, unit), "path": "", "file_state": "", "dropins": [], "state": ""}
    return quiet | numbers | flags | names | {"unmanaged": why}


def told(spec: Json, unit: str, reply: Json | CallError) -> Json | CallError:
    """What is said of a unit, also where there is no manager to ask."""
    if isinstance(reply, CallError) and spec.get("scope") == "user" and reply.code in NOBODY_THERE:
        return absent_unit(spec, unit, str(reply))
    return reply


def nobody_there(spec: Json, why: str) -> Json:
    """What is in the way of all that a user's manager is to do."""
    return {
        "call": "unit.control",
        "class": "transient",
        "code": "no_manager",
        "message": why,
        "subjects": [f"user:{spec['user']}", f"path:{LINGERS}/{spec['user']}"],
    }


async def places_of(wanted: Sequence[Resource]) -> list[Json | Fault]:
    """Where the files of each are to be: `path`, and whom they are to belong to.

    Of a user that there is not there is no path, but only `nobody`.
    """
    users = dict.fromkeys(one.spec["user"] for one in wanted if one.spec.get("scope") == "user")
    replies = await batch("user.stat", [{"user": user} for user in users]) if users else []
    homes = {user: _home(user, reply) for user, reply in zip(users, replies, strict=True)}
    roots: Json = {"uid": 0, "gid": 0, "owner": "root", "group": "root"}
    return [
        homes[one.spec["user"]]
        if one.spec.get("scope") == "user"
        else {"path": GLOBAL if one.spec.get("scope") == "global" else SYSTEM, **roots}
        for one in wanted
    ]


def _home(user: str, reply: Json | CallError) -> Json | Fault:
    if isinstance(reply, CallError):
        return reply
    if not reply["exists"]:
        return {"nobody": f"there is no user {user} on this host: declare a User"}
    home = reply["home"]
    if home in {"", "/"} or not home.startswith("/"):
        return {"nobody": f"{user} has no home in which units could be: {home!r}"}
    path = "/".join((home.rstrip("/"), *BELOW_HOME))
    return {
        "path": path,
        "uid": reply["uid"],
        "gid": reply["gid"],
        "owner": user,
        "group": reply["group"],
        "home": home.rstrip("/"),
    }


def directories(place: Json, path: str) -> list[str]:
    """Of a file in a user's home, the directories that may have to be made for it, from above."""
    if "home" not in place:
        return []
    names = path.rpartition("/")[0].removeprefix(place["home"] + "/").split("/")
    return ["/".join((place["home"], *names[: end + 1])) for end in range(len(names))]


def missing(place: Json, path: str, above: Json) -> list[str] | CallError:
    """Which of these directories are not there, by what is known of each."""
    lacking: list[str] = []
    for directory in directories(place, path):
        there = above[directory]
        if isinstance(there, CallError):
            return lacking or there  # below one that is not there nothing can be seen
        if not there["exists"]:
            lacking.append(directory)
    return lacking


def still_in_the_way(obstacles: Iterable[Json], made: Iterable[str]) -> list[Json]:
    """Without the lack of directories that are made with the first file in them."""
    around = {f"path:{directory}" for directory in made}
    return [one for one in obstacles if around.isdisjoint(one["subjects"]) or one["code"] != "enoent"]


def making(place: Json, missing: Iterable[str]) -> list[Json]:
    """The calls that make them, for the user. What is there already is left as it is, whosever it is."""
    given: Json = {"mode": "0755", "uid": place["uid"], "gid": place["gid"], "expect": ABSENT}
    return [{"call": "dir.ensure", "args": {"path": path, **given}} for path in missing]


def foreign(place: Json, stat: Json) -> bool:
    """Whether a file in a user's home is somebody else's: it could be another name of any file that the user sees."""
    return (
        "home" in place and bool(stat.get("exists", True)) and stat.get("uid", place["uid"]) != place["uid"]
    )


def writing_calls(place: Json, path: str, stat: Json, arguments: Any) -> list[Json]:
    """The calls that put a file in place; of what is somebody else's only the name is taken away."""
    if not foreign(place, stat):
        return [{"call": "file.write", "args": {**arguments, "expect": stat["state"]}}]
    return [
        {"call": "file.remove", "args": {"path": path, "expect": stat["state"]}},
        {"call": "file.write", "args": {**arguments, "expect": ABSENT}},
    ]
