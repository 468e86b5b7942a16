"""Which changes of a plan would fail: those with something in the way that nothing in the same plan takes away.

An obstacle is what was seen to make a change fail, and says with what it may go away: that a directory is missing, with
that directory. Where something else that is to change brings it, the obstacle is none: it is looked at again right
before the step, or once more when that was changed. What is about paths brings these and nothing else. What anything
else brings, such as a command, a package or a whole tree, is not known: of what is ordered after that, only the apply
can tell.

Invariant: what is said to fail does fail, unless somebody else touches the target. This module must not know what the
obstacles are, nor how they were found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.subjects import PATH, Subject, above

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from reconciler.model.graph import Graph
    from reconciler.model.names import Address
    from reconciler.model.plan import Obstacle
    from reconciler.model.resource import Instance


def standing(
    changes: Mapping[Address, Sequence[Obstacle]],
    instances: Mapping[Address, Instance],
    graph: Graph,
    *,
    broken: Collection[Address] = (),
) -> dict[Address, Obstacle | Address]:
    """What keeps each change that would fail from being done: an obstacle, or another change that would fail.

    Args:
        changes: what was seen to be in the way of each.
        instances: of the target.
        graph: their order.
        broken: what could not be read or planned.
    """
    expected = _Expected(changes, instances, graph, broken)
    found: dict[Address, Obstacle | Address] = {}
    waiting = [address for address in graph.order if address in changes]
    while waiting:
        found = {}
        for address in waiting:
            why = expected.why_not(address)
            if why is None:
                expected.add(address)
            else:
                found[address] = why
        if len(found) == len(waiting):
            break
        waiting = list(found)
    return found


class _Expected:
    """The changes that are expected to go well, and what they bring."""

    def __init__(
        self,
        changes: Mapping[Address, Sequence[Obstacle]],
        instances: Mapping[Address, Instance],
        graph: Graph,
        broken: Collection[Address],
    ) -> None:
        self._changes = changes
        self._instances = instances
        self._graph = graph
        self._broken = broken
        self._going: set[Address] = set()
        self._brought: set[Subject] = set()
        self._leading: set[Subject] = set()

    def add(self, address: Address) -> None:
        self._going.add(address)
        one = self._instances[address]
        self._brought.update(one.present)
        if not one.contains:  # as a link: nobody knows what is where it leads
            self._leading.update(one.present)
        elif "tree" in one.spec:
            self._leading.update(one.contains)

    def why_not(self, address: Address) -> Obstacle | Address | None:
        """What keeps it from being done; None if nothing is known to."""
        for edge in self._graph.dependencies.get(address, ()):
            before = edge.dependency
            fails = before in self._broken or (before in self._changes and before not in self._going)
            if fails and edge.blocks:
                return before
        for obstacle in self._changes[address]:
            if not self._goes_away(obstacle) and not self._after_anything(address):
                return obstacle
        return None

    def _goes_away(self, obstacle: Obstacle) -> bool:
        """Whether something brings what takes the obstacle away."""
        for subject in obstacle.subjects:
            if subject in self._brought:
                return True
            outer = above(subject)
            while outer is not None:
                if outer in self._leading:
                    return True
                outer = above(outer)
        return False

    def _after_anything(self, address: Address) -> bool:
        """Whether it comes after a change that may bring anything."""
        seen, stack = {address}, [address]
        while stack:
            for edge in self._graph.dependencies.get(stack.pop(), ()):
                before = edge.dependency
                # What is probed is of what all before it makes, files too.
                anything = self._instances[address].probe is not None
                if before in self._going and (anything or _brings_more(self._instances[before])):
                    return True
                if before not in seen:
                    seen.add(before)
                    stack.append(before)
        return False


def _brings_more(one: Instance) -> bool:
    """Whether a change may bring more than it says that it provides."""
    return not one.provides or "tree" in one.spec or any(subject.scheme != PATH for subject in one.provides)
