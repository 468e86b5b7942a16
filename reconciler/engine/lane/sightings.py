"""Changes that a target has reported and that nobody has looked at yet.

Invariant: of several changes of one instance the time of the first counts, since it has been wrong since then, and the
best evidence: of who it was last, but rather of somebody else than of what was run here to put it right. What is
reported while an instance is being put right, or looked at, is of interest at the next look.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace

from reconciler.model.evidence import Evidence
from reconciler.model.names import Address


@dataclass(frozen=True, slots=True)
class Sighting:
    """A change that a target reported.

    Attributes:
        evidence: who did it, as far as the target could tell.
        at: loop time at which it became known here.
        latest: the same for the last change, where there were several.
    """

    evidence: Evidence
    at: float
    latest: float


class Sightings:
    """Those of one target, by instance."""

    def __init__(self) -> None:
        self._seen: dict[Address, Sighting] = {}
        self._looked_at: dict[Address, Sighting] = {}

    def add(self, address: Address, evidence: Evidence, *, at: float) -> None:
        """A change of an instance was reported."""
        known = self._seen.get(address)
        if known is None:
            self._seen[address] = Sighting(evidence, at, at)
        else:
            better = evidence if _rank(evidence) >= _rank(known.evidence) else known.evidence
            self._seen[address] = Sighting(better, known.at, at)

    def of(self, address: Address) -> Sighting | None:
        """What was reported about an instance since it was last looked at."""
        return self._seen.get(address)

    def latest(self, address: Address) -> float | None:
        """When an instance was last reported to have changed; None if it was not since it was looked at."""
        sighting = self._seen.get(address)
        return None if sighting is None else sighting.latest

    def take(self, address: Address, *, until: float | None = None) -> Sighting | None:
        """What was reported about an instance, now that something was concluded about it.

        Args:
            address: the instance.
            until: what was reported from this loop time on stays, for the next look.
        """
        sighting = self._seen.pop(address, None)
        if sighting is not None and until is not None and sighting.latest >= until:
            self._seen[address] = replace(sighting, at=sighting.latest)
        return sighting

    def look(self, addresses: Iterable[Address] | None = None) -> None:
        """These are read from now on, or all: what is reported from now on may not be in what is read."""
        if addresses is None:
            self._looked_at = dict(self._seen)
            return
        for address in addresses:
            self._looked_at.pop(address, None)
            if address in self._seen:
                self._looked_at[address] = self._seen[address]

    def settle(self, address: Address) -> None:
        """What was reported about an instance before it was looked at is in what was seen; what came since stays.

        A program may write a file in several steps, of which the first changes nothing that counts.
        """
        sighting, looked_at = self._seen.get(address), self._looked_at.pop(address, None)
        if sighting is looked_at:
            self._seen.pop(address, None)
        elif sighting is not None:
            self._seen[address] = replace(sighting, at=sighting.latest)

    def kept(self, addresses: Container[Address]) -> Sightings:
        """The same about `addresses` alone."""
        kept = Sightings()
        kept._seen = {address: one for address, one in self._seen.items() if address in addresses}
        return kept

    def __contains__(self, address: object) -> bool:
        return address in self._seen

    def __iter__(self) -> Iterator[Address]:
        return iter(self._seen)


def _rank(evidence: Evidence) -> int:
    """How much it says of who has spoiled something."""
    return 0 if not evidence.is_known else 1 if evidence.is_ours else 2
