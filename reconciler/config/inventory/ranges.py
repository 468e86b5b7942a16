"""Names that stand for many: `web-[01:50]`, `db-[a:f]`, `n[0:8:2]`. As in an Ansible inventory, both ends are meant."""

from __future__ import annotations

import itertools
import re

MOST = 10_000
"""Names that one may stand for."""

_RANGE = re.compile(r"\[([^][]*)\]")
_ENDS = re.compile(r"([0-9]*|[a-z]|[A-Z]):([0-9]+|[a-z]|[A-Z])(?::([0-9]+))?")


def expanded(name: str) -> list[str]:
    """Every name that one stands for, in order; itself where there is no range in it.

    Raises:
        ValueError: a range is none, or there are too many names; says why.
    """
    parts = _RANGE.split(name)
    if any("[" in part or "]" in part for part in parts[::2]):
        raise ValueError(f"a bracket of {name!r} is open, and a range is written as in web-[01:50]")
    if len(parts) == 1:
        return [name]
    ranges = [_counted(part, name) for part in parts[1::2]]
    number = 1
    for one in ranges:
        number *= len(one)
    if number > MOST:
        raise ValueError(f"{name!r} stands for {number:,} names; {MOST:,} are the most")
    texts = parts[::2]
    return [
        texts[0] + "".join(one + text for one, text in zip(chosen, texts[1:], strict=True))
        for chosen in itertools.product(*ranges)
    ]


def _counted(written: str, name: str) -> list[str]:
    ends = _ENDS.fullmatch(written)
    if ends is None:
        raise ValueError(f"[{written}] in {name!r} is no range; one is written as [01:50], [a:f] or [0:8:2]")
    first, last, step = ends[1] or "0", ends[2], int(ends[3] or 1)
    if first.isdigit() is not last.isdigit() or step < 1:
        raise ValueError(f"[{written}] in {name!r} does not count from {first} to {last} by {step}")
    width = len(first) if first.startswith("0") else 0
    if first.isdigit():
        if width > 1 and len(last) != width:
            raise ValueError(f"the ends of [{written}] in {name!r} have not the same number of digits")
        low, high = int(first), int(last)
    else:
        low, high = ord(first), ord(last)
    if low > high:
        raise ValueError(f"[{written}] in {name!r} counts down: {first} comes after {last}")
    if (high - low) // step >= MOST:
        raise ValueError(f"[{written}] in {name!r} stands for more than {MOST:,} names")
    numbers = range(low, high + 1, step)
    if first.isdigit():
        return [f"{number:0{width}}" for number in numbers]
    return [chr(number) for number in numbers]
