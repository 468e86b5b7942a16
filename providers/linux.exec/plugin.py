"""Commands: the kind Exec. docs/spec/linux.exec.md is normative."""

from __future__ import annotations

import hashlib
import re
from typing import Any

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
    call,
    gather,
)
from froyo_provider.programs import succeeded

CHECK_SECONDS = 30
OUTPUT = 4096
"""Bytes of each stream that are kept."""
PLAIN = re.compile(r"[\w@%+=:,./-]+")
"""What a shell takes for one word as it stands."""
SHOWN = 200
"""Characters of a command that a plan shows."""
CHECKS = ("unless", "onlyif")
ACCOUNTS = "path:/etc/passwd"
"""Where a user that there is not yet turns up."""


class Exec(Provider):
    """A command that is run when something says that it is needed, and when it is notified."""

    async def read(self, wanted: list[Resource]) -> list[Actual | Fault]:
        """What `creates` and the checks say, and what would keep all of them from being run, of all at once."""
        asked = [(one, field) for one in wanted for field in ("creates", *CHECKS) if field in one.spec]
        looked = [(one, field) for one in wanted for field in ("argv", *CHECKS) if field in one.spec]
        answers: list[Any] = await gather(
            *(in_the_way(one.spec, field) for one, field in looked),
            *(answered(one.spec, field) for one, field in asked),
            return_exceptions=True,
        )
        found: dict[str, dict[str, Any]] = {one.address: {} for one in wanted}
        failed: dict[str, Fault] = {}
        obstructed: set[tuple[str, str]] = set()
        for (one, field), answer in zip((*looked, *asked), answers, strict=True):
            state = found[one.address]
            if isinstance(answer, Fault):
                # A check that cannot be run says nothing: what is in its way is in the way of the command.
                if (one.address, field) in obstructed:
                    state[field] = field == "onlyif"
                else:
                    failed.setdefault(one.address, answer)
            elif isinstance(answer, Exception):
                raise answer
            elif isinstance(answer, list):
                if answer:
                    obstructed.add((one.address, field))
                    known = state.setdefault("obstacles", [])
                    known += [obstacle for obstacle in answer if obstacle not in known]
            else:
                state |= answer
        return [failed.get(one.address) or seen(one, found[one.address]) for one in wanted]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """Whether the command is needed, and why."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    async def apply(self, operation: Operation) -> Result:
        """Run the command, because it is needed."""
        # Whether it is needed again, its checks tell: the result of an earlier run says nothing.
        name = name_of(operation.address)
        return await run(operation.payload, {"id": name, "alone": name, "anew": True})

    async def refresh(self, operation: Operation) -> Result:
        """Run the command, because it was notified: once for each refresh, however often that is asked for."""
        # One that was begun for an earlier change may still run.
        how = {"id": operation.payload["id"], "alone": name_of(operation.address)}
        return await run(operation.payload["spec"], how)


async def answered(spec: dict[str, Any], field: str) -> dict[str, Any]:
    """What a field asks about, as it is."""
    if field == "creates":
        return {field: (await call("file.stat", path=spec["creates"], digest=False))["exists"]}
    check = around(spec) | {"argv": spec[field], "timeout_ms": CHECK_SECONDS * 1000}
    try:
        return {field: (await call("exec.check", **check))["exit"] == 0}
    except CallError as error:
        if error.code != "not_supported":
            raise
        why = error.message
    # Nothing would keep it from changing something: the operator decides.
    try:
        return {field: (await call("exec.check.unconfined", **check))["exit"] == 0, "unconfined": True}
    except CallError as error:
        if error.code != "refused":
            raise
    raise PermanentError(f"{why}; grant linux.exec the call exec.check.unconfined, or use creates")


async def in_the_way(spec: dict[str, Any], field: str) -> list[dict[str, Any]]:
    """What would keep a command from being run."""
    try:
        reply = await call("exec.look", **around(spec), argv=spec[field])
    except CallError as error:
        if error.code != "refused":
            raise
        return []  # an operator who grants certain commands need not grant the question
    return list(reply["obstacles"])


def around(spec: dict[str, Any]) -> dict[str, Any]:
    """What command and checks have in common."""
    arguments: dict[str, Any] = {"cwd": spec.get("cwd", "/")}
    if "environment" in spec:
        arguments["env"] = spec["environment"]
    if "user" in spec:
        arguments["user"] = spec["user"]
    return arguments


def seen(one: Resource, state: dict[str, Any]) -> Actual:
    """What is known of one."""
    watch = {f"path:{one.spec['creates']}": None} if "creates" in one.spec else {}
    for obstacle in state.get("obstacles", ()):
        for subject in obstacle["subjects"]:
            watch[ACCOUNTS if subject.startswith("user:") else subject] = None
    needed = is_needed(one.spec, state)
    return Actual(not needed, state, tuple(watch), remark=f"runs {command_line(one.spec)}" if needed else "")


def command_line(spec: dict[str, Any]) -> str:
    """The command as a person types it, not too long for a line."""
    quoted = (word.replace("'", "'\"'\"'") for word in spec["argv"])
    line = " ".join(word if PLAIN.fullmatch(word) else f"'{word}'" for word in quoted)
    whose = f" as {spec['user']}" if "user" in spec else ""
    return (f"{line[:SHOWN]}…" if len(line) > SHOWN else line) + whose


def is_needed(spec: dict[str, Any], state: dict[str, Any]) -> bool:
    """Whether everything that was asked says that the command is needed."""
    return (
        not spec.get("refreshOnly", False)
        and not state.get("creates", False)
        and not state.get("unless", False)
        and state.get("onlyif", True)
    )


def planned(one: Resource, now: Actual) -> Operation:
    """What is to be done about one."""
    diffs = []
    if now.state.get("unconfined"):
        diffs.append(FieldDiff("confinement", "its checks could change something", None, ignored=True))
    # Also where nothing is needed: it may be notified.
    obstacles = [{"call": "exec.run", **one} for one in now.state.get("obstacles", ())]
    if not is_needed(one.spec, now.state):
        return Operation("none", diffs, obstacles=obstacles)
    if "creates" in one.spec:
        diffs.append(FieldDiff("creates", None, one.spec["creates"]))
    if "unless" in one.spec:
        diffs.append(FieldDiff("unless", "fails", "succeeds"))
    if "onlyif" in one.spec:
        diffs.append(FieldDiff("onlyif", "succeeds", "fails"))
    return Operation("update", diffs, dict(one.spec), slow=True, obstacles=obstacles)


def name_of(address: str) -> str:
    """Of the operation on the target."""
    return hashlib.sha256(address.encode()).hexdigest()[:32]


async def run(spec: dict[str, Any], how: dict[str, Any]) -> Result:
    """Run the command to its end."""
    arguments = around(spec) | how
    arguments |= {
        "argv": spec["argv"],
        "timeout_ms": spec.get("timeout", 300) * 1000,
        "max_output": OUTPUT,
    }
    reply = await call("exec.run", **arguments)
    return Result(changed=True, output=succeeded(spec["argv"], reply))
