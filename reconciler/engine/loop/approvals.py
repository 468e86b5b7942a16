"""What people have approved and is not done yet, in memory and in the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.model.names import Address
from reconciler.model.state import Approval
from reconciler.store.batch import Batch
from reconciler.store.store import Store


class Approvals:
    """All approvals. Each holds for what a person was shown, and is spent when that is done.

    Args:
        store: keeps them over a restart.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[Address, Approval] = {}

    async def load(self) -> None:
        """Read them from the store."""
        self._known = await self._store.load_approvals()

    @property
    def on_record(self) -> Mapping[Address, Approval]:
        """All of them."""
        return self._known

    async def put(self, approvals: Collection[Approval]) -> None:
        """Add some; an earlier one of the same instance is replaced."""
        await self._store.write(Batch().approve(approvals))
        self._known |= {approval.address: approval for approval in approvals}

    def note(self, approval: Approval) -> None:
        """This is on record by now."""
        self._known[approval.address] = approval

    def of(self, address: Address) -> Approval | None:
        """What was approved about an instance."""
        return self._known.get(address)

    def spent(self, addresses: Collection[Address]) -> None:
        """What was approved about these is done, or is not wanted any more; the store knows that already."""
        for address in addresses:
            self._known.pop(address, None)
