"""The kind Mount."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from options import is_bind
from steps import (
    FSTAB,
    entry_of,
    live_steps,
    refuse_secrets,
    table_question,
    table_steps,
    told,
    wants_line,
)
from tables import Entry, Mounted, around, entries, mounted, on_top

from froyo_provider import (
    Actual,
    CallError,
    Fault,
    Found,
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
from froyo_provider.programs import program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from froyo_provider.model import ActionName

Json: TypeAlias = "dict[str, Any]"

MOUNTINFO, SYSTEMD = "/proc/self/mountinfo", "/run/systemd/system"
TEXT_MAX = 1 << 20
BY_NAME = {name: f"/dev/disk/by-{name.lower()}/" for name in ("UUID", "LABEL", "PARTUUID", "PARTLABEL")}
DISK = re.compile("/dev/(sd|vd|xvd|nvme|mmcblk)")
"""Devices that have one name in the kernel's table; of those of LVM and others it is not certain which one it has."""


class Mount(Provider):
    """A file system, mounted now, and when the machine starts."""

    async def find(self) -> list[Found]:
        """What stands in fstab, as far as it is mounted or not as that says; not `/`, and no swap."""
        table = await call("file.stat", path=FSTAB, text_max=TEXT_MAX, private=True)
        specs = [
            spec_of(one)
            for one in entries(table.get("text", ""))
            if one.path.startswith("/") and one.path != "/"
        ]
        wanted = [Resource("", "Mount", "", spec) for spec in specs]
        found = []
        for one, now in zip(wanted, await self.read(wanted), strict=True):
            try:
                if isinstance(now, Actual) and plan_mount(one, now).action == "none":
                    found.append(Found(one.spec["path"].strip("/"), one.spec))
            except PermanentError:
                continue  # it cannot be declared, such as with a password among its options
        return found

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """Both tables once, and for each what is at its path, what its source leads to, and what fstab would need."""
        tables = [
            {"path": MOUNTINFO, "text_max": TEXT_MAX, "private": True},
            {"path": FSTAB, "text_max": TEXT_MAX, "private": True},
            {"path": SYSTEMD, "digest": False},
        ]
        places = [{"path": one.spec["path"], "digest": False} for one in wanted]
        links = [{"path": link_of(one.spec.get("source", "")) or "/dev", "digest": False} for one in wanted]
        stats, edits = await gather(
            batch("file.stat", [*tables, *places, *links]),
            batch("text.look", [table_question(one.spec) for one in wanted]),
        )
        systemd = readable(stats[2])
        now, then = mounted(text_of(MOUNTINFO, stats[0])), entries(text_of(FSTAB, stats[1]))
        found: list[Actual | Fault] = []
        for at, one in enumerate(wanted):
            place, link, edit = stats[3 + at], stats[3 + len(wanted) + at], edits[at]
            if isinstance(edit, CallError):
                found.append(edit)
                continue
            if isinstance(place, CallError):
                found.append(place)
                continue
            leads = "" if isinstance(link, CallError) else device(link_of(one.spec.get("source", "")), link)
            state = seen(one.spec, now, then, leads)
            state |= {"place": place.get("type", "absent"), "systemd": bool(systemd.get("exists"))}
            if "edit" in edit:
                state["edit"] = {name: edit[name] for name in ("edit", "obstacles") if name in edit}
            exists = "mounted" in state or "table" in state
            found.append(Actual(exists, state, (f"path:{FSTAB}", f"mount:{one.spec['path']}")))
        return await led_elsewhere(wanted, found)

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """Compare what is mounted, and what fstab says."""
        return [plan_mount(one, now) for one, now in zip(wanted, actual, strict=True)]

    async def apply(self, operation: Operation) -> Result:
        """Take the steps of the plan, one after the other."""
        said = []
        for step in operation.payload["steps"]:
            reply = await call(step["call"], **step["args"])
            if step["call"] == "exec.run":
                said.append(told(step["args"]["argv"], reply))
        return Result(changed=True, output="".join(said))

    def absence(self, resource: Resource) -> Resource:
        """Neither mounted nor in fstab. The directory stays."""
        return replace(resource, spec={"path": resource.spec["path"], "state": "absent"})


def spec_of(one: Entry) -> Json:
    """A line of fstab as it would be declared."""
    spec: Json = {"path": one.path, "source": one.source, "fstype": one.fstype}
    options = [option for option in one.options if option != "defaults"]
    numbers = {"dump": one.dump, "pass": one.order}
    spec |= {"options": options} if options else {}
    spec |= {name: number for name, number in numbers.items() if number}
    return spec | ({"state": "defined"} if "noauto" in options else {})


def readable(reply: Any) -> Json:
    """A reply about a table.

    Raises:
        CallError: there is none.
    """
    if isinstance(reply, CallError):
        raise reply
    found: Json = reply
    return found


def text_of(path: str, reply: Any) -> str:
    """What stands in a table; nothing where there is none.

    Raises:
        CallError: it cannot be read.
        TransientError: what it says cannot be known. Nothing is mounted in the dark: it could be mounted already.
    """
    found = readable(reply)
    if found.get("exists") and "text" not in found:
        raise TransientError(
            f"what {path} says is not known, since it is no text in UTF-8, or has more than {TEXT_MAX >> 20} MiB;"
            f" `LC_ALL=C.UTF-8 grep -naxv '.*' {path}` shows such a line, whose mount has to go first"
        )
    return str(found.get("text", ""))


