"""The kind Service."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import homes
from freshness import asked_about, newer
from in_the_way import BEGINNING, JOBS, in_the_way, of_a_mask, places
from orders import ENDED, RUNS, described, order
from refreshing import refreshed
from scopes import in_words, told, unit_in
from startup import actions_for, is_so, link_of

from froyo_provider import (
    Actual,
    CallError,
    Fault,
    FieldDiff,
    Found,
    Operation,
    PermanentError,
    Provider,
    Resource,
    Result,
    TransientError,
    batch,
    call_unless,
    gather,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freshness import Json

Step: TypeAlias = "tuple[FieldDiff, list[str]]"
"""What differs, and the actions that end that."""


class Service(Provider):
    """A unit that runs or does not, and begins with the host or does not."""

    async def find(self) -> list[Found]:
        """Services and timers that begin with the host, or with a user's manager, or that nobody can start.

        Those of systemd itself are none.
        """
        listed = await call_unless({"no_systemd"}, "unit.list")
        if listed is None:
            return []
        mine = homes.begun(await homes.listed())
        states = await batch("unit.query", [{"unit": f"{user}/{unit}"} for user, unit in mine])
        theirs = [
            Found(
                f"{user}/{unit}",
                {"unit": unit, "scope": "user", "user": user, "startup": state["file_state"]},
            )
            for (user, unit), state in zip(mine, states, strict=True)
            if not isinstance(state, CallError) and state["file_state"] in {"enabled", "masked"}
        ]
        return theirs + [
            Found(one["unit"], {"unit": one["unit"], "startup": one["file_state"]})
            for one in listed["units"]
            if one["file_state"] != "disabled"
            and one["unit"].endswith((".service", ".timer"))
            and not one["unit"].startswith("systemd-")
        ]

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """All units, and the times of all that they use, in one round trip."""
        asked = [[path for path, _ in asked_about(one.spec)] for one in wanted]
        paths = list(dict.fromkeys(path for some in asked for path in some))
        # The two are of different types, which gather cannot say.
        found: list[Any] = await gather(
            batch("unit.query", [question(one.spec) for one in wanted]),
            batch("file.stat", [{"path": path, "digest": False, "times": True} for path in paths]),
        )
        units, stats = found
        times = dict(zip(paths, stats, strict=True))
        units = [told(one.spec, one.spec["unit"], unit) for one, unit in zip(wanted, units, strict=True)]
        actual = [
            seen(one, unit, [times[path] for path in some])
            for one, unit, some in zip(wanted, units, asked, strict=True)
        ]
        await gather(
            *(reads_more(one, now, unit) for one, now, unit in zip(wanted, actual, units, strict=True)),
            *(sees_what_is_left(one, now) for one, now in zip(wanted, actual, strict=True)),
        )
        return actual

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """What is not as declared, and all that is to be done about a unit at once."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    async def refresh(self, operation: Operation) -> Result:
        """Reload or restart it, once for each refresh."""
        return await refreshed(operation)

    def absence(self, resource: Resource) -> Resource:
        """What was declared to be there is not: it does not run, begins with nothing, and is not masked."""
        kept = ("unit", "timeout", "settle", "onRefresh", "scope", "user")
        spec: Json = {key: resource.spec[key] for key in kept if key in resource.spec}
        if resource.spec.get("state") == "running":
            spec["state"] = "stopped"
        startup = {"enabled": "disabled", "masked": "unmasked"}.get(resource.spec.get("startup", ""))
        if startup:
            spec["startup"] = startup
        return replace(resource, spec=spec, ignore=())


def question(spec: Json) -> Json:
    """What to ask about a unit."""
    return {"unit": unit_in(spec, spec["unit"])} | ({"replaced": True} if "packages" in spec else {})


def seen(one: Resource, unit: Json | CallError, stats: list[Json | CallError]) -> Actual | Fault:
    """What is known of one."""
    if isinstance(unit, CallError):
        return unit
    spec, due = one.spec, {}
    if stats or unit.get("replaced"):
        broken = [stat for stat in stats if isinstance(stat, CallError)]
        if broken:
            return broken[0]
        due = newer(spec, unit, [stat for stat in stats if not isinstance(stat, CallError)])
    passing = {"running": {"activating", "deactivating"}, "stopped": {"deactivating"}}.get(
        spec.get("state", ""), set()
    )
    if unit.get("flapping") and spec.get("state") == "running":
        return TransientError(
            f"{spec['unit']} fails again and again ({unit['result']}), and systemd starts it each time: it has not"
            f" stayed up for a minute; {in_words(spec, 'journalctl')} {spec['unit']} says why"
        )
    if unit["active"] in passing:
        return TransientError(f"{spec['unit']} is {described(unit)}")
    state: Json = {
        "load": unit["load"],
        "active": unit["active"],
        "sub": unit["sub"],
        "result": unit["result"],
        "file": unit["file_state"],
        "path": unit["path"],
        "unread": unit["need_reload"],
        "ends": unit["type"] == "oneshot" and not unit["remains"],
        "expect": unit["state"],
    }
    if "load_error" in unit:
        state["loadError"] = unit["load_error"]
    if "unmanaged" in unit:
        state["unmanaged"] = unit["unmanaged"]
    if due:
        state["newer"] = due
    return Actual(unit["load"] != "not-found", state, watched(spec, unit), remark(spec, state))


