"""What the instances of a snapshot say about each other: subjects, references and cycles of them.

Invariant: linear in the number of subjects and references. What cannot be known because some document could not
be read, or has problems of its own, is not complained about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from reconciler.config.declared import Manifest
from reconciler.config.fields import providing_field
from reconciler.core.cycles import describe
from reconciler.core.graph import CycleError, build_graph
from reconciler.core.spoken import some
from reconciler.model.graph import Edge, EdgeKind
from reconciler.model.names import Reference, TargetName, address, split_address

if TYPE_CHECKING:
    from reconciler.config.complaints import Complaints
    from reconciler.config.declared import Sketch
    from reconciler.model.graph import Graph
    from reconciler.model.names import Address
    from reconciler.model.resource import Instance
    from reconciler.model.subjects import Subject


def check_provided(
    instances: Mapping[Address, Instance], made_of: Mapping[Address, Manifest], complaints: Complaints
) -> None:
    """No two instances may own the same thing on one target, nor one a part of what another owns as a whole.

    Two manifests are named once for all targets.
    """
    owners: dict[tuple[TargetName, Subject], Instance] = {}
    contested: dict[tuple[int, int, Subject], tuple[Instance, Instance, list[TargetName]]] = {}
    for instance in instances.values():
        for subject in instance.provides:
            first = owners.setdefault((instance.target, subject), instance)
            if first is not instance:
                key = id(made_of[first.address]), id(made_of[instance.address]), subject
                contested.setdefault(key, (first, instance, []))[2].append(instance.target)
    _check_shared(instances, made_of, owners, complaints)
    for (_, _, subject), (one, two, targets) in contested.items():
        manifest, other = made_of[two.address], made_of[one.address]
        field = providing_field(manifest.compiled.kind, two.spec, subject)
        complaints.problem(
            manifest,
            ("spec", field) if field else ("spec",),
            f"{_owner(manifest, two, subject)} and {_owner(other, one, subject)} both claim {subject.scheme} "
            f"{subject.name} on {some(targets)}; {one.ref} is declared at {one.origin}",
            "keep one of them, or give them different targets",
        )


def _check_shared(
    instances: Mapping[Address, Instance],
    made_of: Mapping[Address, Manifest],
    owners: Mapping[tuple[TargetName, Subject], Instance],
    complaints: Complaints,
) -> None:
    found: dict[tuple[int, int, Subject], tuple[Instance, Instance, list[TargetName]]] = {}
    for instance in instances.values():
        for subject in instance.shares:
            owner = owners.get((instance.target, subject))
            if owner is not None:
                key = id(made_of[owner.address]), id(made_of[instance.address]), subject
                found.setdefault(key, (owner, instance, []))[2].append(instance.target)
    for (_, _, subject), (whole, part, targets) in found.items():
        complaints.problem(
            made_of[part.address],
            ("spec",),
            f"{part.ref} owns a part of {subject.scheme} {subject.name} on {some(targets)}, and "
            f"{_owner(made_of[whole.address], whole, subject)} all of it; {whole.ref} is declared at {whole.origin}",
            "keep one of them, or give them different targets",
        )


def _owner(manifest: Manifest, instance: Instance, subject: Subject) -> str:
    """Who claims it, and by what, where that is not what it is about itself."""
    if subject == instance.provides[0]:
        return manifest.ref
    field = providing_field(manifest.compiled.kind, instance.spec, subject)
    return f"the {field} of {manifest.ref}" if field else manifest.ref


def check_references(
    manifests: Sequence[Manifest],
    instances: Mapping[Address, Instance],
    broken: set[Reference],
    complaints: Complaints,
) -> set[TargetName]:
    """Everything that `require`, `before` and `notify` name must be declared for the same target.

    Returns:
        The targets on which some of it is not.
    """
    dangling: set[TargetName] = set()
    declared: dict[Reference, Manifest] = {}
    for manifest in manifests:
        declared.setdefault(manifest.ref, manifest)
    for manifest in manifests:
        for field, index, ref in references_of(manifest):
            path = ("spec", field, index)
            if ref == manifest.ref:
                complaints.problem(manifest, path, f"{ref} refers to itself in {field}", "leave it out")
                dangling.update(manifest.instances)
                continue
            missing = [
                name
                for name in manifest.instances
                if address(name, ref) not in instances and address(name, manifest.ref) in instances
            ]
            dangling.update(missing)
            other = declared.get(ref)
            if field == "notify" and other is not None and not other.compiled.kind.refresh:
                complaints.problem(
                    manifest,
                    path,
                    f"a {other.compiled.kind.kind} cannot be refreshed, so nothing can notify it",
                    "to have it looked at after this one, name it in before",
                )
            name = ref.rpartition("/")[2].rpartition(":")[2]
            if not missing or ref in broken or complaints.may_be_lost(name):
                continue
            if other is None:
                complaints.problem(
                    manifest, path, f"there is no {ref}", _meant(ref, [*declared, *broken], complaints)
                )
            else:
                complaints.problem(
                    manifest,
                    path,
                    f"{ref} is not declared for {some(missing)}, where {manifest.ref} refers to it",
                    f"it is declared at {other.origin}; give both the same targets",
                )
    return dangling


def check_named(
    unplaced: Sequence[Manifest | Sketch],
    manifests: Sequence[Manifest],
    broken: set[Reference],
    complaints: Complaints,
) -> None:
    """What a resource names that is on no target, because of another problem, must be declared somewhere at least."""
    declared = {manifest.ref: manifest for manifest in manifests}
    for resource in unplaced:
        for field, index, ref in references_of(resource):
            name = ref.rpartition("/")[2].rpartition(":")[2]
            if ref in declared or ref in broken or complaints.may_be_lost(name):
                continue
            path = ("spec", field, index)
            complaints.problem(
                resource, path, f"there is no {ref}", _meant(ref, [*declared, *broken], complaints)
            )


def put_in_order(
    instances: Mapping[Address, Instance],
    made_of: Mapping[Address, Manifest],
    dangling: set[TargetName],
    complaints: Complaints,
) -> dict[TargetName, Graph]:
    """What comes before what on each target; nothing may wait for itself.

    Targets of `dangling`, where some edges lead nowhere, are skipped.
    """
    by_target: dict[TargetName, list[Instance]] = {}
    for instance in instances.values():
        by_target.setdefault(instance.target, []).append(instance)
    seen: set[frozenset[Reference]] = set()
    graphs: dict[TargetName, Graph] = {}
    for name in [name for name in by_target if name not in dangling]:
        try:
            graphs[name] = build_graph(by_target[name])
        except CycleError as error:
            cycles = {frozenset(split_address(edge.dependent)[1] for edge in cycle) for cycle in error.cycles}
            if not cycles <= seen:
                seen |= cycles
                for cycle in error.cycles:
                    _complain_of(cycle, made_of, complaints)
    return graphs


def _complain_of(
    cycle: tuple[Edge, ...], made_of: Mapping[Address, Manifest], complaints: Complaints
) -> None:
    """Say of a cycle which entry closes it: the first of those that are written."""

    def entry(edge: Edge) -> tuple[Manifest, tuple[str | int, ...]]:
        required = edge.kind is EdgeKind.REQUIRE
        holder, named = (edge.dependent, edge.dependency) if required else (edge.dependency, edge.dependent)
        manifest = made_of[holder]
        names: tuple[Reference, ...] = getattr(manifest.common, edge.kind.value)
        return manifest, ("spec", edge.kind.value, names.index(split_address(named)[1]))

    def place(edge: Edge) -> str:
        return str(edge.origin) if edge.kind is EdgeKind.INFERRED else complaints.place(*entry(edge))

    first = next(edge for edge in cycle if edge.kind is not EdgeKind.INFERRED)
    problem = describe(cycle, place)
    complaints.problem(*entry(first), problem.message, problem.hint)


def references_of(resource: Manifest | Sketch) -> Iterator[tuple[str, int, Reference]]:
    """What a resource names, each with its field and its place in it."""
    if not isinstance(resource, Manifest):
        yield from resource.references
        return
    common = resource.common
    for field, references in (
        ("require", common.require),
        ("before", common.before),
        ("notify", common.notify),
    ):
        for index, ref in enumerate(references):
            yield field, index, ref


def _meant(ref: Reference, declared: Sequence[Reference], complaints: Complaints) -> str:
    """A hint: the closest name of the same kind, or else the same name of another kind, or what to do."""
    if complaints.suggestions.spent:
        return ""
    kind, _, name = ref.partition("/")
    same_kind = [other for other in declared if other.startswith(f"{kind}/")]
    if hint := complaints.suggestions.hint(name, [other.partition("/")[2] for other in same_kind]):
        return hint.replace("'", f"'{kind}/", 1)
    named = (f"did you mean '{other}'?" for other in declared if other.endswith(f"/{name}"))
    return next(named, "declare it for the same target, or leave it out")
