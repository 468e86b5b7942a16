"""Times and durations as people write and read them."""

import pytest

from reconciler.api.times import age, clock, parse_duration, parse_future, parse_past, seconds, span
from reconciler.errors import UsageError

NOON = 1769860800.0  # 2026-01-31T12:00:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("90s", 90),
        ("1.5h", 5400),
        ("1d12h", 129600),
        ("5 min", 300),
        ("250ms", 0.25),
        ("2W", 1209600),
    ],
)
def test_durations(text, expected):
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5x", "h"])
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="1d12h"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOON + 7200),
        ("18:30", NOON + 6.5 * 3600),
        ("11:00", NOON + 23 * 3600),
        ("11:00:30", NOON + 23 * 3600 + 30),
        ("2026-02-01", NOON + 43200),
        ("2026-01-31T13:00", NOON + 3600),
        ("2026-01-31T13:00+01:00", None),
    ],
)
def test_times_to_come(text, expected):
    if expected is None:
        with pytest.raises(UsageError, match="in the past"):
            parse_future(text, now=NOON)
    else:
        assert parse_future(text, now=NOON) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0.0), ("2h", NOON - 7200), ("11:00", NOON - 3600), ("13:00", NOON - 23 * 3600)],
)
def test_times_that_were(text, expected):
    assert parse_past(text, now=NOON) == expected


@pytest.mark.parametrize("text", ["soon", "25:00", "2026-13-01"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="2026-01-31T18:30"):
        parse_future(text, now=NOON)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0.4, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (3599, "59m"),
        (3600, "1h"),
        (7500, "2h5m"),
        (86400, "1d"),
        (90000, "1d1h"),
        (864000 + 3600, "10d"),
    ],
)
def test_spans_have_one_or_two_units(length, expected):
    assert span(length) == expected


def test_what_never_was_has_no_age():
    assert age(None, now=NOON) == "-"
    assert clock(None, now=NOON) == "never"
    assert seconds(None) == 0.0
    assert age("2026-01-31T12:00:30Z", now=NOON) == "0s"
    assert clock("2026-01-30T23:59:59Z", now=NOON) == "2026-01-30 23:59:59"
