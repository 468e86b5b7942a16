"""Having in force what another controller that shares the store has put on record: sources themselves are not asked.

Invariant: what is in force here is what the one that leads has decided on, be it a little later; what cannot be taken
as it is on record is not taken at all.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.engine.intake.doubt import Doubt
from reconciler.engine.intake.evaluating import Load, evaluated
from reconciler.engine.intake.recall import declared_elsewhere
from reconciler.engine.loop.controller import Controller
from reconciler.engine.rollouts.composing import SourceComposing
from reconciler.errors import ConfigError
from reconciler.model.desired import Desired
from reconciler.model.names import SourceName
from reconciler.model.source import Snapshot, SnapshotGone
from reconciler.runtime import Runtime
from reconciler.store.sharing import Decided
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")


class Following:
    """See the module.

    Args:
        store: where it is on record.
        runtime: the world.
        controller: gets what evaluates.
        load_of: gives what evaluates the snapshots of a source.
        taken: called when something has come to be in force.

    Attributes:
        unsettled: whether something is to be taken that has not been yet.
    """

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        controller: Controller,
        *,
        load_of: Callable[[SourceName], Load],
        taken: Callable[[], None],
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._controller = controller
        self._load_of = load_of
        self._took = taken
        self.unsettled = True
        self._taken: dict[SourceName, Decided] = {}
        self._told: dict[SourceName, str] = {}
        self._composing: dict[SourceName, SourceComposing] = {}

    def again(self) -> None:
        """See all of it once more: what it was made of has changed."""
        self._taken.clear()
        self.unsettled = True

    async def look(self) -> None:
        """Take what has come on record since.

        Raises:
            StoreError: it cannot be read.
        """
        self.unsettled = False
        submissions, decided = self._controller.submissions, await self._store.load_decisions()
        sources = {one.source for one in decided}
        for source in self._controller.in_force.sources.keys() - sources:
            self._taken.pop(source, None)
            await submissions.drop(source)
        submissions.expected = sources
        submissions.held = {one.source: one.held for one in decided}
        for one in decided:
            if self._taken.get(one.source) == one:
                continue
            self._taken[one.source] = one  # before it is read: it may be asked for again meanwhile
            if await self._take(one):
                self._told.pop(one.source, None)
                self._took()
            else:
                self._taken.pop(one.source, None)
                self.unsettled = True

    async def _take(self, decision: Decided) -> bool:
        """Put in force what was decided; whether that could be done."""
        snapshot = await self._store.snapshot_in_force(decision.source)
        if snapshot is None:
            return False
        controller = self._controller
        try:
            composing = self._composing.setdefault(
                decision.source, SourceComposing(self._store, self._evaluate)
            )
            desired = await composing.composed(await self._evaluate(snapshot))
            if desired.digest != decision.digest:
                return False  # it is just being exchanged, or a wave is about to begin
            async with controller.submissions.taking:
                in_force = controller.in_force
                mine = {decision.source, *in_force.sources}
                earlier = await declared_elsewhere(self._store, mine, self._evaluate, in_force.earlier)
                in_force.recall(earlier)
                doubt = Doubt(decision.doubt, decision.certain)
                await controller.submissions.refuse_conflicts(desired, doubt=doubt)
                await controller.submit(desired, doubt=doubt)
        except (ConfigError, SnapshotGone) as error:
            # Of several that are exchanged for each other, the last makes it right.
            if self._told.get(decision.source) != str(error):
                self._told[decision.source] = str(error)
                log.warning("what is in force cannot be taken", source=decision.source, why=str(error))
            return False
        return True

    async def _evaluate(self, snapshot: Snapshot) -> Desired:
        return await evaluated(self._load_of(snapshot.source), snapshot, self._runtime)
