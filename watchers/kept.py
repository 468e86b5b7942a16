"""A content that stays in memory, and takes little of it once nobody is likely to read it."""

from __future__ import annotations

import zlib

WORTH = 64 * 1024
"""Bytes from which on it is worth the time to pack a content: manifests shrink to a tenth."""


class Kept:
    """Gives the content that it was made of. It may be packed by one thread and read by others at the same time."""

    __slots__ = ("_held",)

    def __init__(self, content: bytes) -> None:
        self._held = content, False

    def __call__(self) -> bytes:
        """The content."""
        held, packed = self._held
        return zlib.decompress(held) if packed else held

    def pack(self) -> None:
        """Take less memory from now on, at the cost of the time that it then takes to be read."""
        held, packed = self._held
        if not packed and len(held) >= WORTH:
            self._held = zlib.compress(held, 1), True
