"""Packages made for one test, and a host to run them in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from reconciler.model.calls import Call, Ok, Reply
from reconciler.plugins.capabilities import Grants
from reconciler.plugins.packages import Package, load_packages

HEAD = """
from froyo_provider import (Actual, CallError, ConflictError, FieldDiff, Operation, PermanentError, Provider,
                            Result, ThrottledError, TransientError, batch, call, gather)
"""

THING = """
class Thing(Provider):
    async def read(self, wanted):
        stats = await batch("file.stat", [{"path": one.spec["path"]} for one in wanted])
        return [stat if isinstance(stat, CallError) else Actual(stat["exists"], stat, ["path:" + one.spec["path"]])
                for one, stat in zip(wanted, stats)]

    def plan(self, wanted, actual):
        return [self.compare(one, now) for one, now in zip(wanted, actual)]

    def absence(self, resource):
        resource.spec = {"path": resource.spec["path"], "mode": None}
        return resource

    def compare(self, one, now):
        if one.spec["mode"] is None:
            gone = [FieldDiff("state", "present", "absent")]
            return Operation("delete", gone, dict(one.spec)) if now.exists else Operation("none")
        if now.exists and now.state["mode"] == one.spec["mode"]:
            return Operation("none")
        diff = FieldDiff("mode", now.state.get("mode"), one.spec["mode"])
        return Operation("update" if now.exists else "create", [diff], dict(one.spec))

    async def apply(self, operation):
        done = await call("file.write", **operation.payload)
        return Result(done["changed"])

    async def destroy(self, operation):
        done = await call("file.remove", path=operation.payload["path"])
        return Result(done["changed"])
"""
"""A provider as it should be."""


def write_package(
    directory: Path,
    source: str | bytes = HEAD + THING,
    *,
    name: str = "test.thing",
    kinds: tuple[str, ...] = ("Thing",),
    limits: Mapping[str, Any] | None = None,
    capabilities: list[Any] | None = None,
) -> Path:
    """A package with the given plugin.py, or plugin.wasm where it is bytes."""
    package = directory / name
    package.mkdir(parents=True)
    entry = "plugin.py" if isinstance(source, str) else "plugin.wasm"
    (package / entry).write_bytes(source.encode() if isinstance(source, str) else source)
    (package / "thing.json").write_text(
        json.dumps({"type": "object", "properties": {"path": {"type": "string"}}})
    )
    everything = [
        *({"call": one, "subjects": ["path:/**"]} for one in ("file.stat", "file.remove", "dir.list")),
        {"call": "file.write", "subjects": ["path:/**"]},
    ]
    manifest = {
        "name": name,
        "version": "0.1.0",
        "interface": "froyo:provider@1",
        "entry": entry,
        "kinds": [
            {"apiVersion": "test.dev/v1", "kind": kind, "plural": f"{kind.lower()}s", "schema": "thing.json"}
            for kind in kinds
        ],
        "capabilities": everything if capabilities is None else capabilities,
        "limits": dict(limits or {}),
    }
    (package / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return package


def granted(packages: list[Package]) -> Grants:
    """All that they ask for."""
    return Grants({package.name: package.capabilities for package in packages})


def packages_of(directory: Path) -> list[Package]:
    return load_packages([directory])


def thing(name: str = "one", kind: str = "Thing", **spec: Any) -> dict[str, Any]:
    spec = {"path": f"/etc/{name}", "mode": "0644", **spec}
    return {"address": f"host/{kind}/{name}", "kind": kind, "name": name, "spec": spec, "ignore": []}


def reading(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"target": {"name": "host"}, "resources": list(resources or (thing(),))}


class Target:
    """Answers every call, and remembers it."""

    def __init__(self, **stat: Any) -> None:
        self.stat = {"exists": True, "mode": "0600", "state": "sha256:" + "0" * 64, "changed": True, **stat}
        self.rounds: list[list[Call]] = []

    async def __call__(self, calls: list[Call]) -> list[Reply]:
        self.rounds.append(calls)
        return [Ok(dict(self.stat)) for _ in calls]

    @property
    def calls(self) -> list[str]:
        return [call.name for calls in self.rounds for call in calls]
