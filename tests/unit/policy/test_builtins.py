"""The functions that policies have here besides those of OPA's WebAssembly: the same that OPA has."""

import pytest

from reconciler.policy import times
from reconciler.policy.builtins import BUILTINS
from reconciler.policy.sprintf import sprintf

HOUR = 3_600 * times.SECOND
SPRING = 1_743_296_400 * times.SECOND
"""2025-03-30 01:00 UTC, at which clocks in Berlin go from 02:00 to 03:00."""


@pytest.mark.parametrize(
    ("layout", "values", "text"),
    [
        ("plain", [], "plain"),
        ("%d of %s: 100%%", [3, "nginx"], "3 of nginx: 100%"),
        ("%v %v %v", [True, None, "x"], "true null x"),
        ("%v", [{"b": 1, "a": ["x", 2.5]}], '{"a": ["x", 2.5], "b": 1}'),
        ("%5d|%-5d|%05d|%+d", [7, 7, 7, 7], "    7|7    |00007|+7"),
        ("%x %X %o %b %#x %c", [255, 255, 8, 5, 255, 65], "ff FF 10 101 0xff A"),
        ("%.2f %e %g", [1.5, 1.5, 0.1], "1.50 1.500000e+00 0.1"),
        ("%+v % v", [1.5, 2.5], "+1.5  2.5"),
        ("%g %v %v", [1e21, 1e20, 1e-7], "1e+21 100000000000000000000 1e-07"),
        ("%q %x %s", ['a"b', "hi", "cut"], '"a\\"b" 6869 cut'),
        ("%.2s", ["abc"], "ab"),
        ("%s", [5], "%!s(int=5)"),
        ("%d", ["abc"], "%!d(string=abc)"),
        ("%d %d", [1], "1 %!d(MISSING)"),
        ("x", [1, 2.5, "y"], "x%!(EXTRA int=1, float64=2.5, string=y)"),
        ("%T %T %T", [1, 1.5, "x"], "int float64 string"),
        ("%", [], "%!(NOVERB)"),
        ("%v %s %d", [10**30, 10**30, 10**30], " ".join(["1" + "0" * 30] * 3)),
        ("%c", [-1], "\ufffd"),
        ("%6.2f|%v", [3.14159, 1.0], "  3.14|1"),
        ("%+.1f %X", [2.0, "hi"], "+2.0 6869"),
    ],
)
def test_sprintf_writes_what_go_does(layout, values, text):
    assert sprintf(layout, values) == text


@pytest.mark.parametrize(
    ("layout", "values"),
    [
        (1, []),
        ("x", "y"),
        ("%*d", [1, 2]),
        ("%99999d", [1]),
        ("%.99999f", [1.0]),
        ("%9999d" * 200, [1] * 200),
    ],
)
def test_sprintf_refuses_what_it_cannot_bound(layout, values):
    with pytest.raises((TypeError, ValueError)):
        sprintf(layout, values)


def test_an_hour_that_there_is_not_is_skipped_and_one_that_there_is_twice_comes_twice():
    assert times.clock([SPRING - 1, "Europe/Berlin"]) == [1, 59, 59]
    assert times.clock([SPRING, "Europe/Berlin"]) == [3, 0, 0]
    autumn = 1_761_440_400 * times.SECOND  # 2025-10-26 01:00 UTC
    assert times.clock([autumn - 1, "Europe/Berlin"]) == [2, 59, 59]
    assert times.clock([autumn, "Europe/Berlin"]) == [2, 0, 0]


def test_days_and_weekdays_are_those_of_the_zone():
    assert times.weekday(SPRING) == "Sunday"
    assert times.date_of([SPRING + 22 * HOUR, "UTC"]) == [2025, 3, 30]
    assert times.date_of([SPRING + 22 * HOUR, "Europe/Berlin"]) == [2025, 3, 31]
    assert times.weekday([SPRING + 22 * HOUR, "Europe/Berlin"]) == "Monday"


def test_dates_are_added_as_on_the_wall():
    assert times.add_date([SPRING - HOUR, "Europe/Berlin"], 0, 0, 1) == SPRING + 22 * HOUR
    assert times.date_of(times.add_date(SPRING, 0, 1, 0)) == [2025, 4, 30]
    assert times.date_of(times.add_date(times.parse_rfc3339("2024-01-31T00:00:00Z"), 0, 1, 0)) == [2024, 3, 2]
    assert times.date_of(times.add_date(SPRING, -1, -3, 0)) == [2023, 12, 30]


