"""All files together to what should be: every resource is put on the targets that it is for.

Invariant: linear in the number of instances. Problems are added to those that the files have by themselves,
so that a person sees all of them at once. Instances that an earlier load made are used again, unless their
body is another one now.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config.complaints import Complaints
from reconciler.config.declared import Declared, Manifest, Sketch, instance_digest
from reconciler.config.relations import check_cycles, check_named, check_provided, check_references
from reconciler.documents.reading import Document
from reconciler.model.desired import Blob
from reconciler.model.names import Address, Digest, SourceName, TargetName, address
from reconciler.model.resource import Instance
from reconciler.model.selector import Selector
from reconciler.model.source import Snapshot, Source
from reconciler.model.target import Target

_LISTED = 5


class Expansion:
    """Everything that the files of a snapshot declare, together.

    Attributes:
        targets: by name.
        sources: by name.
        instances: by address, in order of declaration.
        blobs: the bodies that instances name.
        complaints: what is wrong, and what a person should know.
    """

    def __init__(self, snapshot: Snapshot, declared: Mapping[str, Declared]) -> None:
        self.targets: dict[TargetName, Target] = {}
        self.sources: dict[SourceName, Source] = {}
        self.instances: dict[Address, Instance] = {}
        self.blobs: dict[Digest, Blob] = {}
        self.complaints = Complaints(snapshot, [text for found in declared.values() for text in found.lost])
        self._snapshot = snapshot
        self._broken = {name for found in declared.values() for name in found.broken}
        self._broken_targets = [
            name.removeprefix("Target/") for name in self._broken if name.startswith("Target/")
        ]
        self._selected: dict[Selector, tuple[TargetName, ...]] = {}
        self._made_of: dict[Address, Manifest] = {}
        self._own(declared)
        manifests = [manifest for found in declared.values() for manifest in found.manifests]
        self._same_names(manifests)
        for manifest in manifests:
            self._put(manifest)
        sketches = [sketch for found in declared.values() for sketch in found.sketches]
        for sketch in sketches:
            self._look_up(sketch)
        check_provided(self.instances, self._made_of, self.complaints)
        dangling = check_references(manifests, self.instances, self._broken, self.complaints)
        lost = [m for m in manifests if not isinstance(m.where, Selector) and m.where not in self.targets]
        check_named([*sketches, *lost], manifests, self._broken, self.complaints)
        check_cycles(self.instances, dangling, self.complaints)

    def _own(self, declared: Mapping[str, Declared]) -> None:
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
        blob = manifest.blob
        if manifest.body_file:
            blob = self._file_body(manifest)
            if blob is None:
                self._broken.add(manifest.ref)
                return
            spec = {**manifest.spec, "body": {"digest": blob.digest, "size": blob.size}}
        if blob is not None:
            self.blobs.setdefault(blob.digest, blob)
        body = blob.digest if blob is not None else None
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
        if sketch.body_file and sketch.body_file not in self._snapshot.files:
            self._no_body(sketch)

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
                selected = self._selected[where] = tuple(
                    name for name, target in self.targets.items() if where.matches(target.labels)
                )
            if not selected:
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
            manifest, ("spec", "targets"), f"{manifest.ref} is for no target: none has these labels", hint
        )

    def _file_body(self, manifest: Manifest) -> Blob | None:
        file = self._snapshot.files.get(manifest.body_file)
        if file is not None:
            return Blob(file.digest, file.size, file.read)
        self._no_body(manifest)
        return None

    def _no_body(self, manifest: Manifest | Sketch) -> None:
        field = manifest.compiled.kind.body.file
        why = self._snapshot.left_out.get(manifest.body_file, "")
        hint = "" if why else self.complaints.suggestions.hint(manifest.body_file, self._snapshot.files)
        self.complaints.problem(
            manifest,
            ("spec", field),
            f"spec.{field}: {manifest.body_file} is no part of the source" + (f": {why}" if why else ""),
            hint or ("" if why else "it must exist below the source's root, and not be ignored"),
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
        origin=manifest.origin,
    )
