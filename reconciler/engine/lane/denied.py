"""What policies have denied of one target, and is still to be done: part of whatever they are asked about next.

Invariant: what is declared otherwise by now, or nowhere any more, is not part of it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from reconciler.model.names import Address
from reconciler.model.plan import PlanUnit
from reconciler.model.resource import Instance


class Denied:
    """The changes of one target of which that is so."""

    def __init__(self) -> None:
        self._units: dict[Address, PlanUnit] = {}

    def note(self, units: Iterable[PlanUnit]) -> None:
        """These have been denied."""
        self._units |= {unit.address: unit for unit in units}

    def settle(self, addresses: Iterable[Address]) -> None:
        """These are allowed by now, or there is nothing to be done about them."""
        for address in addresses:
            self._units.pop(address, None)

    def beside(self, asked: Container[Address], instances: Mapping[Address, Instance]) -> Iterator[PlanUnit]:
        """Those that still wait and are not asked about now."""
        for address, unit in self._units.items():
            if address not in asked and address in instances and instances[address].digest == unit.desired:
                yield unit

    def keep_only(self, addresses: Container[Address]) -> None:
        """Others are gone."""
        self.settle([address for address in self._units if address not in addresses])
