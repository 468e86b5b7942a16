"""What happens too often is counted, and none of it is lost."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.flood import Floods


def test_a_few_are_told_one_by_one():
    floods = Floods[str](most=3, window=60.0)
    assert [floods.happened("a", now=now) for now in (0.0, 1.0, 2.0)] == [0, 0, 0]
    assert floods.rest("a", now=100.0) == 0


def test_more_are_told_as_a_number_with_the_first_after_the_window():
    floods = Floods[str](most=2, window=60.0)
    assert [floods.happened("a", now=now) for now in (0.0, 1.0, 2.0, 59.9)] == [0, 0, None, None]
    assert floods.happened("a", now=60.0) == 2
    assert floods.happened("a", now=61.0) == 0


def test_what_is_left_is_told_once_when_the_window_is_over():
    floods = Floods[str](most=1, window=60.0)
    assert [floods.happened("a", now=now) for now in (0.0, 1.0)] == [0, None]
    assert floods.rest("a", now=59.0) == 0
    assert floods.rest("a", now=60.0) == 1
    assert floods.rest("a", now=60.0) == 0


def test_things_do_not_share_a_window():
    floods = Floods[str](most=1, window=60.0)
    assert [floods.happened(thing, now=0.0) for thing in "aabb"] == [0, None, 0, None]


@given(st.lists(st.floats(0.0, 30.0), max_size=60), st.integers(1, 4))
def test_none_is_lost_and_no_window_tells_more_than_it_may(pauses, most):
    floods, now, told, numbers = Floods[str](most=most, window=60.0), 0.0, [], 0
    for pause in pauses:
        now += pause
        if (untold := floods.happened("a", now=now)) is not None:
            told.append(now)
            numbers += 1 + untold
    assert numbers + floods.rest("a", now=now + 60.0) == len(pauses)
    assert all(sum(at <= one < at + 30.0 for one in told) <= 2 * most for at in told)


def test_what_is_gone_is_not_remembered():
    floods = Floods[str](most=0, window=60.0)
    for thing in "ab":
        floods.happened(thing, now=0.0)
    floods.keep_only({"a"})
    assert [floods.rest(thing, now=60.0) for thing in "ab"] == [1, 0]


def test_what_is_not_told_says_when_it_may_be():
    floods = Floods[str](most=1, window=60.0)
    assert floods.told_at("a") is None
    floods.happened("a", now=0.0)
    assert floods.told_at("a") is None
    floods.happened("a", now=1.0)
    assert floods.told_at("a") == 60.0
    assert floods.rest("a", now=60.0) == 1
    assert floods.told_at("a") is None