async def led_elsewhere(wanted: list[Resource], found: list[Actual | Fault]) -> list[Actual | Fault]:
    """The same, with a fault for each that is not mounted by a name that leads over a symbolic link.

    The kernel knows a mount by where links lead: one that was made over a link would not be found again.
    """
    ways = [
        [] if isinstance(now, Fault) else way_of(one.spec, now.state)
        for one, now in zip(wanted, found, strict=True)
    ]
    places = list(dict.fromkeys(place for way in ways for place in way))
    stats = await batch("file.stat", [{"path": place, "digest": False} for place in places])
    links = {
        place: str(stat["to"])
        for place, stat in zip(places, stats, strict=True)
        if not isinstance(stat, CallError) and stat.get("type") == "symlink"
    }
    checked: list[Actual | Fault] = []
    for way, now in zip(ways, found, strict=True):
        link = next((place for place in way if place in links), "")
        why = (
            f"{link} is a symbolic link to {links.get(link)}, and the kernel knows a mount by where links lead:"
            " name the directory itself"
        )
        checked.append(PermanentError(why) if link else now)
    return checked


def way_of(spec: Json, state: Json) -> list[str]:
    """What must not be a link, from above: the way to where it is to be, and of a bind mount to what is."""
    wants, there = spec.get("state", "mounted"), state.get("mounted")
    ends = [spec["path"]] if there is None and wants in {"mounted", "unmounted"} else []
    if wants == "mounted" and is_bind(spec.get("options", ())) and (there is None or there["other"]):
        ends.append(spec["source"].rstrip("/"))
    names = [end.split("/") for end in ends]
    return ["/".join(parts[: at + 1]) for parts in names for at in range(1, len(parts)) if parts[at]]


def link_of(source: str) -> str:
    """The link by which a device is known; "" where it is no device."""
    name, equals, value = source.partition("=")
    if equals and name in BY_NAME:
        return BY_NAME[name] + value.strip('"')
    return source if source.startswith("/dev/") else ""


def device(link: str, reply: Json) -> str:
    """The device that is known by a link, or is it itself; "" where that cannot be known."""
    if not link or not reply.get("exists"):
        return ""
    return "/dev/" + reply["to"].rpartition("/")[2] if reply["type"] == "symlink" else link


def seen(spec: Json, now: list[Mounted], then: list[Entry], leads: str) -> Json:
    """What there is of a mount.

    Args:
        spec: as declared.
        now: what is mounted.
        then: what fstab says.
        leads: the device that its source is, or "".
    """
    state: Json = {}
    lines = [one for one in then if one.path == spec["path"]]
    if lines:
        alike = (line for line in lines if wants_line(spec) and line.says_the_same(entry_of(spec)))
        state["table"] = asdict(next(alike, lines[-1]))
    top = on_top(now, spec["path"])
    if top is not None:
        state["mounted"] = {"fstype": top.fstype, "source": top.source, "options": sorted(top.options)}
        if "source" in spec:
            state["mounted"]["other"] = is_another(entry_of(spec), top, now, leads)
    return state


def is_another(one: Entry, top: Mounted, now: list[Mounted], leads: str) -> bool:
    """Whether something else is mounted than what is declared; what cannot be known is taken to be it."""
    if is_bind(one.options):
        holder = around([other for other in now if other is not top], one.source)
        if holder is None:
            return False
        within = one.source[len(holder.path.rstrip("/")) :]
        return (top.device, top.root) != (
            holder.device,
            (holder.root.rstrip("/") + within).rstrip("/") or "/",
        )
    if one.fstype != "auto" and one.fstype.removesuffix("4") != top.fstype.removesuffix("4"):
        return True
    if link_of(one.source):
        return bool(leads) and DISK.match(top.source) is not None and top.source not in {one.source, leads}
    if one.source.startswith("/"):
        return False  # an image: the kernel names a device for it
    return one.source.rstrip("/") != top.source.rstrip("/")


def plan_mount(one: Resource, now: Actual) -> Operation:
    """What it takes."""
    spec, state = one.spec, now.state
    refuse_secrets(spec)
    diffs, steps = table_steps(one, state)
    live, more = live_steps(one, state)
    for diff in (*diffs, *live):
        diff.ignored = diff.field in one.ignore
    if not any(not diff.ignored for diff in (*diffs, *live)):
        return Operation("none", [*diffs, *live])
    steps = steps if any(not diff.ignored for diff in diffs) else []
    more = more if any(not diff.ignored for diff in live) else []
    if steps and state["systemd"]:
        steps.append(program(one.address, "systemctl", "daemon-reload"))
    action: ActionName = "delete" if spec.get("state") == "absent" else "update" if now.exists else "create"
    obstacles = [{"call": "text.edit", **found} for found in state.get("edit", {}).get("obstacles", ())]
    return Operation(
        action,
        [*diffs, *live],
        {"steps": [*steps, *more]},
        slow=True,
        obstacles=obstacles if steps else (),
    )
