"""One look at a source's directory tree: what belongs to it, by stats alone.

Invariant: a listing either is complete or says why it cannot be. What is left out on purpose (too large, no
regular file, a link out of the tree) is named with the reason; where that would be a manifest, the source as
a whole cannot be read, because a manifest that is missing means something else than one that is not there.
Imports nothing heavy.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.model.manifests import declares
from reconciler.model.source import LINK_NOWHERE, LINK_OUT
from watchers.ignore import NAME, ODD, IgnoreRules, is_transient, is_versioning, skips_directory

MAX_BYTES = 64 << 20
"""The largest file that is part of a source."""

MAX_RULES = 1 << 20
"""The largest file of rules of what to ignore."""

MAX_FILES = 100_000
"""More than anybody manages, and fewer than a root directory that was given by mistake holds."""

MAX_DEPTH = 128
"""Directories in directories."""

Directory = tuple[str, int, int]
"""A directory's path with all links followed, and which one stood there: its device and inode."""

Signature = tuple[int, int, int, int, int]
"""Size, mtime, ctime, inode and device: while none of them moves, neither does the content."""


def signature(status: os.stat_result) -> Signature:
    """The signature of a file."""
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


class Found(NamedTuple):
    """A file of the tree.

    Attributes:
        real: its path with all links followed.
        signature: when it was seen.
    """

    real: str
    signature: Signature


@dataclass(slots=True)
class Listing:
    """A tree at one moment.

    Attributes:
        root: with all links followed; "" if it is not there.
        files: by path relative to the root.
        left_out: by path, why it is no part of the source.
        directories: to watch.
        unreadable: why there is no complete listing, or "".
        newest: the latest ctime of anything in it, in ns since the epoch.
    """

    root: str = ""
    files: dict[str, Found] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    directories: set[Directory] = field(default_factory=set)
    unreadable: str = ""
    newest: int = field(default=0, compare=False)


class _Unreadable(Exception):
    """The tree cannot be listed in full."""


def walk(root: str) -> Listing:
    """Look at everything below `root`."""
    listing = Listing()
    try:
        listing.root = os.path.realpath(root, strict=True)
        walker = _Walker(listing)
        walker.directory(listing.root, "", None, (listing.root,))
    except _Unreadable as error:
        listing.unreadable = str(error)
    except OSError as error:
        listing.unreadable = f"{root}: {_why(error)}"
        if error.errno == errno.ENOTDIR:
            listing.unreadable += "; name the one that it is in"
    return listing


def _why(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT:
            return "there is no such directory"
        case errno.ENOTDIR:
            return "this is no directory"
        case errno.EACCES:
            return "no permission to read it"
    return os.strerror(error.errno or 0).lower()


class _Walker:
    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.inside = listing.root.rstrip("/") + "/"
        self.visits = 0

    def directory(self, real: str, prefix: str, rules: IgnoreRules | None, above: tuple[str, ...]) -> None:
        self.visits += 1
        if len(above) > MAX_DEPTH or self.visits > MAX_FILES:
            raise _Unreadable(f"{prefix}: directories without end")
        status = os.stat(real)
        self.seen(status)
        self.listing.directories.add((real, status.st_dev, status.st_ino))
        with os.scandir(real) as entries:
            found = list(entries)
        for entry in found:
            if entry.name == NAME:
                rules = self.rules(entry.path, prefix, rules)
        for entry in found:
            name = entry.name
            path = prefix + name
            if (name[0] in ODD or "~" in name or "___" in name) and (
                name.startswith("..") or is_transient(name)
            ):
                continue
            try:
                self.entry(entry, path, rules, above)
            except FileNotFoundError:
                continue  # gone since the directory was read: it is as if it had never been there
            except OSError as error:
                raise _Unreadable(f"{path}: {_why(error)}") from error

    def rules(self, real: str, prefix: str, above: IgnoreRules | None) -> IgnoreRules | None:
        try:
            # Whatever stands there by that name is neither waited for nor read without end.
            with open(real, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as file:
                regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                text = file.read(MAX_RULES + 1) if regular else b""
        except OSError as error:
            raise _Unreadable(f"{prefix}{NAME}: {_why(error)}") from error
        if not regular:
            raise _Unreadable(f"{prefix}{NAME}: no regular file")
        if len(text) > MAX_RULES:
            raise _Unreadable(f"{prefix}{NAME}: larger than the {MAX_RULES >> 20} MiB that it may have")
        return IgnoreRules(prefix, text.decode(errors="surrogateescape"), above)

    def entry(
        self, entry: os.DirEntry[str], path: str, rules: IgnoreRules | None, above: tuple[str, ...]
    ) -> None:
        real, status = entry.path, entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            if rules is not None and rules.ignores(path, directory=False):
                return
            followed = self.follow(path, real)
            if followed is None:
                return
            real, status = followed
        directory = stat.S_ISDIR(status.st_mode)
        if rules is not None and rules.ignores(path, directory=directory):
            return
        if directory:
            if real in above:
                self.listing.left_out[path] = "a symbolic link to a directory that holds it"
            elif not skips_directory(entry.name):
                self.directory(real, path + "/", rules, (*above, real))
            elif len(above) > 1 and not is_versioning(
                entry.name
            ):  # it may lie in a tree, which would lack it
                self.listing.left_out[path] = "a directory whose name begins with a dot"
        else:
            self.file(path, real, status)

    def follow(self, path: str, link: str) -> tuple[str, os.stat_result] | None:
        """Where a symbolic link leads, if that is inside the tree."""
        try:
            real = os.path.realpath(link, strict=True)
            status = os.stat(real)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}:
                raise
            self.leave_out(path, LINK_NOWHERE)
            return None
        if not (real + "/").startswith(self.inside):
            self.leave_out(path, LINK_OUT)
            return None
        self.listing.directories.add(_identify(os.path.dirname(real)))
        return real, status

    def file(self, path: str, real: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            self.leave_out(path, "no regular file")
        elif status.st_size > MAX_BYTES:
            self.leave_out(path, f"larger than the {MAX_BYTES >> 20} MiB that a file may have")
        elif len(self.listing.files) == MAX_FILES:
            raise _Unreadable(f"more than {MAX_FILES:,} files: is this the right directory?")
        else:
            self.seen(status)
            self.listing.files[path] = Found(real, signature(status))

    def leave_out(self, path: str, why: str) -> None:
        if declares(path):
            raise _Unreadable(f"{path}: {why}")
        self.listing.left_out[path] = why

    def seen(self, status: os.stat_result) -> None:
        self.listing.newest = max(self.listing.newest, status.st_ctime_ns)


def above(root: str) -> Iterator[tuple[Directory, str]]:
    """Directories above the root and the one name in each whose coming and going matters.

    The directory that holds the root, so that its replacement is noticed, or the nearest one that exists; the
    same for what the root links to.
    """
    for start in dict.fromkeys((os.path.abspath(root), os.path.realpath(root))):
        path = start
        while path != (parent := os.path.dirname(path)):
            try:
                yield _identify(os.path.realpath(parent)), os.path.basename(path)
            except OSError:
                path = parent
            else:
                break


def _identify(path: str) -> Directory:
    status = os.stat(path)
    return path, status.st_dev, status.st_ino
