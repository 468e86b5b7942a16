"""Puts the instances of one target in an order that keeps every edge between them.

Invariant: a Graph has no cycle and no edge to what is not declared; those are refused, all at once, with their
places. Orders are stable: what is free to go first goes in the order of declaration. Building is
O((n + e) log n + the length of the paths). This module must not know what a kind does, and nothing about
time or failures as such; `frontier.py` walks the graph.
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.core.cycles import cycles, describe
from reconciler.core.edges import inferred, written
from reconciler.errors import ConfigError, Problem
from reconciler.model.graph import Edge, EdgeKind, Graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.model.names import Address
    from reconciler.model.resource import Instance


class CycleError(ConfigError):
    """What is declared goes round in a cycle; each problem is one such cycle.

    Args:
        problems: as in ConfigError.
        cycles: the edges of each cycle, in order.
    """

    def __init__(self, problems: list[Problem], cycles: tuple[tuple[Edge, ...], ...]) -> None:
        super().__init__(problems)
        self.cycles = cycles


def build_graph(instances: Sequence[Instance]) -> Graph:
    """The graph of `instances`, which are all of one target and in the order of declaration.

    Raises:
        CycleError: some depend on each other in a cycle.
        ConfigError: some name what is not declared on the target.
    """
    problems: list[Problem] = []
    edges: dict[tuple[Address, Address], Edge] = {}
    rank = {kind: index for index, kind in enumerate(EdgeKind)}
    for edge in _edges(instances, problems):
        pair = (edge.dependency, edge.dependent)
        known = edges.get(pair)
        if known is None or rank[edge.kind] < rank[known.kind]:
            edges[pair] = edge
    before: dict[Address, list[Edge]] = {}
    after: dict[Address, list[Edge]] = {}
    for edge in edges.values():
        before.setdefault(edge.dependent, []).append(edge)
        after.setdefault(edge.dependency, []).append(edge)
    order = _sort(instances, before, after)
    if len(order) < len(instances):
        found = tuple(cycles(instances, set(order), before))
        raise CycleError([*problems, *map(describe, found)], found)
    if problems:
        raise ConfigError(problems)
    return Graph(
        order=tuple(order),
        dependencies={address: tuple(found) for address, found in before.items()},
        dependents={address: tuple(found) for address, found in after.items()},
        position={address: index for index, address in enumerate(order)},
    )


def _edges(instances: Sequence[Instance], problems: list[Problem]) -> Iterator[Edge]:
    """All edges; among what is to go, each the other way round.

    Of what that named and is still declared only what it notifies matters: that is refreshed once it has gone.
    """
    declared = [one for one in instances if one.removal is None]
    by_ref = {one.ref: one for one in declared}
    yield from written(declared, by_ref, problems)
    yield from inferred(declared)
    gone = [one for one in instances if one.removal is not None]
    if gone:
        for edge in (*written(gone, {one.ref: one for one in gone}, []), *inferred(gone)):
            yield replace(edge, dependency=edge.dependent, dependent=edge.dependency)
        for one in gone:
            for ref in one.common.notify:
                if ref in by_ref:
                    yield Edge(one.address, by_ref[ref].address, EdgeKind.NOTIFY, one.origin)


def _sort(
    instances: Sequence[Instance], before: Mapping[Address, list[Edge]], after: Mapping[Address, list[Edge]]
) -> list[Address]:
    """Kahn's algorithm with the order of declaration among those that are free; cycles are left out."""
    declared = {instance.address: index for index, instance in enumerate(instances)}
    waits = {address: len(edges) for address, edges in before.items()}
    free = [index for address, index in declared.items() if address not in waits]
    order: list[Address] = []
    while free:
        address = instances[heapq.heappop(free)].address
        order.append(address)
        for edge in after.get(address, ()):
            waits[edge.dependent] -= 1
            if not waits[edge.dependent]:
                heapq.heappush(free, declared[edge.dependent])
    return order
