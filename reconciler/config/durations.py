"""Durations as people and Kubernetes write them: `90`, `30s`, `5m`, `1h30m`, `250ms`."""

from __future__ import annotations

import re

SYNTAX = "a number of seconds, or something like 30s, 5m, 1h30m or 250ms"
PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"

_WHOLE = re.compile(PATTERN)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(value: str | int) -> float | None:
    """How many seconds `value` means; None if it is no duration."""
    if isinstance(value, int):
        return float(value)
    if not _WHOLE.fullmatch(value):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
