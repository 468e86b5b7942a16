"""How large a value is, written out: what stands in it several times counts each time, as it would be printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def weight(value: Any, most: int, *, entry: int) -> int:
    """Characters of text, and entries of lists and mappings, at any depth.

    Args:
        value: what JSON can hold.
        entry: for how many characters each entry counts.
        most: where counting ends: one list within others again and again is small in memory, and without end on paper.

    Returns:
        That; something above `most` where there is more.

    Example:
        >>> weight({"ports": [80, 443]}, 1000, entry=16)
        53
    """
    total = 0
    waiting = [value]
    while waiting and total <= most:
        here = waiting.pop()
        if isinstance(here, str):
            total += len(here)
        elif isinstance(here, Mapping):
            total += entry * len(here)
            waiting += [item for pair in here.items() for item in pair if isinstance(item, _LARGE)]
        elif isinstance(here, list | tuple):
            total += entry * len(here)
            waiting += [item for item in here if isinstance(item, _LARGE)]
    return total


_LARGE = (str, list, tuple, Mapping)
