"""The kind Sysctl: a setting of the kernel, now and at boot."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from boot import PLACES, dotted, said_whole, set_by_others
from generated import (
    IN_SYNC,
    attribute_diffs,
    in_the_way,
    mark_ignored,
    of_a_file,
    preimage,
    question,
    refuse_in_the_way,
    removing,
    restoring,
    writing,
)

from froyo_provider import (
    Actual,
    CallError,
    Fault,
    FieldDiff,
    Found,
    Operation,
    Provider,
    Resource,
    batch,
    call_unless,
    gather,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generated import Json


_NAME = re.compile(r"[A-Za-z0-9_:@-]+\.[A-Za-z0-9_:@-]+([./][A-Za-z0-9_:@-]+)*")


class Sysctl(Provider):
    """A setting of the kernel."""

    async def find(self) -> list[Found]:
        """What somebody has set in /etc/sysctl.d, as far as the kernel has it."""
        changed = await call_unless({"not_supported", "enoent"}, "pkg.changed", path=PLACES[0])
        if changed is None:  # there is no dpkg, or no such directory
            return []
        theirs = {one["path"] for one in changed["files"]}
        others = await set_by_others()
        names = [(name, one) for name, one in others.items() if one.path in theirs and _NAME.fullmatch(name)]
        now = await batch("sysctl.stat", [{"name": name} for name, _ in names])
        kept = [
            (name, one)
            for (name, one), reply in zip(names, now, strict=True)
            if not isinstance(reply, CallError) and reply.get("value") == one.value
        ]
        # A file some of which is not said here is found all the same: another file says otherwise, or the kernel.
        whole = await said_whole({one.path for _, one in kept}, dict(kept))
        return [
            Found(
                name,
                {"name": name, "value": one.value},
                f"set in {one.path}",
                [f"path:{one.path}"] if one.path in whole else [],
            )
            for name, one in kept
        ]

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """The file for the next boot, and the value now: two calls each, in one round trip.

        Where there is no such file, others may say the same.
        """
        files: list[Any]
        values: list[Any]
        files, values = await gather(
            batch("file.stat", [question(path_of(one), text_of(one.spec)) for one in wanted]),
            batch("sysctl.stat", [{"name": one.spec["name"]} for one in wanted]),
        )
        actual = [found(one, *replies) for one, *replies in zip(wanted, files, values, strict=True)]
        lacking = [
            (one, now)
            for one, now in zip(wanted, actual, strict=True)
            if isinstance(now, Actual) and not now.exists and one.spec.get("state") != "absent"
        ]
        others = await set_by_others() if lacking else {}
        for one, now in lacking:
            if setting := others.get(one.spec["name"]):
                now.state |= {"boot": setting.value, "setIn": setting.path}
                now.watch = (*now.watch, f"path:{setting.path}")
            now.watch = (*now.watch, f"path:{PLACES[0]}/")
        return actual

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """Compare both."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource: Resource) -> Resource:
        """The same setting, absent, or the file that was there before."""
        return replace(resource, spec={**resource.spec, "state": "absent"})


def path_of(one: Resource) -> str:
    """The file that sets it at boot; its name makes it the last that is read."""
    return f"/etc/sysctl.d/zz-{one.spec['name'].replace('/', '%')}.conf"


def value_of(spec: Json) -> str:
    """The declared value, with any blanks as one space."""
    return " ".join(str(spec["value"]).split())


def text_of(spec: Json) -> str | None:
    """The file; None where there is to be none."""
    if spec.get("state") == "absent":
        return None
    return f"# Kept by OpenFroyo: what is changed here is put back.\n{spec['name']} = {value_of(spec)}\n"


def value_in(text: str, name: str) -> str | None:
    """What a file sets it to; None where that is nothing, or something else besides."""
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line and line[0] not in "#;"]
    if len(lines) != 1:
        return None
    key, equals, value = lines[0].partition("=")
    return " ".join(value.split()) if equals and dotted(key.strip()) == name else None


def found(one: Resource, file: Any, setting: Any) -> Actual | Fault:
    """What was answered about the file and the value."""
    for reply in (file, setting):
        if isinstance(reply, Fault):
            return reply
    now = of_a_file(path_of(one), text_of(one.spec), file)
    now.state["runs"] = setting.get("value")
    now.watch = (*now.watch, f"path:{setting['path']}")
    wanted = None if text_of(one.spec) is None else value_of(one.spec)
    code, why = "", ""
    if not setting["exists"] and wanted is not None:
        code = "enoent"
        why = f"there is no setting {one.spec['name']} on this target: is a module of the kernel missing?"
    elif setting.get("read_only") and wanted not in (None, now.state["runs"]):
        code, why = "read_only", f"{setting['path']} is read-only"
    if code:
        told = {"class": "transient", "code": code, "message": why}
        now.state["obstacles"] = [
            *now.state.get("obstacles", ()),
            {**told, "subjects": [f"sysctl:{one.spec['name']}"]},
        ]
    return now


def planned(one: Resource, now: Actual) -> Operation:
    """What a setting takes."""
    spec, state, path = one.spec, now.state, path_of(one)
    refuse_in_the_way(path, now)
    if one.restores is not None:
        return restoring(one, path, now)
    text = text_of(spec)
    calls: list[Json] = []
    diffs: list[FieldDiff] = []
    if text is None:
        if now.exists:
            diffs.append(FieldDiff("state", "present", "absent"))
            calls.append(removing(path, now))
    else:
        value = value_of(spec)
        if state["runs"] != value:
            diffs.append(FieldDiff("value", state["runs"], value))
            if "value" not in one.ignore:
                args = {"name": spec["name"], "value": value}
                calls.append({"call": "sysctl.set", "args": args})
        at_boot = state["boot"] if "boot" in state else value_in(state.get("text", ""), spec["name"])
        told = [FieldDiff("boot", at_boot, value)] if at_boot != value else attribute_diffs(now)
        if told and "boot" not in one.ignore:
            calls.append(writing(path, text, now))
        diffs += told
    if not diffs:
        return IN_SYNC
    if not mark_ignored(diffs, one):
        return Operation("none", diffs)
    return Operation(
        "delete" if text is None else "update" if now.exists else "create",
        diffs,
        calls=calls,
        preimage=preimage(path, now) if calls[-1]["call"] != "sysctl.set" else None,
        obstacles=in_the_way(calls[0]["call"], state),
    )
