"""linux.text with the real runner: what is declared of files on this machine, or on a host of the lab."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.blob import Blob
from reconciler.model.calls import Call, Reply
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import LocalTransport, Target
from reconciler.plugins.calls import Phase
from reconciler.plugins.packages import load_packages, needs
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.targets.connect import make_connect
from reconciler.targets.session import Session
from tests.sim.native import NativeHost

PACKAGE = Path(__file__).parents[3] / "providers" / "linux.text"
HERE = Target(TargetName("here"), {}, LocalTransport(), Digest("sha256:0"))

Json = dict[str, Any]


class Bench:
    """The package, and a session; synchronous, for tests that have no loop of their own.

    Attributes:
        calls: that were made on the target.
    """

    def __init__(self, state: Path, target: Target = HERE, *, package: Path = PACKAGE) -> None:
        packages = load_packages([package])
        self._package = package.name
        self.host = NativeHost(packages, grants=needs(packages), audit=lambda *told: pytest.fail(str(told)))
        self.blobs: dict[str, bytes] = {}
        self.calls: list[Call] = []
        self._loop = asyncio.new_event_loop()
        self._lanes = ThreadLanes()
        connect = make_connect(state=state, offload=self._lanes, environ=os.environ)
        runtime = Runtime(connect=connect, offload=self._lanes)
        self.session = self._await(Session.open(target, runtime=runtime, on_event=lambda _: None))

    def close(self) -> None:
        self._await(self.session.close())
        self._loop.close()
        self._lanes.close()

    def _await(self, what: Any) -> Any:
        return self._loop.run_until_complete(what)

    async def _perform(self, calls: list[Call]) -> list[Reply]:
        self.calls += calls
        for digest in {call.args["blob"] for call in calls if "blob" in call.args}:
            content = self.blobs[digest]
            await self.session.send_blob(
                Blob(Digest(digest), len(content), lambda content=content: content)  # type: ignore[misc]
            )
        replies: dict[int, Reply] = {}
        for name in dict.fromkeys(call.name for call in calls):
            at = [place for place, call in enumerate(calls) if call.name == name]
            done = await self.session.command(name, [dict(calls[place].args) for place in at], timeout=60)
            replies |= dict(zip(at, done, strict=True))
        return [replies[place] for place in range(len(calls))]

    def run(self, phase: Phase, **request: Any) -> Json:
        """One phase."""
        whole = {"target": {"name": "here"}, **request}
        answer: Json = self._await(self.host.run(self._package, phase, whole, self._perform))
        return answer

    def resource(self, kind: str, name: str = "one", **spec: Any) -> Json:
        """What is declared, as the engine tells a provider: with the body in the place of the text."""
        for field in ("line", "content"):
            if field in spec:
                content = spec.pop(field).encode()
                digest = "sha256:" + hashlib.sha256(content).hexdigest()
                self.blobs[digest] = content
                spec["body"] = {"digest": digest, "size": len(content)}
        if kind == "Block":
            spec.setdefault("marker", "managed by OpenFroyo")
        return {"address": f"here/{kind}/{name}", "kind": kind, "name": name, "spec": spec}

    def read(self, *resources: Json) -> list[Json]:
        return list(self.run(Phase.READ, resources=list(resources))["actual"])

    def plan(self, *resources: Json) -> list[Json]:
        """An operation each; a fault in the place of one that cannot be."""
        actual = self.read(*resources)
        pairs = [(one, found) for one, found in zip(resources, actual, strict=True) if "fault" not in found]
        planned = self.run(Phase.PLAN, resources=[p[0] for p in pairs], actual=[p[1] for p in pairs])
        by_address = {one["address"]: one for one in planned["operations"]}
        return [by_address.get(found["address"], found) for found in actual]

    def apply(self, *operations: Json) -> list[Reply]:
        """The replies to the calls of the plans, all made at once."""
        calls = [Call(one["call"], one["args"]) for operation in operations for one in operation["calls"]]
        return list(self._await(self._perform(calls))) if calls else []

    def put_right(self, *resources: Json) -> list[Reply]:
        """What comes of it, where anything is to be done and nothing is in its way."""
        planned = [one for one in self.plan(*resources) if one.get("calls") and not one.get("obstacles")]
        return self.apply(*planned)
