"""What there is of a Timer: its files, what systemd makes of them, and whether a new schedule is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from in_the_way import places
from scopes import missing, still_in_the_way, told, unit_in
from startup import link_of
from timer_files import body_of, meaning, service_text, timer_text
from unit_looks import MODE, TEXT_MAX

from froyo_provider import Actual, CallError, Fault, Resource, batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freshness import Json

UNKNOWABLE = frozenset({"command_not_found", "not_executable"})
"""Why it cannot be asked on a host whether there is such a schedule: then systemd says so when it reads the file."""


def texts_of(one: Resource, place: Json | Fault) -> dict[str, str | None] | Fault:
    """By path, what is to be in each file; None where it is not to be there. Nothing is where there is no place."""
    if isinstance(place, Fault):
        return place
    if "nobody" in place:
        return {}
    stem = f"{place['path']}/{one.spec['name']}"
    if one.spec["state"] == "absent":
        return {f"{stem}.timer": None, f"{stem}.service": None}
    try:
        return dict(files_of(one.spec, place))
    except Fault as fault:
        return fault


def files_of(spec: Json, place: Json) -> dict[str, str]:
    """By path, what is in the files of one that is there.

    Raises:
        PermanentError: systemd would not take it.
    """
    stem, service = f"{place['path']}/{spec['name']}", service_text(spec)
    return {f"{stem}.timer": timer_text(spec)} | ({} if service is None else {f"{stem}.service": service})


def stat_question(path: str, text: str | None, place: Json) -> Json:
    """What to ask about one of the files."""
    if text is None:
        wanted: Json = {"type": "absent"}
    else:
        wanted = {"type": "file", "digest": body_of(text)["digest"], "mode": MODE}
        wanted |= {"uid": place["uid"], "gid": place["gid"]}
    return {"path": path, "wanted": wanted, "text_max": TEXT_MAX}


def seen(
    one: Resource, place: Json, texts: dict[str, str | None], stats: Json, timer: Any, others: Json
) -> Actual | Fault:
    """What is known of one."""
    if "nobody" in place:
        return Actual(exists=False, state=place, watch=(f"user:{one.spec['user']}", "path:/etc/passwd"))
    unit = f"{one.spec['name']}.timer"
    timer, other = told(one.spec, unit, timer), None
    if "unit" in one.spec:
        other = told(one.spec, one.spec["unit"], others[unit_in(one.spec, one.spec["unit"])])
    lacking: Any = missing(place, next(iter(texts)), stats)
    for reply in (timer, other, lacking, *(stats[path] for path in texts)):
        if isinstance(reply, CallError):
            return reply
    scope = one.spec.get("scope", "")
    watch = [] if scope == "global" else [f"unit:{unit_in(one.spec, unit)}"]
    if "home" not in place:
        watch.append(f"path:{link_of(unit, scope)}")
    files = files_seen(texts, stats, lacking)
    for path, stat in files.items():
        watch.append(f"path:{path}")
        watch += [subject for each in stat.get("obstacles", ()) for subject in each["subjects"]]
    state: Json = {"files": files, "active": timer["active"], "startup": timer["file_state"]}
    state |= {"unread": timer["need_reload"], "load": timer["load"], "expect": timer["state"]}
    if "load_error" in timer:
        state["loadError"] = timer["load_error"]
    state |= {"place": place} | ({"missingAbove": lacking} if lacking else {})
    if "unmanaged" in timer:
        state["unmanaged"] = timer["unmanaged"]
    elif isinstance(other, dict) and other["load"] == "not-found":
        state["missing"] = one.spec["unit"]
        watch += [f"path:{where}/{one.spec['unit']}" for where in places(one.spec) if "home" not in place]
    return Actual(any(stat["exists"] for stat in files.values()), state, tuple(dict.fromkeys(watch)))


def files_seen(texts: dict[str, str | None], stats: Json, lacking: list[str]) -> Json:
    """What is known of each file, with its text where it is as wanted; without what is made with it."""
    files = {}
    for path, text in texts.items():
        stat = dict(stats[path])
        if lacking:
            stat["obstacles"] = still_in_the_way(stat.get("obstacles", ()), lacking)
        if text is not None and stat.get("digest") == body_of(text)["digest"]:
            stat["text"] = text
        files[path] = stat
    return files


async def check_schedules(wanted: Sequence[Resource], found: list[Actual | Fault]) -> None:
    """Have systemd say of each schedule that is not in force yet whether it is one."""
    asked = [
        at
        for at, (one, now) in enumerate(zip(wanted, found, strict=True))
        if "schedule" in one.spec
        and one.spec["state"] == "present"
        and isinstance(now, Actual)
        and "files" in now.state
        and is_new(one, now)
    ]
    replies = await batch("unit.calendar", [{"expression": wanted[at].spec["schedule"]} for at in asked])
    for at, reply in zip(asked, replies, strict=True):
        now = found[at]
        if isinstance(reply, CallError):
            if reply.code not in UNKNOWABLE:
                found[at] = reply
        elif not reply["valid"] and isinstance(now, Actual):
            now.state["refused"] = reply["error"]


def is_new(one: Resource, now: Actual) -> bool:
    """Whether the file of the timer says something else, or is not there."""
    path = f"{now.state['place']['path']}/{one.spec['name']}.timer"
    return differs(now.state["files"][path], timer_text(one.spec))


def differs(stat: Json, text: str) -> bool:
    """Whether a file says to systemd something else than a text does."""
    if not stat["exists"] or stat["type"] != "file" or "text" not in stat:
        return True
    return stat["text"] != text and meaning(stat["text"]) != meaning(text)
