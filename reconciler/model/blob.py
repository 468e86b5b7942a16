"""Bodies by their digests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.model.names import Digest


@dataclass(frozen=True, slots=True)
class Blob:
    """A body that some instance wants on a target.

    Attributes:
        digest: of the content.
        size: bytes.
        read: gives the content. Raises SnapshotGone if it cannot be had any more.
        revealed: the digest of what it is on a target, where it holds secrets: `size` is of that, too. Never kept.
    """

    digest: Digest
    size: int
    read: Callable[[], bytes] = field(repr=False, compare=False)
    revealed: Digest | None = field(default=None, repr=False, compare=False)


EMPTY = Blob(
    digest=Digest("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    size=0,
    read=bytes,
)
"""The body of nothing at all: a provider may name it although nobody declared it."""
