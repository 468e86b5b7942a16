"""The values that the store keeps and that `reconciler.model` has no word for.

They are plain and immutable, and know neither rows nor SQL.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.event import Event
    from reconciler.model.names import Address, Digest, TargetName
    from reconciler.model.plan import Action, Cause, FieldDiff
    from reconciler.model.resource import Instance
    from reconciler.model.scope import Scope


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """Who holds the store, in words that let a person find them.

    Attributes:
        host: name of the machine.
        pid: of the process.
        boot_id: of the kernel that it runs on: another one means that the machine was started again.
        since: seconds since the epoch.
    """

    host: str
    pid: int
    boot_id: str
    since: float

    def is_process(self, other: LeaseHolder) -> bool:
        """Whether both are the same process, whenever they began to hold anything."""
        return (self.host, self.pid, self.boot_id) == (other.host, other.pid, other.boot_id)

    @classmethod
    def of_this_process(cls, since: float) -> Self:
        """The process that calls this."""
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot_id = file.read().strip()
        return cls(os.uname().nodename, os.getpid(), boot_id, since)


@dataclass(frozen=True, slots=True)
class Lease:
    """The one lease of a store, as it stands in it.

    Attributes:
        holder: who took it last.
        token: rises with every change of hands; a write that carries an older one is refused.
        expires: seconds since the epoch; 0 once it was given back.
        locked: whether the holder also has the lock that dies with its process.
        store: which store this is, for those who are told of the token: 32 hexadecimal digits; "" until it is taken.
    """

    holder: LeaseHolder
    token: int
    expires: float
    locked: bool
    store: str


class Ownership(StrEnum):
    """How something came to be ours."""

    CREATED = "created"
    ADOPTED = "adopted"


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryEntry:
    """Something that we created or adopted. Only what is in the inventory may ever be pruned.

    Attributes:
        ownership: how it came to be ours.
        instance: as last applied, complete, so that destroying it needs no file.
        recorded_at: seconds since the epoch.
        preimage: the content that was there at first contact; its blob is kept while the entry stands.
    """

    ownership: Ownership
    instance: Instance
    recorded_at: float
    preimage: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedKey:
    """A key of the work queue that must survive a restart.

    Attributes:
        target: the key.
        priority: as the work queue counts it.
        scope: the instances to look at.
        added_at: seconds since the epoch.
    """

    target: TargetName
    priority: int
    scope: Scope[Address]
    added_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One round on one target that set out to change something.

    Attributes:
        id: sorts by time.
        target: its name.
        cause: a Cause's value, or "mixed" where its units have several.
        revision: of the snapshot.
        started_at: seconds since the epoch.
        finished_at: None while it is under way, and after a crash until somebody settles it.
        outcome: a Reason's value; "" while under way.
        message: one line for a person.
        units: how many instances it set out to change.
    """

    id: str
    target: TargetName
    cause: str
    revision: str
    started_at: float
    finished_at: float | None = None
    outcome: str = ""
    message: str = ""
    units: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUnit:
    """What a run set out to do to one instance, and what became of it.

    Attributes:
        run: id of the run.
        address: the instance.
        action: what was intended.
        cause: why.
        diffs: what differed.
        desired: digest of the instance as declared.
        observed: digest of its actual state before.
        preimage: the content that was there before, where it was kept.
        outcome: a Reason's value; "" while in doubt.
        message: one line for a person.
    """

    run: str
    address: Address
    action: Action
    cause: Cause
    diffs: tuple[FieldDiff, ...]
    desired: Digest
    observed: Digest
    preimage: Digest | None = None
    outcome: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """What became of one intent.

    Attributes:
        address: the instance.
        outcome: a Reason's value.
        message: one line for a person.
    """

    address: Address
    outcome: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One privileged act.

    Attributes:
        id: rises by one from 1; 0 before it is stored.
        at: seconds since the epoch.
        actor: who: a user, or a provider package.
        action: what, such as `suspend` or `provider.refused`.
        object: to what.
        data: more for machines.
    """

    id: int = 0
    at: float
    actor: str
    action: str
    object: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How much of the past is kept. What is in force, owned or in doubt is kept whatever is said here.

    Attributes:
        events: how many, at most.
        event_age: seconds.
        runs: how many, at most.
        run_age: seconds.
        units: of all runs together, at most; those of the newest run are kept, however many they are.
        snapshots: how many of each source, at least 1; one that a source was rolled back to is kept besides.
        blob_bytes: quota of the digest store; what was used least recently goes first.
        interval: seconds between two looks at all this, while something is being written.
    """

    events: int = 50_000
    event_age: float = 90 * 86_400.0
    runs: int = 2_000
    run_age: float = 90 * 86_400.0
    units: int = 50_000
    snapshots: int = 10
    blob_bytes: int = 1 << 30
    interval: float = 300.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a batch became when it was written.

    Attributes:
        events: its events with the ids that they got.
        audit: its audit records with the ids that they got.
        objects: of what it put something else on record, as `reconciler/store/feed.py` names it; some may be there
            twice.
    """

    events: tuple[Event, ...] = ()
    audit: tuple[AuditRecord, ...] = ()
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """How the store is, for `froyo doctor` and the metrics.

    Attributes:
        path: of the database.
        schema: revision of the schema.
        database_bytes: size of the database.
        wal_bytes: size of its write-ahead log.
        blob_bytes: size of all blobs together.
        rows: by table.
        lease: who holds the store, or held it last; None if nobody ever did.
    """

    path: str
    schema: str
    database_bytes: int
    wal_bytes: int
    blob_bytes: int
    rows: Mapping[str, int]
    lease: Lease | None
