"""The policies that a source has beside its manifests: its directory `policies`, if anything in there decides.

Invariant: a policy that is there and cannot be read is an error: what it forbids must not be allowed for want of it.
So is a link that leads to none of the source, or a submodule: there may be a directory of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from reconciler.config.trees import is_below
from reconciler.errors import ConfigError, Problem
from reconciler.model.names import Digest
from reconciler.model.policy import DIRECTORY, REGO, PolicyFiles, governs, is_policy
from reconciler.model.source import Snapshot, SnapshotFile


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
    if lost := sorted(path for path in snapshot.left_out if _may_decide(path, below)):
        why = "policies there cannot be read: {}"
        raise ConfigError([Problem(path, 0, 0, why.format(snapshot.left_out[path])) for path in lost])
    found = {
        path: file for path, file in snapshot.files.items() if path.startswith(below) and is_policy(path)
    }
    if not any(governs(path) for path in found):
        return None
    return PolicyFiles(snapshot.source, _digest(found), found, snapshot.root)


def _may_decide(path: str, below: str) -> bool:
    """Whether there may be policies in what is no part of a source: a link or a submodule may be all of them."""
    inside = path.startswith(below) or f"{path}/" == below
    return inside and (is_policy(path) or not path.rsplit("/", 1)[-1].startswith("."))


def strays(snapshot: Snapshot, used: Collection[str]) -> list[str]:
    """What a person should know of Rego that lies elsewhere in a source: it decides nothing.

    Args:
        snapshot: of the source.
        used: paths of bodies, and of directories that are.
    """
    own = f"{DIRECTORY}/"
    found: dict[str, str] = {}
    for path in sorted(snapshot.files):
        if path.endswith(REGO) and not path.startswith(own) and path not in used and not is_below(path, used):
            found.setdefault(path.rpartition("/")[0], path)
    return [f"{path} decides nothing: policies of a source lie in {own}" for path in found.values()]


def _digest(files: dict[str, SnapshotFile]) -> Digest:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{files[path].digest}\n".encode(errors="surrogateescape"))
    return Digest(f"sha256:{digest.hexdigest()}")
