"""What must come before what: as manifests say it, and where it is certain from what instances are about.

What lies within something that is declared, as a file does in a directory, comes after it, and where both are to be
absent, before it. What uses something comes after what provides it. Where a link points to says nothing: only the
path at which a thing is put counts. All edges order. All but `notify` also block: what depends on a failure is not
touched, whereas a refresh is owed whatever else went wrong.

This module must not know about orders and cycles, nor what a kind does.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from reconciler.errors import Problem
from reconciler.model.graph import Edge, EdgeKind
from reconciler.model.subjects import above

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.model.names import Address, Reference
    from reconciler.model.resource import Instance
    from reconciler.model.subjects import Subject

_SUGGESTIONS = 20


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
    """The edges that follow from subjects.

    Each thing comes after the nearest declared one that it lies within, and after what provides what it uses, or is the
    nearest to hold it.
    """
    providers = {subject: instance for instance in instances for subject in instance.provides}
    containers = _containers(instances)
    schemes = {subject.scheme for subject in containers}  # of nothing else can anything lie within something
    nearest: dict[Subject, Instance | None] = {}
    for instance in instances:
        if not instance.common.infer_edges:
            continue
        found: dict[Address, Instance] = {}
        for subject in instance.claimed:
            parent = above(subject) if subject.scheme in schemes else None
            if parent is not None and (holder := _nearest(parent, containers, nearest)) is not None:
                found[holder.address] = holder
        for subject in instance.uses:
            holder = providers.get(subject)
            if holder is None and subject.scheme in schemes:
                holder = _nearest(subject, containers, nearest)
            if holder is not None:
                found[holder.address] = holder
        found.pop(instance.address, None)
        for holder in found.values():
            if not holder.absent:
                yield Edge(holder.address, instance.address, EdgeKind.INFERRED, instance.origin)
            elif instance.absent:
                yield Edge(instance.address, holder.address, EdgeKind.INFERRED, instance.origin)


def because(first: Instance, then: Instance) -> Subject | None:
    """The subject that an inferred edge between two instances is about; None where none joins them.

    Args:
        first: what comes first.
        then: what comes after it; where both are to be absent, that is what holds the other.
    """
    for user, holder in ((then, first), (first, then)):
        for subject in user.uses:
            if subject in holder.provides or _holding(subject, holder) is not None:
                return subject
        for subject in user.claimed:
            parent = above(subject)
            if parent is not None and (found := _holding(parent, holder)) is not None:
                return found
    return None


def _holding(subject: Subject, holder: Instance) -> Subject | None:
    """The container of a holder that a subject is, or lies within."""
    current: Subject | None = subject
    while current is not None and current not in holder.contains:
        current = above(current)
    return current


def _containers(instances: Sequence[Instance]) -> dict[Subject, Instance]:
    """What holds a subject.

    Of two, what needs the other one first is seen in its place, such as what is mounted on a directory.
    """
    containers: dict[Subject, Instance] = {}
    for instance in instances:
        for subject in instance.contains:
            if subject not in containers or subject in instance.uses:
                containers[subject] = instance
    return containers


def _nearest(
    subject: Subject, containers: Mapping[Subject, Instance], nearest: dict[Subject, Instance | None]
) -> Instance | None:
    """The container that is `subject`, or else the nearest that it lies within; what was found is kept in `nearest`."""
    passed: list[Subject] = []
    found: Instance | None = None
    current: Subject | None = subject
    while current is not None and current not in nearest:
        passed.append(current)
        found = containers.get(current)
        if found is not None:
            break
        current = above(current)
    else:
        found = nearest[current] if current is not None else None
    for below in passed:
        nearest[below] = found
    return found
