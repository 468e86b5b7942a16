"""The work queue against a model that is too simple to be wrong, on random histories."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reconciler.core.workqueue import Priority, WorkQueue
from reconciler.model.scope import EVERYTHING, Scope

KEYS = st.sampled_from("abc")
SCOPES = st.just(EVERYTHING) | st.lists(st.sampled_from(["x", "y", "z"]), max_size=2).map(Scope.of)
PRIORITIES = st.sampled_from(Priority)
DELAYS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 60.0])

Wanted = tuple[float, Priority]


class QueueMachine(RuleBasedStateMachine):
    """The model: what is owed, by (key, item), with due time and priority; and what is in hand."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.queue = WorkQueue[str, str](random=lambda: 0.0, fair_share=3, patience=5.0)
        self.owed: dict[tuple[str, str | None], Wanted] = {}
        self.in_hand: set[str] = set()

    def wish(self, key: str, item: str | None, due: float, priority: Priority) -> None:
        known = self.owed.get((key, item), (due, priority))
        self.owed[key, item] = (min(due, known[0]), max(priority, known[1]))

    def due(self, key: str) -> dict[str | None, Wanted]:
        return {
            item: wish for (owner, item), wish in self.owed.items() if owner == key and wish[0] <= self.now
        }

    def ready(self) -> set[str]:
        return {key for key, _ in self.owed if key not in self.in_hand and self.due(key)}

    @rule(key=KEYS, scope=SCOPES, priority=PRIORITIES)
    def add(self, key, scope, priority):
        self.queue.add(key, now=self.now, priority=priority, scope=scope)
        for item in [None] if scope.everything else scope.named:
            self.wish(key, item, self.now, priority)

    @rule(key=KEYS, scope=SCOPES, priority=PRIORITIES, delay=DELAYS)
    def add_after(self, key, scope, priority, delay):
        self.queue.add_after(key, delay, now=self.now, priority=priority, scope=scope)
        for item in [None] if scope.everything else scope.named:
            self.wish(key, item, self.now + delay, priority)

    @rule(key=KEYS, item=st.sampled_from([None, "x"]))
    def fail(self, key, item):
        delay = self.queue.add_rate_limited(key, now=self.now, item=item)
        self.wish(key, item, self.now + delay, Priority.RESYNC)

    @rule(key=KEYS)
    def forget(self, key):
        self.queue.forget(key)
        assert self.queue.failures(key) == 0

    @rule(key=KEYS)
    def discard(self, key):
        self.queue.discard(key)
        self.owed = {wish: wanted for wish, wanted in self.owed.items() if wish[0] != key}

    @rule(seconds=st.sampled_from([0.25, 1.0, 30.0]))
    def wait(self, seconds):
        self.now += seconds

    @rule()
    def get(self):
        ready = self.ready()
        work = self.queue.get(self.now)
        if work is None:
            assert not ready
            return
        assert work.key in ready
        due = self.due(work.key)
        assert set(work.items) == {item for item in due if item is not None}
        assert work.everything is (None in due)
        assert work.priority >= max(priority for _, priority in due.values())
        for item in due:
            del self.owed[work.key, item]
        self.in_hand.add(work.key)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data())
    def done(self, data):
        key = data.draw(st.sampled_from(sorted(self.in_hand)))
        self.queue.done(key)
        self.in_hand.remove(key)

    @invariant()
    def says_when_to_come_back(self):
        when = self.queue.next_ready(self.now)
        if self.ready():
            assert when == self.now
        else:
            later = [due for due, _ in self.owed.values() if due > self.now]
            assert when == min(later, default=None)

    @invariant()
    def nothing_is_lost_and_nothing_invented(self):
        self.queue.next_ready(self.now)
        kept = {
            (key, item)
            for key, entry in self.queue._entries.items()
            for item in entry.wanted.keys() | entry.later.keys()
        }
        assert kept == set(self.owed)
        assert len(self.queue) == len(self.ready())
        assert self.queue.delayed == sum(due > self.now for due, _ in self.owed.values())
        assert self.queue.processing == self.in_hand

    def teardown(self):
        """Once everyone is done and all times have come, all that was owed is handed out."""
        for key in self.in_hand.copy():
            self.queue.done(key)
            self.in_hand.remove(key)
        self.now += 10_000.0
        for _ in range(len({key for key, _ in self.owed})):
            self.get()
        assert not self.owed
        assert self.queue.get(self.now) is None


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=150, stateful_step_count=40)
