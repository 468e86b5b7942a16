"""Which targets a selector selects.

Invariant: what a selector costs goes by how many targets have the rarest of its labels, not by how many there are, and
two that are equal cost one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.config.knowing import FactReading
from reconciler.model.names import TargetName
from reconciler.model.selector import Selector
from reconciler.model.target import Target


class TargetSelection:
    """The targets of a source, by their labels and facts.

    Args:
        targets: by name.
        facts: what is known of them.
    """

    def __init__(self, targets: Mapping[TargetName, Target], facts: FactReading) -> None:
        self._targets = targets
        self._facts = facts
        self._having: dict[tuple[str, str], list[TargetName]] | None = None
        self._selected: dict[Selector, tuple[TargetName, ...]] = {}

    def of(self, selector: Selector) -> tuple[TargetName, ...]:
        """Those that it selects, in the order in which they are declared. One of which that is not known waits."""
        found = self._selected.get(selector)
        if found is None:
            found = self._selected[selector] = tuple(
                name
                for name in self._candidates(selector)
                if self._facts.selects(selector, self._targets[name])
            )
        return found

    def _candidates(self, selector: Selector) -> Sequence[TargetName]:
        if not selector.labels:
            return tuple(self._targets)
        if self._having is None:
            self._having = {}
            for name, target in self._targets.items():
                for label in target.labels.items():
                    self._having.setdefault(label, []).append(name)
        return min((self._having.get(label, []) for label in selector.labels), key=len)
