"""The work queue, one promise a test; `test_workqueue_invariants.py` has them all together."""

from __future__ import annotations

import pytest

from reconciler.core.backoff import Backoff
from reconciler.core.workqueue import Priority, Work, WorkQueue
from reconciler.model.scope import Scope

Queue = WorkQueue[str, str]


def make(**settings) -> Queue:
    return Queue(random=lambda: 0.0, **settings)


def drain(queue: Queue, now: float = 0.0) -> list[Work[str, str]]:
    works = []
    while (work := queue.get(now)) is not None:
        queue.done(work.key)
        works.append(work)
    return works


def keys(works: list[Work[str, str]]) -> list[str]:
    return [work.key for work in works]


def test_an_empty_queue_hands_out_nothing():
    queue = make()
    assert queue.get(0.0) is None
    assert queue.next_ready(0.0) is None
    assert len(queue) == 0


def test_a_key_added_twice_is_handed_out_once_with_its_items_merged_in_order():
    queue = make()
    queue.add("a", now=1.0, scope=Scope.of(["y"]))
    queue.add("a", now=2.0, scope=Scope.of(["x", "y"]))
    assert drain(queue) == [Work("a", ("y", "x"), everything=False, priority=Priority.SPEC, since=1.0)]


def test_adding_without_items_means_everything_and_named_items_are_still_named():
    queue = make()
    queue.add("a", now=0.0, scope=Scope.of(["x"]))
    queue.add("a", now=0.0)
    assert drain(queue) == [Work("a", ("x",), everything=True, priority=Priority.SPEC, since=0.0)]


def test_keys_go_first_in_first_out_within_a_priority_and_higher_priorities_first():
    queue = make()
    queue.add("resync", now=0.0, priority=Priority.RESYNC)
    queue.add("drift-1", now=0.0, priority=Priority.DRIFT)
    queue.add("spec", now=0.0, priority=Priority.SPEC)
    queue.add("drift-2", now=0.0, priority=Priority.DRIFT)
    queue.add("user", now=0.0, priority=Priority.USER)
    assert keys(drain(queue)) == ["user", "spec", "drift-1", "drift-2", "resync"]


def test_a_key_takes_the_highest_priority_asked_for_and_keeps_its_age():
    queue = make()
    queue.add("old", now=0.0, priority=Priority.RESYNC)
    queue.add("young", now=0.0, priority=Priority.SPEC)
    queue.add("old", now=0.0, priority=Priority.SPEC)
    queue.add("old", now=0.0, priority=Priority.DRIFT)
    works = drain(queue)
    assert keys(works) == ["old", "young"]
    assert works[0].priority is Priority.SPEC


def test_a_key_in_hand_is_not_handed_out_again_and_runs_once_more_after_done():
    queue = make()
    queue.add("a", now=0.0, scope=Scope.of(["x"]))
    assert queue.get(0.0) is not None
    assert queue.processing == {"a"}
    queue.add("a", now=1.0, scope=Scope.of(["y"]), priority=Priority.DRIFT)
    queue.add("a", now=2.0, scope=Scope.of(["z"]), priority=Priority.USER)
    assert queue.get(3.0) is None
    assert queue.next_ready(3.0) is None
    queue.done("a")
    assert queue.next_ready(3.0) == 3.0
    assert queue.get(3.0) == Work("a", ("y", "z"), everything=False, priority=Priority.USER, since=1.0)


def test_done_with_nothing_added_meanwhile_leaves_nothing_behind():
    queue = make()
    queue.add("a", now=0.0)
    assert drain(queue)
    assert not queue.processing
    assert not queue._entries


def test_done_without_get_is_refused():
    queue = make()
    queue.add("a", now=0.0)
    with pytest.raises(KeyError):
        queue.done("a")


def test_a_delayed_key_is_handed_out_when_it_is_due():
    queue = make()
    queue.add_after("a", 5.0, now=10.0)
    assert queue.delayed == 1
    assert queue.get(14.9) is None
    assert queue.next_ready(14.9) == 15.0
    assert queue.get(15.0) == Work("a", (), everything=True, priority=Priority.RESYNC, since=15.0)
    assert queue.delayed == 0


def test_no_delay_is_no_delay():
    queue = make()
    queue.add_after("a", 0.0, now=10.0, priority=Priority.DRIFT)
    assert keys(drain(queue, 10.0)) == ["a"]


@pytest.mark.parametrize(("first", "second"), [(5.0, 9.0), (9.0, 5.0), (5.0, 5.0)])
def test_the_earliest_of_several_delays_counts_and_the_highest_priority(first, second):
    queue = make()
    queue.add_after("a", first, now=0.0, priority=Priority.DRIFT)
    queue.add_after("a", second, now=0.0, priority=Priority.SPEC)
    assert queue.next_ready(0.0) == 5.0
    assert [work.priority for work in drain(queue, 5.0)] == [Priority.SPEC]
    assert drain(queue, 10.0) == []


def test_each_item_has_a_delay_of_its_own():
    queue = make()
    queue.add_after("a", 300.0, now=0.0, scope=Scope.of(["failing"]))
    queue.add("a", now=0.0, scope=Scope.of(["healthy"]))
    assert [work.items for work in drain(queue, 1.0)] == [("healthy",)]
    assert [work.items for work in drain(queue, 300.0)] == [("failing",)]


def test_adding_a_delayed_item_makes_it_due_at_once_with_the_highest_priority_and_only_once():
    queue = make()
    queue.add_after("a", 300.0, now=0.0, scope=Scope.of(["x"]), priority=Priority.SPEC)
    queue.add("a", now=1.0, scope=Scope.of(["x"]), priority=Priority.RESYNC)
    assert queue.delayed == 0
    assert [(work.items, work.priority) for work in drain(queue, 1.0)] == [(("x",), Priority.SPEC)]
    assert drain(queue, 300.0) == []


