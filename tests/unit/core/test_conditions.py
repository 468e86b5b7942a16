"""Conditions, generations and histories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.conditions import (
    Summary,
    conclude,
    degrade,
    doubt,
    get_condition,
    next_generation,
    observed_generation,
    push_history,
    remove_condition,
    set_condition,
    summarize,
)
from reconciler.model.conditions import Condition, ConditionType, Reason, Verdict
from reconciler.model.names import Address, Digest
from reconciler.model.state import HistoryEntry, ResourceState

READY, RECONCILING = ConditionType.READY, ConditionType.RECONCILING
STALLED, DRIFTED = ConditionType.STALLED, ConditionType.DRIFTED


def condition(
    type_=READY, status=True, reason=Reason.IN_SYNC, message="", since=1.0, generation=1
) -> Condition:
    return Condition(type_, status, reason, message, since, generation)


def state(**fields) -> ResourceState:
    return ResourceState(address=Address("t/File/a"), digest=Digest("sha256:1"), **fields)


def test_since_stays_while_the_status_does():
    before = set_condition((), condition(since=1.0))
    after = set_condition(before, condition(since=5.0, reason=Reason.APPLIED))
    assert after == (condition(since=1.0, reason=Reason.APPLIED),)


def test_since_moves_with_the_status():
    before = set_condition((), condition(since=1.0))
    assert set_condition(before, condition(status=False, since=5.0))[0].since == 5.0


def test_setting_what_is_already_so_gives_the_same_object():
    before = set_condition((), condition(since=1.0))
    assert set_condition(before, condition(since=5.0)) is before


def test_a_condition_that_says_something_abnormal_goes_when_it_no_longer_holds():
    before = set_condition(set_condition((), condition()), condition(DRIFTED))
    assert set_condition(before, condition(DRIFTED, status=False)) == (condition(),)


def test_ready_stays_when_it_does_not_hold():
    assert set_condition((), condition(status=False)) == (condition(status=False),)


def test_a_verdict_is_all_the_conditions_that_it_says_at_its_generation():
    verdict = Verdict(reason=Reason.CONTESTED, message="why", stalled=True, reconciling=True, drifted="mode")
    concluded = conclude((condition(since=0.0),), verdict, now=5.0, generation=3)
    said = {"reason": Reason.CONTESTED, "since": 5.0, "generation": 3}
    assert concluded == (
        condition(status=False, message="why", **said),
        condition(RECONCILING, message="why", **said),
        condition(STALLED, message="why", **said),
        condition(DRIFTED, message="mode", **said),
    )
    well = Verdict(reason=Reason.IN_SYNC, message="", ready=True)
    assert conclude(concluded, well, now=6.0) == (condition(since=6.0),)
    assert conclude(concluded, verdict, now=7.0, generation=3) is concluded


def test_what_cannot_be_heard_of_is_a_condition_for_as_long_as_it_is_so():
    degraded = degrade((condition(),), "no inotify", now=2.0)
    assert degraded[1].message == "no inotify"
    assert degrade(degraded, "", now=3.0) == (condition(),)


def test_removing_what_is_not_there_gives_the_same_object():
    before = (condition(),)
    assert remove_condition(before, STALLED) is before


def test_getting_gives_the_condition_of_that_type_or_none():
    both = (condition(), condition(STALLED))
    assert get_condition(both, STALLED) == condition(STALLED)
    assert get_condition(both, DRIFTED) is None


@given(st.lists(st.builds(condition, st.sampled_from(ConditionType), st.booleans(), since=st.floats(0, 9))))
def test_there_is_one_condition_of_a_type_in_a_fixed_order_whatever_was_set(news):
    conditions = ()
    for new in news:
        conditions = set_condition(conditions, new)
        present = get_condition(conditions, new.type)
        assert (present is not None and present.status) is new.status
    types = [each.type for each in conditions]
    assert types == [type_ for type_ in ConditionType if type_ in types]
    assert all(each.status for each in conditions if each.type is not READY)


@pytest.mark.parametrize(
    ("conditions", "summary"),
    [
        ((), Summary(None, Reason.PENDING, "", 0.0)),
        (
            (condition(RECONCILING, reason=Reason.CONFLICT, message="read again"),),
            Summary(None, Reason.CONFLICT, "read again", 1.0),
        ),
        (
            (condition(message="ok"), condition(RECONCILING, reason=Reason.CONFLICT)),
            Summary(True, Reason.IN_SYNC, "ok", 1.0),
        ),
        (
            (
                condition(status=False, reason=Reason.DIFFERS),
                condition(STALLED, reason=Reason.DID_NOT_CONVERGE, message="mode", since=3.0),
            ),
            Summary(False, Reason.DID_NOT_CONVERGE, "mode", 3.0),
        ),
    ],
    ids=["nothing known", "being read for the first time", "ready", "stalled"],
)
def test_the_summary_is_the_condition_that_matters_most(conditions, summary):
    assert summarize(conditions) == summary


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ((), 1),
        ((condition(generation=2),), 2),
        ((condition(status=False, generation=2),), 1),
        ((condition(status=False, generation=2), condition(STALLED, generation=2)), 2),
        ((condition(generation=1),), 1),
        ((condition(RECONCILING, generation=2),), 1),
    ],
    ids=["nothing", "ready", "not ready", "stalled", "ready at an older one", "reconciling"],
)
def test_a_generation_counts_as_observed_once_it_is_ready_or_stalled(conditions, expected):
    assert observed_generation(state(generation=2, observed_generation=1), conditions) == expected


def test_the_same_declaration_is_the_same_generation():
    before = state()
    assert next_generation(before, Digest("sha256:1")) is before


def test_a_new_declaration_is_a_new_generation_that_starts_afresh():
    before = state(
        generation=3,
        observed_generation=3,
        observed=Digest("sha256:a"),
        owned=True,
        failures=4,
        conditions=(condition(status=False), condition(STALLED)),
    )
    after = next_generation(before, Digest("sha256:2"))
    assert after == ResourceState(
        address=Address("t/File/a"),
        digest=Digest("sha256:2"),
        generation=4,
        observed_generation=3,
        owned=True,
        conditions=(condition(status=False),),
    )


def test_the_history_keeps_the_last_five_rounds_newest_first():
    history = ()
    for number in range(7):
        latest = HistoryEntry(
            at=number, generation=1, cause="spec", outcome="Applied", message="", duration=0.1
        )
        history = push_history(history, latest)
    assert [each.at for each in history] == [6, 5, 4, 3, 2]


def test_what_cannot_be_looked_at_is_not_called_ready_and_what_was_not_ready_stays_so():
    ready, broken = state(conditions=(condition(),)), state(conditions=(condition(status=False),))
    doubted = doubt(ready, "disk is full", now=7.0)
    assert doubted.conditions == (
        condition(status=False, reason=Reason.PENDING, message="disk is full", since=7.0),
    )
    assert doubt(broken, "disk is full", now=7.0) is broken
    assert doubt(state(), "disk is full", now=7.0).conditions == ()
