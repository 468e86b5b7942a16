"""What a person wants of a rollout, found by its name, done, and in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from reconciler.core import rollout_control as control
from reconciler.core.suggest import did_you_mean
from reconciler.engine.report import Report
from reconciler.engine.rollouts.rolling import Rolling
from reconciler.errors import ConfigError, UsageError
from reconciler.model.names import source_object
from reconciler.model.rollout import FAILED, Rollout, RolloutPhase, RolloutRecord
from reconciler.model.source import SnapshotGone
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.records import AuditRecord
from reconciler.store.store import Store

PAST = {"pause": "paused", "resume": "resumed", "promote": "promoted", "abort": "aborted"}
"""What is said of what was done."""


def meant(records: Sequence[RolloutRecord], name: str, source: str) -> RolloutRecord:
    """The rollout of a name.

    Raises:
        UsageError: there is none, or there are several and no source is named.
    """
    found = [one for one in records if one.name == name and source in ("", one.source)]
    if not found:
        names = sorted({one.name for one in records})
        hint = did_you_mean(name, names) or (
            f"there is: {', '.join(names)}" if names else "no source declares one that is on record"
        )
        raise UsageError(f"there is no rollout {name!r}; {hint}")
    if len(found) > 1:
        sources = ", ".join(one.source for one in found)
        raise UsageError(f"several sources have a rollout {name}: {sources}; name one of them with --source")
    return found[0]


@dataclass(frozen=True, slots=True)
class Steering:
    """What a person wants of a rollout.

    Attributes:
        action: pause, resume, promote or abort.
        name: of the rollout.
        source: whose; "" where only one has one of that name.
        by: who.
        reason: why, or "".
        full: of promote: of all further waves, too.
    """

    action: str
    name: str
    source: str
    by: str
    reason: str = ""
    full: bool = False


async def steer(rolling: Rolling, store: Store, runtime: Runtime, wanted: Steering) -> RolloutRecord:
    """Do what a person wants of a rollout; returns how far it is then.

    Raises:
        UsageError: there is no such rollout here, or nothing about it can be done so.
    """
    record = await _steerable(store, wanted)
    if record.source not in rolling.sources:
        raise UsageError(f"{record.source} is not served by this daemon; see: froyo get sources")
    try:
        after = await rolling.steer(
            record.source, record.name, partial(_done, wanted, runtime.now()), _told(record, wanted, runtime)
        )
    except ConfigError as error:
        raise UsageError(f"that cannot be in force: {error.problems[0]}") from error
    except SnapshotGone as error:
        raise UsageError(f"that cannot be in force: {error}") from error
    return after or record


async def steer_on_record(store: Store, runtime: Runtime, wanted: Steering) -> RolloutRecord:
    """The same where no daemon runs: the next apply, or daemon, heeds it.

    Raises:
        UsageError: as above.
    """
    record = await _steerable(store, wanted)
    if wanted.action == "abort":
        raise UsageError(
            "what is to become of who has the new revision is known where it is declared: froyo up; or have it go no "
            f"further: froyo rollout pause {record.name}"
        )
    after = _done(wanted, runtime.now(), None, record)
    await store.write(_told(record, wanted, runtime).put_rollout(after, record))
    return after


async def _steerable(store: Store, wanted: Steering) -> RolloutRecord:
    name, action = wanted.name, wanted.action
    record = meant(await store.load_rollouts(), name, wanted.source)
    if record.phase is RolloutPhase.COMPLETE:
        raise UsageError(f"rollout {name} is complete: {record.message}; there is nothing to {action}")
    if record.phase in FAILED and action != "resume":
        raise UsageError(
            f"rollout {name} does not go on: {record.message}; try again: froyo rollout resume {name}"
        )
    return record


def _told(record: RolloutRecord, wanted: Steering, runtime: Runtime) -> Batch:
    report = Report(runtime.now, {})
    data = {"reason": wanted.reason, "revision": record.revision}
    because = f": {wanted.reason}" if wanted.reason else ""
    full = " in full" if wanted.full else ""
    message = f"rollout {wanted.name}: {PAST[wanted.action]}{full} by {wanted.by}{because}"
    object_ = source_object(record.source)
    report.event(object_, "RolloutSteered", message, data={"rollout": wanted.name, **data})
    audit = AuditRecord(
        at=runtime.now(),
        actor=wanted.by,
        action=f"rollout.{wanted.action}",
        object=f"{record.source} {wanted.name}",
        data=data,
    )
    return Batch().add_events(report.events).add_audit([audit])


def _done(wanted: Steering, now: float, rollout: Rollout | None, record: RolloutRecord) -> RolloutRecord:
    steps: dict[str, Callable[[], RolloutRecord]] = {
        "pause": lambda: control.pause(record, wanted.by),
        "resume": lambda: control.resume(record, now),
        "promote": lambda: control.promote(record, full=wanted.full),
        "abort": lambda: control.abort(rollout, record, wanted.by, wanted.reason),
    }
    return steps[wanted.action]()
