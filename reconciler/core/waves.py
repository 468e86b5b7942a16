"""Which target has its turn in which wave of a rollout.

Invariant: the same targets are put in the same waves whoever asks and whenever, so that what goes on elsewhere, or
after a restart, goes on with the same. This module must not know how a rollout gets on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler.model.names import Digest, TargetName
from reconciler.model.rollout import Portion, Rollout, RolloutOrder, RolloutWave


def in_waves(
    rollout: Rollout, targets: Collection[TargetName], digest: Digest
) -> Mapping[TargetName, tuple[int, int]]:
    """Of each target the wave in which it has its turn, from 0 on, and which entry of the Rollout that is.

    Waves of nobody are left out: who selects a canary on which the change changes nothing has none.

    Args:
        rollout: as it is declared.
        targets: those that the change is about.
        digest: of the snapshot, from which `shuffled` follows.
    """
    found: dict[TargetName, tuple[int, int]] = {}
    number = 0
    for entry, members in _waves(rollout, in_order(rollout.order, targets, digest)):
        if members:
            found |= dict.fromkeys(members, (number, entry))
            number += 1
    return found


def in_order(order: RolloutOrder, targets: Collection[TargetName], digest: Digest) -> list[TargetName]:
    """Targets in the order in which they have their turn."""
    if order is RolloutOrder.SHUFFLED:
        return sorted(targets, key=lambda name: (_mixed(digest, name), name))
    return sorted(targets, reverse=order is RolloutOrder.REVERSE)


def at_least_one(portion: Portion, total: int) -> int:
    """So many of `total`, and one in any case: else nothing would ever go on."""
    return max(1, portion.of(total))


def pause_after(rollout: Rollout, entry: int) -> RolloutWave:
    """What of a wave says what comes after it; what is left at the end has no entry of its own."""
    return rollout.waves[min(entry, len(rollout.waves) - 1)]


def _waves(rollout: Rollout, left: list[TargetName]) -> Iterator[tuple[int, Sequence[TargetName]]]:
    total = len(left)
    # Who is chosen by a label anywhere is not to be met by chance in a wave before.
    chosen = {name for wave in rollout.waves for name in wave.targets if wave.selector is not None}
    for entry, wave in enumerate(rollout.waves):
        last = entry == len(rollout.waves) - 1
        while left:
            if wave.size is None:
                members = [name for name in left if name in wave.targets]
            else:
                by_chance = [name for name in left if last or name not in chosen]
                members = by_chance[: at_least_one(wave.size, total)]
            taken = {*members}
            left = [name for name in left if name not in taken]
            yield entry, members
            if not last or wave.size is None:
                break
    yield len(rollout.waves), left


def _mixed(digest: Digest, name: TargetName) -> bytes:
    return hashlib.sha256(f"{digest} {name}".encode(errors="surrogateescape")).digest()
