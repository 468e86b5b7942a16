"""A directory tree to a snapshot: read when it is quiet, stably, and only where its stats have moved.

A file is read between two stats that must agree. A tree is read when nothing in it has changed for a moment,
and if reading takes longer than that moment, it must be unchanged afterwards: files that are changed together
are seen together. A file that was changed only just before it was read is read again at the next look: within
the kernel's tick a second change need not show in its stats (git calls it racy).

A file that somebody has open for writing may be half of one. A manifest is waited for; if that takes long, the
tree cannot be read, since half a manifest declares something else. Any other file stays what it was, or is left
out if it is new, until whoever writes it has closed it. Blocking; runs on a thread of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from reconciler.errors import why
from reconciler.model.manifests import declares
from reconciler.model.names import Digest, SourceName
from reconciler.model.source import Snapshot, SnapshotFile, SnapshotGone
from watchers.fingerprint import SETTLED
from watchers.kept import Kept
from watchers.walk import Found, Listing, Signature, signature, walk
from watchers.writers import is_being_written

QUIET = 0.03
"""Seconds without any change after which a tree is read: nobody is in the middle of writing it."""

PATIENCE = 2.0
"""Seconds after which a tree that never becomes quiet is read all the same."""

KEEP_EACH = 64 << 10
KEEP_ALL = 16 << 20
"""Bodies up to these sizes stay in memory; larger ones are read when wanted. Manifests always stay."""

_CHUNK = 1 << 20

_OLDER = "somebody has it open for writing: what was in it before counts"
_HELD = "somebody has it open for writing, and it may be only half there"


class _Moved(Exception):
    """Something changed while it was read."""


class _BeingWritten(Exception):
    """Somebody has it open for writing."""


class _Unreadable(Exception):
    """A file cannot be read."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look has found.

    Attributes:
        listing: the tree.
        snapshot: what is in it; None if that cannot be said.
        unreadable: why it cannot be said, or "".
        being_written: something in it waits for who has it open for writing.
    """

    listing: Listing
    snapshot: Snapshot | None
    unreadable: str = ""
    being_written: bool = False


class Tree:
    """A directory tree and what is known of it.

    Args:
        source: name of the source, for its snapshots.
        root: the directory.
        now: seconds since the epoch.
    """

    def __init__(self, source: SourceName, root: str, now: Callable[[], float]) -> None:
        self.root = root
        self._source = source
        self._now = now
        self._known: dict[str, tuple[Signature, SnapshotFile]] = {}
        self._racy: set[str] = set()
        self._held: dict[str, str] = {}
        self._waited_for = ""
        self._last: Scan | None = None

    def look(self) -> Scan:
        """Look at the tree, and read what has changed. A tree that has not changed costs its stats."""
        deadline = time.monotonic() + PATIENCE
        listing = walk(self.root)
        last = self._last
        if last is not None and not self._racy and last.snapshot is not None and listing == last.listing:
            return last
        while True:
            late = time.monotonic() > deadline
            look = self._attempt(listing, late=late)
            if look is not None:
                self._last = look
                return look
            listing = walk(self.root)

    def _attempt(self, listing: Listing, *, late: bool) -> Scan | None:
        """A look at a quiet tree; None if it is not quiet, unless it is late."""
        if listing.unreadable:
            return Scan(listing, None, listing.unreadable)
        if not late and listing.newest > (self._now() - QUIET) * 1e9 and not self._still(listing):
            return None
        started = self._now()
        try:
            snapshot = self._read(listing, late=late)
        except _Unreadable as error:
            return Scan(listing, None, str(error))
        except _BeingWritten as error:
            # Once somebody has been waited for in vain, each look only asks whether he is done.
            if late or str(error) == self._waited_for:
                self._waited_for = str(error)
                return Scan(listing, None, f"{error}: {_HELD}", being_written=True)
            time.sleep(QUIET)
            return None
        except _Moved as error:
            return Scan(listing, None, f"{error} changes all the time") if late else None
        self._waited_for = ""
        at_once = 0 <= self._now() - started < QUIET
        if not late and not at_once and walk(self.root) != listing:
            return None
        return Scan(listing, snapshot, being_written=bool(self._held))

    def _still(self, listing: Listing) -> bool:
        """Whether nothing moves in the time that counts as quiet, whatever clock stamps the changes."""
        time.sleep(QUIET)
        return walk(self.root) == listing

    # --- Reading -----------------------------------------------------------------------------------

    def _read(self, listing: Listing, *, late: bool) -> Snapshot:
        files: dict[str, SnapshotFile] = {}
        known: dict[str, tuple[Signature, SnapshotFile]] = {}
        racy: set[str] = set()
        held: dict[str, str] = {}
        budget = KEEP_ALL
        digest = hashlib.sha256()
        for path in sorted(listing.files):
            found = listing.files[path]
            before = self._known.get(path)
            if before is not None and before[0] == found.signature and path not in self._racy:
                file = before[1]
                if isinstance(file.read, Kept):
                    file.read.pack()
            else:
                if found.signature[2] > self._now() * 1e9 - SETTLED:
                    racy.add(path)
                try:
                    file = _stable(
                        path, found, keep=declares(path) or found.signature[0] <= min(KEEP_EACH, budget)
                    )
                except _BeingWritten:
                    # When it is closed nothing shows in its stats.
                    racy.add(path)
                    if before is None and not declares(path) and (late or path in self._held):
                        held[path] = _HELD
                        continue
                    if before is None or (declares(path) and before[0] != found.signature):
                        raise
                    if before[0] != found.signature:
                        held[path] = _OLDER
                    file, found = before[1], Found(found.real, before[0])
            if not declares(path) and file.size <= KEEP_EACH:
                budget -= file.size
            files[path] = file
            known[path] = (found.signature, file)
            executable = b"x" if file.executable else b""
            digest.update(os.fsencode(path) + b"\0" + file.digest.encode() + executable + b"\n")
        self._known, self._racy, self._held = known, racy, held
        name = digest.hexdigest()
        return Snapshot(
            self._source,
            name[:12],
            Digest(f"sha256:{name}"),
            files,
            listing.root,
            {**listing.left_out, **held},
        )


def _stable(path: str, found: Found, *, keep: bool) -> SnapshotFile:
    """A file as it is between two stats that agree. Its content stays in memory if it is to be kept."""
    digest = hashlib.sha256()
    parts: list[bytes] = []
    size = 0
    try:
        with _open(found.real) as descriptor:
            status = os.fstat(descriptor)
            if signature(status) != found.signature:
                raise _Moved(path)
            if is_being_written(descriptor):
                raise _BeingWritten(path)
            while size <= found.signature[0] and (chunk := os.read(descriptor, _CHUNK)):
                size += len(chunk)
                digest.update(chunk)
                if keep:
                    parts.append(chunk)
            if signature(os.fstat(descriptor)) != found.signature or size != found.signature[0]:
                raise _Moved(path)
    except FileNotFoundError as error:
        raise _Moved(path) from error
    except OSError as error:
        raise _Unreadable(f"{path}: {why(error)}") from error
    name = Digest(f"sha256:{digest.hexdigest()}")
    read = Kept(b"".join(parts)) if keep else partial(_again, path, found.real, name, size)
    return SnapshotFile(path, name, size, read, executable=bool(status.st_mode & stat.S_IXUSR))


def _again(path: str, real: str, digest: Digest, size: int) -> bytes:
    """The content of a file that was read before, if it still is the same."""
    parts = []
    try:
        with _open(real) as descriptor:
            while size >= 0 and (chunk := os.read(descriptor, _CHUNK)):
                parts.append(chunk)
                size -= len(chunk)
    except OSError as error:
        raise SnapshotGone(f"{path}: {why(error)}") from error
    content = b"".join(parts)
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        raise SnapshotGone(f"{path} has changed since the snapshot was taken")
    return content


@contextlib.contextmanager
def _open(path: str) -> Iterator[int]:
    """A descriptor of a file. A pipe or link in its place is neither waited for nor followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
