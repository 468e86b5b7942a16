"""What a source reads of facts, and of which targets that is not known.

Invariant: unknown is not empty. Of a target whose facts are needed and not known nothing is concluded: it waits,
with all that the source declares there, until it has been asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.facts import Facts, Section
from reconciler.model.names import TargetName
from reconciler.model.selector import Selector

_NOTHING = Facts()


class FactReading:
    """See the module.

    Args:
        facts: what is known, by target.

    Attributes:
        read: the sections that anything was asked of.
        waiting: the targets of which one was not known.
    """

    def __init__(self, facts: Mapping[TargetName, Facts]) -> None:
        self.read: set[Section] = set()
        self.waiting: set[TargetName] = set()
        self._facts = facts

    def section(self, name: TargetName, section: Section) -> Mapping[str, Any] | None:
        """A section of a target's facts; None where it is not known, and so the target waits."""
        self.read.add(section)
        found = self._facts.get(name, _NOTHING).sections.get(section)
        if found is None:
            self.waiting.add(name)
        return found

    def selects(self, selector: Selector, name: TargetName, labels: Mapping[str, str]) -> bool:
        """Whether a target is selected. Where that is not known it is not, and waits."""
        if not selector.matches(labels):
            return False
        known = [self.section(name, one.section) is not None for one in selector.facts]
        return all(known) and all(one.holds(self._facts[name]) for one in selector.facts)
