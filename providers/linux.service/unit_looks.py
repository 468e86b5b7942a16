"""What there is of a Unit: its file, what is above that, and what its manager makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scopes import absent_unit, directories, missing, places_of, still_in_the_way, told, unit_in

from froyo_provider import Actual, CallError, Fault, Resource, batch, gather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freshness import Json

MODE = "0644"
TEXT_MAX = 65536
"""Bytes of a text that are worth a unified diff to a person."""


async def look(wanted: Sequence[Resource]) -> list[Actual | Fault]:
    """The files, and what managers make of the units."""
    places = await places_of(wanted)
    known = [
        (one, place)
        for one, place in zip(wanted, places, strict=True)
        if not isinstance(place, Fault) and "nobody" not in place
    ]
    managed = [one for one, _ in known if one.spec.get("scope") != "global"]
    above = [path for one, place in known for path in directories(place, path_in(place, one.spec))]
    above = list(dict.fromkeys(above))
    # They are of different types, which gather cannot say.
    found: list[Any] = await gather(
        batch("file.stat", [question(one, place) for one, place in known]),
        batch("unit.query", [{"unit": unit_in(one.spec, unit_of(one.spec))} for one in managed]),
        batch("file.stat", [{"path": path, "digest": False} for path in above]),
    )
    stats, units = iter(found[0]), iter(found[1])
    around = dict(zip(above, found[2], strict=True))
    actual: list[Actual | Fault] = []
    for one, place in zip(wanted, places, strict=True):
        if isinstance(place, Fault):
            actual.append(place)
        elif "nobody" in place:
            actual.append(
                Actual(exists=False, state=place, watch=(f"user:{one.spec['user']}", "path:/etc/passwd"))
            )
        else:
            stat = next(stats)
            is_global = one.spec.get("scope") == "global"
            unit = absent_unit(one.spec, unit_of(one.spec), "") if is_global else next(units)
            actual.append(seen(one, place, stat, told(one.spec, unit_of(one.spec), unit), around))
    return actual


def unit_of(spec: Json) -> str:
    """The unit that the file is about."""
    return str(spec.get("unit") or spec["extends"])


def path_in(place: Json, spec: Json) -> str:
    """Where the file is."""
    if "unit" in spec:
        return f"{place['path']}/{spec['unit']}"
    return f"{place['path']}/{spec['extends']}.d/{spec['dropIn']}.conf"


def question(one: Resource, place: Json) -> Json:
    """What to ask about the file."""
    spec = one.spec
    if spec["state"] == "absent":
        wanted: Json = {"type": "absent"}
    else:
        wanted = {"type": "file", "mode": MODE, "uid": place["uid"], "gid": place["gid"]}
        if "content" not in one.ignore:
            wanted["digest"] = spec["body"]["digest"]
    return {"path": path_in(place, spec), "wanted": wanted, "text_max": TEXT_MAX}


def seen(
    one: Resource, place: Json, stat: Json | CallError, unit: Json | CallError, above: Json
) -> Actual | Fault:
    """What is known of one."""
    if isinstance(stat, CallError):
        return stat
    if isinstance(unit, CallError):
        return unit
    path, state = path_in(place, one.spec), dict(stat)
    exists = state.pop("exists")
    lacking = missing(place, path, above)
    if isinstance(lacking, CallError):
        return lacking
    if lacking:
        state["missing"] = lacking
    # The directory of the drop-ins is made with the first of them, too.
    obstacles = still_in_the_way(state.pop("obstacles", ()), [*lacking, path.rpartition("/")[0]])
    if obstacles:
        state["obstacles"] = obstacles
    state |= {"unread": unit["need_reload"], "load": unit["load"]}
    if "load_error" in unit:
        state["loadError"] = unit["load_error"]
    state["place"] = place
    if "unmanaged" in unit:
        state["unmanaged"] = True
    watch = [f"path:{path}", *(subject for one in obstacles for subject in one["subjects"])]
    if unit["load"] != "template":
        watch.append(f"unit:{unit['id']}")
    return Actual(exists, state, tuple(dict.fromkeys(watch)))
