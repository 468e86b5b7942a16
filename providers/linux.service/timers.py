"""The kind Timer: a timer of systemd with what it starts, as one thing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from in_the_way import no_such_unit
from scopes import directories, foreign, making, nobody_there, places_of, unit_in, writing_calls
from startup import actions_for, is_so
from timer_files import HEAD, body_of
from timer_looks import check_schedules, differs, files_of, seen, stat_question, texts_of
from unit_files import content_of, preimage_of
from unit_looks import MODE

from froyo_provider import (
    Actual,
    Fault,
    FieldDiff,
    Operation,
    PermanentError,
    Provider,
    Resource,
    batch,
    gather,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freshness import Json

WRITABLE_BY_OTHERS = 0o022


class Timer(Provider):
    """A command, or a unit, that is started at certain times."""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """The files and the units in one round trip; in another, whether new schedules mean anything."""
        places = await places_of(wanted)
        texts = [texts_of(one, place) for one, place in zip(wanted, places, strict=True)]
        questions: dict[str, Json] = {}
        for some, place in zip(texts, places, strict=True):
            if isinstance(some, Fault) or isinstance(place, Fault):
                continue
            for path, text in some.items():
                above = {one: {"path": one, "digest": False} for one in directories(place, path)}
                questions |= {**above, path: stat_question(path, text, place)}
        started = [unit_in(one.spec, one.spec["unit"]) for one in wanted if "unit" in one.spec]
        started = list(dict.fromkeys(started))
        units = [unit_in(one.spec, f"{one.spec['name']}.timer") for one in wanted]
        # They are of different types, which gather cannot say.
        stats, timers, others = await gather(
            batch("file.stat", list(questions.values())),
            batch("unit.query", [{"unit": unit} for unit in units]),
            batch("unit.query", [{"unit": unit} for unit in started]),
        )
        known: dict[str, Any] = dict(zip(questions, stats, strict=True))
        units_known: dict[str, Any] = dict(zip(started, others, strict=True))
        found = [
            place
            if isinstance(place, Fault)
            else some
            if isinstance(some, Fault)
            else seen(one, place, some, known, timer, units_known)
            for one, place, some, timer in zip(wanted, places, texts, timers, strict=True)
        ]
        await check_schedules(wanted, found)
        return found

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """What is not as declared."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource: Resource) -> Resource:
        """Neither the timer nor what was made for it to start, or the file of a timer that was there before."""
        return replace(resource, spec={**resource.spec, "state": "absent"})


def planned(one: Resource, now: Actual) -> Operation:
    """What is to be done about one. Where a user is not there neither are the user's timers, nor can they be."""
    is_absent = one.spec["state"] == "absent"
    if "nobody" in now.state:
        if is_absent:
            return Operation("none")
        diffs = [FieldDiff("state", "absent", "present")]
        calls = [control(one.spec, ["start"])]
        return Operation(
            "create", diffs, calls=calls, obstacles=[nobody_there(one.spec, now.state["nobody"])]
        )
    if one.restores is not None:
        return restoring(one, now.state)
    return removal(one, now.state) if is_absent else presence(one, now)


def restoring(one: Resource, state: Json) -> Operation:
    """What it takes that the file of the timer is what was there before. Whether that runs is left as it is."""
    body, stem = one.restores or {}, f"{state['place']['path']}/{one.spec['name']}"
    path, service = f"{stem}.timer", f"{stem}.service"
    stat, other = state["files"][path], state["files"][service]
    diffs, calls = [], []
    if not stat["exists"] or stat.get("digest") != body["digest"]:
        refuse_in_the_way(path, stat if stat["exists"] else {"type": "file"})
        diffs.append(FieldDiff("timer", content_of(stat) if stat["exists"] else None, body))
        owner = {"uid": state["place"]["uid"], "gid": state["place"]["gid"]}
        write = {"path": path, "blob": body["digest"], "size": body["size"], "mode": MODE, **owner}
        calls += writing_calls(state["place"], path, stat, write)
    if other["exists"] and ("command" in one.spec or was_made_here(other)):
        refuse_in_the_way(service, other)
        diffs.append(FieldDiff("service", content_of(other), None))
        calls.append({"call": "file.remove", "args": {"path": service, "expect": other["state"]}})
    if (calls or state["unread"]) and "unmanaged" not in state:
        diffs = diffs or [FieldDiff("loaded", "as it was before", "as it is")]
        calls.append(control(one.spec, ["daemon-reload"]))
    if not calls:
        return Operation("none")
    blobs = [call["args"]["blob"] for call in calls if "blob" in call["args"]]
    return Operation(
        "update", diffs, calls=calls, blobs=blobs, obstacles=in_their_way(state, [path], "file.write")
    )


