"""When a row of corrections is a contest, what it costs, and when it is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.contest import CALM, ContestRules, Contests, corrected, judge

RULES = ContestRules(
    corrections=3, lasting=2.0, patience=10.0, first_pause=1.0, longest_pause=60.0, quiet=30.0
)


def after(times, rules=RULES):
    known = ()
    for now in times:
        known = corrected(known, now, rules)
    return known


def test_nothing_corrected_is_no_contest():
    assert judge((), 5.0, RULES) is CALM


def test_it_takes_a_number_of_corrections_and_some_time():
    assert not judge(after([0.0, 5.0]), 5.0, RULES).contested
    assert not judge(after([0.0, 0.5, 1.0]), 1.0, RULES).contested
    verdict = judge(after([0.0, 1.0, 2.0]), 2.0, RULES)
    assert verdict.contested
    assert (verdict.since, verdict.over_at) == (0.0, 32.0)


def test_a_contest_is_said_long_before_it_costs_anybody_a_repair():
    assert judge(after([0.0, 1.0, 2.0, 3.0]), 3.0, RULES).not_before == 0.0


def test_after_patience_has_run_out_pauses_grow_up_to_the_longest():
    known, now, pauses = (), 0.0, []
    for _ in range(12):
        for _ in range(1000):
            known = corrected(known, now, RULES)
            verdict = judge(known, now, RULES)
            if verdict.not_before:
                break
            now += 0.1
        pauses.append(verdict.not_before - now)
        now = verdict.not_before
    assert pauses[:6] == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    assert pauses[6:] == pytest.approx([60.0] * 6)


def test_a_quiet_time_after_the_pause_ends_it_and_the_count_begins_anew():
    known = after([0.0, 5.0, 10.0])
    verdict = judge(known, 10.0, RULES)
    assert verdict.not_before == 20.0
    assert verdict.over_at == 50.0
    assert judge(known, 50.0, RULES).contested
    assert judge(known, 50.1, RULES) is CALM
    assert corrected(known, 50.0, RULES) != (50.0,)
    assert corrected(known, 50.1, RULES) == (50.1,)


def test_a_clock_that_goes_back_does_not_make_time_negative():
    assert after([10.0, 5.0]) == (10.0, 10.0)


def test_ten_thousand_changes_within_the_default_patience_are_each_repaired_at_once():
    rules = ContestRules()
    known = ()
    for number in range(10_000):
        now = number * 0.05
        known = corrected(known, now, rules)
        assert judge(known, now, rules).not_before == 0.0


def test_a_person_who_tries_it_out_is_not_called_a_contest():
    assert judge(after([0.0, 1.0, 2.0, 3.0], ContestRules()), 3.0, ContestRules()) is CALM


@given(gaps=st.lists(st.floats(0.0, 40.0), max_size=60))
def test_what_is_remembered_is_small_and_a_fight_costs_in_the_long_run_one_correction_a_longest_pause(gaps):
    known, now, last = (), 0.0, 0.0
    for gap in gaps:
        verdict = judge(known, now, RULES)
        now = max(now + gap, verdict.not_before)
        known = corrected(known, now, RULES)
        assert len(known) <= 3
        assert list(known) == sorted(known)
        assert known[-1] == now
        verdict = judge(known, now, RULES)
        if verdict.not_before:
            assert now + 0.999 <= verdict.not_before <= now + 60.001
            assert verdict.since <= last
        last = now


def test_each_field_of_each_thing_is_counted_for_itself():
    contests = Contests[str](RULES)
    for now in (0.0, 1.0):
        contests.corrected("a", ["content"], now=now)
    assert not contests.corrected("a", ["mode"], now=2.0).contested
    assert not contests.corrected("b", ["content"], now=2.0).contested
    assert contests.corrected("a", ["content", "mode"], now=3.0).contested
    assert contests.verdict("a", now=3.0).since == 0.0
    assert not contests.verdict("b", now=3.0).contested


def test_the_most_severe_verdict_of_all_fields_counts():
    contests = Contests[str](RULES)
    for now in (0.0, 5.0, 11.0):
        contests.corrected("a", ["content"], now=now)
    for now in (9.0, 10.0):
        contests.corrected("a", ["mode"], now=now)
    assert contests.corrected("a", ["mode"], now=11.0).not_before == 23.0


def test_a_new_declaration_ends_what_was_fought_about():
    contests = Contests[str](RULES)
    for now in (0.0, 1.0, 2.0):
        contests.corrected("a", ["content"], now=now)
    contests.forget("a")
    contests.forget("a")
    assert contests.verdict("a", now=2.0) is CALM


def test_what_is_over_is_forgotten():
    contests = Contests[str](RULES)
    for now in (0.0, 1.0, 2.0):
        contests.corrected("a", ["content"], now=now)
    contests.corrected("b", ["content"], now=20.0)
    contests.corrected("b", ["mode"], now=40.0)
    contests.expire(51.0)
    assert contests._times == {"b": {"mode": (40.0,)}}


def test_the_fewest_corrections_that_the_rule_allows_still_know_the_last_gap():
    rules = ContestRules(
        corrections=2, lasting=0.0, patience=0.0, first_pause=1.0, longest_pause=300.0, quiet=60.0
    )
    assert judge(after([0.0, 4.0, 5.0, 6.0], rules), 6.0, rules).not_before == 8.0


def test_a_contest_is_news_once():
    contests = Contests[str](RULES)
    for now in (0.0, 1.0, 2.0):
        contests.corrected("a", ["content"], now=now)
    assert [contests.is_news("a"), contests.is_news("a"), contests.is_news("b")] == [True, False, True]
    contests.expire(1000.0)
    assert contests.is_news("a")
