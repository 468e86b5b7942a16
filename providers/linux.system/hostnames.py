"""The kind Hostname: what a host is called, now and at boot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from generated import (
    IN_SYNC,
    TEXT_MAX,
    attribute_diffs,
    in_the_way,
    mark_ignored,
    of_a_file,
    preimage,
    question,
    refuse_in_the_way,
    writing,
)

from froyo_provider import (
    Actual,
    Fault,
    FieldDiff,
    Found,
    Operation,
    Provider,
    Resource,
    batch,
    call,
    gather,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generated import Json

PATH = "/etc/hostname"
SETTING = "kernel.hostname"


class Hostname(Provider):
    """The name of a host."""

    async def find(self) -> list[Found]:
        """The name, where it is the same now and at boot."""
        file: Any
        setting: Any
        file, setting = await gather(
            call("file.stat", path=PATH, text_max=TEXT_MAX), call("sysctl.stat", name=SETTING)
        )
        name = setting.get("value")
        return [Found("hostname", {"name": name})] if name and name_in(file.get("text", "")) == name else []

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """The file for the next boot, and the name now, in one round trip."""
        files: list[Any]
        values: list[Any]
        files, values = await gather(
            batch("file.stat", [question(PATH, one.spec["name"] + "\n") for one in wanted]),
            batch("sysctl.stat", [{"name": SETTING} for _ in wanted]),
        )
        return [found(one, *replies) for one, *replies in zip(wanted, files, values, strict=True)]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """Compare both."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource: Resource) -> Resource:
        """A host has some name: the one that it has is left."""
        return replace(resource, removed=True)


def name_in(text: str) -> str | None:
    """What /etc/hostname says."""
    lines = [line.strip() for line in text.split("\n")]
    return next((line for line in lines if line and not line.startswith("#")), None)


def found(one: Resource, file: Any, setting: Any) -> Actual | Fault:
    """What was answered about the file and the name."""
    for reply in (file, setting):
        if isinstance(reply, Fault):
            return reply
    now = of_a_file(PATH, one.spec["name"] + "\n", file)
    now.state["runs"] = setting.get("value")
    now.watch = (*now.watch, f"path:{setting['path']}")
    return now


def planned(one: Resource, now: Actual) -> Operation:
    """What a name takes."""
    if one.removed:
        return IN_SYNC
    name, state = one.spec["name"], now.state
    refuse_in_the_way(PATH, now)
    calls: list[Json] = []
    diffs: list[FieldDiff] = []
    if state["runs"] != name:
        diffs.append(FieldDiff("name", state["runs"], name))
        if "name" not in one.ignore:
            calls.append({"call": "sysctl.set", "args": {"name": SETTING, "value": name}})
    at_boot = name_in(state.get("text", ""))
    told = [FieldDiff("boot", at_boot, name)] if at_boot != name else attribute_diffs(now)
    if told and "boot" not in one.ignore:
        calls.append(writing(PATH, name + "\n", now))
    diffs += told
    if not diffs:
        return IN_SYNC
    if not mark_ignored(diffs, one):
        return Operation("none", diffs)
    written = calls[-1]["call"] == "file.write"
    return Operation(
        "update" if now.exists else "create",
        diffs,
        calls=calls,
        preimage=preimage(PATH, now) if written else None,
        obstacles=in_the_way(calls[-1]["call"], state) if written else (),
    )
