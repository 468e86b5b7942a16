"""What is to be worked on: controller-runtime's work queue, with a set of dirty items beside each key.

The contract, all of which `tests/unit/core/test_workqueue_invariants.py` checks on random histories:

- Only keys are queued, never the reason or the object: whoever works on a key looks at the world itself.
- A key is queued once, however often it is added; the items that were named, and the highest priority, are
  merged.
- A key that has been handed out is not handed out again before `done`. What is added meanwhile is
  collected, and the key is queued once more at `done`.
- A delayed item is due at the earliest of the times that were asked for; adding it without delay makes it
  due at once. Each item of a key has a delay of its own, so that one that is failing neither holds up nor
  hurries the others.
- No wish is lost: it leaves the queue only by being handed out, or by `discard`. In particular, adding a
  key as a whole does not take back the delayed wishes for single items: looking once too often is cheap,
  never again is not.
- Keys of a higher priority go first, and within a priority those that became ready first. So that a storm
  of urgent keys starves nobody for ever, each `fair_share`-th hand-out goes to the key that is longest in
  the queue, if it has been waiting for more than `patience` seconds: the n-th oldest waits for `patience`
  and at most `fair_share * n` hand-outs.

Every operation is O(log n), amortised. Time is a number that never goes back (the loop's, not the wall
clock's). This module must not know what keys and items stand for; it wakes nobody up: ask `next_ready` how
long to sleep.

The queue, its delays and its order keep this contract only together, and so it is longer than a module should be.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from reconciler.core.backoff import Backoff
from reconciler.model.scope import EVERYTHING, Scope

K = TypeVar("K", bound=Hashable)
I = TypeVar("I", bound=Hashable)  # noqa: E741 - K and I: keys and items


class Priority(IntEnum):
    """Why a key is looked at decides how soon."""

    USER = 10
    SPEC = 0
    DRIFT = -10
    RESYNC = -100


@dataclass(frozen=True, slots=True)
class Work(Generic[K, I]):
    """A key that has been handed out.

    Attributes:
        key: to be given back with `done`.
        items: those that were named, in the order in which they were first added.
        everything: whether all of the key is to be looked at.
        priority: the highest that was asked for.
        since: when it first wanted to be looked at.
    """

    key: K
    items: tuple[I, ...]
    everything: bool
    priority: Priority
    since: float

    @property
    def scope(self) -> Scope[I]:
        """How much of the key is to be looked at."""
        return Scope(self.items, everything=self.everything)


@dataclass(slots=True)
class _Entry(Generic[K, I]):
    """What is known about one key. None in place of an item means the key as a whole."""

    wanted: dict[I | None, None] = field(default_factory=dict)
    priority: Priority = Priority.RESYNC
    since: float = 0.0
    sequence: int = 0
    later: dict[I | None, tuple[float, Priority]] = field(default_factory=dict)
    failures: dict[I | None, int] = field(default_factory=dict)
    in_hand: bool = False


def _parts(scope: Scope[I]) -> tuple[I | None, ...]:
    return (None,) if scope.everything else scope.named


class WorkQueue(Generic[K, I]):
    """The queue. See the module for the contract.

    Example:
        >>> queue = WorkQueue[str, str](random=lambda: 0.0)
        >>> queue.add("web-1", now=0.0, scope=Scope.of(["File/motd"]))
        >>> work = queue.get(0.0)
        >>> work.key, work.items
        ('web-1', ('File/motd',))
        >>> queue.done("web-1")

    Args:
        random: gives numbers in [0, 1), for the jitter of the backoff.
        backoff: delays of `add_rate_limited`.
        fair_share: each so many-th hand-out may go to the key that is longest in the queue.
        patience: seconds of waiting after which a key is entitled to that.
    """

    def __init__(
        self,
        *,
        random: Callable[[], float],
        backoff: Backoff = Backoff(),  # noqa: B008 - frozen
        fair_share: int = 8,
        patience: float = 30.0,
    ) -> None:
        self._random = random
        self._backoff = backoff
        self._fair_share = fair_share
        self._patience = patience
        self._entries: dict[K, _Entry[K, I]] = {}
        # Ready keys, oldest first; and the same by priority, where entries that have moved on are skipped.
        self._ready: OrderedDict[K, None] = OrderedDict()
        self._by_priority: list[tuple[int, int, K]] = []
        # Delayed items by due time; an entry counts only while `later` still says the same.
        self._delayed: list[tuple[float, int, K, I | None]] = []
        self._delayed_count = 0
        self._processing: set[K] = set()
        self._sequence = 0
        self._handed_out = 0

    # --- adding ---------------------------------------------------------------------------------------------

    def add(
        self, key: K, *, now: float, priority: Priority = Priority.SPEC, scope: Scope[I] = EVERYTHING
    ) -> None:
        """Have as much of `key` as `scope` says looked at as soon as possible.

        Args:
            key: what is queued.
            now: the loop's clock.
            priority: of two wishes for the same item the more urgent one holds.
            scope: the parts of the key.
        """
        for item in _parts(scope):
            self._want(key, item, priority, now)

    def add_after(
        self,
        key: K,
        delay: float,
        *,
        now: float,
        priority: Priority = Priority.RESYNC,
        scope: Scope[I] = EVERYTHING,
    ) -> None:
        """The same, `delay` seconds from now; sooner if somebody asks for it.

        Args:
            key: as in `add`.
            delay: in seconds; none is `add`.
            now: as in `add`.
            priority: as in `add`, once its time has come.
            scope: as in `add`.
        """
        if delay <= 0:
            self.add(key, now=now, priority=priority, scope=scope)
            return
        for item in _parts(scope):
            self._postpone(key, self._entry(key), item, now + delay, priority)

    def add_rate_limited(
        self, key: K, *, now: float, priority: Priority = Priority.RESYNC, item: I | None = None
    ) -> float:
        """Count one more failure of `item`, or of the whole key, and have it looked at after its backoff.

        Args:
            key: as in `add`.
            now: as in `add`.
            priority: as in `add`, once its time has come.
            item: a part of the key; None for the key as a whole.

        Returns:
            The delay in seconds, so that a condition can name the next try.
        """
        entry = self._entry(key)
        entry.failures[item] = entry.failures.get(item, 0) + 1
        delay = self._backoff.delay(entry.failures[item], self._random)
        scope: Scope[I] = EVERYTHING if item is None else Scope.of([item])
        self.add_after(key, delay, now=now, priority=priority, scope=scope)
        return delay

    def forget(self, key: K, item: I | None = None) -> None:
        """End the row of failures of `item`, or of the key as a whole. What is queued stays queued."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.failures.pop(item, None)
            self._drop_if_idle(key, entry)

    def discard(self, key: K) -> None:
        """Take back all that was ever wished for `key`, its failures too, even while it is in use."""
        entry = self._entries.get(key)
        if entry is None:
            return
        self._ready.pop(key, None)
        self._delayed_count -= len(entry.later)
        entry.wanted.clear()
        entry.later.clear()
        entry.failures.clear()
        self._drop_if_idle(key, entry)

    # --- working --------------------------------------------------------------------------------------------

    def get(self, now: float) -> Work[K, I] | None:
        """Hand out the next key, or None if none is ready. The taker owes a `done`."""
        self._promote(now)
        if not self._ready:
            return None
        self._handed_out += 1
        key = self._longest_waiting(now) if self._handed_out % self._fair_share == 0 else None
        if key is None:
            key = self._most_urgent()
        entry = self._entries[key]
        del self._ready[key]
        work = Work(
            key=key,
            items=tuple(item for item in entry.wanted if item is not None),
            everything=None in entry.wanted,
            priority=entry.priority,
            since=entry.since,
        )
        entry.wanted.clear()
        entry.in_hand = True
        self._processing.add(key)
        return work

    def done(self, key: K) -> None:
        """Give `key` back. If it was added meanwhile, it is queued again.

        Raises:
            KeyError: it was not handed out.
        """
        self._processing.remove(key)
        entry = self._entries[key]
        entry.in_hand = False
        if entry.wanted:
            self._enqueue(key, entry)
        else:
            self._drop_if_idle(key, entry)

    def next_ready(self, now: float) -> float | None:
        """When there will be something to hand out: `now`, later, or None if nothing is even delayed."""
        self._promote(now)
        if self._ready:
            return now
        return self._delayed[0][0] if self._delayed else None

    # --- looking --------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many keys are ready and wait for a worker."""
        return len(self._ready)

    @property
    def delayed(self) -> int:
        """How many wishes wait for their time."""
        return self._delayed_count

    @property
    def processing(self) -> frozenset[K]:
        """The keys that are in somebody's hands."""
        return frozenset(self._processing)

    def failures(self, key: K, item: I | None = None) -> int:
        """Consecutive failures of `item`, or of the key as a whole."""
        entry = self._entries.get(key)
        return entry.failures.get(item, 0) if entry is not None else 0

    # --- inside ---------------------------------------------------------------------------------------------

    def _entry(self, key: K) -> _Entry[K, I]:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry()
        return entry

    def _drop_if_idle(self, key: K, entry: _Entry[K, I]) -> None:
        """Keep nothing of keys of which nothing is owed or known."""
        if not (entry.wanted or entry.later or entry.failures or entry.in_hand):
            del self._entries[key]

    def _want(self, key: K, item: I | None, priority: Priority, now: float) -> None:
        entry = self._entry(key)
        if (known := entry.later.pop(item, None)) is not None:
            self._delayed_count -= 1
            priority = max(priority, known[1])
        idle = not entry.wanted
        entry.wanted[item] = None
        if idle:
            entry.priority, entry.since = priority, now
            if not entry.in_hand:
                self._enqueue(key, entry)
        elif priority > entry.priority:
            entry.priority = priority
            if not entry.in_hand:
                # The older, less urgent line of the heap no longer says the entry's priority, and is skipped.
                heapq.heappush(self._by_priority, (-priority, entry.sequence, key))

    def _enqueue(self, key: K, entry: _Entry[K, I]) -> None:
        self._sequence += 1
        entry.sequence = self._sequence
        self._ready[key] = None
        heapq.heappush(self._by_priority, (-entry.priority, entry.sequence, key))
        if len(self._by_priority) > 4 * len(self._ready) + 64:
            # Lines of keys that left by another way would otherwise lie below a storm of urgent ones for
            # ever.
            self._by_priority = [
                (-self._entries[ready].priority, self._entries[ready].sequence, ready)
                for ready in self._ready
            ]
            heapq.heapify(self._by_priority)

    def _longest_waiting(self, now: float) -> K | None:
        oldest = next(iter(self._ready))
        return oldest if now - self._entries[oldest].since > self._patience else None

    def _most_urgent(self) -> K:
        while True:
            negative, sequence, key = heapq.heappop(self._by_priority)
            if key in self._ready:
                entry = self._entries[key]
                if entry.sequence == sequence and entry.priority == -negative:
                    return key

    def _postpone(self, key: K, entry: _Entry[K, I], item: I | None, due: float, priority: Priority) -> None:
        if item in entry.wanted:
            self._want(key, item, priority, due)  # it is due already: only the priority can still matter
            return
        known = entry.later.get(item)
        if known is not None:
            earliest, highest = min(known[0], due), max(known[1], priority)
            entry.later[item] = (earliest, highest)
            if earliest == known[0]:
                return
        else:
            entry.later[item] = (due, priority)
            self._delayed_count += 1
        self._sequence += 1
        heapq.heappush(self._delayed, (due, self._sequence, key, item))
        if len(self._delayed) > 2 * self._delayed_count + 64:
            self._compact()

    def _promote(self, now: float) -> None:
        """Make ready what is due, and clear the head of the heap of what no longer counts."""
        while self._delayed:
            due, _, key, item = self._delayed[0]
            entry = self._entries.get(key)
            known = entry.later.get(item) if entry is not None else None
            if known is not None and known[0] == due:
                if due > now:
                    return
                self._want(key, item, known[1], due)
            heapq.heappop(self._delayed)

    def _compact(self) -> None:
        """Rebuild the heap of delayed items without what no longer counts."""
        live = {}
        for line in self._delayed:
            entry = self._entries.get(line[2])
            if entry is not None and (known := entry.later.get(line[3])) and known[0] == line[0]:
                live[line[2], line[3]] = line
        self._delayed = list(live.values())
        heapq.heapify(self._delayed)
