"""What is in an archive, for a person who is about to have it unpacked: how much, and what is at its top.

Invariants: whatever the content is, reading it takes bounded effort, and nothing of it is unpacked anywhere. A name in
it is text from others, and shown as such.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import IO, TYPE_CHECKING, cast

from reconciler.core.visible import one_line

if TYPE_CHECKING:
    from tarfile import TarInfo

MAX_BYTES = 64 << 20
"""Of an archive, and of what it holds as far as it is read: what comes after is not counted."""
MAX_MEMBERS = 50_000
MAX_NAME = 4096
"""Characters of a path: with a longer one nothing could be done anywhere."""
MAX_EFFORT = 1 << 28
"""Of the squares of the sizes of extended headers: some versions of the library take so long for them."""
SHOWN = 12
"""Names that are shown."""
SHOWN_NAME = 100
"""Characters of each that are."""

Member = tuple[str, bool, int]
"""A path without a slash at its end, whether it is a directory, and bytes."""

_GZIP, _BZIP2, _XZ, _ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04"
_ZIPPED = b"PK\x01\x02"
_TAR_AT, _TAR = 257, b"ustar"
_BLOCK = 512


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
            if len(one[0]) > MAX_NAME or one[2] < 0:
                return []
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
        # What is not there is read for ever where a header says that it is.
        self._left -= max(len(data), _BLOCK)
        if self._left < 0:
            raise _EndOfPatienceError
        return data


def _members(content: bytes) -> Iterator[Member]:
    if content.startswith(_ZIP):
        import zipfile

        if content.count(_ZIPPED) > MAX_MEMBERS:  # each begins with it, and all of them would be read at once
            raise _EndOfPatienceError
        for one in zipfile.ZipFile(io.BytesIO(content)).infolist():
            if name := one.filename.strip("/"):
                yield name, one.is_dir(), one.file_size
        return
    import tarfile

    stream = cast("IO[bytes]", _Bounded(_unpacked(content)))
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_frugal()) as archive:
        for member in archive:
            name = member.name.removeprefix("./").strip("/")
            if name not in {"", "."}:
                yield name, member.isdir(), member.size


def _frugal() -> type[TarInfo]:
    """The class of members of one archive, which has no more read of extended headers than is worth it."""
    import tarfile

    left = MAX_EFFORT

    class Frugal(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Frugal:
            nonlocal left
            read = super().frombuf(buf, encoding, errors)
            if not (read.isreg() or read.isdir()):
                left -= read.size**2
            if left < 0:
                raise _EndOfPatienceError
            return read

    return Frugal


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
    # With what comes before every letter for a slash, what is below a directory comes right after it.
    names = sorted(name.replace("/", "\0") for name, _, _ in members)
    leaves = [
        one for one, after in pairwise([*names, ""]) if after != one and not after.startswith(f"{one}\0")
    ]
    top = _top([leaf.replace("\0", "/") for leaf in leaves])
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
    shown = [
        f"+{_shown(name)}/ ({counts[name]:,})" if name in directories else f"+{_shown(name)}"
        for name in sorted(counts)[:SHOWN]
    ]
    more = [f"… and {len(counts) - SHOWN:,} more"] if len(counts) > SHOWN else []
    return [f"{said}, all below {_shown(top)}" if top else said, *shown, *more]


def _shown(name: str) -> str:
    """A name in a line of ours: it makes up no others."""
    return one_line(name if len(name) <= SHOWN_NAME else f"{name[:SHOWN_NAME]}…")


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
