"""What a rescan looks at although nothing on the target has moved, and from when on.

An instance is unsettled from the moment at which a round begins with it until something is concluded that holds by
itself. Invariant: whatever cuts a round off, what it had begun with is looked at again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from reconciler.model.names import Address


class Unsettled:
    """The instances of one target of which that is so.

    Args:
        addresses: those of which it is so from the beginning.
    """

    def __init__(self, addresses: Iterable[Address] = ()) -> None:
        self._addresses = set(addresses)
        self._not_before: dict[Address, float] = {}

    def add(self, addresses: Iterable[Address]) -> None:
        """Nothing that holds is known of these."""
        self._addresses.update(addresses)

    def settle(self, address: Address) -> None:
        """What was concluded about an instance holds as long as nothing moves."""
        self._addresses.discard(address)

    def wait(self, address: Address, until: float) -> None:
        """Unless something moves, a rescan need not look at an instance before that loop time."""
        self._not_before[address] = until

    def wait_no_more(self, address: Address) -> None:
        """The next rescan may look at an instance."""
        self._not_before.pop(address, None)

    def forget(self, address: Address) -> None:
        """An instance has gone."""
        self.settle(address)
        self.wait_no_more(address)

    def due(self, now: float) -> set[Address]:
        """What a rescan at that loop time looks at."""
        return {address for address in self._addresses if self._not_before.get(address, 0.0) <= now}

    def keep_only(self, addresses: Container[Address]) -> None:
        """Others are gone."""
        for address in [address for address in self._addresses if address not in addresses]:
            self.forget(address)

    def __contains__(self, address: object) -> bool:
        return address in self._addresses

    def __iter__(self) -> Iterator[Address]:
        return iter(self._addresses)
