"""What there is of a Timer: its files, what systemd makes of them, and whether a new schedule is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from in_the_way import PLACES
from scopes import SYSTEM as PLACE
from startup import link_of
from timer_files import body_of, meaning, service_text, timer_text
from unit_looks import MODE, TEXT_MAX

from froyo_provider import Actual, CallError, Fault, Resource, batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freshness import Json

UNKNOWABLE = frozenset({"not_supported", "command_not_found", "not_executable"})
"""Why it cannot be asked on a host whether there is such a schedule: then systemd says so when it reads the file."""


def texts_of(one: Resource) -> dict[str, str | None] | Fault:
    """By path, what is to be in each file; None where it is not to be there."""
    place = f"{PLACE}/{one.spec['name']}"
    if one.spec["state"] == "absent":
        return {f"{place}.timer": None, f"{place}.service": None}
    try:
        return dict(files_of(one.spec))
    except Fault as fault:
        return fault


def files_of(spec: Json) -> dict[str, str]:
    """By path, what is in the files of one that is there.

    Raises:
        PermanentError: systemd would not take it.
    """
    place, service = f"{PLACE}/{spec['name']}", service_text(spec)
    return {f"{place}.timer": timer_text(spec)} | ({} if service is None else {f"{place}.service": service})


def stat_question(path: str, text: str | None) -> Json:
    """What to ask about one of the files."""
    if text is None:
        wanted: Json = {"type": "absent"}
    else:
        wanted = {"type": "file", "digest": body_of(text)["digest"], "mode": MODE, "uid": 0, "gid": 0}
    return {"path": path, "wanted": wanted, "text_max": TEXT_MAX}


def seen(
    one: Resource, texts: dict[str, str | None], stats: Json, timer: Any, others: Json
) -> Actual | Fault:
    """What is known of one."""
    other = others.get(one.spec.get("unit", ""))
    for reply in (timer, other, *(stats[path] for path in texts)):
        if isinstance(reply, CallError):
            return reply
    unit = f"{one.spec['name']}.timer"
    watch = [f"unit:{unit}", f"path:{link_of(unit)}"]
    files = {}
    for path, text in texts.items():
        stat = dict(stats[path])
        watch.append(f"path:{path}")
        watch += [subject for each in stat.get("obstacles", ()) for subject in each["subjects"]]
        if text is not None and stat.get("digest") == body_of(text)["digest"]:
            stat["text"] = text
        files[path] = stat
    state: Json = {"files": files, "active": timer["active"], "startup": timer["file_state"]}
    state |= {"unread": timer["need_reload"], "load": timer["load"], "expect": timer["state"]}
    if "load_error" in timer:
        state["loadError"] = timer["load_error"]
    if other is not None and other["load"] == "not-found":
        state["missing"] = one.spec["unit"]
        watch += [f"path:{place}/{one.spec['unit']}" for place in PLACES]
    return Actual(any(stat["exists"] for stat in files.values()), state, tuple(dict.fromkeys(watch)))


async def check_schedules(wanted: Sequence[Resource], found: list[Actual | Fault]) -> None:
    """Have systemd say of each schedule that is not in force yet whether it is one."""
    asked = [
        at
        for at, (one, now) in enumerate(zip(wanted, found, strict=True))
        if "schedule" in one.spec
        and one.spec["state"] == "present"
        and isinstance(now, Actual)
        and is_new(one, now)
    ]
    schedules = [wanted[at].spec["schedule"] for at in asked]
    replies = await batch(
        "exec.check", [{"argv": ["systemd-analyze", "calendar", "--", schedule]} for schedule in schedules]
    )
    for at, reply in zip(asked, replies, strict=True):
        now = found[at]
        if isinstance(reply, CallError):
            if reply.code not in UNKNOWABLE:
                found[at] = reply
        elif reply["exit"] != 0 and isinstance(now, Actual):
            now.state["refused"] = True


def is_new(one: Resource, now: Actual) -> bool:
    """Whether the file of the timer says something else, or is not there."""
    path = f"{PLACE}/{one.spec['name']}.timer"
    return differs(now.state["files"][path], timer_text(one.spec))


def differs(stat: Json, text: str) -> bool:
    """Whether a file says to systemd something else than a text does."""
    if not stat["exists"] or stat["type"] != "file" or "text" not in stat:
        return True
    return stat["text"] != text and meaning(stat["text"]) != meaning(text)