async def reads_more(one: Resource, now: Actual | Fault, unit: Json | CallError) -> None:
    """What would be reloaded is restarted where its unit's own files are newer, too: a reload does not read these."""
    due = now.state.get("newer", {}) if isinstance(now, Actual) else {}
    if isinstance(unit, CallError) or "reload" not in due.values() or one.spec["onRefresh"] == "reload":
        return
    paths = [path for path in (unit["path"], *unit["dropins"]) if path]
    stats = await batch("file.stat", [{"path": path, "digest": False, "times": True} for path in paths])
    if any(
        not isinstance(stat, CallError) and stat.get("mtime_us", 0) > unit["started_us"] for stat in stats
    ):
        due |= dict.fromkeys(due, "restart")


async def sees_what_is_left(one: Resource, now: Actual | Fault) -> None:
    """Of a unit that has gone the link may be left that enables it: it would begin again when it comes back."""
    link = link_of(one.spec["unit"], one.spec.get("scope", ""))
    if isinstance(now, Fault) or now.exists or one.spec.get("startup") != "disabled" or not link:
        return
    if one.spec.get("scope") != "user":  # whose links are the user's
        [stat] = await batch("file.stat", [{"path": link, "digest": False}])
        if not isinstance(stat, CallError) and stat.get("type") == "symlink":
            now.state["file"] = "enabled"


def watched(spec: Json, unit: Json) -> tuple[str, ...]:
    """What concerns one: the unit, what masks and enables it, and what it uses."""
    scope, name = spec.get("scope", ""), spec["unit"]
    subjects = [] if scope == "global" else [f"unit:{unit_in(spec, name)}", f"unit:{unit['id']}"]
    if scope != "user":  # whose links are where only that user's manager, which tells of them, knows
        known = places(spec)
        subjects += [
            f"path:{place}/{name}" for place in (known if unit["load"] == "not-found" else known[:1])
        ]
        if "startup" in spec and (link := link_of(name, scope)):
            subjects.append(f"path:{link}")
    subjects += [f"path:{path}" for path, _ in asked_about(spec)]
    if "packages" in spec:
        subjects.append("path:/var/lib/dpkg/status")
    return tuple(dict.fromkeys(subjects))


def remark(spec: Json, state: Json) -> str:
    """What a person should know although nothing is done about it."""
    if state["unread"]:
        return (
            f"the files of {spec['unit']} have changed since systemd has read them"
            f" ({in_words(spec, 'systemctl')} daemon-reload)"
        )
    return ""


def planned(one: Resource, now: Actual) -> Operation | Fault:
    """What is to be done about one."""
    try:
        return plan_one(one, now.state)
    except Fault as fault:
        return fault


def plan_one(one: Resource, state: Json) -> Operation:
    """What differs, and the one order that ends it."""
    spec = one.spec
    steps = [*startup_steps(spec, state), *state_steps(spec, state)]
    if not any(actions for _, actions in steps):
        steps += freshness_steps(spec, state)
    diffs: list[FieldDiff] = []
    actions: list[str] = []
    for diff, wanted in steps:
        diff.ignored = diff.field in one.ignore
        diffs.append(diff)
        if not diff.ignored:
            actions += [action for action in wanted if action not in actions]
    if not actions:
        return Operation("none", diffs)
    if "restart" in actions and "reload" in actions:
        actions.remove("reload")
    obstacles = of_a_mask(spec, state, actions) or in_the_way(spec, state, actions)
    if state["unread"]:
        actions.append("daemon-reload")
    return Operation(
        "delete" if one.removed else "update",
        diffs,
        calls=[{"call": "unit.control", "args": order(spec, actions, expect=state["expect"])}],
        slow=not JOBS.isdisjoint(actions),
        refreshes=not BEGINNING.isdisjoint(actions),
        obstacles=obstacles,
    )


def startup_steps(spec: Json, state: Json) -> list[Step]:
    """What it takes that it begins with the host as declared."""
    wanted, file = spec.get("startup"), state["file"]
    if wanted is None or is_so(wanted, file):
        return []
    if wanted == "masked" and spec.get("state") == "running":
        raise PermanentError(
            "`startup: masked` and `state: running` exclude each other: what is masked cannot be started"
        )
    return [(FieldDiff("startup", file or None, wanted), actions_for(wanted, file))]


def state_steps(spec: Json, state: Json) -> list[Step]:
    """What it takes that it runs, or does not."""
    wanted, active = spec.get("state"), state["active"]
    if wanted == "running" and active not in RUNS:
        if state["ends"]:
            raise PermanentError(
                f"{spec['unit']} ends when it has done what it does (Type=oneshot): it cannot be kept running;"
                " leave `state` out, declare its timer, or give it RemainAfterExit=yes"
            )
        before = f"failed ({state['result']})" if active == "failed" else "stopped"
        return [(FieldDiff("state", before, "running"), ["start"])]
    if wanted == "stopped" and active not in ENDED:
        return [(FieldDiff("state", "running" if active in RUNS else active, "stopped"), ["stop"])]
    return []


def freshness_steps(spec: Json, state: Json) -> list[Step]:
    """What is due because something is newer than what runs."""
    due, fields = state.get("newer", {}), dict(asked_about(spec))
    steps = []
    for field in ("files", "packages"):
        newer_ones = [path for path in due if fields.get(path, "packages") == field]
        if newer_ones:
            what = "restart" if "restart" in {due[path] for path in newer_ones} else "reload"
            before = f"newer than what runs: {', '.join(newer_ones)}"
            steps.append((FieldDiff(field, before, f"read ({what})"), [what]))
    return steps
