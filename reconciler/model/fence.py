"""Under whose lease something is done, for who has to keep out a controller that does not know yet that it lost it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Fence:
    """A lease, as targets are told of it.

    Attributes:
        store: what it is a lease of: 32 hexadecimal digits.
        token: rises with every change of hands.
    """

    store: str
    token: int

    @classmethod
    def of_shard(cls, store: str, shard: int, token: int) -> Self:
        """That of a part of a store's targets: each part changes hands by itself.

        Args:
            store: its name, of 32 hexadecimal digits.
            shard: which part.
            token: of that, or of the store where all of it is in one hand.
        """
        return cls(hashlib.sha256(f"{store}/{shard}".encode()).hexdigest()[:32], token)
