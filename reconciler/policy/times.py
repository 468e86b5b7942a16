"""What policies know of time: OPA's `time.*`, computed from what they are given, with the time zones of this machine.

Invariant: nothing here looks at a clock. What time it is, the question says.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST, _MOST = -(2**63), 2**63 - 1
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3_600 * SECOND,
    "d": 86_400 * SECOND,
    "w": 604_800 * SECOND,
    "y": 31_536_000 * SECOND,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|[smhdwy])", re.ASCII)


def clock(when: Any) -> list[int]:
    """`time.clock`: hour, minute and second."""
    there, _ = _time(when)
    return [there.hour, there.minute, there.second]


def date_of(when: Any) -> list[int]:
    """`time.date`: year, month and day."""
    there, _ = _time(when)
    return [there.year, there.month, there.day]


def weekday(when: Any) -> str:
    """`time.weekday`: Monday to Sunday."""
    return _DAYS[_time(when)[0].weekday()]


def add_date(when: Any, years: Any, months: Any, days: Any) -> int:
    """`time.add_date`: the same time on the wall so much later; what is no day is as many days after the last one."""
    there, below = _time(when)
    month = there.month - 1 + int(months)
    first = date(there.year + int(years) + month // 12, month % 12 + 1, 1)
    day = first + timedelta(days=there.day - 1 + int(days))
    moved = datetime.combine(day, there.time(), there.tzinfo)
    return _ns(moved, below)


def diff(one: Any, other: Any) -> list[int]:
    """`time.diff`: years, months, days, hours, minutes and seconds between two times."""
    (a, _), (b, _) = _time(one), _time(other)
    b = b.astimezone(a.tzinfo)
    if a.astimezone(UTC) > b.astimezone(UTC):
        a, b = b, a
    found = [
        b.year - a.year,
        b.month - a.month,
        b.day - a.day,
        b.hour - a.hour,
        b.minute - a.minute,
        b.second - a.second,
    ]
    in_month = (date(a.year + a.month // 12, a.month % 12 + 1, 1) - date(a.year, a.month, 1)).days
    for index, size in ((5, 60), (4, 60), (3, 24), (2, in_month), (1, 12)):
        if found[index] < 0:
            found[index] += size
            found[index - 1] -= 1
    return found


def parse_rfc3339(text: Any) -> int:
    """`time.parse_rfc3339_ns`."""
    found = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is no time as RFC 3339 has it")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    moved = timedelta()
    if found[8]:
        moved = timedelta(hours=int(found[9]), minutes=int(found[10])) * (1 if found[8] == "+" else -1)
    there = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - moved
    return _ns(there, int((found[7] or "").ljust(9, "0")))


def parse_duration(text: Any) -> int:
    """`time.parse_duration_ns`: such as 1h30m, also in days, weeks and years of 365 days."""
    left = text if isinstance(text, str) else ""
    sign, left = (-1 if left[:1] == "-" else 1), left.lstrip("+-") if left[:1] in "+-" else left
    if left == "0":
        return 0
    total, end = 0, 0
    for part in _PART.finditer(left):
        if part.start() != end:
            break
        end = part.end()
        whole, _, rest = part[1].partition(".")
        unit = _UNITS[part[2]]
        total += int(whole or 0) * unit + (int(rest) * unit // 10 ** len(rest) if rest else 0)
    if not left or end != len(left):
        raise ValueError(f"{text!r} is no duration")
    return _within(sign * total)


_NAMED = {
    "ANSIC": "Mon Jan _2 15:04:05 2006",
    "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006",
    "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": "2006-01-02T15:04:05Z07:00",
    "RFC3339Nano": "2006-01-02T15:04:05.999999999Z07:00",
}
_LAYOUT = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|15|_2|01|02|03|04|05|06|PM|pm|-07:00|-0700|Z07:00|Z0700|[.,](?:0+|9+)(?!\d)"
)


def shown(when: Any) -> str:
    """`time.format`: as RFC 3339 has it, or in a layout of Go's."""
    there, below = _time(when)
    layout = when[2] if isinstance(when, list) and len(when) > 2 else ""
    layout = _NAMED.get(layout or "RFC3339Nano", layout)
    nanoseconds = f"{there.microsecond:06d}{below:03d}"

    def part(found: re.Match[str]) -> str:
        word = found[0]
        if word[0] in ".,":
            digits = nanoseconds[: len(word) - 1]
            digits = digits.rstrip("0") if word[1] == "9" else digits
            return word[0] + digits if digits else ""
        if word in {"-07:00", "-0700", "Z07:00", "Z0700"}:
            offset = there.strftime("%z")
            if word[0] == "Z" and not there.utcoffset():
                return "Z"
            return f"{offset[:3]}:{offset[3:5]}" if ":" in word else offset[:5]
        codes = {
            "January": "%B",
            "Jan": "%b",
            "Monday": "%A",
            "Mon": "%a",
            "MST": "%Z",
            "15": "%H",
            "01": "%m",
            "02": "%d",
            "03": "%I",
            "04": "%M",
            "05": "%S",
            "06": "%y",
            "PM": "%p",
        }
        if word == "2006":
            return f"{there.year:04d}"
        if word == "_2":
            return f"{there.day:2d}"
        return there.strftime("%p").lower() if word == "pm" else there.strftime(codes[word])

    return _LAYOUT.sub(part, layout)


def _time(when: Any) -> tuple[datetime, int]:
    """A time, in its zone, and the nanoseconds below its microsecond."""
    ns, zone = (when, "") if not isinstance(when, list) else ((*when, "", "")[0], (*when, "", "")[1])
    if isinstance(ns, bool) or not isinstance(ns, int | float) or not math.isfinite(ns) or int(ns) != ns:
        raise ValueError("a time is a number of nanoseconds, or an array of one and the name of a time zone")
    micros, below = divmod(_within(int(ns)), 1_000)
    return (_EPOCH + timedelta(microseconds=micros)).astimezone(_zone(zone)), below


def _zone(name: Any) -> tzinfo:
    if name in {"", "UTC"}:
        return UTC
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r} on this machine") from error


def _ns(there: datetime, below: int) -> int:
    since = there.astimezone(UTC) - _EPOCH
    return _within((since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000 + below)


def _within(ns: int) -> int:
    if not _LEAST <= ns <= _MOST:
        raise ValueError("that is no time that can be told in nanoseconds")
    return ns
