"""A case, ready to be tried: its resource as the engine would put it into a request, and the bodies that it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.config import ParseCache, load
from reconciler.conformance.cases import Case
from reconciler.errors import ConfigError, Problem
from reconciler.model.catalog import Catalog
from reconciler.model.names import Digest, SourceName
from reconciler.model.provider import Resource
from reconciler.model.source import Snapshot, SnapshotFile
from reconciler.model.subjects import PATH
from reconciler.plugins.phases import resource_json

Json = dict[str, Any]

_TARGET = {
    "apiVersion": "froyo.dev/v1alpha1",
    "kind": "Target",
    "metadata": {"name": "host"},
    "spec": {"local": {}},
}


@dataclass(frozen=True, slots=True)
class Trial:
    """See the module.

    Attributes:
        case: what was written.
        resource: as in a request.
        provides: the subjects that it is the one owner of.
        shared: the paths that it owns a part of, or needs to be there: others own them, too.
        contains: the subjects that others can lie within.
        bodies: what it names by digest.
    """

    case: Case
    resource: Json
    provides: tuple[str, ...]
    shared: tuple[str, ...]
    contains: tuple[str, ...]
    bodies: tuple[bytes, ...] = field(repr=False)


def trials_of(cases: Sequence[Case], catalog: Catalog) -> list[Trial]:
    """The cases, loaded as manifests are: defaults are put in, and a body becomes a digest.

    Raises:
        ConfigError: some case declares what nobody can declare.
    """
    problems: list[Problem] = []
    cache = ParseCache()
    found = []
    for number, case in enumerate(cases, start=1):
        try:
            found.append(_trial(case, f"case-{number}", catalog, cache))
        except ConfigError as error:
            file, _, line = case.place.rpartition(":")
            problems += [
                Problem(file, int(line), 0, f"{case.name}: {problem.message}", problem.hint)
                for problem in error.problems
            ]
    if problems:
        raise ConfigError(problems)
    return found


def _trial(case: Case, name: str, catalog: Catalog, cache: ParseCache) -> Trial:
    kind = case.kind
    manifest = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name},
        "spec": {"target": "host", **case.spec},
    }
    files = {"target.json": json.dumps(_TARGET), f"{name}.json": json.dumps(manifest), **case.source}
    desired = load(_snapshot(files), catalog, cache=cache)
    [instance] = desired.instances.values()
    resource = Resource(instance, owned=case.owned, managed=case.managed if kind.contains else None)
    return Trial(
        case,
        resource_json(resource),
        tuple(str(subject) for subject in instance.provides),
        tuple(subject.name for subject in (*instance.shares, *instance.uses) if subject.scheme == PATH),
        tuple(str(subject) for subject in instance.contains),
        tuple(blob.read() for blob in desired.blobs.values()),
    )


def _snapshot(files: Mapping[str, str]) -> Snapshot:
    """A source with these files."""
    found = {}
    for path, text in files.items():
        content = text.encode()
        digest = Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")
        found[path] = SnapshotFile(path, digest, len(content), lambda content=content: content)  # type: ignore[misc] # a bound default
    name = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
    return Snapshot(SourceName("cases"), name[:12], Digest(f"sha256:{name}"), found)
