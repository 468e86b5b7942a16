"""The documents of the API, made of what the statuses of a cluster's objects say.

A status has of an object for several targets how many there are, and no more than some of those on which it is not as
declared. Invariant: what it does not say is not made up. Those that it names are items of their own, the others are one
item that says how many it stands for (`instances`), and what is left out that a daemon would say is told in `leftOut`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.api import views
from reconciler.app.operator.statuses import INVALID, WORST
from reconciler.config.builtin import COMMON
from reconciler.config.fields import PLAIN, subjects_of
from reconciler.config.schemas import filler
from reconciler.engine.wording import advice
from reconciler.model.catalog import Kind
from reconciler.model.conditions import Reason
from reconciler.model.names import TargetName, address, reference, target_name
from reconciler.model.sensitive import HIDDEN, is_sensitive
from watchers.kubernetes.objects import annotations_of

Document = views.Document
Found = Mapping[str, Any]

BY_OBJECT = "manifest"
"""Who leaves alone what its own `suspend` says is to be left alone."""
_COMMON: Document = {
    "policy": PLAIN.policy.value,
    "adopt": PLAIN.adopt.value,
    "deletion": PLAIN.deletion.value,
    "require": [],
    "before": [],
    "notify": [],
}
"""Of the fields that every kind has those that a document has by themselves, as they are where nothing is said."""
UNSAID = "no operator has said anything of it yet"
CHANGED = "declared otherwise since it was last looked at"


def resources(kind: Kind, found: Found, *, specs: bool) -> Iterator[Document]:
    """What is known of an object of a provider's kind: an item for each target that its status names, and the rest.

    Args:
        kind: of the object.
        found: the object.
        specs: whether the items say how it is declared.
    """
    status = found.get("status") or {}
    many = status.get("targets") or {}
    head = _head(kind, found, specs=specs)
    ready = _condition(status, "Ready")
    current = _is_current(found, status)
    if many.get("total", 1) == 1 or not current or ready is None or ready["reason"] == INVALID:
        yield _alone(head, found, status, current=current)
        return
    total, well, failed = many["total"], many["ready"], many["failed"]
    worst = many.get("worst") or []
    for number, one in enumerate(worst):
        said = "False" if number < failed else "Unknown"
        yield _item(head, one["target"], said, one["reason"], one["message"])
    if beyond := total - well - len(worst):
        said = "False" if failed > len(worst) else "Unknown"
        message = "its status does not name the targets on which it is so"
        yield {**_item(head, "", said, ready["reason"], message), "instances": beyond}
    if well:
        yield {**_item(head, "", "True", Reason.IN_SYNC, "as declared"), "instances": well}
    if not total:
        yield {**_item(head, "", ready["status"], ready["reason"], ready["message"]), "instances": 0}


def _alone(head: Document, found: Found, status: Found, *, current: bool) -> Document:
    """The one item of an object that is for one target, or of which nothing is said of several."""
    ready, stalled = _condition(status, "Ready"), _condition(status, "Stalled")
    target = status.get("target", "")
    if (status.get("targets") or {}).get("total", 1) != 1 or " " in target:
        target = ""
    spec = found.get("spec") or {}
    if not target and isinstance(spec.get("target"), str):
        namespace, _, name = spec["target"].rpartition(":")
        target = target_name(name, namespace or found["metadata"]["namespace"])
    if ready is None:
        return _item(head, target, "Unknown", Reason.PENDING, UNSAID)
    if not current:
        return _item(head, target, "Unknown", Reason.PENDING, CHANGED)
    shown = stalled or ready
    item = _item(head, target, ready["status"], shown["reason"], shown["message"])
    item["since"] = _since(shown)
    if found["metadata"].get("deletionTimestamp"):
        item["message"] = f"is being deleted; {item['message']}"
    return item


def _head(kind: Kind, found: Found, *, specs: bool) -> Document:
    """What is the same in all items of an object."""
    metadata, status = found["metadata"], found.get("status") or {}
    namespace, name = metadata["namespace"], metadata["name"]
    ref = reference(kind.kind, name, namespace)
    head: Document = {
        "kind": kind.kind,
        "name": ref.partition("/")[2],
        "generation": metadata.get("generation", 0),
        "observedGeneration": status.get("observedGeneration", 0),
        "observedAt": None,
        "conditions": list(status.get("conditions") or ()),
        "history": list(status.get("history") or ()),
        "subject": subject_of(kind, found),
        "declaredAt": f"{namespace}/{kind.kind}.{kind.api_version.partition('/')[0]}/{name}",
    }
    if status.get("lastDiff"):
        head["lastDiff"] = status["lastDiff"]
    if held := suspension(kind, found):
        head["suspended"] = [held]
    if specs:
        head["metadata"] = {
            "name": name,
            "namespace": namespace,
            "labels": dict(metadata.get("labels") or {}),
            "annotations": annotations_of(metadata),
        }
        spec = found.get("spec") or {}
        for name, usual in _COMMON.items():
            head[name] = spec.get(name, usual)
        head["spec"] = _spec(kind, {key: one for key, one in spec.items() if key not in COMMON})
    return head


def _item(head: Document, target: str, ready: str, reason: str, message: str) -> Document:
    ref = f"{head['kind']}/{head['name']}"
    where = address(TargetName(target), ref) if target else ref  # type: ignore[arg-type] # it is one
    said = advice(where, reason)
    return {
        "address": where,
        "target": target,
        "ready": ready,
        "reason": str(reason),
        "message": message,
        "advice": f"{said} (there where the operator runs)" if said else "",
        "since": None,
        **head,
    }


def _spec(kind: Kind, spec: Found) -> Document:
    """As declared; a content that is sensitive stays hidden here, too."""
    shown = dict(spec)
    if is_sensitive(spec):
        for name in (kind.body.text, kind.body.base64):
            if name and name in shown:
                shown[name] = HIDDEN
    return shown


def subject_of(kind: Kind, found: Found) -> str:
    """What an object is about on its targets; "" where that is another thing on each, or its kind does not say."""
    spec = found.get("spec") or {}
    fill = filler(kind.schema)
    try:
        about = subjects_of((*kind.shares, *kind.provides)[:1], fill(spec) if fill else spec)
    except (AttributeError, KeyError, TypeError):
        return ""
    first = next(iter(about), None)
    return "" if first is None or "${" in str(first) else str(first)


def suspension(kind: Kind, found: Found) -> Document | None:
    """That an object says itself that it is to be left alone; None where it does not."""
    wanted = (found.get("spec") or {}).get("suspend")
    if not isinstance(wanted, Mapping):
        return None
    metadata = found["metadata"]
    ready = _condition(found.get("status") or {}, "Ready")
    since = _since(ready) if ready and ready["reason"] == Reason.SUSPENDED else None
    return {
        "object": f"*/{reference(kind.kind, metadata['name'], metadata['namespace'])}",
        "by": BY_OBJECT,
        "reason": wanted.get("reason", ""),
        "since": since or metadata.get("creationTimestamp"),
        "until": wanted.get("until"),
    }


def target(found: Found) -> Document:
    """What is known of a Target."""
    metadata, status = found["metadata"], found.get("status") or {}
    conditions = list(status.get("conditions") or ())
    ready = _condition(status, "Ready")
    if ready is None or not _is_current(found, status):
        said = {"reason": Reason.PENDING.value, "message": UNSAID if ready is None else CHANGED}
        conditions = [{"type": "Ready", "status": "Unknown", **said, "lastTransitionTime": None}]
    since = _since(ready) if ready is not None and ready["status"] == "True" else None
    return {
        "name": target_name(metadata["name"], metadata["namespace"]),
        "instances": (status.get("instances") or {}).get("total", 0),
        "conditions": conditions,
        "connectedSince": status.get("connectedSince") or since,
        "lastSeen": status.get("lastSeen"),
        "nextTry": None,
    }


def source(found: Found) -> Document:
    """What is known of a Source."""
    metadata, status = found["metadata"], found.get("status") or {}
    return {
        "name": target_name(metadata["name"], metadata["namespace"]),
        "revision": status.get("revision", ""),
        "digest": "",
        "conditions": list(status.get("conditions") or ()),
        "problems": [],
        "degraded": "",
        "rollback": None,
    }


def rollout(found: Found) -> Document:
    """How far a Rollout is, with those targets that its status names."""
    metadata, status = found["metadata"], found.get("status") or {}
    ready, many = _condition(status, "Ready"), status.get("targets") or {}
    return {
        "name": metadata["name"],
        "source": f"kubernetes:{metadata['namespace']}",
        "revision": status.get("revision", ""),
        "digest": "",
        "phase": status.get("phase", "Unknown"),
        "message": UNSAID if ready is None else ready["message"],
        "since": status.get("since"),
        "wave": status.get("wave", 0),
        "waves": status.get("waves", 0),
        "paused": status.get("paused", ""),
        "total": many.get("total", 0),
        "reached": status.get("reached", 0),
        "failed": many.get("failed", 0),
        "targets": [{**one, "since": None} for one in status.get("turns") or ()],
    }


def unnamed(rollouts: Iterable[Document]) -> list[str]:
    """What is left out of rollouts, as sentences."""
    if all(len(one["targets"]) < WORST for one in rollouts):
        return []
    return [
        "of a rollout a status names at most ten targets, of those that it has not reached or that are not ready"
    ]


def namespace(name: str, objects: Iterable[tuple[str, Found]]) -> Document:
    """A namespace as the source that it is, with what is wrong in it.

    Args:
        name: of the namespace.
        objects: of all kinds, with what each is called, such as `File/motd`.
    """
    problems, revision, total = [], "", 0
    for called, found in objects:
        status = found.get("status") or {}
        total += 1
        revision = status.get("revision") or revision
        ready = _condition(status, "Ready")
        if ready is not None and ready["reason"] == INVALID:
            problems.append(f"{name}/{called}: {ready['message']}")
    message = f"{total:,} object{'' if total == 1 else 's'}"
    ready = {
        "type": "Ready",
        "status": "False" if problems else "True",
        "reason": INVALID if problems else "InForce",
        "message": f"{message}, {len(problems):,} of them wrong" if problems else message,
        "lastTransitionTime": None,
    }
    return {
        "name": f"kubernetes:{name}",
        "revision": revision,
        "digest": "",
        "conditions": [ready],
        "problems": sorted(problems),
        "degraded": "",
        "rollback": None,
    }


def _is_current(found: Found, status: Found) -> bool:
    """Whether the status speaks of the object as it is."""
    return bool(status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0))


def _since(condition: Document) -> str | None:
    """Since when one is so; None where that is not known."""
    said = condition.get("lastTransitionTime")
    return None if said is None else str(said)


def _condition(status: Found, type_: str) -> Document | None:
    return next((one for one in status.get("conditions") or () if one["type"] == type_), None)
