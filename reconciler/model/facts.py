"""Facts: what a target is, as it said itself. Which there are, with their types, is in `docs/spec/facts.md`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NewType

Section = NewType("Section", str)
"""A part of the facts that is gathered, kept and refreshed by itself, such as `os` or `users`."""

SECTIONS: tuple[Section, ...] = tuple(
    map(
        Section,
        (
            "boot",
            "cpu",
            "disks",
            "groups",
            "init",
            "kernel",
            "machine",
            "memory",
            "mounts",
            "network",
            "os",
            "packages",
            "security",
            "time",
            "users",
            "virtualization",
        ),
    )
)
"""All of them, as the runner gathers them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one target.

    Attributes:
        sections: what each section holds: text, numbers, true and false, lists and mappings of these. What is not known
            is not there.
        taken: when each was gathered, in seconds since the epoch.
        cut: the sections that there is more of than is kept.
    """

    sections: Mapping[Section, Mapping[str, Any]] = field(default_factory=dict)
    taken: Mapping[Section, float] = field(default_factory=dict)
    cut: frozenset[Section] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.sections)

    def stale(self, now: float, ttl: float) -> frozenset[Section]:
        """The sections that were gathered longer than `ttl` seconds ago, or never."""
        return frozenset(name for name in SECTIONS if not 0 <= now - self.taken.get(name, -ttl - 1) <= ttl)

    def renewed(
        self,
        sections: Mapping[Section, Mapping[str, Any]],
        cut: Collection[Section],
        now: float,
    ) -> Facts:
        """The same with some sections as they were gathered just now."""
        return Facts(
            {**self.sections, **sections},
            {**self.taken, **dict.fromkeys(sections, now)},
            (self.cut - sections.keys()) | frozenset(cut),
        )

    def differing(self, other: Facts) -> frozenset[Section]:
        """The sections that say something else in `other`."""
        return frozenset(self._differing(other))

    def _differing(self, other: Facts) -> Iterator[Section]:
        for name in {**self.sections, **other.sections}:
            if self.sections.get(name) != other.sections.get(name):
                yield name
