"""What is read of the same fields of several kinds of ours, and how it is said what no schema can say is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from reconciler.config.durations import HINT, refusal, seconds

Path = tuple[str | int, ...]
"""Where a field is, from what its reader was given on."""
Complain = Callable[[Path, str, str], None]
"""Is told the path of a field, what is wrong with it, and a hint."""

D = TypeVar("D", float, float | None)


def duration(given: Mapping[str, Any], where: Path, default: D, complain: Complain) -> float | D:
    """The seconds that a field says; `default` where it is not there, or was complained about.

    Args:
        given: what the field is in.
        where: its path, the last part of which is its name.
        default: as above.
        complain: told of what cannot be kept.
    """
    written = given.get(str(where[-1]))
    if written is None:
        return default
    value = seconds(written)
    if not value:
        complain(where, refusal(written), HINT)
    return value or default
