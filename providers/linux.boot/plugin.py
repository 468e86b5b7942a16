"""Starting a host anew: the kind Reboot. docs/spec/linux.boot.md is normative.

A cause has a name, which is the same as long as it is the same; the target knows for which it was started anew.
Invariant: of one cause a host is not started anew twice, be it that nobody saw it come back, or that it did not help.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider import (
    Actual,
    CallError,
    Fault,
    FieldDiff,
    Operation,
    PermanentError,
    Provider,
    Resource,
    Result,
    TransientError,
    batch,
    call,
    gather,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Json: TypeAlias = "dict[str, Any]"

NAMED = 5
"""How many packages are named that ask for it."""
NOTE = "/var/lib/froyo/boot"
"""Where a host keeps for what it was started anew last: all that there is of a Reboot."""
WATCHED = ("path:/run/reboot-required", "path:/boot/", "path:/run/systemd/shutdown/scheduled")


class Reboot(Provider):
    """That a host is started anew when it has to be."""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """Which boot this is, and what asks for another one."""
        going = [one for one in wanted if one.removed]
        staying = [one for one in wanted if not one.removed]
        stats, notes = await gather(
            batch("boot.stat", [{} for _ in staying]),
            batch("file.stat", [{"path": NOTE, "wanted": {"type": "absent"}} for _ in going]),
        )
        found = {one.address: seen(one, told) for one, told in zip(staying, stats, strict=True)}
        found |= {one.address: noted(told) for one, told in zip(going, notes, strict=True)}
        return [found[one.address] for one in wanted]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """Whether there is a cause that it was not started anew for yet."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    async def refresh(self, operation: Operation) -> Result:
        """Start it anew because of what has changed, once for each refresh; the reply mostly comes after its return."""
        spec, now = operation.payload["spec"], await call("boot.stat")
        if spec["when"] == "required":
            return Result(changed=False, output="it is started anew only when that is required")
        done = await call("boot.again", **again(spec, operation.payload["id"], now["boot_id"]))
        return Result(changed=True, output=f"the host was started anew; this is boot {done['boot_id']}")

    def absence(self, resource: Resource) -> Resource:
        """A host that was started anew was; what is left of that is the note."""
        return replace(resource, removed=True)


def name(cause: str) -> str:
    """What something that asks for another boot is called."""
    return hashlib.sha256(cause.encode()).hexdigest()[:32]


def again(spec: Json, id_: str, boot: str) -> Json:
    """The arguments of `boot.again`."""
    return {"id": id_, "boot_id": boot, "timeout_ms": spec["timeout"] * 1000}


def seen(one: Resource, found: Json | CallError) -> Actual | Fault:
    """What is known of a host."""
    if isinstance(found, CallError):
        return found
    because = causes(found) if one.spec["when"] == "required" else []
    state: Json = {"boot": found["boot_id"], "because": because}
    if because:
        newer, asked = found.get("newer", ""), found.get("required", {}).get("mtime_us", "")
        state["id"] = name(f"{newer}\n{asked}")
        each = {"newer": f"{newer}\n", "required": f"\n{asked}"}
        state["causes"] = [name(cause) for field, cause in each.items() if field in found]
        last = found.get("last", {})
        before = last.get("id") == state["id"] and last["boot_id"] != found["boot_id"]
        state["tried"] = before or set(state["causes"]) <= set(found.get("tried", ()))
    if found.get("going_ms"):
        state["going"] = True
    obstacles = found["obstacles"]
    if obstacles:
        state["obstacles"] = obstacles
    watch = [*WATCHED, *(subject for each in obstacles for subject in each["subjects"])]
    return Actual("last" in found, state, tuple(dict.fromkeys(watch)))


def noted(found: Json | CallError) -> Actual | Fault:
    """What is known of the note of a host on which there is to be none."""
    if isinstance(found, CallError):
        return found
    state: Json = {"note": found["state"]}
    if obstacles := found.get("obstacles"):
        state["obstacles"] = obstacles
    return Actual(found["exists"], state, (f"path:{NOTE}",))


def causes(found: Json) -> list[str]:
    """What asks for another boot."""
    because = []
    if "required" in found:
        names = found["required"]["packages"]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        because.append(f"asked for by {', '.join(names[:NAMED]) or '/run/reboot-required'}{more}")
    if "newer" in found:
        because.append(f"kernel {found['newer']} is installed, and {found['kernel']} runs")
    return because


def planned(one: Resource, now: Actual) -> Operation | Fault:
    """What is to be done about one."""
    state = now.state
    if one.removed:
        return forgotten(now)
    if "going" in state:  # whoever said so may be no more, and it is not itself again
        return TransientError("the host is about to go down, to be started anew")
    # Also where nothing is needed: it may be notified.
    obstacles = [{"call": "boot.again", **each} for each in state.get("obstacles", ())]
    if not state["because"]:
        return Operation("none", obstacles=obstacles, refreshes=one.spec["when"] == "required")
    diffs = [FieldDiff("boot", "; ".join(state["because"]), "another one")]
    if state["tried"]:
        return PermanentError(
            f"the host was started anew for this, and it is still so ({diffs[0].before}): it is not done again for it;"
            " see what the boot loader starts, and what asks for it"
        )
    return Operation(
        "update" if now.exists else "create",
        diffs,
        calls=[
            {
                "call": "boot.again",
                "args": again(one.spec, state["id"], state["boot"]) | {"causes": state["causes"]},
            }
        ],
        slow=True,
        refreshes=True,
        obstacles=obstacles,
    )


def forgotten(now: Actual) -> Operation:
    """What it takes that a host keeps no note: of another boot nothing is undone."""
    if not now.exists:
        return Operation("none")
    calls = [{"call": "file.remove", "args": {"path": NOTE, "expect": now.state["note"]}}]
    obstacles = [{"call": "file.remove", **each} for each in now.state.get("obstacles", ())]
    return Operation("delete", [FieldDiff("state", "present", "absent")], calls=calls, obstacles=obstacles)
