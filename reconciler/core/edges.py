"""What must come before what: as manifests say it, and where it is certain from paths.

What lies below the path of a declared directory comes after that directory, and where both are to be
absent, before it. Where a link points to says nothing: only the path at which a thing is put counts. All
edges order. All but `notify` also block: what depends on a failure is not touched, whereas a refresh is owed
whatever else went wrong.

This module must not know about orders and cycles, nor what a kind does.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.errors import Problem

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


def written(
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


def inferred(instances: Sequence[Instance]) -> Iterator[Edge]:
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
