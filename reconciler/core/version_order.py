"""Which of two versions of a package is the older one, by the rules that dpkg has, which RPM's come close to.

Invariant: it is an order: what is older than something that is older is older. Parts of digits are compared as numbers,
all others letter by letter, with letters before everything else and `~` before even the end.
"""

from __future__ import annotations

import re

_PARTS = re.compile(r"(\D*)(\d*)")


def is_older(version: str, than: str) -> bool:
    """Whether `version` comes before `than`."""
    return _key(version) < _key(than)


def _key(version: str) -> tuple[int, list[object], list[object]]:
    epoch, colon, rest = version.strip().partition(":")
    if not colon or not epoch.isdecimal():
        epoch, rest = "0", version.strip()
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch), _compared(upstream), _compared(revision)


def _compared(text: str) -> list[object]:
    found: list[object] = []
    for letters, digits in _PARTS.findall(text):
        found.append([*map(_weight, letters), 0])
        found.append(int(digits or 0))
    return found


def _weight(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 0x110000
