"""When to look again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.schedule import Rhythm


def no_jitter() -> float:
    return 0.5


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"watched": True}, 600.0),
        ({}, 30.0),
        ({"interval": 5.0}, 5.0),
        ({"interval": 5.0, "watched": True}, 5.0),
    ],
)
def test_what_there_is_to_go_by_decides_how_soon(given, seconds):
    assert Rhythm().delay(no_jitter, **given) == seconds


@given(chance=st.floats(0.0, 1.0, exclude_max=True))
def test_looks_spread_out_by_a_tenth_either_way(chance):
    assert 539.0 <= Rhythm().delay(lambda: chance, watched=True) <= 661.0
