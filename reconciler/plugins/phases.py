"""The phases of a provider as functions of values: they become the JSON of the interface here.

Invariant: an answer has one item for each resource that was asked about, in the same order; one item is one resource's,
and a fault in its place is that resource's alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.calls import Call, Reply
from reconciler.model.names import Address, Digest, TargetName
from reconciler.model.plan import Action, FieldDiff, Obstacle, Operation, Preimage
from reconciler.model.provider import Actual, Finding, Resource, Result
from reconciler.model.subjects import parse as subject_of
from reconciler.plugins.calls import Perform, Phase

Json = dict[str, Any]
T = TypeVar("T")


class Phases(ABC):
    """What can be asked of providers. Each method names the package whose provider it asks, and the target.

    Every one of them raises ProviderError where the provider failed as a whole or misbehaved, and whatever `perform`
    raises.
    """

    @abstractmethod
    async def run(
        self, package: str, phase: Phase, request: Mapping[str, Any], perform: Perform
    ) -> dict[str, Any]:
        """One phase, from the request to the reply.

        Args:
            package: its name.
            phase: what is asked of it.
            request: as docs/spec/provider-interface.md says; an operation with `calls` is done by making them.
            perform: makes calls on the target. Whatever it raises ends the run.

        Returns:
            The reply, as the same document says, and checked to be so.

        Raises:
            ProviderError: the provider says that it cannot, or misbehaves.
        """

    async def read(
        self, package: str, target: TargetName, wanted: Sequence[Resource], perform: Perform
    ) -> list[Actual | ProviderError]:
        """How each resource is."""
        request = {"target": {"name": target}, "resources": [resource_json(one) for one in wanted]}
        reply = await self.run(package, Phase.READ, request, perform)
        return [_answer(item, _actual_of, package) for item in reply["actual"]]

    async def look(
        self, package: str, target: TargetName, wanted: Sequence[Resource], perform: Perform
    ) -> list[tuple[Actual | ProviderError, Operation | ProviderError]]:
        """How each resource is, and what would have to be done about it: `read`, then `plan`.

        A provider that can answers both at once, which crosses into its sandbox once less. Of what could not be read
        the fault stands in both places.
        """
        request = {
            "target": {"name": target},
            "resources": [resource_json(one) for one in wanted],
            "plan": True,
        }
        reply = await self.run(package, Phase.READ, request, perform)
        found = [_answer(item, _actual_of, package) for item in reply["actual"]]
        readable = [
            (one, now) for one, now in zip(wanted, found, strict=True) if not isinstance(now, ProviderError)
        ]
        if "operations" in reply:
            planned = [_planned(item, package) for item in reply["operations"]]
        elif readable:
            planned = await self.plan(package, target, *map(list, zip(*readable, strict=True)))
        else:
            planned = []
        rest = iter(planned)
        return [(one, one if isinstance(one, ProviderError) else next(rest)) for one in found]

    async def find(
        self, package: str, target: TargetName, kinds: Collection[str], perform: Perform
    ) -> tuple[list[str], list[Finding], dict[str, ProviderError]]:
        """What there is on a target that could be declared.

        Args:
            package: its name.
            target: where.
            kinds: of which; none for all of the package.
            perform: makes calls, which only read.

        Returns:
            The kinds of which it can be said, what was found, and why it could not be said of a kind.
        """
        request = {"target": {"name": target}, "find": sorted(kinds)}
        reply = await self.run(package, Phase.READ, request, perform)
        faults = {
            item["kind"]: _fault_of(item["fault"], package) for item in reply["found"] if "fault" in item
        }
        found = [
            Finding(
                kind=item["kind"],
                name=item["name"],
                spec=item["spec"],
                remark=item.get("remark", ""),
                replaces=tuple(map(subject_of, item.get("replaces", ()))),
            )
            for item in reply["found"]
            if "fault" not in item
        ]
        return reply["kinds"], found, faults

    async def plan(
        self, package: str, target: TargetName, wanted: Sequence[Resource], actual: Sequence[Actual]
    ) -> list[Operation | ProviderError]:
        """What would have to be done about each, as it is. No call is made."""
        request = {
            "target": {"name": target},
            "resources": [resource_json(one) for one in wanted],
            "actual": [{"address": one.address, "exists": one.exists, "state": one.state} for one in actual],
        }
        reply = await self.run(package, Phase.PLAN, request, _no_calls)
        return [_planned(item, package) for item in reply["operations"]]

    async def apply(
        self, package: str, target: TargetName, operations: Sequence[Operation], perform: Perform
    ) -> list[Result | ProviderError]:
        """Do what was planned."""
        return await self._do(package, Phase.APPLY, target, operations, perform)

    async def destroy(
        self, package: str, target: TargetName, operations: Sequence[Operation], perform: Perform
    ) -> list[Result | ProviderError]:
        """Do what was planned about what is declared no longer."""
        return await self._do(package, Phase.DESTROY, target, operations, perform)

    async def _do(
        self,
        package: str,
        phase: Phase,
        target: TargetName,
        operations: Sequence[Operation],
        perform: Perform,
    ) -> list[Result | ProviderError]:
        request = {"target": {"name": target}, "operations": [_operation(one) for one in operations]}
        reply = await self.run(package, phase, request, perform)
        return [_answer(item, _result_of, package) for item in reply["results"]]


async def _no_calls(_calls: list[Call]) -> list[Reply]:
    raise AssertionError("the host lets no call pass in the plan phase")


# --- Values to JSON ---------------------------------------------------------------------------------


def resource_json(wanted: Resource) -> Json:
    """A resource as it stands in a request."""
    instance = wanted.instance
    item: Json = {
        "address": instance.address,
        "kind": instance.kind,
        "name": instance.metadata.name,
        "spec": instance.spec,
    }
    if instance.common.ignore_fields:
        item["ignore"] = list(instance.common.ignore_fields)
    if wanted.owned:
        item["owned"] = True
    if instance.removal is not None:
        item["removed"] = True
        if instance.removal.restores is not None:
            item["restores"] = dict(instance.removal.restores)
    if wanted.managed is not None:
        item["managed"] = list(wanted.managed)
    return item


def _operation(planned: Operation) -> Json:
    """What doing it takes. The rest of a plan is what others have to know of it."""
    item: Json = {"address": planned.address, "action": planned.action.value, "payload": planned.payload}
    if planned.calls:
        item["calls"] = [{"call": one.name, "args": one.args} for one in planned.calls]
    return item


# --- JSON, of which `replies` has seen that it is as it should be, to values ------------------------


def _answer(item: Json, value_of: Callable[[Json], T], package: str) -> T | ProviderError:
    return _fault_of(item["fault"], package) if "fault" in item else value_of(item)


def _actual_of(item: Json) -> Actual:
    return Actual(
        address=Address(item["address"]),
        exists=item["exists"],
        state=item["state"],
        watch=tuple(item["watch"]),
        remark=item.get("remark", ""),
        unfinished=item.get("unfinished", False),
    )


def _operation_of(item: Json, package: str) -> Operation:
    preimage = item["preimage"]
    return Operation(
        Address(item["address"]),
        Action(item["action"]),
        tuple(map(_diff_of, item["diffs"])),
        item["payload"],
        None
        if preimage is None
        else Preimage(preimage["path"], Digest(preimage["digest"]), preimage["size"]),
        item.get("slow", False),
        tuple(_obstacle_of(one, package) for one in item.get("obstacles", ())),
        item.get("lost", 0),
        tuple(Call(one["call"], one["args"]) for one in item.get("calls", ())),
        item.get("refreshes", False),
    )


def _planned(item: Json, package: str) -> Operation | ProviderError:
    return _answer(item, lambda one: _operation_of(one, package), package)


def _obstacle_of(item: Json, package: str) -> Obstacle:
    return Obstacle(_fault_of(item, package), tuple(map(subject_of, item["subjects"])))


def _diff_of(item: Json) -> FieldDiff:
    return FieldDiff(
        item["field"],
        item["before"],
        item["after"],
        ignored=item["ignored"],
        sensitive=bool(item.get("sensitive")),
    )


def _result_of(item: Json) -> Result:
    return Result(item["changed"], item.get("output", ""))


def _fault_of(fault: Json, package: str) -> ProviderError:
    """The error that a provider's answer about one resource declares."""
    retry, call = fault.get("retry_after_ms"), str(fault.get("call", ""))
    message = fault["message"] or f"{package} failed and did not say why"
    return ProviderError(
        # Which call it was is of interest to who writes a provider, and to nobody else.
        message.removeprefix(f"{call}: ") if call else message,
        error_class=ErrorClass(fault["class"]),
        retry_after=None if retry is None else retry / 1000,
        call=call,
        code=str(fault.get("code", "")),
        partial=bool(fault.get("partial")),
    )
