"""All files together to what should be: every resource is put on the targets that it is for.

Invariant: linear in the number of instances. Problems are added to those that the files have by themselves,
so that a person sees all of them at once. Instances that an earlier load made are used again, unless their
body is another one now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from reconciler.config.complaints import Complaints
from reconciler.config.declared import FileDeclarations, Manifest, Sketch, instance_digest
from reconciler.config.digests import digest_of
from reconciler.config.knowing import FactReading
from reconciler.config.relations import check_named, check_provided, check_references, put_in_order
from reconciler.config.trees import Trees, directories_of, is_below
from reconciler.documents.reading import Document
from reconciler.model.blob import Blob
from reconciler.model.names import Address, Digest, SourceName, TargetName, address
from reconciler.model.resource import Instance
from reconciler.model.selector import Selector
from reconciler.model.source import Snapshot, SnapshotFile, Source
from reconciler.model.target import Target

_LISTED = 5

_Body: TypeAlias = tuple[str, Mapping[str, object], Digest, list[Blob]]
"""The field of the spec that it becomes, with its value and a digest of that, and what is to be sent."""


class Expansion:
    """Everything that the files of a snapshot declare, together.

    Attributes:
        targets: by name.
        sources: by name.
        instances: by address, in order of declaration.
        blobs: the bodies that instances name.
        complaints: what is wrong, and what a person should know.
        facts: what was read of facts.
        selecting: what is for whatever targets a selector selects, be it none.
    """

    def __init__(
        self, snapshot: Snapshot, declared: Mapping[str, FileDeclarations], facts: FactReading
    ) -> None:
        self.facts = facts
        self.targets: dict[TargetName, Target] = {}
        self.sources: dict[SourceName, Source] = {}
        self.instances: dict[Address, Instance] = {}
        self.blobs: dict[Digest, Blob] = {}
        self.complaints = Complaints(snapshot, [text for found in declared.values() for text in found.lost])
        self._snapshot = snapshot
        self._trees = Trees(snapshot)
        self._manifests = tuple(declared)
        self._broken = {name for found in declared.values() for name in found.broken}
        self._broken_targets = [
            name.removeprefix("Target/") for name in self._broken if name.startswith("Target/")
        ]
        self._selected: dict[Selector, tuple[TargetName, ...]] = {}
        self._made_of: dict[Address, Manifest] = {}
        self._own(declared)
        manifests = [manifest for found in declared.values() for manifest in found.manifests]
        self.selecting = frozenset(one.ref for one in manifests if isinstance(one.where, Selector))
        self._same_names(manifests)
        for manifest in manifests:
            self._put(manifest)
        self.instances = self.facts.without_waiting(self.instances)
        sketches = [sketch for found in declared.values() for sketch in found.sketches]
        for sketch in sketches:
            self._look_up(sketch)
        check_provided(self.instances, self._made_of, self.complaints)
        dangling = check_references(manifests, self.instances, self._broken, self.complaints)
        lost = [m for m in manifests if not isinstance(m.where, Selector) and m.where not in self.targets]
        check_named([*sketches, *lost], manifests, self._broken, self.complaints)
        self.graphs = put_in_order(self.instances, self._made_of, dangling, self.complaints)

    def _own(self, declared: Mapping[str, FileDeclarations]) -> None:
        machines: dict[tuple[str, ...], Target] = {}
        for file, found in declared.items():
            for target, document in found.targets:
                first = self.targets.setdefault(target.name, target)
                if first is not target:
                    self._twice(file, document, f"Target/{target.name}", str(first.origin))
                elif (same := machines.setdefault(target.transport.machine, target)) is not target:
                    self._one_machine(file, document, target, same)
            for source, document in found.sources:
                known = self.sources.setdefault(source.name, source)
                if known is not source:
                    self._twice(file, document, f"Source/{source.name}", str(known.origin))
        served: dict[str, Source] = {}
        for file, found in declared.items():
            for source, document in found.sources:
                if (other := served.setdefault(source.directory, source)) is not source:
                    self._served_already(file, document, source, other)

    def _one_machine(self, file: str, document: Document, target: Target, first: Target) -> None:
        self.complaints.warning_in(
            file,
            document,
            ("metadata", "name"),
            f"Target/{target.name} is the same machine as Target/{first.name}, at {first.origin}",
            "declare it once: neither knows what the other one manages, and may purge it",
        )

    def _served_already(self, file: str, document: Document, source: Source, first: Source) -> None:
        self.complaints.warning_in(
            file,
            document,
            ("spec", "directory"),
            f"Source/{source.name} does nothing: Source/{first.name}, at {first.origin}, is about this directory",
            "",
        )

    def _same_names(self, manifests: list[Manifest]) -> None:
        seen: dict[tuple[str, str], Manifest] = {}
        for manifest in manifests:
            first = seen.setdefault((manifest.compiled.kind.api_version, manifest.ref), manifest)
            if first is not manifest:
                self._twice(manifest.origin.file, manifest.document, manifest.ref, str(first.origin))

    def _twice(self, file: str, document: Document, name: str, first: str) -> None:
        self.complaints.problem_in(
            file,
            document,
            ("metadata", "name"),
            f"{name} is declared a second time; first at {first}",
            "give one of them another name, or drop it",
        )

    def _put(self, manifest: Manifest) -> None:
        """Make the instances of a manifest."""
        spec: Mapping[str, object] = manifest.spec
        body = manifest.blob.digest if manifest.blob is not None else None
        blobs = [manifest.blob] if manifest.blob is not None else []
        if manifest.body_path:
            found = self._tree(manifest) if manifest.compiled.kind.body.tree else self._file(manifest)
            if found is None:
                self._broken.add(manifest.ref)
                return
            field, value, body, blobs = found
            spec = {**manifest.spec, field: value}
        for blob in blobs:
            self.blobs.setdefault(blob.digest, blob)
        if any(made_with != body for _, made_with in manifest.instances):
            manifest.instances.clear()
        for name in self._targets_of(manifest):
            where = address(name, manifest.ref)
            first = self._made_of.setdefault(where, manifest)
            if first is not manifest:
                self._same_address(manifest, where, first)
                continue
            instance = manifest.instances.get((name, body))
            if instance is None:
                instance = manifest.instances[name, body] = _instance(manifest, name, where, spec)
            self.instances[where] = instance

    def _look_up(self, sketch: Sketch) -> None:
        """See that the target and the body of a resource that has other problems exist."""
        if sketch.where is not None and sketch.where not in self.targets:
            self._no_target(sketch, sketch.where)
        if not sketch.body_path:
            return
        if sketch.compiled.kind.body.tree:
            self._tree_files(sketch)
        elif sketch.body_path not in self._snapshot.files:
            self._no_body(sketch, self._snapshot.files)

    def _same_address(self, manifest: Manifest, where: Address, first: Manifest) -> None:
        if first.compiled is not manifest.compiled:  # else the name was complained about
            self.complaints.problem(
                manifest,
                ("metadata", "name"),
                f"{where} is declared at {first.origin} already, "
                f"with apiVersion {first.compiled.kind.api_version}",
                "give one of them another name",
            )

    def _targets_of(self, manifest: Manifest) -> tuple[TargetName, ...]:
        where = manifest.where
        if isinstance(where, Selector):
            selected = self._selected.get(where)
            if selected is None:
                selected = self._selected[where] = self.facts.selected(where, self.targets.values())
            if not selected and not self.facts.waiting:
                self._selects_nothing(manifest, where)
            return selected
        if where in self.targets:
            return (where,)
        self._no_target(manifest, where)
        return ()

    def _no_target(self, manifest: Manifest | Sketch, where: TargetName) -> None:
        if where in self._broken_targets or self.complaints.may_be_lost(where):
            return
        hint = self.complaints.suggestions.hint(where, [*self.targets, *self._broken_targets])
        few = 0 < len(self.targets) <= _LISTED
        self.complaints.problem(
            manifest,
            ("spec", "target"),
            f"there is no target {where}",
            hint or (f"declared: {', '.join(self.targets)}" if few else "declare it: kind: Target"),
        )

    def _selects_nothing(self, manifest: Manifest, where: Selector) -> None:
        if self.complaints.lost or self._broken_targets:
            return
        labels = {
            f"{key}={value}" for target in self.targets.values() for key, value in target.labels.items()
        }
        wanted = [f"{key}={value}" for key, value in where.labels if f"{key}={value}" not in labels]
        hint = "no target is declared"
        if self.targets:
            hint = self.complaints.suggestions.hint(wanted[0], sorted(labels)) if wanted else ""
        self.complaints.warning(
            manifest, ("spec", "targets"), f"{manifest.ref} is for no target: none has {where.words}", hint
        )

    def _file(self, manifest: Manifest) -> _Body | None:
        file = self._snapshot.files.get(manifest.body_path)
        if file is not None:
            value = {"digest": file.digest, "size": file.size}
            return "body", value, file.digest, [Blob(file.digest, file.size, file.read)]
        self._no_body(manifest, self._snapshot.files)
        return None

    def _tree(self, manifest: Manifest) -> _Body | None:
        files = self._tree_files(manifest)
        if files is None:
            return None
        value = {name: [file.digest, file.size, file.executable] for name, file in files.items()}
        blobs = [Blob(file.digest, file.size, file.read) for file in files.values()]
        return "tree", value, digest_of(value), blobs

    def _tree_files(self, manifest: Manifest | Sketch) -> Mapping[str, SnapshotFile] | None:
        """What lies in the directory that is a body; None, with a complaint, unless it is one and whole."""
        root, field = manifest.body_path, manifest.compiled.kind.body.tree
        files, before = self._trees.files(root), len(self.complaints.problems)

        def complain(message: str, hint: str) -> None:
            self.complaints.problem(manifest, ("spec", field), f"spec.{field}: {message}", hint)

        for path, why in self._trees.left_out(root).items():
            hint = "a tree is kept whole, or not at all; name it in .froyoignore if it is not meant"
            complain(f"{path} is no part of the source: {why}", hint)
        if root in self._snapshot.files:
            complain(f"{root} is a file, not a directory", "declare a File for it, or name the directory")
        elif not files and len(self.complaints.problems) == before:
            self._no_body(
                manifest, {above for path in self._snapshot.files for above in directories_of(path)}
            )
        elif inside := next((path for path in self._manifests if is_below(path, (root,))), ""):
            complain(
                f"{root} holds the manifest {inside}, and what lies in a tree is no manifest",
                "put the manifest, or the tree, into another directory",
            )
        return files if len(self.complaints.problems) == before else None

    def _no_body(self, manifest: Manifest | Sketch, there: Iterable[str]) -> None:
        body = manifest.compiled.kind.body
        field = body.tree or body.file
        why = self._snapshot.left_out.get(manifest.body_path, "")
        hint = "" if why else self.complaints.suggestions.hint(manifest.body_path, there)
        wanted = "it must exist below the source's root, and not be ignored"
        if body.tree:
            wanted += "; a directory without any file is no part of a source either"
        self.complaints.problem(
            manifest,
            ("spec", field),
            f"spec.{field}: {manifest.body_path} is no part of the source" + (f": {why}" if why else ""),
            hint or ("" if why else wanted),
        )


def _instance(manifest: Manifest, name: TargetName, where: Address, spec: Mapping[str, object]) -> Instance:
    """The instance of a manifest on a target. Spec and digest are shared with those on other targets."""
    other = next(iter(manifest.instances.values()), None)
    kind = manifest.compiled.kind
    return Instance(
        address=where,
        target=name,
        ref=manifest.ref,
        api_version=kind.api_version,
        kind=kind.kind,
        metadata=manifest.metadata,
        common=manifest.common,
        spec=other.spec if other else spec,
        digest=other.digest if other else instance_digest(manifest, spec),
        provides=manifest.provides,
        uses=manifest.uses,
        contains=manifest.contains,
        package=kind.package,
        lock=kind.lock,
        transaction=kind.transaction,
        origin=manifest.origin,
    )
