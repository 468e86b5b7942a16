"""Versions as semver.org has them, and ranges of them as npm and Cargo write them: which tag is meant by `^1.2`.

A version before a release (`1.3.0-rc.1`) is in a range only where the range names one of just that version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering

_VERSION = re.compile(
    r"v?(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)\.(?P<patch>0|[1-9]\d*)"
    r"(?:-(?P<before>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_BOUND = re.compile(
    r"(?P<sign>\^|~|>=|<=|>|<|=)?\s*v?(?P<major>\d+|[xX*])(?:\.(?P<minor>\d+|[xX*]))?(?:\.(?P<patch>\d+|[xX*]))?"
    r"(?:-(?P<before>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_LONGEST = 200


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version.

    Attributes:
        numbers: major, minor and patch.
        before: what names a version before the release, part by part; () for the release.
    """

    numbers: tuple[int, int, int]
    before: tuple[str, ...] = ()

    def __lt__(self, other: Version) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[object, ...]:
        parts = tuple((0, int(one), "") if one.isdigit() else (1, 0, one) for one in self.before)
        return (self.numbers, not self.before, parts)


def version(text: str) -> Version | None:
    """The version that a tag is named after, be it with a `v` before it; None if it is none."""
    found = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    numbers = (int(found["major"]), int(found["minor"]), int(found["patch"]))
    return Version(numbers, tuple(found["before"].split(".")) if found["before"] else ())


@dataclass(frozen=True, slots=True)
class _Between:
    """From `least` on, if that is not None, and before `end`.

    Attributes:
        named: the versions that name one before a release.
    """

    least: Version | None = None
    end: Version | None = None
    named: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True)
class Range:
    """A range: any of its alternatives, of each all that it says."""

    alternatives: tuple[tuple[_Between, ...], ...]

    def __contains__(self, one: Version) -> bool:
        return any(_allows(bounds, one) for bounds in self.alternatives)

    def newest(self, tags: Iterable[str]) -> str | None:
        """The tag of the newest version in it."""
        known = [(found, tag) for tag in tags if (found := version(tag)) is not None and found in self]
        return max(known)[1] if known else None


def version_range(text: str) -> Range | None:
    """A range, as `^1.2`, `~1.2.3`, `1.x`, `>=1.2 <2`, or `^1 || ^2`; None if it is none."""
    alternatives = []
    for written in text.split("||") if len(text) <= _LONGEST else ():
        bounds = _bounds(written.replace(",", " ").strip())
        if bounds is None:
            return None
        alternatives.append(bounds)
    return Range(tuple(alternatives)) if alternatives else None


def _allows(bounds: tuple[_Between, ...], one: Version) -> bool:
    if one.before and not any(named.numbers == one.numbers for each in bounds for named in each.named):
        return False
    return all(
        (each.least is None or each.least <= one) and (each.end is None or one < each.end) for each in bounds
    )


def _bounds(written: str) -> tuple[_Between, ...] | None:
    found, at = [], 0
    while at < len(written):
        if written[at] == " ":
            at += 1
            continue
        match = _BOUND.match(written, at)
        if match is None or written[match.end() : match.end() + 1] not in {"", " "}:
            return None
        found.append(_between(match))
        at = match.end()
    return tuple(found) or None


def _between(match: re.Match[str]) -> _Between:
    numbers = [
        int(match[part]) if (match[part] or "x") not in "xX*" else None
        for part in ("major", "minor", "patch")
    ]
    before = tuple(match["before"].split(".")) if match["before"] else ()
    major, minor, patch = numbers
    least = Version((major or 0, minor or 0, patch or 0), before)
    named = (least,) if before else ()
    if major is None:
        return _Between()
    partly = _next(major, minor, None if minor is None else patch)
    after = _after(least) if patch is not None else partly
    first, end = {
        ">=": (least, None),
        ">": (after, None),
        "<": (None, least),
        "<=": (None, after),
        "^": (least, _caret(major, minor, patch)),
        "~": (least, _next(major, minor, None)),
    }.get(match["sign"], (least, after))
    return _Between(first, end, named)


def _next(major: int, minor: int | None, patch: int | None) -> Version:
    """The first version that is none of those which begin so."""
    if minor is None:
        return Version((major + 1, 0, 0), ("0",))
    if patch is None:
        return Version((major, minor + 1, 0), ("0",))
    return Version((major, minor, patch + 1), ("0",))


def _caret(major: int, minor: int | None, patch: int | None) -> Version:
    """The first version that may be incompatible: the left-most number that is not 0 is another one."""
    if major or minor is None:
        return _next(major, None, None)
    return _next(major, minor, None) if minor or patch is None else _next(major, minor, patch)


def _after(one: Version) -> Version:
    """The version right after another one: nothing lies between them."""
    return (
        Version(one.numbers, (*one.before, "0"))
        if one.before
        else Version((*one.numbers[:2], one.numbers[2] + 1), ("0",))
    )
