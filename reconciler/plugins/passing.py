"""Lets through to a target what a package may call in a phase, and answers the rest itself.

Invariants: no call reaches `perform` that the capabilities and the phase do not allow, whether a provider makes it or
has planned it; each kind of refusal is audited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.errors import ErrorClass
from reconciler.model.calls import Call, Failure, Reply
from reconciler.plugins.calls import Perform, Phase
from reconciler.plugins.capabilities import Gate
from reconciler.plugins.packages import Package
from reconciler.plugins.steps import Misbehaviour

Json = dict[str, Any]
Audit = Callable[[str, Mapping[str, Any]], None]


class Passage:
    """The calls of one package, in one phase, about one target.

    Args:
        package: whose.
        phase: when.
        gate: says what is allowed.
        audit: told of what is not.
    """

    def __init__(self, package: Package, phase: Phase, gate: Gate, audit: Audit) -> None:
        self._package = package
        self._phase = phase
        self._gate = gate
        self._audit = audit
        self._calls = 0
        self._refused: set[str] = set()

    async def replies(self, calls: Sequence[Call], perform: Perform) -> list[Reply]:
        """The replies to calls: from the target where they are allowed, from here where they are not.

        Raises:
            Misbehaviour: they are more than the package may make.
        """
        self._calls += len(calls)
        if self._calls > self._package.limits.calls:
            raise Misbehaviour(f"makes more than {self._package.limits.calls} calls (limits.calls)")
        reasons = [self._gate.refusal(call) for call in calls]
        allowed = [call for call, reason in zip(calls, reasons, strict=True) if not reason]
        performed = iter(await perform(allowed) if allowed else ())
        return [
            self._refusal(call, reason) if reason else next(performed)
            for call, reason in zip(calls, reasons, strict=True)
        ]

    def _refusal(self, call: Call, reason: str) -> Reply:
        name = call.name
        if name not in self._refused:
            # Once for each call: a provider must not be able to flood the audit log.
            self._refused.add(name)
            facts = {
                "package": self._package.name,
                "phase": self._phase.value,
                "call": name,
                "reason": reason,
            }
            self._audit("provider.refused", facts)
        message = f"{self._package.name} may not do this in {self._phase}: {reason}"
        return Failure(ErrorClass.PERMANENT, "refused", message)

    async def make(self, operations: Sequence[Json], perform: Perform) -> list[Json]:
        """Make the `calls` of operations: each one's in their order until one fails, the first of all of them together.

        Returns:
            For each its result: whether a call has changed anything, or the fault of the one that failed.

        Raises:
            Misbehaviour: as `replies` does.
        """
        results: list[Json] = [{"address": one["address"], "changed": False} for one in operations]
        going = list(zip(operations, results, strict=True))
        step = 0
        while going := [(one, result) for one, result in going if step < len(one["calls"])]:
            planned = [one["calls"][step] for one, _ in going]
            calls = [Call(one["call"], one["args"]) for one in planned]
            still = []
            for (one, result), call, reply in zip(
                going, calls, await self.replies(calls, perform), strict=True
            ):
                if isinstance(reply, Failure):
                    partial = result.pop("changed")
                    more = {"partial": True} if partial else {}
                    result["fault"] = {**reply.wire()["error"], "call": call.name, **more}
                    continue
                still.append((one, result))
                result["changed"] = result["changed"] or reply.value.get("changed") is True
            going = still
            step += 1
        return results
