"""Bodies that are files or directories of the source: what lies there, or why there is nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from reconciler.config.digests import digest_of
from reconciler.config.encrypted import LARGEST, is_called_encrypted, is_encrypted
from reconciler.config.trees import Trees, directories_of, is_below
from reconciler.model.blob import Blob

if TYPE_CHECKING:
    from reconciler.config.complaints import Complaints
    from reconciler.config.declared import Manifest, Sketch
    from reconciler.model.names import Digest
    from reconciler.model.source import Snapshot, SnapshotFile

_OPENED = "to have it opened, name it in a Vars, {secret: {ageFile: …}} or {secret: {sops: …}}: ${vars.NAME}"

Attached: TypeAlias = "tuple[str, Mapping[str, object] | dict[str, object], Digest, list[Blob]]"
"""The field of the spec that it becomes, with its value and a digest of that, and what is to be sent."""


class Attachments:
    """What manifests name as their bodies.

    Args:
        snapshot: the source.
        manifests: paths of what is read as manifests.
        complaints: told of what is not there.
    """

    def __init__(self, snapshot: Snapshot, manifests: Sequence[str], complaints: Complaints) -> None:
        self._snapshot = snapshot
        self._trees = Trees(snapshot)
        self._manifests = manifests
        self._complaints = complaints

    def of(self, manifest: Manifest, path: str) -> Attached | None:
        """The body of a manifest; None, with a complaint, if it is not there."""
        return self._tree(manifest, path) if manifest.compiled.kind.body.tree else self._file(manifest, path)

    def content(self, manifest: Manifest, path: str) -> bytes | None:
        """What is in a file that is a template; None, with a complaint, if it is not there."""
        file = self._snapshot.files.get(path)
        if file is None:
            self._no_body(manifest, path, self._snapshot.files)
            return None
        return file.read()

    def text(self, path: str) -> str | None:
        """What is in another file of the source, if it is there and is text."""
        file = self._snapshot.files.get(path)
        try:
            return None if file is None else file.read().decode()
        except UnicodeDecodeError:
            return None

    def look_up(self, sketch: Sketch) -> None:
        """See that the body of a resource that has other problems exists."""
        if sketch.compiled.kind.body.tree:
            self._tree_files(sketch, sketch.body_path)
        elif sketch.body_path not in self._snapshot.files:
            self._no_body(sketch, sketch.body_path, self._snapshot.files)

    def _file(self, manifest: Manifest, path: str) -> Attached | None:
        file = self._snapshot.files.get(path)
        if file is not None:
            if is_called_encrypted(path) and file.size <= LARGEST and is_encrypted(file.read()):
                message = f"{path} is encrypted, and is put there as it is"
                self._complaints.warning(
                    manifest, ("spec", manifest.compiled.kind.body.file), message, _OPENED
                )
            value = {"digest": file.digest, "size": file.size}
            return "body", value, file.digest, [Blob(file.digest, file.size, file.read)]
        self._no_body(manifest, path, self._snapshot.files)
        return None

    def _tree(self, manifest: Manifest, path: str) -> Attached | None:
        files = self._tree_files(manifest, path)
        if files is None:
            return None
        value = {name: [file.digest, file.size, file.executable] for name, file in files.items()}
        blobs = [Blob(file.digest, file.size, file.read) for file in files.values()]
        return "tree", value, digest_of(value), blobs

    def _tree_files(self, manifest: Manifest | Sketch, root: str) -> Mapping[str, SnapshotFile] | None:
        """What lies in the directory that is a body; None, with a complaint, unless it is one and whole."""
        field = manifest.compiled.kind.body.tree
        files, before = self._trees.files(root), len(self._complaints.problems)

        def complain(message: str, hint: str) -> None:
            self._complaints.problem(manifest, ("spec", field), f"spec.{field}: {message}", hint)

        for path, why in self._trees.left_out(root).items():
            hint = "a tree is kept whole, or not at all; name it in .froyoignore if it is not meant"
            complain(f"{path} is no part of the source: {why}", hint)
        if root in self._snapshot.files:
            complain(f"{root} is a file, not a directory", "declare a File for it, or name the directory")
        elif not files and len(self._complaints.problems) == before:
            self._no_body(
                manifest, root, {above for path in self._snapshot.files for above in directories_of(path)}
            )
        elif inside := next((path for path in self._manifests if is_below(path, (root,))), ""):
            complain(
                f"{root} holds the manifest {inside}, and what lies in a tree is no manifest",
                "put the manifest, or the tree, into another directory",
            )
        return files if len(self._complaints.problems) == before else None

    def _no_body(self, manifest: Manifest | Sketch, path: str, there: Iterable[str]) -> None:
        body = manifest.compiled.kind.body
        field = body.tree or body.file
        why = self._snapshot.left_out.get(path, "")
        hint = "" if why else self._complaints.suggestions.hint(path, there)
        wanted = "it must exist below the source's root, and not be ignored"
        if body.tree:
            wanted += "; a directory without any file is no part of a source either"
        self._complaints.problem(
            manifest,
            ("spec", field),
            f"spec.{field}: {path} is no part of the source" + (f": {why}" if why else ""),
            hint or ("" if why else wanted),
        )
