"""Which controller works on which targets, where several share a store: rendezvous hashing of shards over them.

Targets are put into a fixed number of shards by their names, and each shard goes to the controller with the highest
weight for it. So all that see the same controllers come to the same answer without asking each other, and when one
comes or goes nothing moves but what it gets, or had. This module must not know how controllers know of each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from reconciler.model.names import TargetName

SHARDS = 64
"""So many parts. Part of what a store is: another number would be another owner for each target, at once."""


def shard_of(target: TargetName) -> int:
    """The shard of a target, from 0 on."""
    return _number(f"target {target}") % SHARDS


def shared_out(members: Collection[int]) -> Mapping[int, int]:
    """Of each shard the member that is to have it; nothing where there is none."""
    if not members:
        return {}
    return {shard: max(members, key=lambda one: (_weight(shard, one), one)) for shard in range(SHARDS)}


class Silence:
    """For how long members have shown no sign, as one of them sees it.

    Args:
        longest: seconds after which one that is silent is dead.

    Example:
        >>> silence = Silence(6.0)
        >>> [silence.dead({1}, now=0.0), silence.dead({1, 2}, now=5.0), silence.dead({1, 2}, now=6.0)]
        [[], [], [1]]
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._since: dict[int, float] = {}

    def dead(self, silent: Collection[int], *, now: float) -> list[int]:
        """Those of the members that are silent now that are dead; whoever was heard of in between begins anew."""
        self._since = {number: self._since.get(number, now) for number in silent}
        return [number for number, since in self._since.items() if now - since >= self._longest]


def _weight(shard: int, member: int) -> int:
    return _number(f"shard {shard} member {member}")


def _number(text: str) -> int:
    # A name may be no text: what stands for its bytes is one of them, too.
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogateescape")).digest()[:8])
