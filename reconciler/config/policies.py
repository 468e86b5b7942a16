"""The policies that a source has beside its manifests: its directory `policies`, if anything in there decides.

Invariant: a policy that is there and cannot be read is an error: what it forbids must not be allowed for want of it.
So is a link that leads to none of the source: there may be a directory of them.
"""

from __future__ import annotations

import hashlib

from reconciler.errors import ConfigError, Problem
from reconciler.model.names import Digest
from reconciler.model.policy import DIRECTORY, PolicyFiles, governs, is_policy
from reconciler.model.source import LINK_NOWHERE, LINK_OUT, Snapshot, SnapshotFile

_LINKS = frozenset({LINK_NOWHERE, LINK_OUT})


def policies_of(snapshot: Snapshot) -> PolicyFiles | None:
    """Those of a source; None where it has none.

    Raises:
        ConfigError: one is no part of the snapshot.
    """
    return policy_files(snapshot, below=f"{DIRECTORY}/")


def policy_files(snapshot: Snapshot, *, below: str = "") -> PolicyFiles | None:
    """Those that lie below a path; None where nothing there decides anything.

    Args:
        snapshot: of a source, or of a place that is for policies alone.
        below: "" for everywhere, else a directory with its slash.

    Raises:
        ConfigError: one is no part of the snapshot.
    """
    lost = [
        path
        for path, why in snapshot.left_out.items()
        if f"{path}/".startswith(below) and (is_policy(path) or why in _LINKS)
    ]
    if lost:
        raise ConfigError(
            [
                Problem(path, 0, 0, f"policies there cannot be read: {snapshot.left_out[path]}")
                for path in lost
            ]
        )
    found = {
        path: file for path, file in snapshot.files.items() if path.startswith(below) and is_policy(path)
    }
    if not any(governs(path) for path in found):
        return None
    return PolicyFiles(snapshot.source, _digest(found), found, snapshot.root)


def _digest(files: dict[str, SnapshotFile]) -> Digest:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{files[path].digest}\n".encode(errors="surrogateescape"))
    return Digest(f"sha256:{digest.hexdigest()}")
