"""The second step of a round: plan the difference, and say why there is one.

A provider says what differs; the engine says why (`Cause`), and whether anything may be done about it now (`held`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.core import diff, inventory
from reconciler.documents import listing
from reconciler.engine import wording
from reconciler.engine.host import ProviderHost
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.observing import Observed, by_package, resource
from reconciler.engine.round.performing import FindBlob, together
from reconciler.engine.round.services import Services
from reconciler.errors import ProviderError
from reconciler.model.names import Address, Digest, TargetName
from reconciler.model.plan import Action, FieldDiff, Operation, Plan, PlanUnit
from reconciler.model.sensitive import HIDDEN, is_sensitive
from reconciler.model.source import SnapshotGone


async def plan(
    host: ProviderHost,
    lane: Lane,
    observed: Sequence[Observed],
    find_blob: FindBlob | None,
) -> dict[Address, PlanUnit | ProviderError]:
    """What would be changed about each of `observed`; a provider's failure concerns its own instances only.

    Args:
        host: runs the providers; in this phase none can make a call.
        lane: the target.
        observed: what was read.
        find_blob: gives the declared bodies; None where no unified diffs are wanted, which cost reading them.
    """
    units: dict[Address, PlanUnit | ProviderError] = {}
    readings = {reading.address: reading for reading in observed}

    async def run(package: str, mine: list[Address]) -> None:
        wanted = [resource(lane, address) for address in mine]
        actual = [readings[address] for address in mine]
        try:
            operations = await host.plan(package, lane.target.name, wanted, actual)
        except ProviderError as error:
            units.update(dict.fromkeys(mine, error))
            return
        for reading, operation in zip(actual, operations, strict=True):
            units[reading.address] = unit_of(lane, reading, operation, find_blob)

    await together([run(package, mine) for package, mine in by_package(lane, list(readings)).items()])
    return units


def with_listings(planned: Mapping[Address, PlanUnit | ProviderError], find_blob: FindBlob) -> list[PlanUnit]:
    """Units for people to read, with what is in an archive where a body is one: more than that it is no text.

    A large archive takes a second, so this is for a thread of its own.
    """

    def listed(one: FieldDiff) -> FieldDiff:
        after = one.after
        if not isinstance(after, dict) or not one.unified or one.unified.startswith("@@"):
            return one
        if after.get("size", 0) <= listing.MAX_BYTES:
            with contextlib.suppress(SnapshotGone):
                inside = listing.listing(find_blob(Digest(str(after["digest"]))).read())
                return replace(one, unified="\n".join(inside)) if inside else one
        return one

    units = [unit for unit in planned.values() if isinstance(unit, PlanUnit)]
    return [replace(unit, diffs=tuple(map(listed, unit.diffs))) for unit in units]


def unit_of(
    lane: Lane, reading: Observed, operation: Operation | ProviderError, find_blob: FindBlob | None
) -> PlanUnit | ProviderError:
    """What would be changed about an instance, and why, from what its provider says.

    Args:
        lane: the target.
        reading: how it is.
        operation: what would have to be done.
        find_blob: gives the declared bodies; None where no unified diffs are wanted, which cost reading them.
    """
    if isinstance(operation, ProviderError):
        return operation
    address, action = reading.address, operation.action
    instance, state = lane.instances[address], lane.states[address]
    hide = is_sensitive(instance.spec, reading.state)
    diffs = tuple(_shown(one, find_blob, hide=hide) for one in operation.diffs)
    if operation.preimage is not None and instance.holds_secret:
        # It may hold the secret, or the one before it: what was there is not kept.
        operation = replace(operation, preimage=None, lost=operation.lost + 1)
    if instance.removal is not None and action is (
        Action.CREATE if instance.removal.restores is None else Action.DELETE
    ):
        return ProviderError(
            f"{instance.package} wants to {action} {address}, which is to go; this is its defect"
        )
    if instance.probe is not None and action is not Action.NONE and not operation.obstacles:
        return ProviderError(
            f"{instance.package} wants to {action} {address}, which is only looked at: its kind is a `probe`, and"
            " what is wrong with one is an obstacle; this is its defect"
        )
    decision = inventory.decide(
        instance,
        state,
        exists=reading.exists,
        equal=action is Action.NONE,
        unfinished=reading.unfinished or lane.preimages.is_begun(address),
    )
    return PlanUnit(
        address=address,
        action=action,
        cause=decision.cause,
        diffs=diffs,
        operation=operation,
        desired=instance.digest,
        observed=reading.digest,
        itself=reading.itself,
        held=decision.held,
        remark="; ".join(filter(None, (reading.remark, wording.lost(operation.lost)))),
    )


def _shown(one: FieldDiff, find_blob: FindBlob | None, *, hide: bool) -> FieldDiff:
    """A difference as it may be told."""
    before, after = one.before, one.after
    if (hide or one.sensitive) and _is_body(before, after):
        return replace(
            one,
            before=None if before is None else HIDDEN,
            after=None if after is None else HIDDEN,
            sensitive=True,
        )
    if not one.sensitive and not isinstance(before, dict) and not isinstance(after, dict):
        return one
    return replace(
        one,
        before=_without_text(before),
        after=_without_text(after),
        unified=_unified(before, after, find_blob) if find_blob and _is_body(before, after) else "",
        sensitive=False,
    )


def _is_body(before: Any, after: Any) -> bool:
    return any(isinstance(side, dict) and "digest" in side for side in (before, after))


def _without_text(side: Any) -> Any:
    if isinstance(side, dict) and "text" in side:
        return {key: value for key, value in side.items() if key != "text"}
    return side


def _unified(before: Any, after: Any, find_blob: FindBlob) -> str:
    """A diff of two bodies; of what cannot be shown it says digest and size. What is no body has no lines."""
    old = new = None
    if isinstance(before, dict):
        old = diff.Body(str(before["digest"]), before.get("size", 0), text=before.get("text"))
    if isinstance(after, dict):
        new = diff.Body(str(after["digest"]), after.get("size", 0), text=after.get("text"))
        if new.text is None and new.size <= diff.MAX_BYTES:
            with contextlib.suppress(SnapshotGone):
                new = diff.body(find_blob(Digest(new.digest)).read(), new.digest)
    return diff.unified(old, new)


def unplanned(name: TargetName, services: Services, why: str) -> Plan:
    """The plan of a target about which nothing can be said."""
    return Plan(
        target=name,
        revision=services.revision(name),
        units=(),
        observed_at=services.runtime.now(),
        errors={str(name): why},
    )
