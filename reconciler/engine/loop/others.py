"""What other controllers that share the store know of their targets, as it is on record: for who shows all of them.

Invariant: nothing is concluded from it here: it is as old as the last look.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.engine.share import Share
from reconciler.model.names import Address, TargetName, split_address, target_object
from reconciler.model.state import ResourceState, TargetState
from reconciler.store.store import Store


class Others:
    """See the module.

    Args:
        store: where it is.
        share: the targets that are ours.

    Attributes:
        states: of each instance on another one.
        targets: of each other one.
    """

    def __init__(self, store: Store, share: Share) -> None:
        self.states: Mapping[Address, ResourceState] = {}
        self.targets: Mapping[TargetName, TargetState] = {}
        self._store = store
        self._share = share

    async def look(self) -> set[str]:
        """Read it anew; the objects of which something else is on record than before."""
        states, targets = self.states, self.targets
        self.states = {
            address: state
            for address, state in (await self._store.load_states()).items()
            if not self._share.has(split_address(address)[0])
        }
        self.targets = {
            name: state
            for name, state in (await self._store.load_target_states()).items()
            if not self._share.has(name)
        }
        moved: set[str] = {
            address for address in {*states, *self.states} if states.get(address) != self.states.get(address)
        }
        moved |= {
            target_object(name)
            for name in {*targets, *self.targets}
            if targets.get(name) != self.targets.get(name)
        }
        return moved
