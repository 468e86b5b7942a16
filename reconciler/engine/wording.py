"""How the engine speaks to people: one line each, in the same words everywhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from reconciler.core import spoken
from reconciler.core.reasons import ASKS
from reconciler.engine.attributing import who
from reconciler.model.conditions import Reason
from reconciler.model.evidence import Evidence
from reconciler.model.names import Address, TargetName, split_address
from reconciler.model.owed import Owed
from reconciler.model.plan import Action, FieldDiff, PlanUnit
from reconciler.model.resource import Instance
from reconciler.model.state import Rollback, Suspension
from reconciler.model.target import LocalTransport, Target

REASONS = {
    Action.CREATE: "Created",
    Action.UPDATE: "Updated",
    Action.DELETE: "Removed",
    Action.REFRESH: "Refreshed",
}
"""Of the event that says that something was done because it was declared so."""

EMPTIED = (
    "no manifest is left in it, not even of a target; nothing is removed and nothing given up. Put the manifests back "
    "(is something not mounted?), or if it is meant, leave the targets declared and take away the rest"
)
"""Of a source that declared something, and declares nothing at all any more."""


VANISHED = (
    "its object, or that of its target, is gone and was not seen being deleted: somebody let it go, its definition was"
    " made anew, or the cluster is an older one"
)
"""Why what is left out of a cluster may not be meant."""

FIELDS_MAX = 8
"""Fields that differ which are said one by one; the history has all of them."""

CONTESTED = "someone keeps changing it back"


def echoing(name: TargetName, moved: Collection[str]) -> str:
    """That what is declared of a target changes what it is made of."""
    return (
        f"what is declared on {name} changes facts there ({', '.join(sorted(moved))}) again and again, and may be"
        " made of them; they are followed after longer and longer pauses from now on: froyo plan -v shows what reads"
        " facts"
    )


def contradicted(other: Address) -> str:
    """That two declarations undo each other, and what to do about it."""
    return (
        f"{other} says otherwise: each undoes what the other does, so neither is put right any more; change or"
        " remove one of them"
    )


"""Of an instance that somebody else has another opinion about."""


def being_probed(one: Instance, trouble: str) -> str:
    """That it is not known yet how something is that is looked at beside the rounds."""
    if not trouble:
        return "is being probed"
    patience = one.probe.within if one.probe is not None else 0.0
    return f"not yet, and is probed again until that has lasted {duration(patience)}: {trouble}"


def suspended(suspension: Suspension) -> str:
    """Why an instance is left alone."""
    return f"suspended by {suspension.by}: {suspension.reason}"


def rolled_back(rollback: Rollback) -> str:
    """To what a source was rolled back, by whom, why, and until when."""
    until = (
        f"until {datetime.fromtimestamp(rollback.until, UTC):%Y-%m-%d %H:%M:%S} UTC"
        if rollback.until is not None
        else "until a person ends that"
    )
    return f"rolled back to {rollback.revision} by {rollback.by} {until}: {rollback.reason}"


def lacking(rollback: Rollback) -> str:
    """Why what a source has no more because it was rolled back is not removed unasked."""
    return f"{rollback.by} rolled back to {rollback.revision}, and it does not have this"


LEFT = "which differs, and is left as it is"
"""Why what depends on something is not touched, where people decided about that."""


def advice(address: str, reason: str) -> str:
    """What a person can do about what waits for them with that reason; "" where nothing waits for them.

    It goes beside a message, never into it: of many that are the same, the message is the same, and this is not.
    """
    if reason in ASKS and reason != Reason.PRUNE_HELD:
        return f"to have it done: froyo approve {address} --reason WHY"
    if reason == Reason.PRUNE_HELD:
        return f"to have it removed: froyo approve {address} --reason WHY; or kept for good: froyo forget {address}"
    return ""


def dropped(number: int) -> str:
    """What is said of instances that are not declared any more."""
    if number == 1:
        return "1 instance is no longer declared, and stays as it is on its target"
    return f"{number:,} instances are no longer declared, and stay as they are on their targets"


def no_longer_declared(
    left: int,
    removals: Collection[Instance],
    approved: Collection[Address] = (),
    *,
    rolled_back: bool = False,
) -> str:
    """What is said of everything that is not declared any more, or ""."""
    waiting = [one for one in removals if one.address not in approved]
    holds = [one.removal.hold for one in waiting if one.removal is not None and one.removal.hold]
    parts = [dropped(left)] if left else []
    if going := len(removals) - len(holds):
        parts.append(f"{count(going, 'instance')} declared no longer {'is' if going == 1 else 'are'} removed")
    if holds:
        parts.append(
            f"{count(len(holds), 'removal')} held ({holds[0]}): nothing of it is removed before a person says so. "
            "See: froyo get; if it is meant: froyo approve --all --reason WHY; if not, "
            + ("leave it until the rollback ends" if rolled_back else "put the manifests back")
        )
    return "; ".join(parts)


def warned(warnings: Sequence[str]) -> str:
    """What is said of a source's warnings behind what else is said of it."""
    if not warnings:
        return ""
    if len(warnings) == 1:
        return f"; warning: {warnings[0]}"
    return f"; {len(warnings)} warnings (`froyo validate` shows all), the first: {warnings[0]}"


