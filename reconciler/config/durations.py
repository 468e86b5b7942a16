"""Durations as people and Kubernetes write them, `90`, `30s`, `5m`, `1h30m`, `250ms`, and times as RFC 3339 does."""

from __future__ import annotations

import re
from datetime import datetime

PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"

_WHOLE = re.compile(PATTERN)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
LONGEST = 100 * 365 * 86400.0
"""Seconds. What is longer is a slip of the hand, and would not fit everywhere."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


_SHOWN = 60
"""Characters of what was written, in a message about it."""

HINT = "such as 30s"


def refusal(written: str | int) -> str:
    """Why a time that is written as one cannot be kept."""
    return f"{str(written)[:_SHOWN]} is no time that can be kept"


def is_written(value: object) -> bool:
    """Whether `value` is written as a duration is, however long it is."""
    if isinstance(value, str):
        return _WHOLE.fullmatch(value) is not None
    return type(value) is int and value >= 1


def seconds(value: str | int) -> float | None:
    """How many seconds `value` means; None if it is no duration, or longer than a century."""
    if isinstance(value, int):
        total = float(value) if value <= LONGEST else LONGEST + 1
    elif _WHOLE.fullmatch(value):
        total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    else:
        return None
    return total if total <= LONGEST else None


def moment(value: str) -> float | None:
    """Seconds since the epoch of a time such as 2026-07-01T18:00:00Z; None if it is none, or without an offset.

    Example:
        >>> moment("1970-01-01T00:01:00Z")
        60.0
    """
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if found.tzinfo is None else found.timestamp()
