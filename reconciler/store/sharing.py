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
class Decision:
    """What has been put in force of a source, by the controller whose word counts for all that share a store.

    Attributes:
        source: its name.
        digest: of the snapshot.
        doubt: why it may not mean what it leaves out, or "".
        held: of what it declares no longer, what waits for a person, and why.
    """

    source: SourceName
    digest: Digest
    doubt: str
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


def decision_row(decision: Decision) -> codec.Row:
    """For PUT_DECISION."""
    return {
        "source": decision.source,
        "digest": decision.digest,
        "doubt": codec.words(decision.doubt),
        "held": codec.document(decision.held),
    }


def decision(row: Sequence[Any]) -> Decision:
    """From DECISIONS."""
    source, digest, doubt, held = row
    return Decision(SourceName(source), Digest(digest), doubt, codec.parse(held))
