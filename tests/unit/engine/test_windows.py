"""When the next window begins, or that one is open."""

from datetime import UTC, datetime

import pytest

from reconciler.engine.windows import opens, zone
from reconciler.model.resource import Window

NIGHT = Window((), "22:00", "04:00", "UTC")
WEEKEND = Window(("sat", "sun"), "02:00", "04:00", "Europe/Berlin")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("windows", "now", "begins"),
    [
        pytest.param([Window()], "2026-11-29T18:00", None, id="one that says nothing is always open"),
        pytest.param([NIGHT], "2026-11-29T22:00", None, id="from its beginning"),
        pytest.param([NIGHT], "2026-11-30T03:59", None, id="over midnight"),
        pytest.param([NIGHT], "2026-11-30T04:00", "2026-11-30T22:00", id="its end is no part of it"),
        pytest.param([WEEKEND], "2026-11-29T01:30", None, id="in its time zone, which is ahead"),
        pytest.param([WEEKEND], "2026-11-29T03:30", "2026-12-05T01:00", id="on the next of its days"),
        pytest.param(
            [Window(("mon",), "02:00", "03:00")], "2026-11-30T03:00", "2026-12-07T02:00", id="in a week"
        ),
        pytest.param([WEEKEND, NIGHT], "2026-11-29T18:00", "2026-11-29T22:00", id="the first of several"),
        pytest.param([Window(("sun",))], "2026-11-29T23:59", None, id="a whole day"),
        # Clocks are put forward from 02:00 to 03:00.
        pytest.param([WEEKEND], "2026-03-29T01:30", None, id="where clocks are put forward"),
        # Clocks are put back from 03:00 to 02:00: the window is an hour longer.
        pytest.param([WEEKEND], "2026-10-25T02:30", None, id="where clocks are put back"),
    ],
)
def test_when_the_next_window_begins(windows, now, begins):
    assert opens(windows, at(now), zone) == (at(begins) if begins else None)
