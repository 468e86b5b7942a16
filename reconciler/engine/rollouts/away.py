"""Which targets have had their turn in a rollout and are not ready: locks count them, as they count what is disrupted.

Invariant: who is in no rollout that is under way any more counts no longer, however that has come about: it is over, it
is declared no longer, or its source is served no longer. What could not be looked at just now is as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from reconciler.core.rollout_turns import unready
from reconciler.model.names import SourceName, TargetName
from reconciler.model.rollout import RolloutName, RolloutRecord
from reconciler.store.store import Store


class AwayByTurns:
    """See the module."""

    def __init__(self) -> None:
        self._of: dict[tuple[SourceName, RolloutName], set[TargetName]] = {}

    def note(self, source: SourceName, records: Iterable[RolloutRecord]) -> None:
        """These are all rollouts of a source, as far as they are by now."""
        others = {key: names for key, names in self._of.items() if key[0] != source}
        self._of = others | {(source, one.name): unready(one) for one in records if not one.phase.over}

    def keep_only(self, sources: Collection[SourceName]) -> None:
        """No other source has any."""
        self._of = {key: names for key, names in self._of.items() if key[0] in sources}

    @property
    def targets(self) -> set[TargetName]:
        """All of them."""
        return {name for names in self._of.values() for name in names}

    def beside(self, record: RolloutRecord) -> set[TargetName]:
        """Those in other rollouts than this one."""
        mine = (record.source, record.name)
        return {name for key, names in self._of.items() if key != mine for name in names}


async def away_on_record(store: Store) -> set[TargetName]:
    """Those in all rollouts, as they are on record: for a controller that shares a store, and does not lead."""
    under_way = [one for one in await store.load_rollouts() if not one.phase.over]
    return {name for one in under_way for name in unready(one)}
