"""The contents of a revision: read in one go from the repository, checked, and kept in memory where they are small."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from reconciler.model.manifests import declares
from reconciler.model.names import Digest
from reconciler.model.source import SnapshotFile, SnapshotGone
from watchers.git.program import GitFailed, GitProgram
from watchers.git.tree import TreeFile

LARGEST = 512 << 20
"""Bytes of all that belongs to a revision."""

KEEP_EACH = 64 << 10
KEEP_ALL = 16 << 20
"""Bodies up to these sizes stay in memory; larger ones are read when wanted. Manifests always stay."""

AT_ONCE = 32 << 20
"""Bytes that are asked of git at a time, unless one content alone has more."""

POINTER = b"version https://git-lfs.github.com/spec/"
"""What a file begins with that only says where its content is."""


@dataclass(frozen=True, slots=True)
class KnownContent:
    """What is known of a content.

    Attributes:
        digest: of it, by SHA-256.
        size: bytes.
        kept: it itself, if it is kept in memory.
        elsewhere: it only says where the content is.
    """

    digest: Digest
    size: int
    kept: bytes | None
    elsewhere: bool


class Contents:
    """Those of one repository, each read once for as long as something has it.

    Args:
        git: reads them.
    """

    def __init__(self, git: GitProgram) -> None:
        self._git = git
        self._known: dict[str, KnownContent] = {}

    async def sizes(self, objects: Iterable[str]) -> dict[str, int]:
        """Bytes of each, of those that are there."""
        asked = "\n".join(dict.fromkeys(objects)).encode()
        printed = await self._git.run(
            "cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked + b"\n"
        )
        pairs = (line.split(" ") for line in printed.decode("ascii", "replace").splitlines())
        return {name: int(size) for name, size in pairs if size.isdecimal()}

    async def read(self, sizes: Mapping[str, int]) -> dict[str, bytes]:
        """What is in them; of each so many bytes as `sizes` says."""
        found: dict[str, bytes] = {}
        for batch in _batches(sizes):
            asked = "".join(f"{name}\n" for name in batch).encode()
            room = sum(sizes[name] + 128 for name in batch)
            found.update(_split(await self._git.run("cat-file", "--batch", stdin=asked, most=room)))
        if lacking := next((name for name in sizes if name not in found), None):
            raise GitFailed(f"the object {lacking} is not there")
        return found

    async def files(
        self, blobs: Mapping[str, TreeFile], sizes: Mapping[str, int]
    ) -> tuple[dict[str, SnapshotFile], list[str]]:
        """The files of a revision, and the paths of those whose content is somewhere else.

        Raises:
            GitFailed: they cannot be had, or are more than a source may have.
        """
        wanted = {blob.object: sizes.get(blob.object, 0) for blob in blobs.values()}
        if (total := sum(wanted.values())) > LARGEST:
            raise GitFailed(
                f"{total >> 20} MiB of files, and a source has {LARGEST >> 20} MiB at most; name a path in it"
            )
        manifests = {blob.object for path, blob in blobs.items() if declares(path)}
        budget = KEEP_ALL
        known: dict[str, KnownContent] = {}
        lacking = {name: size for name, size in wanted.items() if name not in self._known}
        for batch in _batches(lacking):
            for name, data in (await self.read({name: lacking[name] for name in batch})).items():
                keep = name in manifests or len(data) <= min(KEEP_EACH, budget)
                budget -= len(data) if keep and name not in manifests else 0
                digest = Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")
                known[name] = KnownContent(
                    digest, len(data), data if keep else None, data.startswith(POINTER)
                )
        self._known = {name: known.get(name) or self._known[name] for name in wanted}
        found = {
            path: SnapshotFile(
                path, one.digest, one.size, self._reader(path, blob.object, one), blob.executable
            )
            for path, blob in blobs.items()
            if not (one := self._known[blob.object]).elsewhere
        }
        return found, [path for path in blobs if path not in found]

    def _reader(self, path: str, name: str, one: KnownContent) -> partial[bytes]:
        if one.kept is not None:
            return partial(bytes, one.kept)
        return partial(_again, self._git, path, name, one.digest)


def _batches(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    batch: list[str] = []
    room = AT_ONCE
    for name, size in sizes.items():
        if batch and size > room:
            yield batch
            batch, room = [], AT_ONCE
        batch.append(name)
        room -= size
    if batch:
        yield batch


def _split(printed: bytes) -> Iterator[tuple[str, bytes]]:
    """What `git cat-file --batch` prints: a line of name, type and size, the content, and a newline."""
    at = 0
    while at < len(printed):
        end = printed.index(b"\n", at)
        head = printed[at:end].decode("ascii", "replace").split(" ")
        at = end + 1
        if len(head) != 3 or head[1] != "blob":
            continue
        size = int(head[2])
        yield head[0], printed[at : at + size]
        at += size + 1


def _again(git: GitProgram, path: str, name: str, digest: Digest) -> bytes:
    """A content that was read before, if it is still there. Blocking."""
    try:
        data = git.content(name)
    except GitFailed as error:
        raise SnapshotGone(f"{path}: its content is not in the repository any more: {error}") from error
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
        raise SnapshotGone(f"{path} is not what it was when the snapshot was taken")
    return data
