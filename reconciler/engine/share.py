"""Which targets a controller works on: all of them, or its part where several share a store.

Invariant: what is not its own it neither concludes about, nor writes, nor opens a session to.
"""

from __future__ import annotations

from collections.abc import Collection

from reconciler.core.sharing import shard_of
from reconciler.model.names import Address, TargetName, split_address


class Share:
    """See the module.

    Args:
        alone: whether that is all of them, and nobody else works with the store.

    Attributes:
        alone: the same.
        leads: whether it decides what is in force, for all that share the store.
        shards: the parts that it has, where it is not alone.
    """

    def __init__(self, *, alone: bool = True) -> None:
        self.alone = alone
        self.leads = alone
        self.shards: frozenset[int] = frozenset()

    def has(self, target: TargetName) -> bool:
        """Whether it works on a target."""
        return self.alone or shard_of(target) in self.shards

    def covers(self, address: Address) -> bool:
        """Whether it works on the target of an instance."""
        return self.has(split_address(address)[0])

    def gain(self, shards: Collection[int]) -> None:
        """These are its own from now on."""
        self.shards |= frozenset(shards)

    def lose(self, shards: Collection[int]) -> None:
        """These are not any more."""
        self.shards -= frozenset(shards)
