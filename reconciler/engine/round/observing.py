"""The first step of a round: read what is, by the providers, from a target."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.engine.host import ProviderHost
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.performing import ReadingPerformer, together
from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.names import Address, Digest
from reconciler.plugins.calls import Phase
from reconciler.targets.frames import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """An instance as it is.

    Attributes:
        address: the instance.
        exists: whether there is anything at all.
        state: the provider's account of it.
        digest: of `exists` and `state`: equal digests, equal state.
        watch: the subjects on which it depends, as `lane/watched.py` has them.
    """

    address: Address
    exists: bool
    state: Mapping[str, Any]
    digest: Digest
    watch: tuple[str, ...]

    def wire(self) -> dict[str, Any]:
        """What `plan` is told of it: what the provider gave, but for what to watch, which are the engine's."""
        return {"address": self.address, "exists": self.exists, "state": self.state}


def fault_of(entry: Mapping[str, Any], *, package: str) -> ProviderError:
    """The error that a provider's answer about one resource declares."""
    fault = entry.get("fault") or {}
    try:
        error_class = ErrorClass(fault.get("class", "permanent"))
    except ValueError:
        error_class = ErrorClass.PERMANENT
    retry = fault.get("retry_after_ms")
    call = str(fault.get("call", ""))
    message = str(fault.get("message") or f"{package} failed and did not say why")
    return ProviderError(
        # Which call it was is of interest to who writes a provider, and to nobody else.
        message.removeprefix(f"{call}: ") if call else message,
        error_class=error_class,
        retry_after=retry / 1000 if isinstance(retry, int | float) else None,
        call=call,
        code=str(fault.get("code", "")),
    )


def wire_resource(lane: Lane, address: Address) -> dict[str, Any]:
    """An instance as the provider gets it."""
    instance = lane.instances[address]
    resource: dict[str, Any] = {
        "address": address,
        "kind": instance.kind,
        "name": instance.metadata.name,
        "spec": instance.spec,
    }
    if instance.common.ignore_fields:
        resource["ignore"] = list(instance.common.ignore_fields)
    if lane.states[address].owned:
        resource["owned"] = True
    if instance.removal is not None:
        resource["removed"] = True
        if instance.removal.restores is not None:
            resource["restores"] = dict(instance.removal.restores)
    if instance.contains:
        resource["managed"] = list(lane.declared.managed.get(address, ()))
    return resource


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
        request = {
            "target": {"name": lane.target.name},
            "resources": [wire_resource(lane, address) for address in mine],
        }
        try:
            done = await host.run(package, Phase.READ, request, performer.of(package))
        except ProviderError as error:
            found.update(dict.fromkeys(mine, error))
            return
        answers = {entry.get("address"): entry for entry in done.get("actual", ())}
        for address in mine:
            found[address] = _observed(address, answers.get(address), package)

    await together([read(package, mine) for package, mine in by_package(lane, addresses).items()])
    return found


def _observed(address: Address, entry: Mapping[str, Any] | None, package: str) -> Observed | ProviderError:
    if entry is None:
        return ProviderError(
            f"{package} left {address} out of its answer to read; this is a defect of the provider"
        )
    if "fault" in entry:
        return fault_of(entry, package=package)
    exists, state = bool(entry.get("exists")), entry.get("state") or {}
    return Observed(
        address=address,
        exists=exists,
        state=state,
        digest=Digest("sha256:" + hashlib.sha256(canonical([exists, state])).hexdigest()),
        watch=tuple(entry.get("watch", ())),
    )