def test_delaying_what_is_due_already_only_raises_its_priority():
    queue = make()
    queue.add("a", now=0.0, scope=Scope.of(["x"]), priority=Priority.DRIFT)
    queue.add("b", now=0.0, priority=Priority.SPEC)
    queue.add_after("a", 50.0, now=0.0, scope=Scope.of(["x"]), priority=Priority.USER)
    assert queue.delayed == 0
    assert keys(drain(queue)) == ["a", "b"]


def test_looking_at_everything_does_not_take_back_the_wish_for_one_item():
    queue = make()
    queue.add_after("a", 60.0, now=0.0, scope=Scope.of(["x"]))
    queue.add("a", now=0.0)
    assert [work.everything for work in drain(queue, 0.0)] == [True]
    assert [work.items for work in drain(queue, 60.0)] == [("x",)]


def test_what_becomes_due_while_its_key_is_in_hand_waits_for_done():
    queue = make()
    queue.add("a", now=0.0)
    assert queue.get(0.0) is not None
    queue.add_after("a", 1.0, now=0.0, scope=Scope.of(["x"]))
    assert queue.next_ready(0.5) == 1.0
    assert queue.get(2.0) is None
    queue.done("a")
    assert [work.items for work in drain(queue, 2.0)] == [("x",)]


def test_failures_in_a_row_wait_longer_each_until_they_are_forgotten():
    queue = make(backoff=Backoff(base=1.0, cap=10.0))
    delays = []
    now = 0.0
    for _ in range(5):
        delays.append(queue.add_rate_limited("a", now=now))
        now += delays[-1]
        assert keys(drain(queue, now)) == ["a"]
    assert delays == [1.0, 2.0, 4.0, 8.0, 10.0]
    assert queue.failures("a") == 5
    queue.forget("a")
    assert queue.failures("a") == 0
    assert queue.add_rate_limited("a", now=now) == 1.0


def test_items_fail_each_for_themselves():
    queue = make(backoff=Backoff(base=1.0))
    queue.add_rate_limited("a", now=0.0, item="x")
    queue.add_rate_limited("a", now=0.0, item="x")
    queue.add_rate_limited("a", now=0.0, item="y")
    assert (queue.failures("a", "x"), queue.failures("a", "y"), queue.failures("a")) == (2, 1, 0)
    queue.forget("a", "x")
    assert (queue.failures("a", "x"), queue.failures("a", "y")) == (0, 1)
    assert [work.items for work in drain(queue, 1.0)] == [("x", "y")]


def test_forgetting_what_is_not_known_is_nothing():
    queue = make()
    queue.forget("a")
    queue.discard("a")
    assert not queue._entries


def test_forgetting_the_last_thing_known_of_a_key_leaves_nothing_behind():
    queue = make()
    queue.add_rate_limited("a", now=0.0)
    assert drain(queue, 10.0)
    assert queue._entries
    queue.forget("a")
    assert not queue._entries


def test_discarding_takes_back_what_is_ready_and_what_is_delayed():
    queue = make()
    queue.add("a", now=0.0)
    queue.add_after("a", 5.0, now=0.0, scope=Scope.of(["x"]))
    queue.add_rate_limited("a", now=0.0, item="y")
    queue.discard("a")
    assert (len(queue), queue.delayed, queue.failures("a", "y")) == (0, 0, 0)
    assert drain(queue, 100.0) == []
    assert not queue._entries
    assert queue.next_ready(100.0) is None


def test_discarding_a_key_in_hand_lets_it_finish_and_forgets_what_was_added_meanwhile():
    queue = make()
    queue.add("a", now=0.0)
    assert queue.get(0.0) is not None
    queue.add("a", now=0.0)
    queue.discard("a")
    assert queue.processing == {"a"}
    queue.done("a")
    assert drain(queue) == []
    assert not queue._entries


def test_a_storm_of_urgent_keys_does_not_starve_the_one_that_waits_longest():
    queue = make(fair_share=4, patience=10.0)
    queue.add("patient", now=0.0, priority=Priority.RESYNC)
    for number in range(20):
        queue.add(f"urgent-{number}", now=0.0, priority=Priority.USER)
    assert "patient" not in [queue.get(5.0).key for _ in range(8)]
    assert "patient" in [queue.get(11.0).key for _ in range(4)]


def test_asking_again_and_again_for_an_earlier_time_does_not_make_it_grow():
    queue = make()
    for number in range(10_000, 0, -1):
        queue.add_after("a", float(number), now=0.0)
    assert len(queue._delayed) < 100
    assert queue.next_ready(0.0) == 1.0


def test_discarding_and_adding_again_and_again_does_not_make_it_grow():
    queue = make()
    for _ in range(10_000):
        queue.add("a", now=0.0)
        queue.add_after("b", 5.0, now=0.0)
        queue.discard("a")
        queue.discard("b")
    assert len(queue._by_priority) < 100
    assert len(queue._delayed) < 100
    queue.add("c", now=0.0)
    assert keys(drain(queue)) == ["c"]


def test_a_stale_line_of_a_key_that_came_back_does_not_hand_it_out_at_the_old_priority():
    queue = make()
    queue.add("a", now=0.0, priority=Priority.USER)
    queue.discard("a")
    queue.add("a", now=0.0, priority=Priority.RESYNC)
    queue.add("b", now=0.0, priority=Priority.SPEC)
    assert keys(drain(queue)) == ["b", "a"]
