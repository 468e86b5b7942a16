"""What a manifest file declares, as `manifests` finds it out and `expand` uses it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.config.digests import digest_of
from reconciler.config.expressions import Leaf
from reconciler.config.fields import PLAIN
from reconciler.config.inventory.fleet import Fleet
from reconciler.config.programs import Constraint
from reconciler.config.schemas import CompiledKind
from reconciler.documents.reading import Document, Documents
from reconciler.errors import Problem
from reconciler.model.alert import Alert
from reconciler.model.blob import Blob
from reconciler.model.facts import Section
from reconciler.model.names import Digest, Reference, TargetName
from reconciler.model.origin import Origin
from reconciler.model.resource import CommonSpec, Instance, Metadata
from reconciler.model.rollout import Rollout
from reconciler.model.selector import Selector
from reconciler.model.source import Source
from reconciler.model.subjects import Subject
from reconciler.model.target import Target
from reconciler.model.target_lock import TargetLock

_DECLARING = tuple(name for name in CommonSpec.__slots__ if name != "suspend")
"""The common fields that say how something should be. For how long it is left alone makes nothing else of it."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a resource is, once all that its spec says is known.

    Attributes:
        spec: the provider's fields with defaults, and `body` unless that is a file or a directory.
        blob: its body, if it carries it itself.
        body_path: path in the source of the file or directory that is its body, or "".
        provides: what its instances are the one owners of.
        shares: what they own a part of.
        uses: what they need to be there.
        contains: what others can lie within.
    """

    spec: Mapping[str, Any]
    blob: Blob | None
    body_path: str
    provides: tuple[Subject, ...] = ()
    shares: tuple[Subject, ...] = ()
    uses: tuple[Subject, ...] = ()
    contains: tuple[Subject, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What instances are made of.

    Attributes:
        content: what they are.
        spec: with its body, wherever that comes from.
        digest: of what is declared.
        body: the digest of the body, if there is one.
    """

    content: Content
    spec: Mapping[str, Any]
    digest: Digest
    body: Digest | None


@dataclass(slots=True, eq=False)
class Varying:
    """What a resource is made of that has values of its own on each target.

    Attributes:
        document: as it is written.
        leaves: the strings in it that have expressions.
        template: its body is a template.
    """

    document: Mapping[str, Any]
    leaves: tuple[Leaf, ...]
    template: bool = False

    @property
    def sections(self) -> frozenset[Section]:
        """The facts that have to be known for it."""
        return frozenset(
            section for leaf in self.leaves for one in leaf.expressions for section in one.sections
        )


@dataclass(slots=True, eq=False)
class Manifest:
    """A resource as written, ready to be put on targets.

    Attributes:
        document: where it stands; its value is not kept.
        compiled: its kind.
        ref: `Kind/name`.
        metadata: as written.
        common: the fields of every kind.
        where: the one target, or a selector.
        origin: where it was declared.
        content: what it is, on whatever target; or what has to be known for that.
        unrendered: the field of a body that looks like a template and is none, and what is said of it.
        made: what came of that before, by what its expressions gave.
        instances: those made from it before, by target.
    """

    document: Document
    compiled: CompiledKind
    ref: Reference
    metadata: Metadata
    common: CommonSpec
    where: TargetName | Selector
    origin: Origin
    content: Content | Varying
    unrendered: tuple[str, str] | None = None
    made: dict[bytes, Made] = field(default_factory=dict)
    instances: dict[TargetName, Instance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sketch:
    """What can be told of a resource that has problems, so that what it names is looked up all the same.

    Attributes:
        document: where it stands; its value is not kept.
        compiled: its kind.
        where: the one target, or None where there is none, or a selector.
        references: what it names, each with its field and its place in it.
        body_path: path in the source of the file or directory that is its body, or "".
        origin: where it was declared.
    """

    document: Document
    compiled: CompiledKind
    where: TargetName | None
    references: tuple[tuple[str, int, Reference], ...]
    body_path: str
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class Variables:
    """Values that are given for targets: a Vars, as it is written.

    Attributes:
        document: where it stands; its value is not kept.
        ref: `Vars/name`.
        where: the one target, or a selector.
        values: by name.
        origin: where it was declared.
        leaves: the strings in them that have expressions.
        secret: the names of those that have secrets in them.
    """

    document: Document
    ref: Reference
    where: TargetName | Selector
    values: Mapping[str, Any]
    origin: Origin
    leaves: tuple[Leaf, ...] = ()
    secret: frozenset[str] = frozenset()

    @property
    def composed(self) -> frozenset[str]:
        """The names of those that are made of others."""
        return frozenset(str(leaf.path[2]) for leaf in self.leaves)

    @property
    def weight(self) -> int:
        """How specific it is: what names its target more than any selector, and that more with each requirement."""
        if isinstance(self.where, Selector):
            return len(self.where.labels) + len(self.where.requirements) + len(self.where.facts)
        return sys.maxsize


@dataclass(slots=True)
class FileDeclarations:
    """What a file declares.

    Attributes:
        manifests: resources, in order.
        sketches: resources that have problems.
        targets: with the document of each.
        sources: with the document of each.
        alerts: with the document of each.
        rollouts: with the document of each.
        locks: with the document of each.
        variables: what is given for targets.
        fleets: many targets at once.
        problems: what is wrong with it.
        lost: text of documents that could not be read.
        broken: `Kind/name` of what is declared but has problems.
        bodies: paths in the source of the files that its manifests name as bodies, whatever else is wrong
            with them.
        trees: the same of the directories.
        foreign: nothing in it is of a kind that is known: if some manifest's body is this file, it is no
            manifest.
        warnings: what a program says to a person.
        generated: what a program made; None for a file, which can be read again.
        constraint: what a program holds others to, if it does.
    """

    manifests: list[Manifest] = field(default_factory=list)
    sketches: list[Sketch] = field(default_factory=list)
    targets: list[tuple[Target, Document]] = field(default_factory=list)
    sources: list[tuple[Source, Document]] = field(default_factory=list)
    alerts: list[tuple[Alert, Document]] = field(default_factory=list)
    rollouts: list[tuple[Rollout, Document]] = field(default_factory=list)
    locks: list[tuple[TargetLock, Document]] = field(default_factory=list)
    variables: list[Variables] = field(default_factory=list)
    fleets: list[Fleet] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    broken: set[Reference] = field(default_factory=set)
    bodies: set[str] = field(default_factory=set)
    trees: set[str] = field(default_factory=set)
    foreign: bool = True
    warnings: list[Problem] = field(default_factory=list)
    generated: Documents | None = None
    constraint: Constraint | None = None

    def add(self, fleet: Fleet) -> None:
        """An Inventory. The files that it names are no manifests."""
        self.fleets.append(fleet)
        self.bodies.update(file.path for file in fleet.files)


def instance_digest(manifest: Manifest, spec: Mapping[str, Any]) -> Digest:
    """The digest of what is declared, wherever it is put."""
    common = manifest.common if manifest.common.suspend is None else replace(manifest.common, suspend=None)
    return digest_of(
        [
            manifest.compiled.kind.api_version,
            manifest.compiled.kind.kind,
            spec,
            None if common == PLAIN else [getattr(common, name) for name in _DECLARING],
        ]
    )
