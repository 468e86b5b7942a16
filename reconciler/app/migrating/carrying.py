"""A directory's manifests as objects of a cluster: what lies beside them comes into the objects, or into Secrets.

Invariant: what cannot be carried over is an error with its place; nothing is left out in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reconciler.app.migrating.carriage import Carriage, FieldPath, Json
from reconciler.app.migrating.inlining import resource
from reconciler.app.migrating.kept import LARGEST, KeptData
from reconciler.app.migrating.own_kinds import own
from reconciler.app.migrating.target_specs import target_spec
from reconciler.config.loading import declaring
from reconciler.config.sops_manifests import manifest_in
from reconciler.config.targets import ControllerPaths
from reconciler.core.spoken import some
from reconciler.documents.reading import read_documents
from reconciler.errors import ConfigError, Problem
from reconciler.languages import LANGUAGES
from reconciler.model.cluster import OWN_GROUP
from reconciler.model.names import DEFAULT_NAMESPACE, split_target
from watchers.kubernetes.objects import NOT_DECLARED

if TYPE_CHECKING:
    from reconciler.core.vault import Vault
    from reconciler.documents.reading import Document, Documents, Locator
    from reconciler.model.catalog import Catalog
    from reconciler.model.desired import Desired
    from reconciler.model.facts import Facts
    from reconciler.model.names import TargetName
    from reconciler.model.secrets import Secret
    from reconciler.model.source import Snapshot

_DNS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME = re.compile(_DNS)
_LABEL = re.compile(rf"({_DNS}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")


@dataclass(slots=True)
class CarriedOver:
    """What a directory became.

    Attributes:
        namespace: of all objects.
        objects: of froyo's kinds.
        kept: the Secrets and ConfigMaps.
        notes: what a person should know of it.
        left: what is left out, since it means nothing in a cluster: `Source/site`.
    """

    namespace: str
    kept: KeptData
    objects: list[Json] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left: Collection[str] = ()


def carried(
    snapshot: Snapshot,
    catalog: Catalog,
    desired: Desired,
    *,
    secret: Callable[[Secret], str],
    environ: Mapping[str, str],
    facts: Mapping[TargetName, Facts],
    vault: Vault,
) -> CarriedOver:
    """What a directory becomes. Of a program it is what that makes now: a cluster has none.

    Args:
        snapshot: of it.
        catalog: the kinds of all installed packages.
        desired: what it declares.
        secret: reads one.
        environ: of this process, for `~`.
        facts: what is known of targets.
        vault: reads secrets.

    Raises:
        ConfigError: with everything that cannot be carried over.
    """
    controller = ControllerPaths(snapshot.root, environ.get("HOME", ""))
    carriage = Carriage(snapshot, desired, secret, controller, KeptData(DEFAULT_NAMESPACE))
    files = declaring(snapshot, catalog, environ, facts=facts, vault=vault, languages=LANGUAGES)
    found = _Carrying(carriage, catalog).all(files)
    for program in sorted(path for path, made in files.items() if made is not None):
        found.notes.append(f"{program}: a cluster has no programs; what it makes now is carried over")
    return found


class _Carrying:
    def __init__(self, carriage: Carriage, catalog: Catalog) -> None:
        self.carriage = carriage
        self.kinds = dict(catalog.kinds)
        self.namespace = DEFAULT_NAMESPACE
        self.objects: list[Json] = []

    def all(self, files: Mapping[str, Documents | None]) -> CarriedOver:
        carriage = self.carriage
        written = [one for path, made in files.items() for one in _documents(carriage.snapshot, path, made)]
        self._choose_namespace(written)
        for carriage.written in written:
            self._object(carriage.written[1].value)
        carriage.written = None
        self._inventories([one.value for _, one in written])
        for name, size in carriage.kept.size().items():
            if size > LARGEST:
                message = f"the {name} would have {size:,} bytes, and {LARGEST:,} are the most"
                carriage.problems.append(Problem("", 0, 0, message, "carry it over in parts"))
        if carriage.problems:
            raise ConfigError(sorted(carriage.problems))
        notes = [f"{some(names)}: {said}" for said, names in carriage.notes.items()]
        return CarriedOver(self.namespace, carriage.kept, self.objects, notes, carriage.left)

    def _choose_namespace(self, written: Sequence[tuple[Locator, Document]]) -> None:
        namespaces = sorted({_namespace(one.value) for _, one in written})
        if len(namespaces) > 1:
            self.carriage.written = next(one for one in written if _namespace(one[1].value) != namespaces[0])
            self.carriage.problem(
                ("metadata", "namespace"),
                f"objects of several namespaces: {', '.join(namespaces)}; in a cluster each is a source by itself",
                "carry over a directory for each",
            )
        self.namespace = namespaces[0] if namespaces else DEFAULT_NAMESPACE
        self.carriage.kept.namespace = self.namespace

    def _object(self, value: Json) -> None:
        carriage = self.carriage
        carriage.called = f"{value['kind']}/{value['metadata']['name']}"
        metadata = self._metadata(value["metadata"])
        kind = self.kinds.get((value["apiVersion"], value["kind"]))
        spec = (
            own(carriage, value["kind"], value["spec"])
            if kind is None
            else resource(carriage, kind, value["spec"])
        )
        if spec is None:
            return
        for path, number in _whole(spec, ("spec",)):
            message = f"{number!r} is the whole number {number:.0f} in a cluster"
            carriage.problem(path, message, "write that, where it is meant; else make text of it")
        made = {"apiVersion": value["apiVersion"], "kind": value["kind"], "metadata": metadata, "spec": spec}
        if (size := len(json.dumps(made).encode())) > LARGEST:
            message = f"it would have {size:,} bytes, and an object of a cluster has {LARGEST:,} at most"
            carriage.problem(("spec",), message, "keep it in a git repository, which a Source names")
        self.objects.append(made)

    def _metadata(self, given: Json) -> Json:
        problem, name = self.carriage.problem, given["name"]
        if not _NAME.fullmatch(name):
            message = f"no object of a cluster can be called {name!r}"
            problem(("metadata", "name"), message, "no dot stands at another one, or beside a '-'")
        for sort in ("labels", "annotations"):
            for key in given.get(sort) or {}:
                where = ("metadata", sort, key)
                if not _LABEL.fullmatch(key):
                    message = f"no {sort[:-1]} of an object of a cluster can be called {key!r}"
                    problem(where, message, "letters, digits, '-', '_', '.', and one '/'")
                elif sort == "annotations" and key.startswith(NOT_DECLARED):
                    problem(where, f"the annotation {key} declares nothing in a cluster", "take it away")
        return {**given, "namespace": self.namespace}

    def _inventories(self, written: Sequence[Json]) -> None:
        """The Targets for which files of the source stand."""
        listed = [one["spec"] for one in written if one["kind"] == "Inventory"]
        if not any({"ansible", "sshConfig"} & one.keys() for one in listed):
            return
        self.objects = [one for one in self.objects if one["kind"] != "Inventory"]
        declared = {one["metadata"]["name"] for one in written if one["kind"] == "Target"}
        for name, target in self.carriage.desired.targets.items():
            _, plain = split_target(name)
            if plain in declared:
                continue
            labels = {"labels": dict(target.labels)} if target.labels else {}
            self.carriage.made_of = target.origin
            self._object(
                {
                    "apiVersion": f"{OWN_GROUP}/v1alpha1",
                    "kind": "Target",
                    "metadata": {"name": plain, **labels},
                    "spec": target_spec(target.transport),
                }
            )


def _documents(snapshot: Snapshot, path: str, made: Documents | None) -> Iterator[tuple[Locator, Document]]:
    """Every document of a manifest or a program, items of Lists one by one."""
    read = made or read_documents(path, snapshot.files[path].read())
    assert read.places is not None  # noqa: S101 - it was loaded
    manifests = [manifest_in(one, path) for one in read.documents]
    waiting = [one for one in reversed(manifests) if one is not None]
    while waiting:
        one = waiting.pop()
        if one.value.get("kind") != "List":
            yield read.places, one
            continue
        items = enumerate(one.value["items"])
        waiting += reversed(
            [replace(one, value=item, path=(*one.path, "items", index)) for index, item in items]
        )


def _whole(value: Any, path: FieldPath) -> Iterator[tuple[FieldPath, float]]:
    """The numbers with a fraction that is nothing: an API server keeps none, and to an expression they are others."""
    if isinstance(value, float) and value.is_integer():
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _whole(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _whole(item, (*path, index))


def _namespace(value: Json) -> str:
    return str(value["metadata"].get("namespace") or DEFAULT_NAMESPACE)
