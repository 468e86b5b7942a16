"""The second step of a round: plan the difference, and say why there is one.

A provider says what differs; the engine says why (`Cause`), and whether anything may be done about it now (`held`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core import diff, inventory
from reconciler.engine.host import ProviderHost
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.observing import Observed, by_package, fault_of, wire_resource
from reconciler.engine.round.performing import FindBlob, together
from reconciler.errors import ProviderError
from reconciler.model.names import Address, Digest
from reconciler.model.plan import Action, FieldDiff, PlanUnit
from reconciler.model.sensitive import HIDDEN, is_sensitive
from reconciler.model.source import SnapshotGone
from reconciler.plugins.calls import Call, Phase, Reply


async def plan(
    host: ProviderHost,
    lane: Lane,
    observed: Sequence[Observed],
    *,
    find_blob: FindBlob,
    texts: bool,
) -> dict[Address, PlanUnit | ProviderError]:
    """What would be changed about each of `observed`; a provider's failure concerns its own instances only.

    Args:
        host: runs the providers; in this phase none can make a call.
        lane: the target.
        observed: what was read.
        find_blob: gives the declared bodies, for their diffs.
        texts: whether unified diffs of bodies are wanted; they cost reading the bodies.
    """
    units: dict[Address, PlanUnit | ProviderError] = {}
    readings = {reading.address: reading for reading in observed}

    async def run(package: str, mine: list[Address]) -> None:
        request = {
            "target": {"name": lane.target.name},
            "resources": [wire_resource(lane, address) for address in mine],
            "actual": [readings[address].wire() for address in mine],
        }
        try:
            done = await host.run(package, Phase.PLAN, request, _no_calls)
        except ProviderError as error:
            units.update(dict.fromkeys(mine, error))
            return
        answers = {entry.get("address"): entry for entry in done.get("operations", ())}
        for address in mine:
            units[address] = _unit(
                lane, readings[address], answers.get(address), package, find_blob if texts else None
            )

    await together([run(package, mine) for package, mine in by_package(lane, list(readings)).items()])
    return units


async def _no_calls(_calls: list[Call]) -> list[Reply]:
    raise AssertionError("the host lets no call pass in the plan phase")


def _unit(
    lane: Lane,
    reading: Observed,
    operation: Mapping[str, Any] | None,
    package: str,
    find_blob: FindBlob | None,
) -> PlanUnit | ProviderError:
    address = reading.address
    if operation is None:
        return ProviderError(f"{package} left {address} out of its plan; this is a defect of the provider")
    if "fault" in operation:
        return fault_of(operation, package=package)
    instance, state = lane.instances[address], lane.states[address]
    hide = is_sensitive(instance.spec, reading.state)
    diffs = tuple(_field_diff(entry, find_blob, hide=hide) for entry in operation.get("diffs", ()))
    action = Action(operation.get("action", "none"))
    if instance.removal is not None and action is (
        Action.CREATE if instance.removal.restores is None else Action.DELETE
    ):
        return ProviderError(f"{package} wants to {action} {address}, which is to go; this is its defect")
    if action is not Action.NONE and not any(not entry.ignored for entry in diffs):
        return ProviderError(f"{package} wants to {action} {address} without naming a field that differs")
    decision = inventory.decide(instance, state, exists=reading.exists, equal=action is Action.NONE)
    return PlanUnit(
        address=address,
        action=action,
        cause=decision.cause,
        diffs=diffs,
        operation=operation,
        desired=instance.digest,
        observed=reading.digest,
        held=decision.held,
    )


def _field_diff(entry: Mapping[str, Any], find_blob: FindBlob | None, *, hide: bool) -> FieldDiff:
    before, after = entry.get("before"), entry.get("after")
    if (hide or entry.get("sensitive")) and _is_body(before, after):
        return FieldDiff(
            field=str(entry.get("field", "")),
            before=None if before is None else HIDDEN,
            after=None if after is None else HIDDEN,
            ignored=bool(entry.get("ignored")),
            sensitive=True,
        )
    return FieldDiff(
        field=str(entry.get("field", "")),
        before=_without_text(before),
        after=_without_text(after),
        unified=_unified(before, after, find_blob) if find_blob and _is_body(before, after) else "",
        ignored=bool(entry.get("ignored")),
    )


def _is_body(before: Any, after: Any) -> bool:
    return any(isinstance(side, dict) and "digest" in side for side in (before, after))


def _without_text(side: Any) -> Any:
    if isinstance(side, dict) and "text" in side:
        return {key: value for key, value in side.items() if key != "text"}
    return side


def _unified(before: Any, after: Any, find_blob: FindBlob) -> str:
    """A diff of two bodies; of what cannot be shown it says digest and size."""
    old = new = None
    if before is not None:
        old = diff.Body(str(before["digest"]), before.get("size", 0), text=before.get("text"))
    if after is not None:
        new = diff.Body(str(after["digest"]), after.get("size", 0))
        if new.size <= diff.MAX_BYTES:
            with contextlib.suppress(SnapshotGone):
                new = diff.body(find_blob(Digest(new.digest)).read(), new.digest)
    return diff.unified(old, new)
