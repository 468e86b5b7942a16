"""Locks across targets: how many of some may be disrupted at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.model.names import TargetName
from reconciler.model.origin import Origin
from reconciler.model.rollout import Portion
from reconciler.model.selector import Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLock:
    """That no more than so many of some targets are disrupted at once.

    Attributes:
        name: its own.
        selector: which targets.
        targets: those that it selects.
        at_once: how many.
        origin: where it was declared.
    """

    name: str
    selector: Selector
    targets: frozenset[TargetName] = frozenset()
    at_once: Portion
    origin: Origin = field(default=Origin(), compare=False)

    @property
    def most(self) -> int:
        """How many of the targets that it selects; one in any case, else none of them could ever be."""
        return max(1, self.at_once.of(len(self.targets)))
