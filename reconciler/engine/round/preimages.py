"""What was there before what one round does: from when it was read until it is on record with the intent.

Invariants: nothing is replaced before what was there is kept, or is said not to be. Where there was nothing, that is
what was there (`NOTHING`), until a look finds something. What was certainly not replaced is not taken for what was
there before us (`engine/lane/preimages.py`). This module must not know how anything is done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from reconciler.engine.lane.lane import Lane
from reconciler.engine.lane.preimages import NOTHING
from reconciler.model.names import Address, Digest
from reconciler.model.plan import Cause, PlanUnit
from reconciler.store.batch import Batch
from reconciler.store.blobs import INLINE, digest_of
from reconciler.store.store import Store


class RoundPreimages:
    """Those of one round.

    Args:
        store: keeps contents.
        lane: the round's target.
    """

    def __init__(self, store: Store, lane: Lane) -> None:
        self._store = store
        self._lane = lane
        self._digests: dict[Address, Digest] = {}
        self._small: list[bytes] = []

    # --- Before it is done --------------------------------------------------------------------------------------------

    async def missing(self, digests: Iterable[Digest]) -> Collection[Digest]:
        """Those of `digests` whose content is not kept yet."""
        wanted = set(digests)
        return await self._store.blobs.missing(wanted) if wanted else ()

    async def keep(self, contents: Mapping[Address, bytes], known: Mapping[Address, Digest]) -> None:
        """Keep, for each address, the content that was there before it was touched; small ones with the intents.

        Args:
            contents: what is not kept yet.
            known: digests of what is, for something else.
        """
        self._digests.update(known)
        large = {address: content for address, content in contents.items() if len(content) > INLINE}
        if large:
            digests = await self._store.blobs.put_all(large.values())
            self._digests.update(zip(large, digests, strict=True))
        for address, content in contents.items():
            if address not in large:
                self._digests[address] = digest_of(content)
                self._small.append(content)

    def take_over(self, digests: Mapping[Address, Digest]) -> None:
        """An earlier run was to replace these, and what comes of that is concluded in this round."""
        self._digests |= digests

    # --- With its intent ----------------------------------------------------------------------------------------------

    def put(self, batch: Batch, units: Iterable[PlanUnit], *, at: float) -> dict[Address, Digest]:
        """Add what is not on record yet to what is written with the intents of `units`; the contents that they name."""
        batch.put_contents(self._small, at=at)
        self._small = []
        for unit in units:
            if unit.creates:
                self._digests.setdefault(unit.address, NOTHING)
            elif self._digests.get(unit.address) == NOTHING:
                del self._digests[unit.address]  # of an attempt before
        return {address: digest for address, digest in self._digests.items() if digest != NOTHING}

    def begun(self, units: Iterable[PlanUnit]) -> dict[Address, Digest]:
        """What of `units` is created, or was begun to be by an earlier attempt, and is not ours; and what was there."""
        states, before = self._lane.states, self._lane.preimages
        return {
            unit.address: self._digests[unit.address]
            for unit in units
            if not states[unit.address].owned
            and (unit.creates or before.is_begun(unit.address))
            and unit.address in self._digests
        }

    def on_record(self, units: Iterable[PlanUnit]) -> None:
        """The intents of `units` are on record: from now on they may be replaced."""
        states = self._lane.states
        self._lane.preimages.found(
            {
                unit.address: self._digests[unit.address]
                for unit in units
                # What somebody put there after it was in sync is nothing that was there before us.
                if unit.address in self._digests
                and unit.cause is not Cause.DRIFT
                and not states[unit.address].owned
            }
        )

    # --- When it is known what came of it -----------------------------------------------------------------------------

    def of(self, addresses: Iterable[Address]) -> dict[Address, Digest]:
        """What was there before these."""
        return {address: self._digests[address] for address in addresses if address in self._digests}

    def spare(self, address: Address) -> None:
        """An operation was not begun, or has failed; as far as is known, what was there still is."""
        if (digest := self._digests.get(address)) is not None:
            self._lane.preimages.spared(address, digest)
            if digest == NOTHING and address in self._lane.states and not self._lane.states[address].owned:
                self._lane.backlog.not_begun(address)

    def may_have_created(self, address: Address) -> bool:
        """Whether there was nothing before what was begun about it, and it is not known as ours."""
        return self._digests.get(address) == NOTHING and self.only_knows(address)

    def only_knows(self, address: Address) -> bool:
        """Whether an intent alone has on record what was there before: it was replaced, and is not known as ours."""
        digest = self._digests.get(address)
        return digest is not None and self._lane.preimages.waits(address, digest)
