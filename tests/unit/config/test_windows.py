"""Windows, as they are written."""

import pytest

from reconciler.config.common import common_problems
from reconciler.config.fields import common_of
from reconciler.model.resource import Window


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ({}, []),
        ({"days": ["sat"], "from": "02:00", "to": "04:00", "timezone": "Europe/Berlin"}, []),
        ({"timezone": "Europe/Berlni"}, ["there is no time zone 'Europe/Berlni'"]),
        ({"timezone": "UTC"}, []),
        ({"timezone": "../etc"}, ["there is no time zone '../etc'"]),
        ({"from": "02:00"}, ["a window has both `from` and `to`, or neither"]),
        ("always", []),  # its schema says what is wrong with it
        ({"timezone": 7}, []),
    ],
)
def test_what_no_schema_can_say_of_a_window_is_said(window, said):
    assert [message for _, message, _ in common_problems(None, {"windows": [window]})] == said


def test_a_time_zone_that_is_misspelt_is_met_with_the_one_that_is_meant():
    [(path, _, hint)] = common_problems(None, {"windows": [{"timezone": "Europe/Berlni"}]})
    assert path == ("spec", "windows", 0, "timezone")
    assert "Europe/Berlin" in hint


def test_what_is_not_written_of_a_window_is_what_it_is_by_itself():
    written = [{"days": ["sat", "sun"], "from": "22:00", "to": "04:00"}, {}]
    assert common_of({"windows": written}).windows == (
        Window(("sat", "sun"), "22:00", "04:00", "UTC"),
        Window(),
    )
