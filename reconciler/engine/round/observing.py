"""The first step of a round: read what is, by the providers, from a target."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.engine.host import ProviderHost
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.performing import ReadingPerformer, together
from reconciler.errors import ProviderError
from reconciler.model.names import Address, Digest
from reconciler.model.provider import Actual, Resource
from reconciler.targets.frames import canonical

OBSTACLES = "obstacles"
"""What a provider calls in a state what is in the way of a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed(Actual):
    """An instance as it is.

    Attributes:
        digest: of `exists` and `state`: equal digests, equal state.
        itself: the same without what is only in the way of a change; None where nothing is.
    """

    digest: Digest
    itself: Digest | None = None


def resource(lane: Lane, address: Address) -> Resource:
    """An instance as the provider gets it."""
    instance = lane.instances[address]
    managed = lane.declared.managed.get(address, ()) if instance.contains else None
    return Resource(instance, owned=lane.states[address].owned, managed=managed)


def by_package(lane: Lane, addresses: Collection[Address]) -> dict[str, list[Address]]:
    """The addresses of each provider package, in order."""
    groups: dict[str, list[Address]] = {}
    for address in addresses:
        groups.setdefault(lane.instances[address].package, []).append(address)
    return groups


async def observe(
    host: ProviderHost, lane: Lane, addresses: Collection[Address], performer: ReadingPerformer
) -> dict[Address, Observed | ProviderError]:
    """How each of `addresses` is; a provider's failure concerns its own instances only.

    Raises:
        TransportError: the session was lost.
    """
    found: dict[Address, Observed | ProviderError] = {}

    async def read(package: str, mine: list[Address]) -> None:
        wanted = [resource(lane, address) for address in mine]
        try:
            answers = await host.read(package, lane.target.name, wanted, performer.of(package))
        except ProviderError as error:
            found.update(dict.fromkeys(mine, error))
            return
        for address, one in zip(mine, answers, strict=True):
            found[address] = one if isinstance(one, ProviderError) else observed(one)

    await together([read(package, mine) for package, mine in by_package(lane, addresses).items()])
    return found


def observed(actual: Actual) -> Observed:
    """What a provider has found, with its digests."""
    itself = None
    if OBSTACLES in actual.state:
        itself = _digest(
            actual.exists, {name: value for name, value in actual.state.items() if name != OBSTACLES}
        )
    return Observed(
        address=actual.address,
        exists=actual.exists,
        state=actual.state,
        watch=actual.watch,
        digest=_digest(actual.exists, actual.state),
        itself=itself,
        remark=actual.remark,
        unfinished=actual.unfinished,
    )


def _digest(exists: bool, state: Mapping[str, Any]) -> Digest:  # noqa: FBT001 - it is what is digested
    return Digest("sha256:" + hashlib.sha256(canonical([exists, state])).hexdigest())
