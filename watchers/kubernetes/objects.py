"""An object of a cluster as the manifest that a person would have written: a file of a snapshot.

Invariant: what the server, or froyo itself, writes into an object is no part of it. So a status that is written makes
no other revision, and neither does who applied it, or how.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.cluster import OWN_GROUP
from reconciler.model.names import DEFAULT_NAMESPACE, Digest, SourceName
from reconciler.model.source import Snapshot, SnapshotFile
from watchers.kept import Kept

_KUBECTLS = "kubectl.kubernetes.io/"
"""Annotations of kubectl's own, such as the object as it was applied last."""
_OURS = "reconcile.froyo.dev/"
"""Annotations that ask something of froyo once, and declare nothing."""
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""What an object can be called: no more than a name in the path of a request."""
NOT_DECLARED = (_KUBECTLS, _OURS)

FINALIZER = "froyo.dev/removal"
"""Keeps an object there until what it was about has been removed from its targets."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A kind that the cluster has to serve.

    Attributes:
        group: such as `linux.froyo.dev`.
        version: such as `v1alpha1`.
        plural: such as `files`.
        kind: such as `File`.
    """

    group: str
    version: str
    plural: str
    kind: str

    @property
    def name(self) -> str:
        """Of its CustomResourceDefinition."""
        return f"{self.plural}.{self.group}"


@dataclass(frozen=True, slots=True)
class SeenObject:
    """An object as it was seen last.

    Attributes:
        uid: that the server gave it.
        generation: of its spec.
        requested: what its annotation `reconcile.froyo.dev/requestedAt` says, or "".
        status: what its status says; None where that is what was written last, which who wrote it knows.
    """

    uid: str
    generation: int
    requested: str
    status: Mapping[str, Any] | None

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> SeenObject:
        """Of an object as the server gives it."""
        metadata = found["metadata"]
        return cls(
            metadata.get("uid", ""),
            metadata.get("generation", 0),
            (metadata.get("annotations") or {}).get(f"{_OURS}requestedAt", ""),
            found.get("status") or {},
        )


def path_of(definition: Definition, namespace: str, name: str) -> str:
    """The path of an object in a snapshot."""
    return f"{namespace}/{definition.kind}.{definition.group}/{name}.json"


def parts_of(path: str) -> tuple[str, str, str]:
    """The namespace, `Kind.group` and name of what has this path."""
    namespace, kind, file = path.split("/")
    return namespace, kind, file.removesuffix(".json")


def manifest(definition: Definition, found: Mapping[str, Any]) -> dict[str, Any]:
    """What of an object is declared.

    Args:
        definition: its kind; the items of a list need not say it themselves.
        found: as the server gives it.
    """
    given = found["metadata"]
    metadata = {"name": given["name"], "namespace": given["namespace"]}
    if labels := given.get("labels"):
        metadata["labels"] = labels
    if annotations := annotations_of(given):
        metadata["annotations"] = annotations
    return {
        "apiVersion": f"{definition.group}/{definition.version}",
        "kind": definition.kind,
        "metadata": metadata,
        "spec": _in_namespace(found.get("spec") or {}, given["namespace"]),
    }


def annotations_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """The annotations of an object that are declared: others are kubectl's, or ask something of froyo once."""
    given = (metadata.get("annotations") or {}).items()
    return {key: value for key, value in given if not key.startswith(NOT_DECLARED)}


def counts(definition: Definition, found: Mapping[str, Any]) -> bool:
    """Whether an object is declared: nobody has deleted it, or others have to go before it.

    The latter is so of targets, which alone of froyo's own kinds have our finalizer: it is taken off when nothing is to
    be removed there any more.
    """
    metadata = found["metadata"]
    if not metadata.get("deletionTimestamp"):
        return True
    return definition.group == OWN_GROUP and FINALIZER in (metadata.get("finalizers") or ())


def _in_namespace(spec: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    """A spec in which names of targets and resources say that they are of this namespace, where they say of none."""
    changed: dict[str, Any] = {}
    if isinstance(spec.get("target"), str):
        changed["target"] = _qualified(spec["target"], namespace)
    for field in ("require", "before", "notify"):
        names = spec.get(field)
        if isinstance(names, list) and all(isinstance(one, str) for one in names):
            split = [one.partition("/") for one in names]
            changed[field] = [f"{kind}/{_qualified(name, namespace)}" for kind, _, name in split]
    return {**spec, **changed}


def _qualified(name: str, namespace: str) -> str:
    """As the model has it: what is of the namespace `default` says so by saying nothing."""
    given, separator, rest = name.partition(":")
    found, rest = (given, rest) if separator else (namespace, name)
    return rest if found == DEFAULT_NAMESPACE else f"{found}:{rest}"


def file_of(path: str, definition: Definition, found: Mapping[str, Any]) -> SnapshotFile | None:
    """An object as a file; None for one that is being deleted and declares nothing any more, see `counts`.

    Args:
        path: of the object.
        definition: its kind.
        found: as the server gives it.
    """
    if not counts(definition, found):
        return None
    declared = manifest(definition, found)
    content = json.dumps(declared, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    digest = Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")
    return SnapshotFile(path, digest, len(content), Kept(content))


def assembled(source: SourceName, files: Mapping[str, SnapshotFile]) -> Snapshot:
    """The snapshot of some files, by path."""
    whole = hashlib.sha256()
    ordered = {path: files[path] for path in sorted(files)}
    for path, file in ordered.items():
        whole.update(os.fsencode(path) + b"\0" + file.digest.encode() + b"\n")
    digits = whole.hexdigest()
    return Snapshot(source, digits[:12], Digest(f"sha256:{digits}"), ordered)


def snapshot(source: SourceName, objects: Iterable[tuple[Definition, Mapping[str, Any]]]) -> Snapshot:
    """The snapshot of all objects.

    Args:
        source: the source's name.
        objects: with the kind of each; one that is being deleted is no part of it any more.
    """
    files: dict[str, SnapshotFile] = {}
    for definition, found in objects:
        path = path_of(definition, found["metadata"]["namespace"], found["metadata"]["name"])
        if (file := file_of(path, definition, found)) is not None:
            files[path] = file
    return assembled(source, files)
