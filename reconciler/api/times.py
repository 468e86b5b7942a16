"""Times and durations, as people write and read them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from reconciler.errors import UsageError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d|w)")


def parse_duration(text: str) -> float:
    """Seconds: "90", "90s", "2h", "1d12h".

    Raises:
        UsageError: it is no duration.
    """
    written = text.strip().lower()
    if written.replace(".", "", 1).isdecimal():
        return float(written)
    if not written or _PART.sub("", written).strip():
        raise UsageError(f"{text!r} is not a duration; write it as in 90s, 5m, 2h or 1d12h")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(written))


def parse_future(text: str, *, now: float) -> float:
    """A time to come: a duration from now, "18:30" (the next one), or a date with or without a time.

    Raises:
        UsageError: it cannot be understood, or is over.
    """
    found = _parse(text, now=now, sign=1)
    if found <= now:
        raise UsageError(f"{text!r} is in the past")
    return found


def parse_past(text: str, *, now: float) -> float:
    """A time that was: a duration ago, "18:30" (the last one), or a date with or without a time; "0" is the beginning.

    Raises:
        UsageError: it cannot be understood.
    """
    return 0.0 if text.strip() == "0" else _parse(text, now=now, sign=-1)


def _parse(text: str, *, now: float, sign: int) -> float:
    written = text.strip()
    if clock := re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", written):
        here = datetime.fromtimestamp(now).astimezone()
        hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
        if hour < 24 and minute < 60 and second < 60:
            found = here.replace(hour=hour, minute=minute, second=second, microsecond=0)
            if (found.timestamp() - now) * sign < 0:
                found += timedelta(days=sign)
            return found.timestamp()
    try:
        return now + sign * parse_duration(written)
    except UsageError:
        pass
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is neither a duration nor a time; write it as in 2h, 18:30 or 2026-01-31T18:30"
        ) from error
    return (moment if moment.tzinfo else moment.astimezone()).timestamp()


def seconds(instant: str | None) -> float:
    """Seconds since the epoch of a time in a document; 0 for never."""
    return datetime.fromisoformat(instant).timestamp() if instant else 0.0


def clock(instant: str | None, *, now: float) -> str:
    """The local time of day, with the date where it was another day."""
    if not instant:
        return "never"
    moment, today = datetime.fromisoformat(instant).astimezone(), datetime.fromtimestamp(now).astimezone()
    if moment.date() == today.date():
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def age(instant: str | None, *, now: float) -> str:
    """How long ago, in one or two units: "45s", "3m", "2h5m", "4d"; "-" for never."""
    if not instant:
        return "-"
    return span(max(0.0, now - seconds(instant)))


def span(length: float) -> str:
    """A duration in one or two units."""
    whole = int(length)
    if whole < 120:
        return f"{whole}s"
    if whole < 600:
        return f"{whole // 60}m{whole % 60}s" if whole % 60 else f"{whole // 60}m"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86400:
        hours, minutes = whole // 3600, whole % 3600 // 60
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    days, hours = whole // 86400, whole % 86400 // 3600
    return f"{days}d{hours}h" if hours and days < 10 else f"{days}d"
