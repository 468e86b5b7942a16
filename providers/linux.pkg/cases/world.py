"""The world of the cases: as much of dpkg and apt as linux.pkg can tell from the real ones.

    available: {jq: {versions: ["1.7", "1.6"], needs: [libjq], clashes: [old-jq], fails: true}}
        # the newest version first
    installed: {jq: {version: "1.7", state: half-configured, hold: true, automatic: true, kept: [/etc/jq.conf]}}
    offered: {tree: {versions: ["2.1"]}}          # what comes to be available when the lists are fetched,
    lists: {deb.example.org_InRelease: {}}        # and the lists themselves
    debs: {jq: {package: tree}}                   # what is in a file that is said to be another package
    manager: {apt: {stale: true, interrupted: true, holder: {…}, missing: "there is no dpkg", fails: "E: …"}}

Versions are numbers with points.
"""

from __future__ import annotations

import base64
import copy
import operator
from typing import Any, TypeAlias

from froyo_provider import CallError

Json: TypeAlias = "dict[str, Any]"

ORDER = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq}


def answer(world: Json, call: str, args: Json) -> Json:
    """What the runner answers."""
    if missing := manager_of(world).get("missing"):
        raise CallError(call, {"class": "permanent", "code": "not_supported", "message": missing})
    known = {
        "pkg.query": query,
        "pkg.list": listed,
        "pkg.changed": others,
        "pkg.simulate": simulate,
        "pkg.manager": look,
        "exec.run": run,
    }
    return known[call](world, args)


def others(world: Json, args: Json) -> Json:
    """What no package has brought as it is: all of it."""
    below = sorted(path for path in world.get("files", {}) if path.startswith(f"{args['path']}/"))
    return {"files": [{"path": path} for path in below], "unread": [], "cut": False}


def manager_of(world: Json) -> Json:
    """How it is with the package manager."""
    found: Json = world.get("manager", {}).get("apt", {})
    return found


def look(world: Json, _: Json) -> Json:
    """Who is at work."""
    state = manager_of(world)
    reply = {
        "manager": "apt",
        "stale": state.get("stale", False),
        "interrupted": state.get("interrupted", False),
    }
    return reply | ({"holder": state["holder"]} if state.get("holder") else {})


def number(version: str) -> tuple[int, ...]:
    """To compare it by."""
    epoch, colon, rest = version.rpartition(":")
    return (int(epoch) if colon else 0, *(int(part) for part in rest.split(".")))


def fits(version: str, bounds: str) -> bool:
    """Whether it is within."""
    for part in filter(None, bounds.replace(" ", "").split(",")):
        wanted = part.lstrip("<>=")
        if not ORDER[part.removesuffix(wanted) or "="](number(version), number(wanted)):
            return False
    return True


def is_there(world: Json, name: str) -> bool:
    """Whether its files are."""
    one = world.get("installed", {}).get(name)
    return one is not None and one.get("state", "installed") != "config-files"


def listed(world: Json, _: Json) -> Json:
    """What somebody has asked for."""
    found = sorted(world.get("installed", {}).items())
    return {
        "packages": [
            {"name": name, "version": one["version"], "hold": one.get("hold", False)}
            for name, one in found
            if not one.get("automatic") and is_there(world, name)
        ]
    }


def query(world: Json, args: Json) -> Json:
    """What is on record of a package, and what there is where that does not do."""
    name, bounds = args["name"], args.get("version", "")
    exists = is_there(world, name)
    reply = {"manager": "apt", "exists": exists, "fits": False, "state": "not-installed", "hold": False}
    if name in world.get("installed", {}):
        one = world["installed"][name]
        reply |= {"state": one.get("state", "installed"), "hold": one.get("hold", False)}
        if exists:
            reply |= {"version": one["version"], "arch": "all", "automatic": one.get("automatic", False)}
            reply["fits"] = fits(one["version"], bounds)
        if one.get("kept"):
            reply["kept"] = one["kept"]
    if not args.get("absent") and (args.get("latest") or not reply["fits"]):
        versions = world.get("available", {}).get(name, {}).get("versions", [])
        reply |= {"stale": look(world, {})["stale"], "versions": versions}
        chosen = [version for version in versions if fits(version, bounds)]
        reply |= {"choice": chosen[0]} if chosen else {}
    return reply


def simulate(world: Json, args: Json) -> Json:
    """What would be done."""
    trial = copy.deepcopy(world)
    try:
        changes = changed(trial, args)
    except LookupError as error:
        return {"changes": [], "held": [], "error": str(error)}
    installed = world.get("installed", {})
    return {
        "changes": changes,
        "held": [one["name"] for one in changes if installed.get(one["name"], {}).get("hold")],
    }