def removal(one: Resource, state: Json) -> Operation:
    """What it takes that there is neither file; of a service without a `command`, of one that was made here."""
    gone = [
        path
        for path, stat in state["files"].items()
        if stat["exists"] and (path.endswith(".timer") or "command" in one.spec or was_made_here(stat))
    ]
    diffs = [FieldDiff("state", "present", "absent", ignored="state" in one.ignore)] if gone else []
    if not gone or diffs[0].ignored:
        return Operation("none", diffs)
    for path in gone:
        refuse_in_the_way(path, state["files"][path])
    actions, managed = ending(state), "unmanaged" not in state
    calls = [control(one.spec, actions, expect=state["expect"])] if actions and managed else []
    calls += [
        {"call": "file.remove", "args": {"path": path, "expect": state["files"][path]["state"]}}
        for path in gone
    ]
    calls += [control(one.spec, ["daemon-reload"])] if managed else []
    return Operation(
        "delete", diffs, calls=calls, obstacles=in_their_way(state, gone, "file.remove"), **lost(gone, state),
    )  # fmt: skip


def was_made_here(stat: Json) -> bool:
    """Whether a file begins as those do that are made here."""
    return str(stat.get("text", "")).startswith(HEAD)


def ending(state: Json) -> list[str]:
    """What it takes that a timer neither runs nor begins with the host."""
    actions = ["disable"] if state["startup"] == "enabled" else []
    return actions if state["active"] == "inactive" else [*actions, "stop"]


def presence(one: Resource, now: Actual) -> Operation:
    """What it takes that the files are as declared, and that systemd goes by them."""
    state, spec = now.state, one.spec
    if state.get("refused"):
        raise PermanentError(
            f"schedule: {spec['schedule']!r} means nothing to systemd ({state['refused']}): write one such as daily,"
            " Mon..Fri 02:30 or *-*-01 04:00 (`man systemd.time`)"
        )
    place = state["place"]
    there = state["files"][f"{place['path']}/{spec['name']}.timer"]["exists"]
    diffs = [] if there else [FieldDiff("state", "absent", "present")]
    writes = []
    for path, text in files_of(spec, place).items():
        stat, field = state["files"][path], path.rpartition(".")[2]
        found = file_diffs(field, path, text, stat, place)
        for diff in found:
            diff.ignored = field in one.ignore or diff.field in one.ignore
        diffs += found
        if any(not diff.ignored for diff in found):
            writes += writing(path, text, stat, place)
    steps = unit_steps(spec, state)
    for diff, _ in steps:
        diff.ignored = diff.field in one.ignore
    diffs += [diff for diff, _ in steps]
    actions = [action for diff, some in steps if not diff.ignored for action in some]
    if not writes and state["unread"]:
        diffs.append(FieldDiff("loaded", "as it was before", "as it is"))
    if not writes and not actions and not state["unread"]:
        if state["load"] in {"bad-setting", "error"}:
            raise PermanentError(f"systemd does not take it: {state.get('loadError', state['load'])}")
        return Operation("none", diffs)
    if writes or state["unread"]:
        actions.append("daemon-reload")
    calls = [*writes, control(spec, actions, **({} if writes else {"expect": state["expect"]}))]
    written = [call["args"]["path"] for call in writes if call["call"] == "file.write"]
    obstacles = [*in_their_way(state, written, "file.write"), *nothing_to_start(spec, state, actions)]
    if "unmanaged" in state:
        needed = set(actions) - {"daemon-reload"}
        calls = calls if needed else writes
        obstacles += [nobody_there(spec, state["unmanaged"])] if needed else []
    calls = [*(making(place, state["missingAbove"]) if writes and "missingAbove" in state else ()), *calls]
    return Operation(
        "update" if now.exists else "create", diffs, calls=calls, obstacles=obstacles, **lost(written, state),
    )  # fmt: skip


