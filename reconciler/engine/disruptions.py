"""How many targets may be disrupted at a time, and which are.

A target is disrupted from right before something disruptive is done to it until all that is declared there is as it
should be again, or is left alone on purpose. Invariant: whoever asks may do it only by taking a place in the same
breath; what was taken is on record with the intent (`engine/round/journal.py`), and so outlives the controller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from reconciler.core.conditions import summarize
from reconciler.core.reasons import DECIDED
from reconciler.core.spoken import some
from reconciler.engine.lane.lane import Lane
from reconciler.engine.share import Share
from reconciler.model.conditions import Reason
from reconciler.model.disruption import Disruption
from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.resource import Instance
from reconciler.model.target_lock import TargetLock
from reconciler.store.batch import Batch
from reconciler.store.store import Store

LONGEST = 3600.0
"""Seconds after which a host that was to go down has, or will not: no operation that disrupts takes longer."""


def _nobody(_addresses: Collection[Address]) -> None:
    """Nobody waits."""


def _decided(_address: Address) -> bool:
    """It is known of each instance whether it is declared."""
    return False


class Disruptions:
    """See the module.

    Args:
        most: how many at a time.
        share: the targets that are ours; on others that share the store, those disrupt that work on them.
        undecided: whether it is not known yet of an instance that it is declared no longer.
        locks: how many of some targets may be at a time.

    Attributes:
        rolling: the targets that have had their turn in a rollout and are not ready: locks count them, too.
    """

    def __init__(
        self,
        most: int,
        share: Share | None = None,
        *,
        undecided: Callable[[Address], bool] = _decided,
        locks: Callable[[], Iterable[TargetLock]] = tuple,
    ) -> None:
        self._most = most
        self._locks = locks
        self.rolling: Collection[TargetName] = frozenset()
        self._undecided = undecided
        self._share = share or Share()
        self._beyond: set[TargetName] = set()
        self._freed: Callable[[Collection[Address]], None] = _nobody
        self._taken: dict[TargetName, Disruption] = {}
        self._waiting: dict[Address, None] = {}

    def notify(self, freed: Callable[[Collection[Address]], None]) -> None:
        """From now on, `freed` is told what has been refused a place until then and may have one."""
        self._freed = freed

    @property
    def targets(self) -> Collection[TargetName]:
        """Those that are."""
        return self._taken.keys()

    def recall(self, disruptions: Iterable[Disruption]) -> None:
        """Take up what is on record."""
        self._taken |= {one.target: one for one in disruptions}

    def hear(self, disruptions: Collection[Disruption]) -> None:
        """This is on record: of targets that others work on, it is what counts."""
        theirs = {one.target: one for one in disruptions if not self._share.has(one.target)}
        over = [name for name in self._taken if not self._share.has(name) and name not in theirs]
        self._taken |= theirs
        self._end(over)

    def most_on_record(self, target: TargetName) -> int | None:
        """How many there may be with this one when that is put on record; None where nobody else puts any there.

        Nor is there a bound to what a person has approved.
        """
        if self._share.alone or target in self._beyond:
            return None
        # Others may take a place in the same moment, and there is one number that all of them are held to.
        return min([self._most, *(one.most for one in self._locks() if target in one.targets)])

    def refusal(self, address: Address) -> str:
        """Why nothing disruptive may be done about an instance now, or "". One that is refused waits."""
        target, _ = split_address(address)
        if not self.crowded(target):
            return ""
        self._waiting[address] = None
        if (lock := self._locked(target)) is not None:
            away = some(sorted(self._away(lock, target)))
            return f"Lock/{lock.name} has {lock.most} of its targets be disrupted at a time, and {away} is not ready"
        others = some(sorted(self._taken))
        verb = "is" if len(self._taken) == 1 else "are"
        return f"only {self._most} may be disrupted at a time, and {others} {verb} until all on it is ready again"

    def crowded(self, target: TargetName) -> bool:
        """Whether a target may not be disrupted now."""
        if target in self._taken:
            return False
        return len(self._taken) >= self._most or self._locked(target) is not None

    def _locked(self, target: TargetName) -> TargetLock | None:
        """The lock that keeps a target from being disrupted now."""
        return next((one for one in self._locks() if len(self._away(one, target)) >= one.most), None)

    def _away(self, lock: TargetLock, target: TargetName) -> set[TargetName]:
        if target not in lock.targets:
            return set()
        return {name for name in (*self._taken, *self.rolling) if name in lock.targets and name != target}

    def roll(self, targets: Collection[TargetName]) -> None:
        """These have had their turn in a rollout and are not ready, and no others."""
        fewer, self.rolling = set(self.rolling) - set(targets), frozenset(targets)
        if fewer and self._waiting:
            waiting, self._waiting = list(self._waiting), {}
            self._freed(waiting)

    def take(self, address: Address, now: float) -> None:
        """Something disruptive is about to be done, be it that a person has approved one more."""
        self._waiting.pop(address, None)
        target, _ = split_address(address)
        if self.crowded(target):
            self._beyond.add(target)
        self._taken.setdefault(target, Disruption(target, address, now))

    def waiting(self, target: TargetName) -> list[Address]:
        """What was refused a place on a target."""
        return [address for address in self._waiting if split_address(address)[0] == target]

    async def settle(self, lane: Lane, store: Store, now: float) -> None:
        """After a round: a target that was disrupted and is itself again makes room for another one.

        Nothing disruptive may be under way there any more, be it declared or not. Whether it is about to go down shows
        only in what it was disrupted for, which may not be in force yet since its source is taken in after others.

        Raises:
            StoreError: it cannot be put on record; the next round tries it again.
        """
        target = lane.target.name
        one = self._taken.get(target)
        if one is None:
            return
        if one.cause not in lane.instances and self._undecided(one.cause) and now < one.since + LONGEST:
            return
        # What is only to go, and may not have gone for as long as it is in somebody's way, was well without it.
        if all(_is_itself(lane, address) for address in lane.states if _counts(lane.instances[address])):
            await store.write(Batch().end_disruption(target))
            self._end([target])

    def _end(self, targets: Iterable[TargetName]) -> None:
        ended = [name for name in targets if self._taken.pop(name, None) is not None]
        self._beyond.difference_update(ended)
        if ended and self._waiting:
            waiting, self._waiting = list(self._waiting), {}
            self._freed(waiting)

    def keep_only(self, targets: Collection[TargetName]) -> None:
        """Nothing is declared on others any more."""
        self._end([name for name in self._taken if name not in targets])


def _counts(one: Instance) -> bool:
    return one.removal is None or one.disruptive


def _is_itself(lane: Lane, address: Address) -> bool:
    """Whether nobody has to wait for an instance: it is ready, left alone on purpose, or comes after such a one."""
    summary = summarize(lane.states[address].conditions)
    if summary.reason is not Reason.DEPENDENCY_NOT_READY:
        return summary.ready or summary.reason in DECIDED
    # Where what it comes after fails, that one is not itself; where it has become ready, this is looked at next.
    above = (edge.dependency for edge in lane.graph.dependencies.get(address, ()))
    return any(one in lane.states and not summarize(lane.states[one].conditions).ready for one in above)
