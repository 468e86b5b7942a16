"""Finding cycles among edges, and saying them so that a person sees which edge to take out.

This module must not know how an order is made: it is told what is left over when there is none.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from reconciler.errors import Problem
from reconciler.model.graph import Edge, EdgeKind
from reconciler.model.names import split_address

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from reconciler.model.names import Address
    from reconciler.model.resource import Instance


def cycles(
    instances: Iterable[Instance], sorted_: Collection[Address], before: Mapping[Address, list[Edge]]
) -> Iterator[tuple[Edge, ...]]:
    """Cycles that share no instance, each as short as any through its first one."""
    stuck = [instance.address for instance in instances if instance.address not in sorted_]
    walked: dict[Address, Address] = {}
    for start in stuck:
        address = start
        while address not in walked:
            walked[address] = start
            # Each that is left waits for another that is left, so walking backwards ends in a cycle.
            address = next(edge.dependency for edge in before[address] if edge.dependency not in sorted_)
        if walked[address] == start:
            yield _shortest(address, sorted_, before)


def _shortest(
    start: Address, sorted_: Collection[Address], before: Mapping[Address, list[Edge]]
) -> tuple[Edge, ...]:
    """The shortest cycle through `start`, which is on one: breadth first, against the edges."""
    towards: dict[Address, Edge] = {}
    queue = deque([start])
    while start not in towards:
        for edge in before[queue.popleft()]:
            if edge.dependency not in sorted_ and edge.dependency not in towards:
                towards[edge.dependency] = edge
                queue.append(edge.dependency)
    cycle = [towards[start]]
    while cycle[-1].dependent != start:
        cycle.append(towards[cycle[-1].dependent])
    return tuple(cycle)


def describe(cycle: tuple[Edge, ...], place: Callable[[Edge], str] | None = None) -> Problem:
    """The cycle as a problem: each step with where it comes from, placed at the first.

    Args:
        cycle: its edges, in order.
        place: where an edge is written, where that is known better than by the manifest that says so.
    """
    target, _ = split_address(cycle[0].dependency)
    steps = "".join(f"\n    {_step(edge, place or (lambda edge: str(edge.origin)))}" for edge in cycle)
    inferred = any(edge.kind is EdgeKind.INFERRED for edge in cycle)
    return Problem(
        file=cycle[0].origin.file,
        line=cycle[0].origin.line,
        column=0,
        message=f"a cycle of dependencies on target {target}:{steps}\n  so none of these can go first",
        hint="remove one of them" + (", or set inferEdges: false where a path decides" if inferred else ""),
    )


def _step(edge: Edge, place: Callable[[Edge], str]) -> str:
    why = "its path lies below" if edge.kind is EdgeKind.INFERRED else edge.kind.value
    where = f", {place(edge)}" if edge.origin.file else ""
    return f"{split_address(edge.dependency)[1]} before {split_address(edge.dependent)[1]} ({why}{where})"