def lost(paths: list[str], state: Json) -> Json:
    """What would be lost, where it is ours to read: a timer can come back, and a service is counted."""
    mine = {
        path: content
        for path in paths
        if not foreign(state["place"], state["files"][path])
        and (content := preimage_of(path, state["files"][path])) is not None
    }
    timers = [content for path, content in mine.items() if path.endswith(".timer")]
    return {"preimage": timers[0] if timers else None, "lost": len(mine) - len(timers)}


def file_diffs(field: str, path: str, text: str, stat: Json, place: Json) -> list[FieldDiff]:
    """How one of the files differs."""
    wanted = body_of(text)
    if not stat["exists"]:
        return [FieldDiff(field, None, wanted)]
    refuse_in_the_way(path, stat)
    if stat["type"] == "symlink":
        return [FieldDiff(field, f"a symbolic link to {stat['to']}", wanted)]
    if foreign(place, stat):
        return [FieldDiff(f"{field}.owner", stat["owner"], place["owner"])]
    diffs = [FieldDiff(field, content_of(stat), wanted)] if differs(stat, text) else []
    if int(stat["mode"], 8) & WRITABLE_BY_OTHERS:
        diffs.append(FieldDiff(f"{field}.mode", stat["mode"], MODE))
    if stat["uid"] != place["uid"]:
        diffs.append(FieldDiff(f"{field}.owner", stat["owner"], place["owner"]))
    return diffs


def refuse_in_the_way(path: str, stat: Json) -> None:
    """Something else than a file is not taken away.

    Raises:
        PermanentError: there is something else.
    """
    if stat["type"] not in {"file", "symlink"}:
        raise PermanentError(f"{path} is no regular file; it is left where it is")


def unit_steps(spec: Json, state: Json) -> list[tuple[FieldDiff, list[str]]]:
    """What it takes that the timer runs and begins with the host, or neither."""
    steps = []
    wanted: bool = spec["enabled"]
    begins, runs = is_so("enabled", state["startup"]), state["active"] == "active"
    if begins is not wanted:
        word = "enabled" if wanted else "disabled"
        steps.append((FieldDiff("enabled", begins, wanted), actions_for(word, state["startup"])))
    # One of all users runs with each user's manager, or does not.
    if runs is not wanted and spec.get("scope") != "global":
        after, action = ("active", "start") if wanted else ("inactive", "stop")
        steps.append((FieldDiff("active", state["active"], after), [action]))
    return steps


def writing(path: str, text: str, stat: Json, place: Json) -> list[Json]:
    """The calls that put a file in place."""
    owner = {"uid": place["uid"], "gid": place["gid"]}
    return writing_calls(place, path, stat, {"path": path, "text": text, "mode": MODE, **owner})


def control(spec: Json, actions: list[str], **more: str) -> Json:
    """An order to the manager of the timer."""
    unit = unit_in(spec, f"{spec['name']}.timer")
    return {"call": "unit.control", "args": {"unit": unit, "actions": actions, **more}}


def in_their_way(state: Json, paths: list[str], call: str) -> list[Json]:
    """What would make the calls about the files fail."""
    return [{"call": call, **each} for path in paths for each in state["files"][path].get("obstacles", ())]


def nothing_to_start(spec: Json, state: Json, actions: list[str]) -> list[Json]:
    """A timer of a unit that there is not cannot be started."""
    if "missing" not in state or "start" not in actions:
        return []
    return [no_such_unit(spec, state["missing"])]
