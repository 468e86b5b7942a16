"""Bundles: a file that is there. One command brings as many as are wanted, or takes them away, in some seconds."""

import hashlib

from froyo_provider import (
    Actual,
    CallError,
    FieldDiff,
    Operation,
    PermanentError,
    Provider,
    Result,
    batch,
    call,
)


class Bundle(Provider):
    async def read(self, wanted):
        stats = await batch("file.stat", [{"path": one.spec["path"], "digest": False} for one in wanted])
        return [
            stat if isinstance(stat, CallError) else Actual(stat["exists"], {}, [f"path:{one.spec['path']}"])
            for one, stat in zip(wanted, stats, strict=True)
        ]

    def plan(self, wanted, actual):
        return [planned(one.spec, now.exists) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource):
        resource.spec = {**resource.spec, "state": "absent"}
        return resource

    async def apply_all(self, operations):
        await transact("make", operations)
        stats = await batch(
            "file.stat", [{"path": one.payload["path"], "digest": False} for one in operations]
        )
        return [
            Result(True) if stat["exists"] else PermanentError(f"{one.payload['path']} cannot be had")
            for one, stat in zip(operations, stats, strict=True)
        ]

    async def destroy_all(self, operations):
        await transact("unmake", operations)
        return [Result(True) for _ in operations]

    async def refresh(self, operation):
        path = operation.payload["spec"]["path"]
        await call("exec.run", id=operation.payload["id"], alone=name("bundles"), argv=["note", path])
        return Result(True)


def planned(spec, exists):
    if exists == (spec.get("state") != "absent"):
        return Operation("none")
    action = "delete" if exists else "create"
    return Operation(action, [FieldDiff("path", None, spec["path"])], {**spec}, slow=True)


async def transact(verb, operations):
    paths = sorted(one.payload["path"] for one in operations)
    seconds = max(one.payload.get("seconds", 30) for one in operations)
    await call(
        "exec.run",
        id=name(verb, *paths),  # the same transaction, asked for again, is found again
        alone=name("bundles"),
        argv=["sleep", str(seconds), verb, *paths],
        timeout_ms=300_000,
        anew=True,
    )


def name(*words):
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]
