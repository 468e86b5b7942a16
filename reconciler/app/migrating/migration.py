"""From a directory to objects of a cluster and back: carried over, evaluated in the new home, and compared.

Invariant: nothing is handed out that declares anything else than what it was made of.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.app.catalogues import installed
from reconciler.app.declaring import evaluation
from reconciler.app.keeping_secrets import KeptSecrets
from reconciler.app.migrating.carrying import CarriedOver, carried
from reconciler.app.migrating.matching import canonical, differences
from reconciler.app.secrets import KEY_BYTES
from reconciler.core.vault import Vault
from reconciler.errors import ConfigError, UsageError
from reconciler.model.cluster import ClusterPlace
from reconciler.model.names import Digest
from reconciler.model.secrets import Encrypted, KeyRef, SecretMissing, Whereabouts
from reconciler.model.source import Snapshot, SnapshotFile
from watchers.kubernetes.objects import Definition, snapshot

if TYPE_CHECKING:
    from reconciler.app.migrating.returning import Returned
    from reconciler.app.places import Places
    from reconciler.engine.intake.evaluating import Load
    from reconciler.model.catalog import Catalog
    from reconciler.model.desired import Desired
    from reconciler.model.facts import Facts
    from reconciler.model.names import SourceName, TargetName
    from watchers.kubernetes.listing import Listed

Read = Callable[[Whereabouts], str]


class Migration:
    """What both ways need.

    Args:
        places: where packages and secrets are.
        environ: of this process.
        known: gives what is known of targets, once it is asked for.
    """

    def __init__(
        self, places: Places, environ: Mapping[str, str], known: Callable[[], Mapping[TargetName, Facts]]
    ) -> None:
        self._places = places
        self._environ = environ
        self._known = known
        self._facts: dict[TargetName, Facts] = {}
        self._key = os.urandom(KEY_BYTES)
        self._kept = KeptSecrets(places)
        self.catalog: Catalog = installed(places)[1]

    def to_cluster(self, shown: Snapshot) -> CarriedOver:
        """What a directory becomes in a cluster.

        Raises:
            ConfigError: with everything that is wrong with it, or cannot be carried over.
            UsageError: what it would become declares something else.
        """
        desired = self._evaluated(self._load(self._in_files), shown)
        found = carried(
            shown,
            self.catalog,
            desired,
            secret=self._kept.read,
            environ=self._environ,
            facts=self._facts,
            vault=self._vault(self._in_files),
        )
        load = self._load(partial(_in_cluster, found.kept.read))
        try:
            there = self._evaluated(load, _snapshot_of(found.namespace, found.objects, self.catalog))
        except ConfigError as error:
            raise UsageError(f"cannot be carried over, and nothing was written: {error}") from error
        _must_be_same(desired, there, found.left)
        return found

    def from_cluster(
        self, namespace: str, objects: Listed, read: Read, returned: Callable[[], Returned], root: str
    ) -> Returned:
        """What a namespace becomes as a directory.

        Args:
            namespace: which.
            objects: all of it.
            read: reads what they refer to.
            returned: makes files of them.
            root: the directory that is to be.

        Raises:
            ConfigError: with everything that is wrong with it, or cannot be carried over.
            UsageError: what it would become declares something else.
        """
        # What is missing is complained about where it would be written.
        load = self._load(read, missing=True)
        desired = self._evaluated(load, snapshot(ClusterPlace(namespace).name, objects))
        found = returned()
        load = self._load(found.read)
        try:
            there = self._evaluated(load, _snapshot_in(root, found.files))
        except ConfigError as error:
            raise error.within(root) from error
        _must_be_same(desired, there)
        if not there.waiting:  # else it is not known yet what some expressions come to
            found.leave_out()
        return found

    def _load(self, read: Read, *, missing: bool = False) -> Load:
        vault = self._vault(read, missing=missing)
        return evaluation(self._places, self._environ, lambda: self._facts, vault=vault)[2]

    def _vault(self, read: Read, *, missing: bool = False) -> Vault:
        def found(secret: Whereabouts) -> str:
            # What is encrypted is opened by who carries it over, whoever opens it there.
            if isinstance(secret, Encrypted):
                return self._kept.read(replace(secret, identity=None))
            return read(secret)

        return Vault(found, lambda: self._key, missing=missing)

    def _in_files(self, secret: Whereabouts) -> str:
        if isinstance(secret, KeyRef):
            raise SecretMissing(
                f"{secret.file} is known in its cluster alone", "write {secret: {file: PATH}}"
            )
        return self._kept.read(secret)

    def _evaluated(self, load: Load, shown: Snapshot) -> Desired:
        """What a snapshot declares, with what is known of its targets."""
        found = load(shown)
        if found.waiting and not self._facts:
            self._facts |= self._known()
        return load(shown) if found.waiting and self._facts else found


_DEFECT = "this is a defect of froyo, and nothing was written: what was carried over {}"


def _must_be_same(one: Desired, other: Desired, left: Collection[str] = ()) -> None:
    before = {name: item for name, item in canonical(one).items() if name not in left}
    found = differences(before, canonical(other))
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise UsageError(_DEFECT.format(f"would declare something else: {found[0]}{more}"))


def _in_cluster(read: Callable[[KeyRef], str], secret: Whereabouts) -> str:
    if not isinstance(secret, KeyRef):
        raise SecretMissing(f"{secret.file} is a file, and a cluster has none")
    return read(secret)


def definition_of(catalog: Catalog, api_version: str, kind: str) -> Definition:
    """The definition of a kind."""
    from reconciler.config.describing import every_kind

    group, _, version = api_version.partition("/")
    one = next(one for one in every_kind(catalog) if (one.api_version, one.kind) == (api_version, kind))
    return Definition(group, version, one.plural, one.kind)


def _snapshot_of(namespace: str, objects: Sequence[Mapping[str, Any]], catalog: Catalog) -> Snapshot:
    """The objects as they would be listed."""
    found = [(definition_of(catalog, one["apiVersion"], one["kind"]), one) for one in objects]
    return snapshot(ClusterPlace(namespace).name, found)


def _snapshot_in(root: str, files: Mapping[str, str]) -> Snapshot:
    """Files as they would lie in a directory."""
    made = {}
    for path, text in sorted(files.items()):
        content = text.encode()
        digest = Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")
        made[path] = SnapshotFile(path, digest, len(content), partial(bytes, content))
    name: SourceName = root  # type: ignore[assignment] # as that of a directory
    return Snapshot(name, "", Digest(""), made, root=root)
