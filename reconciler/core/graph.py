"""What must be in sync before what, on one target.

Edges are written (`require`, `before`, `notify`) or inferred where they are certain: what lies below the
path of a declared directory comes after that directory, and where both are to be absent, before it. Where a
link points to says
nothing: only the path at which a thing is put counts. All edges order. All but `notify` also block: what
depends on a failure is not touched, whereas a refresh is owed whatever else went wrong.

Invariant: a Graph has no cycle and no edge to what is not declared; `build` refuses those, all at once,
with their places. Orders are stable: what is free to go first goes in the order of declaration. Building is
O((n + e) log n + the length of the paths). This module must not know what a kind does, and nothing about
time or failures as such; `frontier.py` walks the graph.
"""

from __future__ import annotations

import difflib
import heapq
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.errors import ConfigError, Problem
from reconciler.model.names import split_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.model.names import Address, Reference
    from reconciler.model.origin import Origin
    from reconciler.model.resource import Instance


_SUGGESTIONS = 20


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
        origin: where the manifest is that says so, or from whose path it was inferred.
    """

    dependency: Address
    dependent: Address
    kind: EdgeKind
    origin: Origin = field(compare=False)

    @property
    def blocks(self) -> bool:
        """Whether a failure of the dependency keeps the dependent from being touched."""
        return self.kind is not EdgeKind.NOTIFY


class CycleError(ConfigError):
    """What is declared goes round in a circle; each problem is one such circle.

    Args:
        problems: as in ConfigError.
        cycles: the edges of each circle, in order.
    """

    def __init__(self, problems: list[Problem], cycles: tuple[tuple[Edge, ...], ...]) -> None:
        super().__init__(problems)
        self.cycles = cycles


@dataclass(frozen=True, slots=True)
class Graph:
    """The instances of one target and their order. Made by `build`.

    Attributes:
        order: all addresses, dependencies first, otherwise as declared.
        dependencies: by address, the edges to what comes before it.
        dependents: by address, the edges to what comes after it.
        notifies: by address, what is to be refreshed after it has changed.
        position: by address, its index in `order`.
    """

    order: tuple[Address, ...]
    dependencies: Mapping[Address, tuple[Edge, ...]]
    dependents: Mapping[Address, tuple[Edge, ...]]
    notifies: Mapping[Address, tuple[Address, ...]]
    position: Mapping[Address, int] = field(repr=False, compare=False)

    @classmethod
    def build(cls, instances: Iterable[Instance]) -> Graph:
        """The graph of `instances`, which are all of one target and in the order of declaration.

        Raises:
            CycleError: some depend on each other in a circle.
            ConfigError: some name what is not declared on the target.
        """
        return _build(list(instances))

    @property
    def reverse_order(self) -> tuple[Address, ...]:
        """All addresses, dependents first: the order of removal."""
        return self.order[::-1]

    def waves(self) -> tuple[tuple[Address, ...], ...]:
        """The addresses in as few steps as the edges allow; within a step, none depends on another."""
        depth: dict[Address, int] = {}
        waves: list[list[Address]] = []
        for address in self.order:
            edges = self.dependencies.get(address, ())
            level = depth[address] = max((depth[edge.dependency] + 1 for edge in edges), default=0)
            if level == len(waves):
                waves.append([])
            waves[level].append(address)
        return tuple(tuple(wave) for wave in waves)

    def downstream(self, addresses: Iterable[Address], *, blocking: bool = False) -> tuple[Address, ...]:
        """All that comes after any of `addresses`, themselves included, in order.

        Args:
            addresses: where to start.
            blocking: follow only edges that block.
        """
        seen = set(addresses)
        queue = deque(seen)
        while queue:
            for edge in self.dependents.get(queue.popleft(), ()):
                if edge.dependent not in seen and (edge.blocks or not blocking):
                    seen.add(edge.dependent)
                    queue.append(edge.dependent)
        return tuple(sorted(seen, key=self.position.__getitem__))

    def blocked_by(self, failed: Iterable[Address]) -> dict[Address, Address]:
        """What must not be touched while `failed` are not in sync, and which of them is to blame."""
        to_blame = {address: address for address in failed}
        blocked = [address for address in self.downstream(to_blame, blocking=True) if address not in to_blame]
        for address in blocked:
            to_blame[address] = next(
                to_blame[edge.dependency]
                for edge in self.dependencies[address]
                if edge.blocks and edge.dependency in to_blame
            )
        return {address: to_blame[address] for address in blocked}


# --- Building -----------------------------------------------------------------------------------------------


def _build(instances: Sequence[Instance]) -> Graph:
    by_ref = {instance.ref: instance for instance in instances}
    problems: list[Problem] = []
    notifies: dict[Address, list[Address]] = {}
    edges: dict[tuple[Address, Address], Edge] = {}
    rank = {kind: index for index, kind in enumerate(EdgeKind)}
    for edge in (*_written(instances, by_ref, problems), *_inferred(instances)):
        pair = (edge.dependency, edge.dependent)
        known = edges.get(pair)
        if known is None or rank[edge.kind] < rank[known.kind]:
            edges[pair] = edge
        if edge.kind is EdgeKind.NOTIFY:
            targets = notifies.setdefault(edge.dependency, [])
            if edge.dependent not in targets:
                targets.append(edge.dependent)
    before: dict[Address, list[Edge]] = {}
    after: dict[Address, list[Edge]] = {}
    for edge in edges.values():
        before.setdefault(edge.dependent, []).append(edge)
        after.setdefault(edge.dependency, []).append(edge)
    order = _sort(instances, before, after)
    if len(order) < len(instances):
        cycles = tuple(_cycles(instances, set(order), before))
        raise CycleError([*problems, *map(_describe, cycles)], cycles)
    if problems:
        raise ConfigError(problems)
    return Graph(
        order=tuple(order),
        dependencies={address: tuple(found) for address, found in before.items()},
        dependents={address: tuple(found) for address, found in after.items()},
        notifies={address: tuple(found) for address, found in notifies.items()},
        position={address: index for index, address in enumerate(order)},
    )


def _written(
    instances: Iterable[Instance], by_ref: Mapping[Reference, Instance], problems: list[Problem]
) -> Iterator[Edge]:
    """The edges that manifests name; what they name in vain goes to `problems`."""
    for instance in instances:
        common = instance.common
        for kind, refs in (
            (EdgeKind.REQUIRE, common.require),
            (EdgeKind.BEFORE, common.before),
            (EdgeKind.NOTIFY, common.notify),
        ):
            for ref in refs:
                other = by_ref.get(ref)
                if other is None:
                    # Looking for a similar name looks at all: done for as many as a person reads.
                    candidates = by_ref if len(problems) < _SUGGESTIONS else ()
                    problems.append(_missing(instance, kind, ref, candidates))
                elif kind is EdgeKind.REQUIRE:
                    yield Edge(other.address, instance.address, kind, instance.origin)
                else:
                    yield Edge(instance.address, other.address, kind, instance.origin)


def _missing(instance: Instance, kind: EdgeKind, ref: Reference, candidates: Iterable[Reference]) -> Problem:
    near = difflib.get_close_matches(ref, candidates, n=1, cutoff=0.7)
    return Problem(
        file=instance.origin.file,
        line=instance.origin.line,
        column=0,
        message=f"{instance.ref}: {kind} names {ref}, which is not declared for target {instance.target}",
        hint=f"did you mean {near[0]}?" if near else "declare it, or select this target there too",
    )


def _inferred(instances: Sequence[Instance]) -> Iterator[Edge]:
    """The edges that follow from paths: each thing and the nearest declared directory above it."""
    containers = {
        _normal(instance.path): instance for instance in instances if instance.container and instance.path
    }
    nearest: dict[str, Instance | None] = {"": containers.get("")}
    for instance in instances:
        if not instance.path or not instance.common.infer_edges:
            continue
        path = _normal(instance.path)
        if not path:
            continue
        above = _nearest(path.rpartition("/")[0], containers, nearest)
        if above is None:
            continue
        if not _absent(above):
            yield Edge(above.address, instance.address, EdgeKind.INFERRED, instance.origin)
        elif _absent(instance):
            yield Edge(instance.address, above.address, EdgeKind.INFERRED, instance.origin)


def _normal(path: str) -> str:
    """`path` without a slash at its end, so that the root is "" and every parent a prefix."""
    return path.rstrip("/")


def _nearest(
    path: str, containers: Mapping[str, Instance], nearest: dict[str, Instance | None]
) -> Instance | None:
    """The container at `path`, or else the nearest above it; what was found is remembered in `nearest`."""
    passed = []
    while path not in nearest:
        passed.append(path)
        if path in containers:
            nearest[path] = containers[path]
            break
        path = path.rpartition("/")[0]
    found = nearest[path]
    for below in passed:
        nearest[below] = found
    return found


def _absent(instance: Instance) -> bool:
    """Whether the instance declares that there be nothing; `state: absent` means that in every kind."""
    return instance.spec.get("state") == "absent"


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


# --- Cycles -------------------------------------------------------------------------------------------------


def _cycles(
    instances: Iterable[Instance], sorted_: set[Address], before: Mapping[Address, list[Edge]]
) -> Iterator[tuple[Edge, ...]]:
    """Cycles that share no instance, each as short as any through its first one."""
    stuck = [instance.address for instance in instances if instance.address not in sorted_]
    walked: dict[Address, Address] = {}
    for start in stuck:
        address = start
        while address not in walked:
            walked[address] = start
            # Each that is left waits for another that is left, so walking backwards ends in a circle.
            address = next(edge.dependency for edge in before[address] if edge.dependency not in sorted_)
        if walked[address] == start:
            yield _shortest(address, sorted_, before)


def _shortest(
    start: Address, sorted_: set[Address], before: Mapping[Address, list[Edge]]
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


def _describe(cycle: tuple[Edge, ...]) -> Problem:
    target, _ = split_address(cycle[0].dependency)
    steps = "".join(f"\n    {_step(edge)}" for edge in cycle)
    inferred = any(edge.kind is EdgeKind.INFERRED for edge in cycle)
    return Problem(
        file=cycle[0].origin.file,
        line=cycle[0].origin.line,
        column=0,
        message=f"a circle of dependencies on target {target}:{steps}\n  so none of these can go first",
        hint="remove one of them" + (", or set inferEdges: false where a path decides" if inferred else ""),
    )


def _step(edge: Edge) -> str:
    why = "its path lies below" if edge.kind is EdgeKind.INFERRED else edge.kind.value
    place = f", {edge.origin}" if edge.origin.file else ""
    return f"{split_address(edge.dependency)[1]} before {split_address(edge.dependent)[1]} ({why}{place})"
