"""What is in an archive, for a person who is about to have it unpacked: how much, and what is at its top.

Invariants: whatever the content is, reading it takes bounded effort, and nothing of it is unpacked anywhere. A name in
it is text from others, and shown as such.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import IO, cast

from reconciler.core.visible import visible

MAX_BYTES = 64 << 20
"""Of an archive, and of what it holds as far as it is read: what comes after is not counted."""
MAX_MEMBERS = 50_000
SHOWN = 12
"""Names that are shown."""

Member = tuple[str, bool, int]
"""A path without a slash at its end, whether it is a directory, and bytes."""

_GZIP, _BZIP2, _XZ, _ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04"
_TAR_AT, _TAR = 257, b"ustar"


def listing(content: bytes) -> list[str]:
    """What an archive holds, in a few lines; none where it is no archive that can be read here.

    Example:
        >>> listing(b"no archive")
        []
    """
    found: list[Member] = []
    whole = True
    try:
        for one in _members(content):
            found.append(one)
            if len(found) == MAX_MEMBERS:
                whole = False
                break
    except _EndOfPatienceError:
        whole = False
    except Exception:  # noqa: BLE001 - the libraries have errors of many classes, and what they read comes from others
        return []
    return _lines(found, whole=whole) if found else []


class _EndOfPatienceError(Exception):
    """More was unpacked than is worth it."""


class _Bounded(io.RawIOBase):
    """A stream that ends by an error once too much was read of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = MAX_BYTES

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _EndOfPatienceError
        return data


def _members(content: bytes) -> Iterator[Member]:
    if content.startswith(_ZIP):
        import zipfile

        for one in zipfile.ZipFile(io.BytesIO(content)).infolist():
            yield one.filename.strip("/"), one.is_dir(), one.file_size
        return
    import tarfile

    with tarfile.open(fileobj=cast("IO[bytes]", _Bounded(_unpacked(content))), mode="r|") as archive:
        for member in archive:
            name = member.name.removeprefix("./").strip("/")
            if name not in {"", "."}:
                yield name, member.isdir(), member.size


def _unpacked(content: bytes) -> IO[bytes]:
    """The tar archive in it.

    Raises:
        ValueError: there is none.
    """
    stream = io.BytesIO(content)
    if content.startswith(_GZIP):
        import gzip

        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if content.startswith(_BZIP2):
        import bz2

        return cast("IO[bytes]", bz2.BZ2File(stream))
    if content.startswith(_XZ):
        import lzma

        return cast("IO[bytes]", lzma.LZMAFile(stream))
    if content[_TAR_AT : _TAR_AT + len(_TAR)] != _TAR:
        raise ValueError
    return stream


def _lines(members: Sequence[Member], *, whole: bool) -> list[str]:
    above = {name[:at] for name, _, _ in members for at, letter in enumerate(name) if letter == "/"}
    top = _top([name for name, _, _ in members if name not in above])
    counts: dict[str, int] = {}
    directories: set[str] = set()
    for name, directory, _ in members:
        if top and not name.startswith(top):
            continue  # a directory on the way to the top
        first, slash, _ = name.removeprefix(top).partition("/")
        counts[first] = counts.get(first, 0) + bool(slash)
        if slash or directory:
            directories.add(first)
    size = sum(size for _, _, size in members)
    said = f"{'' if whole else 'at least '}{len(members):,} entries, {size:,} bytes"
    names = [
        f"+{visible(name)}/ ({counts[name]:,})" if name in directories else f"+{visible(name)}"
        for name in sorted(counts)
    ]
    more = [f"… and {len(names) - SHOWN:,} more"] if len(names) > SHOWN else []
    return [f"{said}, all below {visible(top)}" if top else said, *names[:SHOWN], *more]


def _top(leaves: Sequence[str]) -> str:
    """The one directory that all is below, however deep, with a slash at its end; "" where there is none."""
    top = leaves[0].split("/")[:-1]
    for name in leaves:
        steps = name.split("/")[:-1]
        common = 0
        while common < min(len(top), len(steps)) and top[common] == steps[common]:
            common += 1
        top = top[:common]
    return "".join(f"{step}/" for step in top)
