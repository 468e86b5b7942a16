"""What one revision declares and another one otherwise: what putting the second in the place of the first would change.

By what is declared alone: no target is asked, so what has drifted there is not told, nor what a provider would make of
a field. Invariant: what is sensitive in either of them is not shown.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.app.assembly import Parts
from reconciler.core import diff
from reconciler.core.revisions import chosen
from reconciler.errors import ConfigError, UsageError
from reconciler.model.desired import Desired
from reconciler.model.names import Address, Digest
from reconciler.model.plan import Action, Cause, FieldDiff, Operation, Plan, PlanUnit
from reconciler.model.resource import Deletion, Instance
from reconciler.model.sensitive import HIDDEN, is_sensitive
from reconciler.model.source import Snapshot, SnapshotGone

_KEPT = "it is declared no longer, and stays as it is: its deletion is orphan"
_ASKED = "it is declared no longer, and somebody is asked first: its deletion is confirm"


async def kept_revisions(parts: Parts, earlier: str, later: str, *, source: str) -> tuple[Snapshot, Snapshot]:
    """Two revisions that were in force.

    Args:
        parts: the engine's parts.
        earlier: a revision that is kept, as a person writes it.
        later: another one.
        source: whose they are; "" where there is no doubt.

    Raises:
        UsageError: one of them is not kept.
    """
    kept = await parts.store.revisions()
    first = chosen(earlier, kept, source=source)
    second = chosen(later, kept, source=source or first.source)
    found = []
    for one in (first, second):
        snapshot = await parts.store.snapshot(one.number)
        if snapshot is None:
            raise UsageError(f"revision {one.revision} is not kept any more; see: froyo get revisions")
        found.append(snapshot)
    return found[0], found[1]


async def compared(
    parts: Parts, first: Snapshot, second: Snapshot
) -> tuple[list[Plan], dict[Address, Instance], str]:
    """What would change, target by target; what it is about; and how the two revisions are called.

    Args:
        parts: the engine's parts.
        first: a revision.
        second: another one.

    Raises:
        UsageError: one of them does not evaluate.
    """
    before, after = [await _declared(parts, one) for one in (first, second)]
    now = parts.runtime.now()
    plans = [
        Plan(
            target=name,
            revision=second.revision,
            units=tuple(_units(before, after, name)),
            observed_at=now,
            errors={},
        )
        for name in sorted({*before.targets, *after.targets})
    ]
    return plans, {**before.instances, **after.instances}, f"{first.revision}..{second.revision}"


async def _declared(parts: Parts, snapshot: Snapshot) -> Desired:
    try:
        return await parts.runtime.offload("config", partial(parts.load, snapshot))
    except ConfigError as error:
        first, *rest = error.problems
        more = f"; and {len(rest)} more" if rest else ""
        raise UsageError(f"revision {snapshot.revision} does not evaluate: {first}{more}") from error


def _units(before: Desired, after: Desired, target: str) -> Iterator[PlanUnit]:
    for address in dict.fromkeys((*after.instances, *before.instances)):
        old, new = before.instances.get(address), after.instances.get(address)
        if target == (new or old or after.instances[address]).target:
            yield _unit(before, after, address, old, new)


def _unit(
    before: Desired, after: Desired, address: Address, old: Instance | None, new: Instance | None
) -> PlanUnit:
    action, cause, remark = Action.NONE, Cause.SPEC, ""
    if old is None:
        action = Action.CREATE
    elif new is None:
        action, cause = Action.DELETE, Cause.PRUNE
        if old.common.deletion is Deletion.ORPHAN:
            action, remark = Action.NONE, _KEPT
        elif old.common.deletion is Deletion.CONFIRM:
            remark = _ASKED
    elif old.digest != new.digest:
        action = Action.UPDATE
    diffs = tuple(_differing(before, after, old, new)) if action is not Action.NONE else ()
    return PlanUnit(
        address=address,
        action=action,
        cause=cause,
        diffs=diffs,
        operation=Operation(address, action, diffs),
        desired=new.digest if new is not None else Digest(""),
        observed=old.digest if old is not None else Digest(""),
        remark=remark,
    )


def _differing(
    before: Desired, after: Desired, old: Instance | None, new: Instance | None
) -> Iterator[FieldDiff]:
    was, becomes = _fields(old), _fields(new)
    hide = any(one is not None and (is_sensitive(one.spec) or one.holds_secret) for one in (old, new))
    for name in dict.fromkeys((*becomes, *was)):
        left, right = was.get(name), becomes.get(name)
        if left == right:
            continue
        if hide:
            yield FieldDiff(
                name,
                None if left is None else HIDDEN,
                None if right is None else HIDDEN,
                sensitive=True,
            )
        else:
            bodies = name == "body"
            unified = diff.unified(_body(before, left), _body(after, right)) if bodies else ""
            yield FieldDiff("content" if bodies else name, left, right, unified=unified)


def _fields(one: Instance | None) -> Mapping[str, Any]:
    """What is declared, by field; of the fields of every kind those that are not as they are if left out."""
    if one is None:
        return {}
    plain = type(one.common)()
    common = {
        each.name: _shown(getattr(one.common, each.name))
        for each in dataclasses.fields(one.common)
        if getattr(one.common, each.name) != getattr(plain, each.name)
    }
    return {**one.spec, **common}


def _shown(value: Any) -> Any:
    """As documents have it."""
    if isinstance(value, tuple):
        return [dataclasses.asdict(one) if dataclasses.is_dataclass(one) else one for one in value]  # type: ignore[arg-type]
    return value


def _body(desired: Desired, side: Any) -> diff.Body | None:
    if side is None:
        return None
    found = diff.Body(str(side["digest"]), int(side.get("size", 0)))
    if found.size <= diff.MAX_BYTES:
        with contextlib.suppress(SnapshotGone):
            return diff.body(desired.find_blob(Digest(found.digest)).read(), found.digest)
    return found
