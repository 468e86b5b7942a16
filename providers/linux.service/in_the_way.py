"""What would make an order to systemd fail, as far as it was seen: told with the plan, and not tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scopes import GLOBAL, in_words, nobody_there, unit_in
from startup import MASKED, cannot

if TYPE_CHECKING:
    from freshness import Json

BEGINNING = frozenset({"start", "restart", "reload"})
JOBS = BEGINNING | {"stop"}
BROKEN = frozenset({"bad-setting", "error"})
PLACES = ("/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system")
"""Where the file of a unit turns up."""
BROUGHT = ("/lib/", "/usr/", "/run/")
"""Where no file is that somebody has put there for a unit to be."""
USERS = "/usr/lib/systemd/user"
"""Where packages put those of users' managers."""


def places(spec: Json) -> tuple[str, ...]:
    """Where the file of such a unit turns up: where an administrator puts it, and then where packages do."""
    return (GLOBAL, USERS) if "scope" in spec else PLACES


def no_such_unit(spec: Json, unit: str) -> Json:
    """That what is to be started is not there, and what could bring it."""
    why = f"there is no unit {unit} here: install the package that brings it, or declare a Unit"
    brings = [f"unit-file:{spec['user']}/{unit}"] if spec.get("scope") == "user" else []
    subjects = [*brings, *(f"path:{place}/{unit}" for place in places(spec))]
    return obstacle("enoent", why, subjects, error_class="transient")


def of_a_mask(spec: Json, state: Json, actions: list[str]) -> list[Json]:
    """That the link which masks a unit cannot be where a file is that somebody has put there."""
    if "mask" not in actions or not state["path"] or state["path"].startswith(BROUGHT):
        return []
    why = (
        f"{spec['unit']} has a file of its own, {state['path']}, where the link would be that masks it: declare it"
        " stopped and disabled, or have the file gone first (a Unit with `state: absent`)"
    )
    return [obstacle("wrong_type", why, [f"path:{state['path']}"])]


def in_the_way(spec: Json, state: Json, actions: list[str]) -> list[Json]:
    """What was seen that would make the order fail."""
    unit, own = spec["unit"], spec.get("scope") == "user"
    if "unmanaged" in state:
        return [nobody_there(spec, state["unmanaged"])]
    if JOBS.isdisjoint(actions) and "enable" not in actions:
        return []
    if actions == ["stop"] or ("stop" in actions and "enable" not in actions):
        return []
    if state["load"] == "not-found":
        return [no_such_unit(spec, unit)]
    if state["file"] in MASKED and "unmask" not in actions:
        how = f"{in_words(spec, 'systemctl')} unmask"
        why = f"{unit} is masked, so nothing can start it: declare `startup`, or {how} it"
        return [
            obstacle(
                "unit_masked",
                why,
                [f"unit:{spec['user']}/{unit}" if own else f"path:{places(spec)[0]}/{unit}"],
            )
        ]
    if state["load"] in BROKEN and not state["unread"]:
        why = f"{unit} cannot be loaded: {state.get('loadError', state['load'])}"
        return [
            obstacle(
                "unit_failed",
                why,
                [f"unit:{unit_in(spec, unit)}", *([f"path:{state['path']}"] if state["path"] else [])],
            )
        ]
    if "enable" in actions and (why := cannot("enabled", state["file"])):
        return [
            obstacle(
                "unit_failed",
                f"{unit} {why}: leave `startup` out",
                [f"path:{state['path']}"] if state["path"] else [],
            )
        ]
    return []


def obstacle(code: str, message: str, subjects: list[str], *, error_class: str = "permanent") -> Json:
    """What is in the way, as a fault of the call that would meet it."""
    return {
        "call": "unit.control",
        "class": error_class,
        "code": code,
        "message": message,
        "subjects": subjects,
    }
