"""The instances of one target in an order that keeps every edge between them. Made by `core/graph.py`."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconciler.model.names import Address
from reconciler.model.origin import Origin


class EdgeKind(StrEnum):
    """Where an edge comes from; of several between the same two, the first of these is kept."""

    REQUIRE = "require"
    BEFORE = "before"
    INFERRED = "inferred"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Edge:
    """`dependent` comes after `dependency`.

    Attributes:
        dependency: what comes first.
        dependent: what comes later.
        kind: where the edge comes from.
        origin: where the manifest is that says so, or from whose subject it was inferred.
    """

    dependency: Address
    dependent: Address
    kind: EdgeKind
    origin: Origin = field(compare=False)

    @property
    def blocks(self) -> bool:
        """Whether a failure of the dependency keeps the dependent from being touched."""
        return self.kind is not EdgeKind.NOTIFY


@dataclass(frozen=True, slots=True)
class Graph:
    """See the module. It has no cycle, and no edge to what is not in it.

    Attributes:
        order: all addresses, dependencies first, otherwise as declared.
        dependencies: by address, the edges to what comes before it.
        dependents: by address, the edges to what comes after it.
        position: by address, its index in `order`.
    """

    order: tuple[Address, ...]
    dependencies: Mapping[Address, tuple[Edge, ...]]
    dependents: Mapping[Address, tuple[Edge, ...]]
    position: Mapping[Address, int] = field(repr=False, compare=False)

    def in_order(self, addresses: Iterable[Address]) -> list[Address]:
        """Those of `addresses` that are in it, dependencies first; few of them are not looked for among all."""
        return sorted((one for one in addresses if one in self.position), key=self.position.__getitem__)

    def among(self, addresses: Container[Address]) -> Graph:
        """The order of `addresses` alone: what came before another through something else still does."""
        before: dict[Address, dict[Address, Edge]] = {}
        for address in self.order:
            edges = self.dependencies.get(address, ())
            found = {edge.dependency: edge for edge in edges if edge.dependency in addresses}
            for edge in edges:
                for through in () if edge.dependency in addresses else before[edge.dependency].values():
                    kind = through.kind if edge.blocks else edge.kind
                    found.setdefault(through.dependency, replace(through, dependent=address, kind=kind))
            before[address] = found
        order = tuple(address for address in self.order if address in addresses)
        after: dict[Address, list[Edge]] = {}
        for address in order:
            for edge in before[address].values():
                after.setdefault(edge.dependency, []).append(edge)
        return Graph(
            order=order,
            dependencies={address: tuple(before[address].values()) for address in order if before[address]},
            dependents={address: tuple(edges) for address, edges in after.items()},
            position={address: index for index, address in enumerate(order)},
        )


NOTHING = Graph(order=(), dependencies={}, dependents={}, position={})
"""Of a target on which nothing is declared."""
