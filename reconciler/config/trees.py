"""Trees: directories of the source that manifests name as bodies. What lies in one is body, whatever its name.

A manifest in a tree is none, so the trees that it names are none either: who is in whose is decided from outside in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping

from reconciler.model.source import Snapshot, SnapshotFile


def directories_of(path: str) -> Iterator[str]:
    """The directories that hold something, from the nearest to the source's own, which is "."."""
    while (path := path.rpartition("/")[0]) != "":
        yield path
    yield "."


def is_below(path: str, roots: Collection[str]) -> bool:
    """Whether a path lies in one of some directories."""
    return bool(roots) and any(above in roots for above in directories_of(path))


def roots_of(claims: Iterable[tuple[str, str]]) -> set[str]:
    """The directories that are bodies.

    Args:
        claims: each a file that is a manifest unless it lies in a tree, and a directory that it names. Those that lie
            in each other's, or in their own, name no tree.
    """
    open_claims = set(claims)
    roots: set[str] = set()
    while open_claims:
        doubtful = {root for _, root in open_claims}
        certain = {claim for claim in open_claims if not is_below(claim[0], doubtful)}
        if not certain:
            break
        roots |= {root for _, root in certain}
        open_claims = {claim for claim in open_claims - certain if not is_below(claim[0], roots)}
    return roots


class Trees:
    """The trees of a snapshot.

    Args:
        snapshot: the source.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._paths: list[str] | None = None

    def files(self, root: str) -> dict[str, SnapshotFile]:
        """What lies in a directory, by path from there on, in order; nothing if it is none."""
        if self._paths is None:
            self._paths = sorted(self._snapshot.files)
        prefix = "" if root == "." else f"{root}/"
        found = {}
        for path in self._paths[bisect_left(self._paths, prefix) :]:
            if not path.startswith(prefix):
                break
            found[path.removeprefix(prefix)] = self._snapshot.files[path]
        return found

    def left_out(self, root: str) -> Mapping[str, str]:
        """By path, why something that lies in a directory is no part of the source."""
        return {path: why for path, why in self._snapshot.left_out.items() if is_below(path, (root,))}
