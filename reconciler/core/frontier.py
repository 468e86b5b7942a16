"""Walking a graph: which instances may be worked on now, given what has been done and what has failed.

Invariant: an instance is given out once to be applied, after everything that it depends on has been done;
never, if something that blocks it has failed. If it is to be refreshed then, it is given out for that, too,
and what depends on it waits. Instances of the graph that are not part of the walk order those that
are, and nothing else. The cost is that of the part of the graph above the walk's members, so that one file
of ten thousand costs next to nothing. This module must not know what working on an instance means, or how
many do it at once.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from reconciler.model.graph import Edge, Graph
    from reconciler.model.names import Address


class StepKind(StrEnum):
    """What is to be done about an instance."""

    APPLY = "apply"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that can be done now."""

    address: Address
    work: StepKind = StepKind.APPLY


class Frontier:
    """One walk over a graph, or over some of it.

    Example: an engine that works on everything that is ready at once::

        frontier = Frontier(graph)
        while steps := frontier.take():
            for step in steps:
                frontier.done(step.address) if work(step) else frontier.fail(step.address)

    Args:
        graph: the order to keep.
        members: what is to be worked on; None for all.
        failed: what is known not to be in sync and is not to be worked on: it blocks what depends on it.

    Attributes:
        blocked: what will not be given out, and the failure that is to blame, as far as is known.
    """

    def __init__(
        self,
        graph: Graph,
        members: Iterable[Address] | None = None,
        *,
        failed: Collection[Address] = (),
    ) -> None:
        self._graph = graph
        self._members = frozenset(graph.order if members is None else members)
        self.blocked: dict[Address, Address] = {}
        self._ready: list[int] = []
        self._working: set[Address] = set()
        self._refreshing: set[Address] = set()
        part = self._above()
        self._waits = {address: len(graph.dependencies.get(address, ())) for address in part}
        free = [address for address, waits in self._waits.items() if not waits]
        broken = sorted((part & set(failed)) - self._members, key=graph.position.__getitem__)
        self._broken = frozenset(broken)
        # Never to be given out nor passed any more: what has failed or is blocked.
        self._closed: set[Address] = set()
        for address in broken:
            # What is broken because of another one is not to blame, whether or not that is looked at, too.
            if address not in self._closed:
                self._closed.add(address)
                self._resolve(address, to_blame=address)
        for address in free:
            if address in self._members:
                heapq.heappush(self._ready, graph.position[address])
            elif address not in self._closed:
                self._resolve(address)

    def take(self) -> tuple[Step, ...]:
        """What may be worked on now and has not been given out yet, in the graph's order."""
        batch = [self._graph.order[heapq.heappop(self._ready)] for _ in range(len(self._ready))]
        self._working.update(batch)
        return tuple(
            Step(address, StepKind.REFRESH if address in self._refreshing else StepKind.APPLY)
            for address in batch
        )

    def refresh(self, address: Address) -> None:
        """`address`, which was given out to be applied, is to be refreshed before anything that depends on it.

        Raises:
            KeyError: it was not given out, or has been settled already.
        """
        self._working.remove(address)
        self._refreshing.add(address)
        heapq.heappush(self._ready, self._graph.position[address])

    def done(self, address: Address) -> None:
        """`address`, which was given out, is in sync now, and needs nothing any more.

        Raises:
            KeyError: it was not given out, or has been settled already.
        """
        self._working.remove(address)
        self._resolve(address)

    def fail(self, address: Address) -> tuple[Address, ...]:
        """`address`, which was given out, is not in sync.

        Returns:
            The members that are blocked by it.

        Raises:
            KeyError: it was not given out, or has been settled already.
        """
        self._working.remove(address)
        return self._resolve(address, to_blame=address)

    def _resolve(self, address: Address, *, to_blame: Address | None = None) -> tuple[Address, ...]:
        """Tell what comes after `address` that it waits no longer for it, or that it waits in vain."""
        blocked = []
        stack = [(address, to_blame)]
        while stack:
            current, culprit = stack.pop()
            for edge in self._after(current):
                dependent = edge.dependent
                if dependent not in self._waits or dependent in self._closed:
                    continue
                if culprit is not None and edge.blocks:
                    self._closed.add(dependent)
                    stack.append((dependent, culprit))
                    if dependent in self._members:
                        self.blocked[dependent] = culprit
                        blocked.append(dependent)
                    continue
                self._waits[dependent] -= 1
                if self._waits[dependent]:
                    continue
                if dependent in self._members:
                    heapq.heappush(self._ready, self._graph.position[dependent])
                elif dependent not in self._broken:
                    stack.append((dependent, None))
        return tuple(blocked)

    def _after(self, address: Address) -> Iterable[Edge]:
        """The edges to what comes after `address`; where that is more than is walked over, only those that count."""
        edges = self._graph.dependents.get(address, ())
        if len(edges) <= len(self._waits):
            return edges
        return [
            edge
            for one in self._graph.in_order(self._waits)
            for edge in self._graph.dependencies.get(one, ())
            if edge.dependency == address
        ]

    def _above(self) -> set[Address]:
        """The members, and all that they depend on."""
        part = set(self._members)
        stack = list(part)
        while stack:
            for edge in self._graph.dependencies.get(stack.pop(), ()):
                if edge.dependency not in part:
                    part.add(edge.dependency)
                    stack.append(edge.dependency)
        return part
