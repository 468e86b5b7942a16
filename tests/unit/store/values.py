"""Values of every kind that the store keeps."""

from __future__ import annotations

import hashlib

from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.event import Event, EventType
from reconciler.model.evidence import Evidence
from reconciler.model.names import Address, Digest, SourceName, TargetName, address, reference
from reconciler.model.origin import Origin
from reconciler.model.plan import Action, Cause, FieldDiff, Operation, PlanUnit
from reconciler.model.resource import Adopt, CommonSpec, Deletion, Instance, Metadata, Policy, Suspended
from reconciler.model.source import Snapshot, SnapshotFile
from reconciler.model.state import HistoryEntry, ResourceState
from reconciler.model.subjects import Subject
from reconciler.store.records import InventoryEntry, Ownership, Run

WEB = TargetName("web-1")
SOURCE = SourceName("here")


def digest(text: str | bytes) -> Digest:
    data = text.encode() if isinstance(text, str) else text
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def file_address(name: str, target: TargetName = WEB) -> Address:
    return address(target, reference("File", name))


def state(name: str = "motd", *, target: TargetName = WEB, generation: int = 1) -> ResourceState:
    return ResourceState(
        address=file_address(name, target),
        generation=generation,
        digest=digest(name),
        observed_generation=generation,
        observed=digest("observed"),
        observed_at=1_799_999_999.25,
        owned=True,
        conditions=(
            Condition(ConditionType.READY, True, Reason.IN_SYNC, "in sync", 1_799_999_000.5, generation),
            Condition(ConditionType.DRIFTED, False, Reason.DIFFERS, "ü \udcff", 0.0, generation),
        ),
        history=(
            HistoryEntry(
                at=1.5,
                generation=1,
                cause="drift",
                outcome="Applied",
                message="mode: 0600 → 0644",
                duration=0.25,
            ),
        ),
        failures=3,
        source=SourceName("/srv/site"),
    )


def instance(name: str = "motd", *, body: Digest | None = None) -> Instance:
    spec = {"path": f"/etc/{name}", "mode": "0644", "labels": {"a": ["b"]}}
    if body is not None:
        spec["body"] = {"digest": body, "size": 1}
    return Instance(
        address=file_address(name),
        target=WEB,
        ref=reference("File", name),
        api_version="linux.froyo.dev/v1alpha1",
        kind="File",
        metadata=Metadata(name, labels={"role": "web"}),
        common=CommonSpec(
            require=(reference("Directory", "etc"),),
            interval=60.0,
            policy=Policy.OBSERVE,
            adopt=Adopt.HOLD,
            deletion=Deletion.DELETE,
            ignore_fields=("mode",),
            suspend=Suspended("so", 60.0),
        ),
        spec=spec,
        digest=digest(name),
        provides=(Subject("path", f"/etc/{name}"),),
        shares=(Subject("path", "/etc/hosts"),),
        uses=(Subject("package", "base-files"),),
        package="linux.file",
        origin=Origin("site/\udcff.yaml", 3, 1),
    )


def entry(
    name: str = "motd", *, body: Digest | None = None, preimage: Digest | None = None
) -> InventoryEntry:
    return InventoryEntry(
        ownership=Ownership.ADOPTED,
        instance=instance(name, body=body),
        recorded_at=1.0,
        preimage=preimage,
    )


def unit(name: str = "motd") -> PlanUnit:
    return PlanUnit(
        address=file_address(name),
        action=Action.UPDATE,
        cause=Cause.DRIFT,
        diffs=(
            FieldDiff(
                "content", {"digest": digest("a"), "size": 1}, {"digest": digest("b"), "size": 1}, "-a\n+b\n"
            ),
            FieldDiff("mode", None, "0644", ignored=True),
        ),
        operation=Operation(file_address(name), Action.UPDATE),
        desired=digest("desired"),
        observed=digest("observed"),
    )


def run(number: int = 1, *, target: TargetName = WEB, started_at: float = 1.0) -> Run:
    return Run(id=f"{number:022x}", target=target, cause="drift", revision="abc123", started_at=started_at)


def event(
    message: str = "put back", *, of: str = "web-1/File/motd", reason: str = "Repaired", at: float = 1.0
) -> Event:
    return Event(
        at=at,
        type=EventType.WARNING,
        reason=reason,
        object=of,
        message=message,
        cause="drift",
        evidence=Evidence(
            command="vim /etc/motd \udcff",
            pid=4711,
            user="root",
            login="alice",
            parents=("sudo", "bash"),
            at=0.5,
        ),
        duration=0.038,
        data={"run": "r1", "fields": ["mode"]},
    )


def snapshot(files: dict[str, bytes], *, revision: str = "r1") -> Snapshot:
    made = {
        name: SnapshotFile(name, digest(data), len(data), lambda data=data: data)
        for name, data in files.items()
    }
    return Snapshot(
        SOURCE,
        revision,
        digest(repr(sorted(files.items()))),
        made,
        root="/srv/\udcff",
        left_out={"big.iso": "too large"},
    )
