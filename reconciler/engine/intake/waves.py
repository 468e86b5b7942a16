"""What of a source is in force on which target, while a revision reaches them wave by wave.

Invariants: what is on record comes first, then what is in force: whoever is killed in between begins with what is on
record. What would claim something of another source begins nowhere, so that no wave comes to nothing half-way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reconciler.engine.intake.doubt import Doubt
from reconciler.engine.intake.recall import current
from reconciler.engine.loop.submissions import Submissions
from reconciler.engine.rollouts.beginning import begun, recorded
from reconciler.engine.rollouts.composing import Evaluate, SourceComposing, pinned, records_of
from reconciler.errors import ConfigError
from reconciler.model.desired import Desired
from reconciler.model.names import SourceName
from reconciler.model.rollout import RolloutRecord
from reconciler.store.batch import Batch
from reconciler.store.store import Store

GoOn = Callable[[Desired, Sequence[RolloutRecord]], Sequence[RolloutRecord]]
"""Says how the rollouts of a source go on: what is in force of it, and what is on record, to what is to be."""


class SourceWaves:
    """Those of one source.

    Args:
        name: of the source.
        store: where rollouts are on record.
        submissions: have what is declared in force.
        evaluate: gives what a snapshot declares.
        now: the wall clock.

    Attributes:
        newest: what its snapshot in force declares, on targets whose turn has come; None where that was not evaluated.
    """

    def __init__(
        self,
        name: SourceName,
        store: Store,
        submissions: Submissions,
        evaluate: Evaluate,
        *,
        now: Callable[[], float],
    ) -> None:
        self.newest: Desired | None = None
        self._name = name
        self._store = store
        self._submissions = submissions
        self._evaluate = evaluate
        self._now = now
        self._composing = SourceComposing(store, evaluate)

    async def composed(self, newest: Desired) -> Desired:
        """What is declared target by target, by what is on record, where this is the newest."""
        return await self._composing.composed(newest)

    async def begun(self, newest: Desired, doubt: Doubt) -> tuple[Desired, Batch]:
        """What is in force of a new snapshot, target by target, and what goes on record with it.

        Raises:
            ConfigError: it claims what another source has.
        """
        records = {one.name: one for one in await records_of(self._store, self._name)}
        if not newest.rollouts and not records:
            await self._submissions.refuse_conflicts(newest, doubt=doubt)
            return newest, Batch()
        # All of it, although some waits: a wave must not come to nothing half-way. It waits for nobody else either, who
        # would put it in force everywhere at once.
        await self._submissions.must_not_conflict(newest)
        in_force = self._submissions.in_force.of(self._name)
        until_now = await current(self._store, self._name, self._evaluate, in_force)
        after = begun(newest, until_now, records, now=self._now())
        return await self._composing.of(newest, after), recorded(records, after)

    async def go_on(
        self, go_on: GoOn, batch: Batch | None = None
    ) -> tuple[list[RolloutRecord], Desired | None]:
        """Have the rollouts of the source go on. Nothing else may be taken in of it meanwhile.

        Args:
            go_on: how.
            batch: what goes on record with that.

        Returns:
            What is on record now, which is nothing where nothing is in force yet; and what is in force, if that is
            another thing than before.

        Raises:
            ConfigError: a target would have what another source claims; nothing has changed.
            StoreError: it could not be put on record.
        """
        before, in_force = (
            await records_of(self._store, self._name),
            self._submissions.in_force.of(self._name),
        )
        if in_force is None:
            return [], None
        after = list(go_on(in_force, before))
        if after == before:
            return after, None
        written = recorded({one.name: one for one in before}, after)
        written = written if batch is None else written.join(batch)
        async with self._submissions.taking:
            if pinned(before).keys() == pinned(after).keys():
                await self._store.write(written)
                return after, None
            return after, await self._roll(after, written)

    async def _roll(self, after: Sequence[RolloutRecord], batch: Batch) -> Desired | None:
        if self.newest is None:
            kept = await self._store.snapshot_in_force(self._name)
            if kept is None:
                return None
            self.newest = await self._evaluate(kept)
        desired = await self._composing.of(self.newest, after)
        if problems := self._submissions.in_force.conflicts(desired):
            raise ConfigError(problems)
        await self._store.write(batch)
        doubt = self._submissions.in_force.doubt_of(self._name)
        await self._submissions.submit(desired, doubt=doubt)
        return desired
