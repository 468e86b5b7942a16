"""Delays between tries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.backoff import Backoff, jittered

CHANCE = st.floats(0.0, 1.0, exclude_max=True)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0.0), (1, 0.5), (2, 1.0), (3, 2.0), (10, 256.0), (11, 300.0), (100_000, 300.0)],
)
def test_the_delay_doubles_from_half_a_second_to_five_minutes(failures, seconds):
    assert Backoff().delay(failures, lambda: 0.0) == seconds


@given(failures=st.integers(1, 10_000), chance=CHANCE)
def test_chance_shortens_a_delay_by_at_most_half_and_never_stretches_it(failures, chance):
    full = Backoff().delay(failures, lambda: 0.0)
    assert full / 2 <= Backoff().delay(failures, lambda: chance) <= full


@given(interval=st.floats(0.0, 1e6), chance=CHANCE)
def test_a_jittered_interval_stays_within_its_fraction(interval, chance):
    assert interval * 0.899 <= jittered(interval, 0.1, lambda: chance) <= interval * 1.101


def test_jitter_goes_both_ways():
    assert jittered(100.0, 0.1, lambda: 0.0) == pytest.approx(90.0)
    assert jittered(100.0, 0.1, lambda: 0.75) == pytest.approx(105.0)
