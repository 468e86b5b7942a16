"""Sources of desired state, and the immutable snapshots that they yield."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.model.cluster import ClusterPlace
from reconciler.model.names import Digest, SourceName
from reconciler.model.origin import Origin
from reconciler.model.repository import GitPlace


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """One file of a snapshot.

    Attributes:
        path: relative to the source's root, with "/" between parts; bytes that are not UTF-8 are surrogate
            escapes.
        digest: of the content.
        size: bytes.
        read: gives the content as it was when the snapshot was taken.
            Raises SnapshotGone if it cannot be had any more.
        executable: whether its owner may execute it.
    """

    path: str
    digest: Digest
    size: int
    read: Callable[[], bytes] = field(repr=False, compare=False)
    executable: bool = False


class SnapshotGone(Exception):
    """A file's content moved on before it was read; the source will yield a newer snapshot."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of a source at one moment. Equal digests mean equal content.

    Attributes:
        source: the source's name.
        revision: what a person calls it: a commit, or the first 12 digits of the digest.
        digest: over every path, its content, and whether it is executable.
        files: by path, complete: what is not here does not exist, or is in `left_out`.
        root: the directory on the controller that the paths are relative to; "" when there is none.
        left_out: by path, why something that exists is no part of the source, such as a file that is too
            large.
    """

    source: SourceName
    revision: str
    digest: Digest
    files: Mapping[str, SnapshotFile]
    root: str = field(default="", compare=False)
    left_out: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def settings(self) -> dict[str, str]:
        """What was set for the source when this was taken, by name.

        Raises:
            SnapshotGone: it cannot be had any more.
        """
        file = self.files.get(SETTINGS)
        if file is None:
            return {}
        import json

        return dict(json.loads(file.read()))


SETTINGS = "/settings"
"""The path in a snapshot of what was set for its source, which no file of a source can have.

So it is kept, rolled back and told to other controllers with the rest of what a source says.
"""


def with_settings(snapshot: Snapshot, settings: Mapping[str, str]) -> Snapshot:
    """A snapshot of a source for which something is set."""
    if not settings:
        return snapshot
    import json
    from hashlib import sha256

    content = json.dumps(dict(settings), sort_keys=True).encode()
    digest = Digest(f"sha256:{sha256(content).hexdigest()}")
    file = SnapshotFile(SETTINGS, digest, len(content), lambda: content)
    whole = Digest(f"sha256:{sha256(f'{snapshot.digest} {digest}'.encode()).hexdigest()}")
    return replace(snapshot, digest=whole, files={**snapshot.files, SETTINGS: file})


LINK_OUT = "a symbolic link that leads out of the source"
"""Why a link is no part of a source, and neither is what may lie below it."""
LINK_NOWHERE = "a symbolic link that leads nowhere"
"""The same of another link."""
DELETED = "it is being deleted"
"""Why something that is there still is no part of a source: somebody has deleted it, by its name."""


def being_deleted(snapshot: Snapshot) -> frozenset[str]:
    """The paths of all that is."""
    return frozenset(path for path, why in snapshot.left_out.items() if why == DELETED)


@dataclass(frozen=True, slots=True)
class Revision:
    """A snapshot that is kept, as far as a person wants to know it.

    Attributes:
        number: that the store gave it; rises with time.
        source: whose.
        revision: what a person calls it.
        digest: over every path and its content.
        taken_at: seconds since the epoch.
        files: how many it has.
    """

    number: int
    source: SourceName
    revision: str
    digest: Digest
    taken_at: float
    files: int


@dataclass(frozen=True, slots=True)
class DirectoryPlace:
    """A directory on the controller as a place where desired state comes from.

    Attributes:
        path: absolute; bytes that are not UTF-8 are surrogate escapes.
    """

    path: str

    @property
    def root(self) -> str:
        """Where its paths lie on the controller."""
        return self.path

    @property
    def name(self) -> SourceName:
        """What the source is called. Bytes of its path that are no text are written out."""
        return SourceName(self.path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))


Place = DirectoryPlace | GitPlace | ClusterPlace
"""Where desired state comes from."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source as it is declared.

    Attributes:
        name: of the declaration.
        place: what is to be watched.
        interval: seconds between looks at it without any event, or None for the default.
        origin: where it was declared.
        settings: what its programs are told, by name.
    """

    name: SourceName
    place: Place
    interval: float | None = None
    origin: Origin = field(default=Origin(), compare=False)
    settings: Mapping[str, str] = field(default_factory=dict)


def serving(sources: Iterable[Source], served: str) -> Source | None:
    """The declared source that speaks of what is being served: the first of them, or None.

    Args:
        sources: all that are declared.
        served: the real path of a directory, or what else a place is called.
    """
    return next((one for one in sources if identity(one.place) == served), None)


def identity(place: Place) -> str:
    """What a place is known by, as it is declared."""
    return place.path if isinstance(place, DirectoryPlace) else place.identity


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What a watcher says about itself between snapshots.

    Attributes:
        degraded: why events cannot be had and only rescans carry on, or "".
        unreadable: why the source cannot be read at all right now, or "".
    """

    degraded: str = ""
    unreadable: str = ""