def changed(world: Json, args: Json) -> list[Json]:
    """Do it, and say what was done."""
    changes: list[Json] = []
    for name in args.get("purge", ()):
        remove(world, name, changes, "purge")
    for name in args.get("remove", ()):
        remove(world, name, changes, "remove")
    for wish in args.get("install", ()):
        if wish.startswith("/"):  # a file, named after what is in it
            name, version = wish.rpartition("/")[2].split("_")[:2]
            name = world.get("debs", {}).get(name, {}).get("package", name)  # unless something else is
            world.setdefault("available", {}).setdefault(name, {"versions": [version]})
        else:
            name, _, version = wish.partition("=")
        install(world, name, version, changes, automatic=False)
    return changes


def remove(world: Json, name: str, changes: list[Json], action: str) -> None:
    """Take a package away, and what cannot be without it."""
    installed = world.setdefault("installed", {})
    if name not in installed:
        return
    for other, known in world.get("available", {}).items():
        if name in known.get("needs", ()) and is_there(world, other):
            remove(world, other, changes, "remove")
    if is_there(world, name) or action == "purge":
        changes.append({"action": action, "name": name, "from": installed[name]["version"]})
    if action == "purge":
        del installed[name]
    else:
        installed[name]["state"] = "config-files"


def install(world: Json, name: str, version: str, changes: list[Json], *, automatic: bool) -> None:
    """Bring a package, and what it needs."""
    installed, known = world.setdefault("installed", {}), world.get("available", {}).get(name)
    if known is None:
        raise LookupError(f"Unable to locate package {name}")
    version = version or known["versions"][0]
    for other in known.get("clashes", ()):
        remove(world, other, changes, "remove")
    for other in known.get("needs", ()):
        if not is_there(world, other):
            install(world, other, "", changes, automatic=True)
    before = installed[name]["version"] if is_there(world, name) else ""
    if not before:
        changes.append({"action": "install", "name": name, "to": version})
    elif before != version:
        verb = "upgrade" if number(before) < number(version) else "downgrade"
        changes.append({"action": verb, "name": name, "from": before, "to": version})
    hold = installed.get(name, {}).get("hold", False)
    state = "half-configured" if known.get("fails") else "installed"
    installed[name] = {"version": version, "state": state, "hold": hold, "automatic": automatic}


def run(world: Json, args: Json) -> Json:
    """What a program does, and says."""
    argv = args["argv"]
    names = argv[argv.index("--") + 1 :] if "--" in argv else []
    said, failed = "", False
    if argv[0] == "dpkg":
        manager_of(world)["interrupted"] = False
    elif argv[0] == "apt-mark":
        for name in names:
            field, value = ("automatic", False) if argv[1] == "manual" else ("hold", argv[1] == "hold")
            world["installed"][name][field] = value
    elif argv[-1] == "update":
        said = manager_of(world).get("fails", "")
        failed = bool(said)
        if not failed:
            manager_of(world)["stale"] = False
            world.setdefault("available", {}).update(world.get("offered", {}))
            for name in world.get("lists", {}):
                world.setdefault("files", {})[f"/var/lib/apt/lists/{name}"] = {"content": ""}
    else:
        said, failed = transact(world, argv, names)
    stdout = base64.b64encode(said.encode()).decode()
    return {"exit": 100 if failed else 0, "signal": None, "stdout": stdout, "stderr": "", "truncated": False}


def transact(world: Json, argv: list[str], names: list[str]) -> tuple[str, bool]:
    """A run of apt-get: what it says, and whether anything has failed."""
    install = [name for name in names if not name.endswith("-")]
    gone = [name.removesuffix("-") for name in names if name.endswith("-")]
    changes = changed(world, {"purge": names} if "purge" in argv else {"install": install, "remove": gone})
    removed = [one for one in changes if one["action"] in ("remove", "purge")]
    if removed and "APT::Get::Remove=true" not in argv:
        raise AssertionError("apt would not have done that")
    verbs = [("Removing" if one in removed else "Setting up", one["name"]) for one in changes]
    broken = [name for name, one in world["installed"].items() if one.get("state") == "half-configured"]
    said = "(Reading database ... \n" + "".join(f"{verb} {name} ...\n" for verb, name in verbs)
    said += "".join(f"dpkg: error processing package {name} (--configure):\n" for name in broken)
    return said, bool(broken)
