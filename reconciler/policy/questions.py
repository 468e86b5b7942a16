"""What policies are asked: a snapshot, or changes of one target, as JSON. `docs/spec/policy.md` is normative.

Invariants: a secret is its mark, and a content that is sensitive is not there at all; the same question is the same
text, but for the time, so that a decision can be made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reconciler.core.version_order import is_older
from reconciler.model.envelope import envelope
from reconciler.model.names import Reference, TargetName
from reconciler.model.plan import FieldDiff
from reconciler.model.resource import Instance
from reconciler.model.sensitive import HIDDEN, is_sensitive
from reconciler.model.target import LocalTransport, Target

if TYPE_CHECKING:
    from reconciler.model.desired import Desired
    from reconciler.model.facts import Facts
    from reconciler.model.policy import Actor, AtWork, PlannedChange

Question = dict[str, Any]

AT_WORK = "at_work"
"""Where a question has the other targets at which changes are being made."""


def moment(now: float) -> dict[str, Any]:
    """A time as policies see it: in nanoseconds, which is what `time.*` takes, and as RFC 3339 has it."""
    shown = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"ns": int(now * 1000) * 1_000_000, "rfc3339": shown}


# --- Changes --------------------------------------------------------------------------------------------------------


def about_plan(
    target: Target,
    changes: Sequence[PlannedChange],
    at_work: Sequence[AtWork] | None,
    *,
    facts: Facts,
    capabilities: Mapping[str, Any],
    actor: Actor,
) -> Question:
    """What is asked about changes of a target, without the time.

    Args:
        target: which.
        changes: what is planned.
        at_work: the other targets at which changes are being made; None where that is not known of all.
        facts: what is known of the target.
        capabilities: by package, what its provider may ask of a target.
        actor: on whose account it would be done.
    """
    packages = {change.instance.package for change in changes}
    found = {
        "target": _target(target),
        "facts": {name: dict(section) for name, section in facts.sections.items()},
        "changes": [_change(one) for one in changes],
        "providers": {
            name: {"capabilities": capabilities[name]} for name in sorted(packages) if name in capabilities
        },
        "actor": actor.document(),
    }
    if at_work is not None:
        found[AT_WORK] = [
            {"name": one.target.name, "labels": dict(one.target.labels)}
            for one in sorted(at_work, key=lambda one: one.target.name)
        ]
    return found


def _target(target: Target) -> dict[str, Any]:
    transport = target.transport
    found: dict[str, Any] = {"name": target.name, "labels": dict(target.labels)}
    if isinstance(transport, LocalTransport):
        return {**found, "transport": "local"}
    return {
        **found,
        "transport": "ssh",
        "host": transport.host,
        "port": transport.port,
        "user": transport.user,
    }


def _change(change: PlannedChange) -> dict[str, Any]:
    unit, instance = change.unit, change.instance
    return {
        "address": unit.address,
        **_object(instance),
        "subject": instance.subject,
        "action": unit.action.value,
        "cause": unit.cause.value,
        "fields": [_field(diff) for diff in unit.diffs],
        "provider": instance.package,
        "disruptive": instance.disruptive,
        "removal": instance.removal is not None,
        "source": change.source,
    }


def _field(diff: FieldDiff) -> dict[str, Any]:
    found: dict[str, Any] = {"field": diff.field, "before": _value(diff.before), "after": _value(diff.after)}
    if diff.ignored:
        found["ignored"] = True
    if diff.sensitive:
        found["sensitive"] = True
    texts = isinstance(diff.before, str) and isinstance(diff.after, str)
    if texts and diff.field.rsplit(".", 1)[-1] == "version":
        found["downgrade"] = is_older(_version(diff.after), diff.before)
    return found


def _version(declared: str) -> str:
    """The version that a declaration is about, be it written as a bound."""
    return declared.lstrip("<>= ").partition(",")[0].strip()


def _value(value: Any) -> Any:
    """A body by its digest and its size: its text is there or not, as whoever looks wants to show it."""
    if isinstance(value, Mapping) and ("digest" in value or "text" in value):
        return {key: found for key, found in value.items() if key in {"digest", "size"}}
    return value


# --- Objects --------------------------------------------------------------------------------------------------------


def about_snapshot(desired: Desired) -> Question:
    """What is asked about a snapshot, without the time."""
    return {
        "source": {"name": desired.source, "revision": desired.revision},
        "objects": [*map(_declared_target, desired.targets.values()), *_objects(desired.instances.values())],
    }


def _declared_target(target: Target) -> dict[str, Any]:
    described = _target(target)
    return {
        "ref": f"Target/{target.name}",
        **envelope("Target"),
        "metadata": {"name": target.name, "labels": described.pop("labels")},
        "spec": {key: value for key, value in described.items() if key != "name"},
        "file": target.origin.file,
        "line": target.origin.line,
    }


def _objects(instances: Iterable[Instance]) -> list[dict[str, Any]]:
    """Each resource once for all targets on which it is the same."""
    found: dict[tuple[Reference, str], dict[str, Any]] = {}
    for one in instances:
        known = found.get((one.ref, one.digest))
        if known is None:
            common = one.common
            known = found[one.ref, one.digest] = {
                **_object(one),
                "ref": one.ref,
                "policy": common.policy.value,
                "deletion": common.deletion.value,
                "provider": one.package,
                "targets": list[TargetName](),
                "file": one.origin.file,
                "line": one.origin.line,
            }
        known["targets"].append(one.target)
    return list(found.values())


def _object(instance: Instance) -> dict[str, Any]:
    """What a resource is, as it is declared."""
    metadata = instance.metadata
    return {
        "apiVersion": instance.api_version,
        "kind": instance.kind,
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "labels": dict(metadata.labels),
            "annotations": dict(metadata.annotations),
        },
        "spec": _spec(instance),
    }


def _spec(instance: Instance) -> dict[str, Any]:
    """As declared; of a sensitive content not even the digest, by which a short one could be guessed.

    Of a tree only how much it is.
    """
    spec = dict(instance.spec)
    if tree := spec.get("tree"):
        spec["tree"] = {"files": len(tree), "size": sum(size for _, size, _ in tree.values())}
    if "body" in spec and (is_sensitive(spec) or instance.holds_secret):
        spec["body"] = HIDDEN
    return spec