count = spoken.count
duration = spoken.duration


def value(field_value: Any) -> str:
    """A field's value in one short line."""
    text = spoken.value(field_value)
    return text if len(text) <= 60 else text[:59] + "…"


def not_kept(size: int, limit: int) -> str:
    """Of a content that was there before us."""
    return f"what was there before is not kept: it had {size:,} bytes, and up to {limit:,} are"


def lost(files: int) -> str:
    """Of the contents of files that are replaced or removed together, which are not kept; "" where there are none."""
    return f"what is in {count(files, 'file')} that it replaces or removes is not kept" if files else ""


def untold(number: int, what: str = "put back") -> str:
    """Of repairs that came too often for each to be an event, or of something else that happened too often."""
    return f"{what} {number:,} more times, none of them told by itself"


def fields(diffs: Sequence[FieldDiff], *, spoiled: bool = False) -> str:
    """What differs, without what is ignored: such as "content, mode (0600 → 0644)"; the first few, and how many more.

    Args:
        diffs: from what is to what is declared.
        spoiled: say it the other way round, as whoever spoiled it did it.
    """
    parts = []
    for diff in diffs:
        if diff.ignored:
            continue
        if diff.sensitive or isinstance(diff.before, dict) or isinstance(diff.after, dict):
            parts.append(spoken.field(diff.field))
        else:
            there, declared = value(diff.before), value(diff.after)
            first, then = (declared, there) if spoiled else (there, declared)
            parts.append(f"{spoken.field(diff.field)} ({first} → {then})")
    more = [f"and {len(parts) - FIELDS_MAX} more"] if len(parts) > FIELDS_MAX else []
    return ", ".join([*parts[:FIELDS_MAX], *more])


def being(unit: PlanUnit) -> str:
    """What is being done."""
    return {Action.CREATE: "created", Action.DELETE: "removed", Action.REFRESH: "refreshed"}.get(
        unit.action, "updated"
    )


def refreshed(owed: Collection[Owed]) -> str:
    """Such as "refreshed, since File/a and 3 more have changed"."""
    first, *others = sorted(split_address(one.cause)[1] for one in owed)
    also = f" and {count(len(others), 'other')} have" if others else " has"
    return f"refreshed, since {first}{also} changed"


def applied(unit: PlanUnit) -> str:
    """What was done because it was declared so: such as "updated: mode (0600 → 0644)"."""
    match unit.action:
        case Action.CREATE:
            return "created"
        case Action.DELETE:
            return "removed"
        case _:
            return f"updated: {fields(unit.diffs)}"


def repaired(unit: PlanUnit, evidence: Evidence | None, took: float | None, *, resumed: bool = False) -> str:
    """What was spoiled, by whom, and that it is right again: such as "content changed by `vi` (pid 7), put back …".

    Args:
        unit: what was done.
        evidence: who spoiled it.
        took: seconds from the report of the change until it was right again; None for what a rescan has found.
        resumed: it was suspended until now.
    """
    by = who(evidence) or "by someone (no evidence)"
    if resumed:
        by, after = f"{by} while it was suspended", "now that it no longer is"
    else:
        after = "at a rescan" if took is None else f"after {duration(took)}"
    match unit.action:
        case Action.CREATE:
            return f"removed {by}, put back {after}"
        case Action.DELETE:
            return f"put there {by}, removed {after}"
        case _:
            return f"{fields(unit.diffs, spoiled=True)} changed {by}, put back {after}"


def as_declared(remark: str) -> str:
    """That it is as it is declared, and what a person should know of it all the same."""
    return f"as declared; {remark}" if remark else "as declared"


def connected(target: Target, uid: int, environ: Mapping[str, str], passed_over: str = "") -> str:
    """As whom a session was had, in a person's words.

    Args:
        target: whom it is with.
        uid: of its runner.
        environ: who runs froyo.
        passed_over: the places that the runner could not be run from, and why.
    """
    passed = f"; the runner could not be run from {passed_over}" if passed_over else ""
    transport = target.transport
    named = "" if isinstance(transport, LocalTransport) else transport.user
    who = named or environ.get("LOGNAME") or environ.get("USER") or ""
    if uid != 0:
        return f"connected as {who or f'uid {uid}'}{passed}"
    by = f", by sudo from {who}" if transport.become and who not in ("", "root") else ""
    return f"connected as root{by}{passed}"