def test_the_time_between_two_is_told_in_years_to_seconds():
    one, other = (times.parse_rfc3339(text) for text in ("2024-01-31T12:00:00Z", "2025-03-01T11:59:59Z"))
    assert times.diff(one, other) == times.diff(other, one) == [1, 1, 0, 23, 59, 59]
    assert times.diff([one, "UTC"], one) == [0] * 6


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01Z", times.SECOND),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:00:00.5-01:00", 500_000_000),
        ("2025-03-30T01:00:00.123456789Z", SPRING + 123_456_789),
    ],
)
def test_a_time_is_read_as_rfc_3339_has_it(text, ns):
    assert times.parse_rfc3339(text) == ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1h30m", 5_400 * times.SECOND),
        ("-1.5s", -1_500_000_000),
        ("2d", 48 * HOUR),
        ("1w1y", (7 + 365) * 24 * HOUR),
        ("10µs5ns", 10_005),
        ("0", 0),
        ("+3ms", 3_000_000),
    ],
)
def test_a_duration_is_read(text, ns):
    assert times.parse_duration(text) == ns


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("", "2025-03-30T03:00:00.5+02:00"),
        ("RFC3339", "2025-03-30T03:00:00+02:00"),
        ("RFC1123Z", "Sun, 30 Mar 2025 03:00:00 +0200"),
        ("Monday, 2. January 2006 15:04", "Sunday, 2. March 2025 03:00"),
        ("Jan _2 03:04:05.000PM 06 MST", "Mar 30 03:00:00.500AM 25 CEST"),
        ("pm,999", "am,5"),
        ("Z0700 -07:00", "+0200 +02:00"),
    ],
)
def test_a_time_is_written_in_a_layout(layout, text):
    assert times.shown([SPRING + 500_000_000, "Europe/Berlin", layout]) == text


def test_utc_is_a_z():
    assert times.shown(SPRING) == "2025-03-30T01:00:00Z"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: times.clock("now"),
        lambda: times.clock(True),
        lambda: times.clock(1.5),
        lambda: times.clock([0, "Mars/Olympus"]),
        lambda: times.clock([0, "Local"]),
        lambda: times.clock([0, "../../etc/passwd"]),
        lambda: times.clock(2**63),
        lambda: times.parse_rfc3339("yesterday"),
        lambda: times.parse_rfc3339(5),
        lambda: times.parse_rfc3339("2025-13-01T00:00:00Z"),
        lambda: times.parse_duration("soon"),
        lambda: times.parse_duration(5),
        lambda: times.parse_duration("1h soon"),
        lambda: times.add_date(0, 99999, 0, 0),
        lambda: BUILTINS["semver.compare"]("1", "1.0.0"),
        lambda: BUILTINS["semver.compare"](1, "1.0.0"),
        lambda: BUILTINS["units.parse_bytes"]("much"),
        lambda: BUILTINS["numbers.range_step"](1, 5, 0),
        lambda: BUILTINS["numbers.range_step"](1, 1.5, 1),
        lambda: BUILTINS["numbers.range_step"](1, 10**9, 1),
        lambda: BUILTINS["hex.decode"]("x"),
        lambda: BUILTINS["indexof_n"]("a" * 200_000, "a"),
    ],
)
def test_what_cannot_be_given_ends_the_evaluation(wrong):
    with pytest.raises((TypeError, ValueError, OverflowError)):
        wrong()


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("semver.compare", ["1.10.0", "1.9.0"], 1),
        ("semver.compare", ["1.0.0-rc.1", "1.0.0"], -1),
        ("semver.compare", ["1.0.0-rc.2", "1.0.0-rc.10"], -1),
        ("semver.compare", ["1.0.0-1", "1.0.0-a"], -1),
        ("semver.compare", ["1.0.0+a", "1.0.0+b"], 0),
        ("semver.is_valid", ["1.0"], False),
        ("semver.is_valid", ["1.0.0-01"], False),
        ("semver.is_valid", ["1.0.0-0a.0"], True),
        ("semver.is_valid", ["1.0.0"], True),
        ("semver.is_valid", [1], False),
        ("strings.any_prefix_match", [["/etc/ssh/x"], ["/etc/ssh/", "/boot/"]], True),
        ("strings.any_prefix_match", ["/srv", "/etc"], False),
        ("strings.any_suffix_match", ["a.conf", [".conf"]], True),
        ("strings.count", ["banana", "an"], 2),
        ("indexof_n", ["banana", "an"], [1, 3]),
        ("hex.encode", ["hi"], "6869"),
        ("hex.decode", ["6869"], "hi"),
        ("urlquery.encode", ["a b&c"], "a+b%26c"),
        ("urlquery.decode", ["a+b%26c"], "a b&c"),
        ("units.parse_bytes", ["1.5KiB"], 1536),
        ("units.parse_bytes", ["-2M"], -2_000_000),
        ("units.parse_bytes", ["17"], 17),
        ("numbers.range_step", [1, 7, 3], [1, 4, 7]),
        ("numbers.range_step", [7, 1, 3], [7, 4, 1]),
    ],
)
def test_others_answer_as_in_opa(name, arguments, answer):
    assert BUILTINS[name](*arguments) == answer
