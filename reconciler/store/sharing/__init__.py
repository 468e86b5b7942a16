"""How the targets of a store are shared out among several controllers: values, and their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.names import Address, Digest, SourceName
from reconciler.store import codec
from reconciler.store.records import Lease, LeaseHolder


@dataclass(frozen=True, slots=True)
class Member:
    """A controller that shares the targets of a store with others.

    Attributes:
        number: its own, given once.
        holder: which process it is.
    """

    number: int
    holder: LeaseHolder


@dataclass(frozen=True, slots=True)
class ShardLease:
    """A part of the targets, and who has it.

    Attributes:
        member: the number of who has it; 0 for nobody.
        token: rises with every change of hands.
    """

    member: int
    token: int


@dataclass(frozen=True, slots=True)
class Sharing:
    """How the targets of a store are shared out, at one moment.

    Attributes:
        members: who shares them.
        shards: who has which part; of those that nobody ever had nothing is said.
        living: the numbers of the members that show that they live.
        lease: whose word counts for all of them; None if nobody's ever did.
        led: whether anybody shows that he has that.
        written: another number after each transaction that has written.
    """

    members: tuple[Member, ...]
    shards: Mapping[int, ShardLease]
    living: frozenset[int]
    lease: Lease | None
    led: bool
    written: int

    @property
    def leader(self) -> Member | None:
        """The member whose word counts for all; None where there is none."""
        if self.lease is None or not self.lease.locked:
            return None
        held = self.lease.holder
        return next((one for one in self.members if one.holder.is_process(held)), None)


@dataclass(frozen=True, slots=True)
class ControllerShare:
    """What a member has in a store that several share, as it is on record.

    Attributes:
        holder: which process it is.
        shards: its parts.
        leads: whether it decides what is in force, for all of them.
    """

    holder: LeaseHolder
    shards: frozenset[int]
    leads: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """What has been put in force of a source, by the controller whose word counts for all that share a store.

    Attributes:
        source: its name.
        digest: of the snapshot.
        doubt: why it may not mean what it leaves out, or "".
        certain: the files of which it does, all the same.
        held: of what it declares no longer, what waits for a person, and why.
    """

    source: SourceName
    digest: Digest
    doubt: str
    certain: frozenset[str]
    held: Mapping[Address, str]


def member_row(member: Member) -> codec.Row:
    """For ADD_MEMBER."""
    holder = member.holder
    return {
        "number": member.number,
        "host": codec.words(holder.host),
        "pid": holder.pid,
        "boot_id": holder.boot_id,
        "since": holder.since,
    }


def member(row: Sequence[Any]) -> Member:
    """From MEMBERS."""
    number, *holder = row
    return Member(number, LeaseHolder(*holder))


def decision_row(decision: Decided) -> codec.Row:
    """For PUT_DECISION."""
    return {
        "source": decision.source,
        "digest": decision.digest,
        "doubt": codec.document([decision.doubt, sorted(decision.certain)]),
        "held": codec.document(decision.held),
    }


def decision(row: Sequence[Any]) -> Decided:
    """From DECISIONS."""
    source, digest, doubted, held = row
    doubt, certain = codec.parse(doubted)
    return Decided(SourceName(source), Digest(digest), doubt, frozenset(certain), codec.parse(held))
