"""What is known about each object: conditions, generation, the last observation, and a short history."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.model.conditions import Condition
from reconciler.model.names import Address, Digest, SourceName, TargetName, source_object, target_object
from reconciler.model.resource import Instance

_NOWHERE = SourceName("")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One round that did something, for the history of five.

    Attributes:
        at: seconds since the epoch at its end.
        generation: that was reconciled.
        cause: a Cause's value.
        outcome: the reason of its event, such as `Repaired`.
        message: what was done, in one line.
        duration: seconds.
        revision: of its source, at which it was done; "" where that is not on record.
    """

    at: float
    generation: int
    cause: str
    outcome: str
    message: str
    duration: float
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceState:
    """What is known about an instance.

    Attributes:
        address: the instance.
        generation: rises by one whenever the instance's digest changes.
        digest: of the instance at that generation.
        observed_generation: the generation last observed in sync or stalled; 0 before.
        observed: digest of its actual state when last in sync; None before.
        observed_at: seconds since the epoch of the observation that `observed` speaks of; 0 before.
        owned: whether we created or adopted it.
        conditions: by type, those that are present.
        history: the last five rounds that did something, newest first.
        failures: consecutive failures, for the backoff.
        source: what declared it last; "" where that was not on record yet.
        held: digest of what a person was last shown as waiting for them; None where nothing waits.
        subject: what it is about on its target; "" where its kind does not say, or that was not on record yet.
        declared_at: the place of its declaration, or "".
    """

    address: Address
    generation: int = 1
    digest: Digest
    observed_generation: int = 0
    observed: Digest | None = None
    observed_at: float = 0.0
    owned: bool = False
    conditions: tuple[Condition, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    failures: int = 0
    source: SourceName = _NOWHERE
    held: Digest | None = None
    subject: str = ""
    declared_at: str = ""

    @classmethod
    def unseen(cls, instance: Instance, source: SourceName) -> ResourceState:
        """Of what nobody has looked at yet."""
        return cls(
            address=instance.address,
            digest=instance.digest,
            source=source,
            subject=instance.subject,
            declared_at=str(instance.origin),
        )

    def at(self, instance: Instance, source: SourceName) -> ResourceState:
        """The same, with what it is about, what declares it and where, as that is now."""
        subject, place = instance.subject, str(instance.origin)
        if (source, subject, place) == (self.source, self.subject, self.declared_at):
            return self
        return replace(self, source=source, subject=subject, declared_at=place)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """What is known about a target.

    Attributes:
        name: the target.
        conditions: Ready.
        connected_since: seconds since the epoch; None without a session.
    """

    name: TargetName
    conditions: tuple[Condition, ...] = ()
    connected_since: float | None = None

    @property
    def object(self) -> str:
        """What events call it."""
        return target_object(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What is known about a source.

    Attributes:
        name: the source.
        conditions: Ready with reason InSync, or with why not: PermanentError (it does not evaluate), Held (it declares
            nothing any more), TransientError (it cannot be read), Pending.
        revision: of the snapshot in force; "" before the first.
        digest: of the snapshot in force.
        problems: why the newest snapshot is not in force, one line each with file:line:column.
        degraded: why only rescans carry on, or "".
    """

    name: SourceName
    conditions: tuple[Condition, ...] = ()
    revision: str = ""
    digest: str = ""
    problems: tuple[str, ...] = ()
    degraded: str = ""

    @property
    def object(self) -> str:
        """What events call it."""
        return source_object(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """A person's wish that a source be as it was at an earlier revision, for a while.

    Attributes:
        source: the source.
        snapshot: number of the snapshot that is in force in the place of the newest.
        revision: of that snapshot.
        digest: of that snapshot.
        by: who.
        reason: why.
        since: seconds since the epoch.
        until: seconds since the epoch at which it ends by itself; None for never.
    """

    source: SourceName
    snapshot: int
    revision: str
    digest: Digest
    by: str
    reason: str
    since: float
    until: float | None = None

    def holds(self, now: float) -> bool:
        """Whether its end has not come. Until something newer is in force it stays on record."""
        return self.until is None or self.until > now


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """A person's wish that something be left alone for a while.

    Attributes:
        object: an address, a target and a kind (`web-1/File`), a target's name, or "*" for everything. "*" in the place
            of the target means every target (`*/File`, `*/File/motd`). What is declared later is covered, too.
        by: who.
        reason: why.
        since: seconds since the epoch.
        until: seconds since the epoch at which it ends by itself; None for never.
    """

    object: str
    by: str
    reason: str
    since: float
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """That a person wants done what waits for them.

    Attributes:
        address: the instance.
        shown: digest of what they were shown: it holds for that and for nothing else.
        by: who.
        reason: why.
        at: seconds since the epoch.
    """

    address: Address
    shown: Digest
    by: str
    reason: str
    at: float


def overlap(one: str, other: str) -> bool:
    """Whether there can be an address that suspensions of both these objects concern."""
    return all(a == b or "*" in (a, b) for a, b in zip(one.split("/", 2), other.split("/", 2), strict=False))


def covers(object_: str, address: Address) -> bool:
    """Whether a suspension of `object_` (as in `Suspension.object`) concerns `address`.

    One of a name concerns what had that name, too: it is the thing that was meant.
    """
    if object_ == address:
        return True
    wanted, found = object_.split("/", 2), address.split("/", 2)
    if "~" not in object_:
        found = address.partition("~")[0].split("/", 2)
    return len(wanted) <= len(found) and all(
        part in ("*", word) for part, word in zip(wanted, found, strict=False)
    )
