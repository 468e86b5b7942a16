"""When something may be done: within its windows, each on some days of the week between two times of a time zone.

A window that ends before it begins ends on the day after, and belongs to the day on which it begins. Times are those on
the wall there: where clocks are put forward over the beginning, it begins as long after as they are put forward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from reconciler.model.resource import DAYS, Window

DISRUPTS = "it disrupts its host, and no `windows` say when it may; left until a person approves"
"""Why nothing is done about what is disruptive."""

DISRUPTS_US = "it disrupts the host that froyo itself runs on; left until a person approves"
"""The same of what is on the controller's own host, whatever its windows are."""
_DAY = timedelta(days=1)


def opens(windows: Iterable[Window], now: datetime, zone: Callable[[str], tzinfo]) -> datetime | None:
    """When the next of `windows` begins; None while one of them is open.

    Args:
        windows: one at least.
        now: with a time zone.
        zone: by its name.
    """
    begin: list[datetime] = []
    for window in windows:
        there = zone(window.timezone)
        today = now.astimezone(there).date()
        # From the one that may have begun yesterday to the same day of the next week.
        for ahead in range(-1, 8):
            day = today + ahead * _DAY
            if window.days and DAYS[day.weekday()] not in window.days:
                continue
            begins, ends = _span(window, day, there)
            if begins <= now < ends:
                return None
            if begins > now:
                begin.append(begins)
    return min(begin)


def zone(name: str) -> tzinfo:
    """A time zone. The one that is meant where none is written needs no database of them on this machine."""
    return UTC if name == "UTC" else ZoneInfo(name)


def _span(window: Window, day: date, there: tzinfo) -> tuple[datetime, datetime]:
    begins = time.fromisoformat(window.begins or "00:00")
    ends = time.fromisoformat(window.ends or "00:00")
    last = day if ends > begins else day + _DAY
    return (
        datetime.combine(day, begins, there).astimezone(UTC),
        datetime.combine(last, ends, there).astimezone(UTC),
    )


def outside(begins: datetime) -> str:
    """Why nothing is done yet about what has windows, none of which is open."""
    return f"outside of its `windows`, the next of which begins at {begins:%Y-%m-%d %H:%M} UTC"
