"""What people do to packages, services and accounts of a modelled machine, whose system is theirs as well."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.sim.accounts import Accounts, Group
from tests.sim.dpkg import Dpkg, Installed, Known
from tests.sim.files import Node
from tests.sim.system import System
from tests.sim.systemd import PLACE, Systemd

Json = dict[str, Any]


def meddle(system: System, subject: str, random_: random.Random, by: Json) -> None:
    """Somebody does something about a subject, such as `unit:app.service`."""
    scheme, _, name = subject.partition(":")
    if scheme == "package":
        with_apt(system.packages, name, random_, by)
    elif scheme == "unit":
        with_systemctl(system.units, name, random_, by)
    else:
        with_useradd(system.accounts, scheme, name, random_, by)


def with_apt(packages: Dpkg, name: str, random_: random.Random, by: Json) -> None:
    """Install, remove, downgrade, hold, or kill what somebody else runs."""
    known, fate = packages.archive.get(name, Known(())), random_.random()
    if packages.interrupted and random_.random() < 0.3:
        run(packages, ["dpkg", "--configure", "-a"], by)
    elif fate < 0.35 and name in packages.truth:
        verb = random_.choice(["remove", "remove", "purge"])
        run(packages, ["apt-get", "-o", "APT::Get::Remove=true", verb, "--", name], by)
    elif fate < 0.7 and known.versions:
        version, stays = random_.choice(known.versions), random_.random() < 0.4
        argv = ["apt-get", "install", "--", f"{name}={version}"]
        run(packages, argv, by, ["apt-mark", "hold", "--", name] if stays else [])
    elif fate < 0.8:
        run(packages, ["apt-mark", "unhold" if name in packages.held else "hold", "--", name], by)
    elif fate < 0.9:
        run(packages, ["apt-get", "update"], by)
    elif packages.holder is not None and packages.holder["pid"] == by["pid"]:
        packages.lose()  # what they run themselves, in the middle


def run(packages: Dpkg, argv: list[str], by: Json, then: Sequence[str] = ()) -> None:
    """Somebody runs a program, and another one once it has done what it was to do."""

    def ended(status: int, _stdout: str, _stderr: str) -> None:
        if then and status == 0 and not packages.left_alone:
            run(packages, list(then), by)

    packages.start(argv, by | {"command": " ".join(argv)}, ended)


def with_systemctl(units: Systemd, unit: str, random_: random.Random, by: Json) -> None:
    """Stop, start, disable, mask, kill; or edit the file of a unit, and perhaps have it read."""
    own = units.files.nodes.get(f"{PLACE}/{unit}")
    fate = random_.random()
    if fate < 0.2 and not unit.endswith(".timer"):  # which has no process
        units.die(unit, by)
    elif fate < 0.35 and own is not None and own.type == "file":
        text = b"edited by somebody %d\n" % random_.randrange(5)
        units.files.put(f"{PLACE}/{unit}", replace(own, content=text), by)
        if random_.random() < 0.5:
            units.daemon_reload()
    elif fate < 0.45 and own is not None:
        units.files.remove(f"{PLACE}/{unit}", by)
    elif units.states.get(unit) is not None:
        actions = [
            random_.choice(["stop", "stop", "start", "restart", "reload", "disable", "mask", "enable"])
        ]
        units.order({"unit": unit, "actions": actions}, lambda _result: None, alive=lambda: True, by=by)


def with_useradd(accounts: Accounts, scheme: str, name: str, random_: random.Random, by: Json) -> None:
    """Make, change or remove an account, or be at it for a while."""
    known: Any = accounts.users if scheme == "user" else accounts.groups
    fate = random_.random()
    if fate < 0.15:
        accounts.locked_by = "" if accounts.locked_by else "vipw"
    elif name not in known:
        accounts.do(f"{scheme}.ensure", {scheme: name}, by)
    elif fate < (0.2 if name == "staff" else 0.4):
        accounts.do(f"{scheme}.remove", {scheme: name}, by)
    elif scheme == "group" and accounts.users:
        members = accounts.groups[name].members ^ {random_.choice(sorted(accounts.users))}
        accounts.do("group.members", {"group": name, "members": members & accounts.users.keys()}, by)
    elif scheme == "user":
        shell = random_.choice(["/bin/sh", "/bin/bash", "/bin/false"])
        accounts.do("user.ensure", {"user": name, "shell": shell, "locked": random_.random() < 0.5}, by)


def settle(system: System, wanted: set[int]) -> None:
    """The trouble ends: whoever has made what only a person can end does so.

    Args:
        system: of a machine.
        wanted: numbers of accounts that are declared.
    """
    by = {"command": "admin", "pid": 7, "user": "alice"}
    packages, units, accounts = system.packages, system.units, system.accounts
    packages.left_alone = True
    packages.offline, units.slow, accounts.locked_by = False, False, ""
    broken = set(packages.failing)
    packages.failing.clear()
    if broken or (packages.interrupted and not packages.ours):
        run(packages, ["dpkg", "--configure", "-a"], by)
    if packages.held:
        names = sorted(packages.held)
        packages.held.clear()
        packages.effects.merged(names, dict(packages.status), by)
    for unit in sorted(units.states):
        own = units.files.nodes.get(f"{PLACE}/{unit}")
        if own is not None and own.type == "symlink" and unit not in units.packaged:
            units.order(
                {"unit": unit, "actions": ["unmask"]}, lambda _result: None, alive=lambda: True, by=by
            )
    failed, units.failing = sorted(units.failing), set()
    for unit in failed:
        units.order({"unit": unit, "actions": ["restart"]}, lambda _result: None, alive=lambda: True, by=by)
    for name, user in sorted(accounts.users.items()):
        if name.startswith("stranger") and user.uid in wanted:
            accounts.do("user.remove", {"user": name}, by)


def furnish(system: System, archive: dict[str, Known], random_: random.Random) -> None:
    """Somebody has lived here before."""
    system.furnish()
    packages = system.packages
    packages.archive = dict(archive)
    system.accounts.groups["staff"] = Group(50)
    if random_.random() < 0.6:
        packages.lists = dict(archive)
    for name, known in sorted(archive.items()):
        if random_.random() < 0.3:
            for each in (*known.needs, name):
                one = Installed(random_.choice(archive[each].versions))
                packages.truth.setdefault(each, replace(one, automatic=each != name))
    packages.status = dict(packages.truth)
    for name in sorted(packages.truth):
        if archive[name].unit:
            unit = f"{name}.service"
            system.units.packaged[unit] = f"{name} {packages.truth[name].version}"
            system.units.states[unit] = system.units._state(unit)
            system.units.states[unit].known = True
            wants = f"{PLACE}/multi-user.target.wants/{unit}"
            system.units.files.nodes[wants] = Node("symlink", 0o777, to=f"/lib/systemd/system/{unit}")
    system.units.boot()
