"""Why a source may not mean what a snapshot of it leaves out."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Doubt:
    """See the module.

    Attributes:
        why: in words for a person; "" where nothing is doubted.
        certain: files of which nothing is: that what they declare is another, or gone, is meant, whatever `why` says.
    """

    why: str = ""
    certain: AbstractSet[str] = frozenset()

    def about(self, file: str) -> str:
        """Why what a file declared may be meant still, or ""."""
        return "" if file in self.certain else self.why


NO_DOUBT = Doubt()
