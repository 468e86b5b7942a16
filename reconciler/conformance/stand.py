"""Where a package is tried: what the engine would ask of it, in its sandbox, against a world that can be spoiled.

Everything that is asked and answered here is noted, so that properties can be about all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.conformance.worlds import LivingWorld
from reconciler.errors import ErrorClass
from reconciler.model.calls import Call, Failure, Reply
from reconciler.plugins.calls import Phase
from reconciler.plugins.host import PluginHost
from reconciler.plugins.memo import Memo
from reconciler.plugins.packages import Package

Json = dict[str, Any]

CODE = "injected"
"""The code of a failure that this makes: no provider knows what to do about it but to say so."""


@dataclass(slots=True)
class Injection:
    """A failure that a call meets on its way.

    Attributes:
        call: which; with arguments of its own, or of whatever arguments where `args` is None.
        error_class: of the failure.
        lost: it is performed, and the reply is lost.
        met: how many calls have met it.
    """

    call: str
    args: Mapping[str, Any] | None
    error_class: ErrorClass
    lost: bool = False
    met: int = 0

    def takes(self, call: Call) -> bool:
        """Whether it is this call's."""
        return call.name == self.call and (self.args is None or call.args == self.args)

    def failure(self) -> Failure:
        """What the call is answered."""
        later = 1500 if self.error_class is ErrorClass.THROTTLED else None
        return Failure(self.error_class, CODE, f"{self.call} failed, as the kit wanted", later)


@dataclass(slots=True)
class Stand:
    """A package on trial.

    Attributes:
        host: runs it.
        package: it.
        world: that it meets.
        refusals: what the host has refused it, or was audited otherwise; the host adds to it.
        calls: every call that it made, in order.
        rounds: how many round trips the last phase took.
        heard: everything that it said since somebody looked last, as text, with the phase.
        scanned: how many of the calls had been made by then.
    """

    host: PluginHost
    package: Package
    world: LivingWorld
    refusals: list[str]
    calls: list[Call] = field(default_factory=list)
    rounds: int = 0
    heard: list[tuple[str, str]] = field(default_factory=list)
    scanned: int = 0

    def forget(self) -> None:
        """Let it be asked anew, by an instance that was never used, what it has answered already."""
        self.host.memo = Memo()

    async def read(self, resources: Sequence[Json], injection: Injection | None = None) -> list[Json]:
        """What `read` answers."""
        return await self._ask(Phase.READ, {"resources": list(resources)}, "actual", injection)

    async def plan(
        self, resources: Sequence[Json], found: Sequence[Json], more: Json | None = None
    ) -> list[Json]:
        """What is planned for each; a fault of `read` in the place of what could not be read."""
        pairs = [(one, item) for one, item in zip(resources, found, strict=True) if "fault" not in item]
        actual = [{key: item[key] for key in ("address", "exists", "state")} for _, item in pairs]
        request = {"resources": [one for one, _ in pairs], "actual": actual, **(more or {})}
        planned = {one["address"]: one for one in await self._ask(Phase.PLAN, request, "operations", None)}
        return [planned.get(item["address"], item) for item in found]

    async def at_once(self, resource: Json) -> Json | None:
        """What `read` plans about a resource right after it has read it; None of a provider that does not."""
        asked = {"target": {"name": "host"}, "resources": [resource], "plan": True}
        reply = await self.host.run(self.package.name, Phase.READ, asked, self.world.replies)
        planned: list[Json] | None = reply.get("operations")
        return next(iter([*planned, *reply["actual"]])) if planned is not None else None

    async def look(self, resources: Sequence[Json]) -> list[Json]:
        """What would have to be done about each, or the fault."""
        return await self.plan(resources, await self.read(resources))

    async def do(
        self, operations: Sequence[Json], injection: Injection | None = None, *, phase: Phase = Phase.APPLY
    ) -> list[Json]:
        """What comes of operations that do something; of others there is nothing to come."""
        asked = [
            {key: one[key] for key in ("address", "action", "payload", "calls") if key in one}
            for one in operations
            if one.get("action", "none") != "none" and not one.get("obstacles")
        ]
        return await self._ask(phase, {"operations": asked}, "results", injection) if asked else []

    async def find(self) -> list[Json]:
        """What it finds that could be declared; nothing where no kind knows how to look."""
        return await self._ask(Phase.READ, {"find": []}, "found", None)

    async def _ask(
        self, phase: Phase, request: Json, answered: str, injection: Injection | None
    ) -> list[Json]:
        self.rounds = 0

        async def perform(calls: list[Call]) -> list[Reply]:
            self.rounds += 1
            self.calls += calls
            spoiled = [injection is not None and injection.takes(call) for call in calls]
            reached = [
                call
                for call, failing in zip(calls, spoiled, strict=True)
                if not failing or (injection is not None and injection.lost)
            ]
            replies = dict(zip(map(id, reached), await self.world.replies(reached), strict=True))
            met: list[Reply] = []
            for call, failing in zip(calls, spoiled, strict=True):
                if failing and injection is not None:
                    injection.met += 1
                    met.append(injection.failure())
                else:
                    met.append(replies[id(call)])
            return met

        asked = {"target": {"name": "host"}, **request}
        reply = await self.host.run(self.package.name, phase, asked, perform)
        items: list[Json] = reply[answered]
        self.heard += [(phase.value, json.dumps(item, ensure_ascii=False)) for item in items]
        return items
