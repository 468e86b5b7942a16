"""What a source reads of facts, and of which targets that is not known.

Invariant: unknown is not empty. Of a target whose facts are needed and not known nothing is concluded: it waits,
with all that the source declares there, until it has been asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.model.facts import Facts, Section
from reconciler.model.names import Address, TargetName
from reconciler.model.resource import Instance
from reconciler.model.selector import Selector
from reconciler.model.target import Target

_NOTHING = Facts()
_LISTED = 5


class FactReading:
    """See the module.

    Args:
        facts: what is known, by target.

    Attributes:
        read: the sections that anything was asked of.
        waiting: the targets of which one was not known.
        held: those whose facts are known, and make no sense of what is declared there.
    """

    def __init__(self, facts: Mapping[TargetName, Facts]) -> None:
        self.read: set[Section] = set()
        self.waiting: set[TargetName] = set()
        self.held: set[TargetName] = set()
        self._facts = facts

    def section(self, name: TargetName, section: Section) -> Mapping[str, Any] | None:
        """A section of a target's facts; None where it is not known, and so the target waits."""
        self.read.add(section)
        found = self._facts.get(name, _NOTHING).sections.get(section)
        if found is None:
            self.waiting.add(name)
        return found

    def selects(self, selector: Selector, target: Target) -> bool:
        """Whether a target is selected. Where that is not known it is not, and waits."""
        if not selector.matches(target.labels):
            return False
        known = [self.section(target.name, one.section) is not None for one in selector.facts]
        return all(known) and all(one.holds(self._facts[target.name]) for one in selector.facts)

    def without_waiting(self, instances: dict[Address, Instance]) -> dict[Address, Instance]:
        """What is declared where everything is known that it depends on."""
        left = self.waiting | self.held
        if not left:
            return instances
        return {where: one for where, one in instances.items() if one.target not in left}

    def said(self, targets: Iterable[TargetName]) -> Iterator[str]:
        """What a person should know of targets that wait."""
        waiting = [name for name in targets if name in self.waiting]
        more = f" and {len(waiting) - _LISTED} more" if len(waiting) > _LISTED else ""
        if waiting:
            yield (
                f"the facts of {', '.join(waiting[:_LISTED])}{more} are not known yet, and what is declared there"
                " depends on them: nothing is touched or removed there until they are"
            )
