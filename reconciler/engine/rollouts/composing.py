"""What a source declares while a revision of it has not reached all its targets: on each what is in force there.

Invariants: on a target whose turn has not come nothing of the new revision is declared, and nothing of the one before
is left out; the policies of that one hold there, beside the newest. Where that one cannot be evaluated any more, it is
not known what is declared there, as where facts are not known: nothing is touched or removed. Who goes by what is
declared knows nothing of rollouts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace

from reconciler.errors import ConfigError
from reconciler.model.desired import Desired
from reconciler.model.names import Address, Digest, SourceName, TargetName
from reconciler.model.resource import Instance
from reconciler.model.rollout import RolloutRecord, RolloutTurn
from reconciler.model.source import Snapshot, SnapshotGone
from reconciler.store.store import Store

Evaluate = Callable[[Snapshot], Awaitable[Desired]]
"""Gives what a snapshot declares. Raises ConfigError or SnapshotGone."""

NOTHING = Digest("sha256:" + hashlib.sha256(b"").hexdigest())
"""Of all that is declared on a target on which nothing is."""
UNKNOWN = Digest("")
"""The same where that is not known: nothing is equal to it."""


def contents(desired: Desired) -> dict[TargetName, Digest]:
    """The digest of all that is declared on each target on which anything is, or on which that is not known."""
    found: dict[TargetName, list[str]] = {}
    for address, one in desired.instances.items():
        found.setdefault(one.target, []).append(f"{address} {one.digest}")
    digests = {name: _digest(lines) for name, lines in found.items()}
    return digests | dict.fromkeys(desired.waiting, UNKNOWN)


def pinned(records: Iterable[RolloutRecord]) -> dict[TargetName, RolloutTurn]:
    """The targets whose turn has not come."""
    return {turn.target: turn for record in records for turn in record.pinned}


def compose(
    desired: Desired, turns: Mapping[TargetName, RolloutTurn], bases: Mapping[int, Desired | None]
) -> Desired:
    """What is declared while `desired` has not reached all its targets.

    Args:
        desired: the new revision.
        turns: the targets whose turn has not come.
        bases: what the snapshots declare that are in force there, by their numbers; None for one that does not evaluate
            any more.
    """
    if not turns:
        return desired
    there = {name: bases[turn.before] for name, turn in turns.items() if turn.before is not None}
    unknown = {name for name, base in there.items() if base is None}
    of = {name: base for name, base in there.items() if base is not None}
    used = list({id(base): base for base in of.values()}.values())
    instances = {a: one for a, one in desired.instances.items() if one.target not in turns}
    for base in used:
        instances |= {a: one for a, one in base.instances.items() if of.get(one.target) is base}
    waiting = {name for name in desired.waiting if name not in turns} | unknown
    waiting |= {name for name, base in of.items() if name in base.waiting}
    graphs = {name: graph for name, graph in desired.graphs.items() if name not in turns}
    graphs |= {name: base.graphs[name] for name, base in of.items() if name in base.graphs}
    # How a target is reached is no part of what is on it; of one that is declared no longer it is as it was.
    lost = {name: base.targets[name] for name, base in of.items() if name in base.targets}
    said = [f"{name} {turn.before}" for name, turn in turns.items()]
    return replace(
        desired,
        digest=_digest([desired.digest, *said]),
        targets={**lost, **desired.targets},
        instances=_in_order(instances, desired, used),
        graphs=graphs,
        blobs={digest: blob for base in (*used, desired) for digest, blob in base.blobs.items()},
        waiting=frozenset(waiting),
        facts_read=frozenset(section for base in (*used, desired) for section in base.facts_read),
        secrets=frozenset(secret for base in (*used, desired) for secret in base.secrets),
        elsewhere={name: turn.revision for name, turn in turns.items()},
        governed={name: base.policies for name, base in of.items() if base.policies is not None},
        awaiting={
            address: one
            for address, one in desired.instances.items()
            if one.target in turns and (address not in instances or instances[address].digest != one.digest)
        },
    )


def _in_order(
    instances: Mapping[Address, Instance], desired: Desired, used: Collection[Desired]
) -> dict[Address, Instance]:
    """As the new revision declares them, and then what only others do."""
    order = dict.fromkeys(a for base in (desired, *used) for a in base.instances if a in instances)
    return {address: instances[address] for address in order}


class SourceComposing:
    """What of a source's snapshots is needed for that, evaluated once.

    Args:
        store: where they are.
        evaluate: gives what one declares.
    """

    def __init__(self, store: Store, evaluate: Evaluate) -> None:
        self._store = store
        self._evaluate = evaluate
        self._known: dict[int, Desired] = {}

    async def composed(self, desired: Desired) -> Desired:
        """What a source declares by what is on record, where `desired` is what its snapshot in force says."""
        records = await records_of(self._store, desired.source)
        return await self.of(desired, records)

    async def of(self, desired: Desired, records: Iterable[RolloutRecord]) -> Desired:
        """The same by these records."""
        turns = pinned(records)
        numbers = {turn.before for turn in turns.values() if turn.before is not None}
        bases = {number: await self._base(number) for number in sorted(numbers)}
        self._known = {number: one for number, one in self._known.items() if number in numbers}
        return compose(desired, turns, bases)

    async def _base(self, number: int) -> Desired | None:
        known = self._known.get(number)
        if known is not None and not known.facts_read:
            return known
        try:
            kept = await self._store.snapshot(number)
            if kept is None:
                return None
            found = self._known[number] = await self._evaluate(kept)
        except (ConfigError, SnapshotGone):
            return None
        return found


async def records_of(store: Store, source: SourceName) -> list[RolloutRecord]:
    """How far the rollouts of a source are, as it is on record."""
    return [one for one in await store.load_rollouts() if one.source == source]


def _digest(lines: Iterable[str]) -> Digest:
    text = "\n".join(sorted(lines))
    return Digest("sha256:" + hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest())
