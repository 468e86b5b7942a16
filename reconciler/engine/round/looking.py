"""Looking at instances: how each is, and what would be changed about it.

Invariant: a look changes nothing, and one provider's failure concerns its own instances only. This module must not know
what follows from what was seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

from reconciler.core import diff
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.observing import Observed, by_package, observed, resource
from reconciler.engine.round.performing import FindBlob, ReadingPerformer, together
from reconciler.engine.round.planning import plan, unit_of
from reconciler.engine.round.services import Services
from reconciler.errors import ProviderError, StoreError
from reconciler.model.blob import Blob
from reconciler.model.calls import Call, Reply
from reconciler.model.names import Address, Digest
from reconciler.model.plan import Action, PlanUnit


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at an instance showed.

    Attributes:
        reading: how it is; why it could not be read where it could not.
        unit: what would be changed about it; why that could not be planned where it could not.
    """

    reading: Observed | ProviderError
    unit: PlanUnit | ProviderError

    @property
    def observed(self) -> Observed:
        """The reading of what was planned.

        Raises:
            ProviderError: there is none.
        """
        if isinstance(self.reading, ProviderError):
            raise self.reading
        return self.reading

    @property
    def change(self) -> PlanUnit | None:
        """What would be done, where it was seen not to be as it is declared."""
        return self.unit if isinstance(self.unit, PlanUnit) and self.unit.action is not Action.NONE else None


async def look(
    services: Services,
    lane: Lane,
    addresses: Collection[Address],
    performer: ReadingPerformer,
    *,
    texts: bool,
    tell: bool = False,
    probed: Mapping[Address, Observed | ProviderError] | None = None,
) -> dict[Address, Look]:
    """Read `addresses`, and plan what was read. Notes which subjects concern them.

    Args:
        services: what the round works with.
        lane: the target.
        addresses: what to look at.
        performer: makes the calls.
        texts: whether unified diffs of bodies are wanted.
        tell: whether whoever watches is told of this.
        probed: what was read of those that are looked at beside the rounds; None for what is known of them.

    Raises:
        TransportError: the session was lost.
    """
    if tell:
        services.progress.step(lane.target.name, "reading", addresses)
    if probed is None:
        probed = {
            address: services.probes.take(one)
            for address in addresses
            if (one := lane.instances[address]).probe is not None and one.removal is None
        }
    find_blob = await _bodies(services, lane, addresses) if texts else None
    seen = await _seen(services, lane, [one for one in addresses if one not in probed], performer, find_blob)
    if probed:
        readings = [reading for reading in probed.values() if isinstance(reading, Observed)]
        planned = await plan(services.host, lane, readings, find_blob)
        for address, reading in probed.items():
            unit = planned[address] if isinstance(reading, Observed) else reading
            seen[address] = Look(reading, unit)
    for shown in seen.values():
        if isinstance(shown.reading, Observed):
            lane.watched.note(shown.reading.address, shown.reading.watch)
        if isinstance(shown.unit, PlanUnit):
            _note(lane, shown.unit)
    return seen


async def _bodies(services: Services, lane: Lane, addresses: Collection[Address]) -> FindBlob:
    """Gives the declared bodies, and, of what was there before us and is to come back, those that can be shown."""
    kept: dict[Digest, Blob] = {}
    for address in addresses:
        removal = lane.instances[address].removal
        if removal is None or removal.restores is None or removal.restores["size"] > diff.MAX_BYTES:
            continue
        digest = Digest(str(removal.restores["digest"]))
        with contextlib.suppress(StoreError):  # to be put back it takes more than this
            content = await services.store.blobs.read(digest)
            kept[digest] = Blob(digest, len(content), partial(bytes, content))
    return lambda digest: kept.get(digest) or services.find_blob(digest)


async def _seen(
    services: Services,
    lane: Lane,
    addresses: Collection[Address],
    performer: ReadingPerformer,
    find_blob: FindBlob | None,
) -> dict[Address, Look]:
    """What the providers say of `addresses`; one's failure concerns its own instances only."""
    seen: dict[Address, Look] = {}

    async def ask(package: str, mine: list[Address]) -> None:
        wanted = [resource(lane, address) for address in mine]
        perform, tracer = performer.of(package), services.runtime.tracer

        async def read(calls: list[Call]) -> list[Reply]:
            with tracer.span("read", calls=len(calls)):
                return await perform(calls)

        try:
            with tracer.span("plan", package=package, instances=len(mine)):
                answers = await services.host.look(package, lane.target.name, wanted, read)
        except ProviderError as error:
            seen.update(dict.fromkeys(mine, Look(error, error)))
            return
        for address, (actual, operation) in zip(mine, answers, strict=True):
            if isinstance(actual, ProviderError):
                seen[address] = Look(actual, actual)
            else:
                reading = observed(actual)
                seen[address] = Look(reading, unit_of(lane, reading, operation, find_blob))

    await together([ask(package, mine) for package, mine in by_package(lane, addresses).items()])
    return seen


def _note(lane: Lane, unit: PlanUnit) -> None:
    """Keep in mind whether something is as declared, and who of ours may have undone it."""
    if not lane.instances[unit.address].shares:
        return
    differs = unit.action is not Action.NONE
    sighting = lane.sightings.of(unit.address)
    alone = differs and (sighting is None or sighting.evidence is None)
    lane.contradictions.looked(
        unit.address, differs=differs, sharing=lane.declared.sharing(unit.address) if alone else ()
    )
