"""The kind Cron: one job in a file of /etc/cron.d."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

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
    removing,
    restoring,
    writing,
)
from schedules import meaning, normal, wrong

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
    batch,
    call_unless,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generated import Json

DIRECTORY = "/etc/cron.d"
FIELDS = ("schedule", "user", "command", "environment")
_FILE = re.compile(r"[A-Za-z0-9_-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_JOB = re.compile(r"\s*(@\S+|\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(\S+)\s+(.*\S)\s*")
_PERCENT = re.compile(r"(?<!\\)((?:\\\\)*)%")
"""One that ends the command for cron: with no backslash before it that is not escaped by another one."""


class Cron(Provider):
    """A job that cron runs."""

    async def find(self) -> list[Found]:
        """The files that hold one job; of others it cannot be said what they would be as one."""
        listing = await call_unless({"enoent"}, "dir.list", path=DIRECTORY)
        if listing is None:
            return []
        entries = listing["entries"]
        names = [one["name"] for one in entries if one["type"] == "file" and _FILE.fullmatch(one["name"])]
        asked = [{"path": f"{DIRECTORY}/{name}", "text_max": TEXT_MAX} for name in names]
        replies = await batch("file.stat", asked)
        jobs = [
            None if isinstance(one, CallError) else job_in(str(one.get("text", "")), strict=True)
            for one in replies
        ]
        return [Found(name, declared(name, job)) for name, job in zip(names, jobs, strict=True) if job]

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """One `file.stat` each."""
        replies = await batch("file.stat", [question(path_of(one), text_of(one.spec)) for one in wanted])
        return [
            reply if isinstance(reply, CallError) else of_a_file(path_of(one), text_of(one.spec), reply)
            for one, reply in zip(wanted, replies, strict=True)
        ]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """Compare what the file means to cron."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource: Resource) -> Resource:
        """The same job, absent, or what was there before."""
        return replace(resource, spec={**resource.spec, "state": "absent"})


def path_of(one: Resource) -> str:
    """Where the job stands."""
    return f"{DIRECTORY}/{one.spec['name']}"


def job_of(spec: Json) -> Json:
    """What cron is to take from the file."""
    return {
        "schedule": normal(spec["schedule"]),
        "user": spec.get("user", "root"),
        "command": _PERCENT.sub(r"\1\\%", spec["command"].strip()),
        "environment": dict(spec.get("environment", {})),
    }


def text_of(spec: Json) -> str | None:
    """The file; None where there is to be none."""
    if spec.get("state") == "absent":
        return None
    job = job_of(spec)
    lines = ["# Kept by OpenFroyo: what is changed here is put back."]
    lines += [f"{name}={quoted(value)}" for name, value in sorted(job["environment"].items())]
    lines.append(f"{job['schedule']} {job['user']} {job['command']}")
    return "\n".join(lines) + "\n"


def quoted(value: str) -> str:
    """A value as cron takes it, with the blanks around it; of one with both marks in it, see `is_mistaken`."""
    if '"' not in value:
        return f'"{value}"'
    return value if "'" in value else f"'{value}'"


def is_mistaken(value: str) -> bool:
    """Whether cron cannot be told a value: it has both marks in it, and begins with one, or has a blank at an end."""
    return {'"', "'"} <= set(value) and (value[0] in "\"'" or value != value.strip())


def declared(name: str, job: Json) -> Json:
    """A job as it would be declared."""
    spec = {key: value for key, value in job.items() if value}
    return {"name": name, **spec, "command": job["command"].replace(r"\%", "%")}


def job_in(text: str, *, strict: bool = False) -> Json | None:
    """What cron takes from a file; None where that is not one job.

    Args:
        text: of the file.
        strict: also where its command has lines for its standard input, which cannot be declared.
    """
    environment: dict[str, str] = {}
    job: Json | None = None
    for line in text.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if variable := _VARIABLE.fullmatch(line):
            name, value = variable.groups()
            marked = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            environment[name] = value[1:-1] if marked else value
        elif job is None and (found := _JOB.fullmatch(line)):
            schedule, user, command = found.groups()
            job = {"schedule": normal(schedule), "user": user, "command": command}
        else:
            return None
    # Without a newline at its end cron does not take a line.
    if job is None or not text.endswith("\n") or (strict and _PERCENT.search(job["command"])):
        return None
    return {**job, "environment": environment}


def planned(one: Resource, now: Actual) -> Operation:
    """What a job takes."""
    spec, path = one.spec, path_of(one)
    refuse_in_the_way(path, now)
    if one.restores is not None:
        return restoring(one, path, now)
    text = text_of(spec)
    if text is None:
        if not now.exists:
            return IN_SYNC
        diffs = [FieldDiff("state", "present", "absent")]
        calls = [removing(path, now)]
    else:
        if why := wrong(spec["schedule"]):
            raise PermanentError(f"schedule: {why}")
        for name, value in spec.get("environment", {}).items():
            if not _NAME.fullmatch(name):
                raise PermanentError(f"environment: {name!r} is no name of a variable")
            if is_mistaken(value):
                raise PermanentError(
                    f"environment: cron cannot be told the value of {name}, which has both kinds of quotation marks"
                    " in it and begins with one, or has a blank at an end: set it within `command`, or in a script"
                )
        diffs = differences(job_of(spec), now)
        calls = [writing(path, text, now)]
    if not diffs:
        return IN_SYNC
    if not mark_ignored(diffs, one):
        return Operation("none", diffs)
    return Operation(
        "delete" if text is None else "update" if now.exists else "create",
        diffs,
        calls=calls,
        preimage=preimage(path, now),
        obstacles=in_the_way(calls[0]["call"], now.state),
    )


def differences(job: Json, now: Actual) -> list[FieldDiff]:
    """Which fields of the job differ."""
    if not now.exists:
        made = [FieldDiff("state", "absent", "present")]
        return made + [FieldDiff(field, None, job[field]) for field in FIELDS if job[field]]
    there = job_in(now.state.get("text", "")) if now.state["type"] == "file" else None
    if there is None:
        return [FieldDiff("content", "something else", "this job")]
    if meaning(there["schedule"]) == meaning(job["schedule"]):
        there["schedule"] = job["schedule"]
    diffs = [FieldDiff(field, there[field], job[field]) for field in FIELDS if there[field] != job[field]]
    return diffs + attribute_diffs(now)
