"""What `froyo validate`, `plan` and `apply` do, apart from how they show it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.api.labels import parse_labels
from reconciler.api.suggesting import no_label, unknown_target
from reconciler.app import quick
from reconciler.app.assembly import Parts
from reconciler.core.conditions import summarize
from reconciler.engine import wording
from reconciler.engine.intake.redeclared import keep_declared
from reconciler.engine.intake.undeclared import targets_of_others, undeclared, was_declared
from reconciler.engine.loop.lane import orphaned
from reconciler.engine.loop.reached import account
from reconciler.engine.loop.suspensions import Suspensions
from reconciler.engine.oneshot import OneShot, TargetResult
from reconciler.engine.round.journal import store_report
from reconciler.engine.round.progress import Progress
from reconciler.engine.round.report import Report
from reconciler.errors import UsageError
from reconciler.model.desired import Desired
from reconciler.model.names import Address, SourceName
from reconciler.model.plan import Plan, PlanUnit
from reconciler.model.source import Snapshot
from reconciler.model.state import ResourceState
from reconciler.runtime import Runtime, connect_nothing
from reconciler.targets.session import Session
from watchers.directory import DirectorySource
from watchers.fingerprint import fingerprint


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A directory, read and evaluated.

    Attributes:
        snapshot: what was read.
        desired: what it says.
        fingerprint: of the directory, from before it was read.
    """

    snapshot: Snapshot
    desired: Desired
    fingerprint: str


def take(name: SourceName, directory: str) -> Snapshot:
    """A directory as it is now.

    Raises:
        UsageError: it, or something in it, cannot be read.
    """
    return DirectorySource(name, directory, runtime=Runtime(connect=connect_nothing)).take()


async def evaluate(
    parts: Parts, directory: Path, *, targets: Collection[str] = (), labels: str = ""
) -> Evaluated:
    """Read and evaluate a directory.

    Args:
        parts: the engine's parts.
        directory: the source.
        targets: names of the targets that matter; empty for all.
        labels: a selector of the resources that matter; empty for all.

    Raises:
        ConfigError: with everything that is wrong.
        UsageError: a target that is not declared, labels that nothing has, or a directory that declared something when
            it was last applied, and declares nothing at all any more.
    """
    seen = fingerprint(str(directory))
    source = DirectorySource(SourceName(str(directory)), directory, runtime=parts.runtime)
    snapshot = await parts.runtime.offload("config", source.take)

    async def loaded(shown: Snapshot) -> Desired:
        return await parts.runtime.offload("config", lambda: parts.load(shown))

    desired = await loaded(snapshot)
    if not desired.targets and await was_declared(parts.store, snapshot.source, loaded):
        raise UsageError(f"{directory}: {wording.EMPTIED}")
    selected = _labelled(_restricted(desired, targets), labels)
    return Evaluated(snapshot, selected, seen)


def _labelled(desired: Desired, labels: str) -> Desired:
    """Only what has those labels. What it depends on and has not got them is not looked at."""
    if not labels:
        return desired
    selector = parse_labels(labels)
    chosen = {a: i for a, i in desired.instances.items() if selector.matches(i.metadata.labels)}
    if not chosen and desired.instances:
        raise UsageError(no_label(selector, [i.metadata.labels for i in desired.instances.values()]))
    names = {instance.target for instance in chosen.values()}
    targets = {name: target for name, target in desired.targets.items() if name in names}
    return replace(desired, targets=targets, instances=chosen)


def _restricted(desired: Desired, names: Collection[str]) -> Desired:
    if not names:
        return desired
    unknown = sorted(set(names) - desired.targets.keys())
    if unknown:
        raise UsageError(unknown_target(unknown[0], desired.targets))
    return replace(
        desired,
        targets={name: target for name, target in desired.targets.items() if name in names},
        instances={a: i for a, i in desired.instances.items() if i.target in names},
    )


async def plan(parts: Parts, evaluated: Evaluated, *, progress: Progress, texts: bool = True) -> list[Plan]:
    """What an apply would change, target by target. Changes nothing, on no target and not in the store."""
    known = await parts.store.load_states()
    return await (await _oneshot(parts, evaluated, progress, known)).plan(texts=texts)


async def apply(
    parts: Parts,
    evaluated: Evaluated,
    *,
    progress: Progress,
    notice: Callable[[str], None],
    only: Mapping[Address, PlanUnit] | None = None,
    whole: bool = True,
) -> list[TargetResult]:
    """Put right what is not as declared, target by target.

    Args:
        parts: with the lease on the store.
        evaluated: what should be.
        progress: told how it goes on.
        notice: told what a person should know.
        only: the units of a saved plan; None for everything.
        whole: whether `evaluated` is all of its directory, so that it becomes the snapshot in force.
    """
    known = await parts.store.load_states()
    if whole:
        if gone := await _forget_undeclared(parts, evaluated, known):
            notice(wording.dropped(gone))
        await keep_declared(parts.store, evaluated.snapshot, evaluated.desired)
        await parts.store.save_snapshot(evaluated.snapshot)
    work = await _oneshot(parts, evaluated, progress, known)
    results = await work.apply(only=only)
    batch = await account(parts.store, desired=evaluated.desired, reached=work.reached, now=parts.runtime.now)
    document = None
    settled = all(_settled(result) for result in results)
    if whole and only is None and settled:
        lanes = [result.lane for result in results if result.lane is not None]
        document = quick.remember(
            evaluated.snapshot.source, evaluated.fingerprint, evaluated.desired.revision, parts.stamp, lanes
        )
    await parts.store.write(batch.forget_warm() if document is None else batch.put_warm(document))
    return results


async def _forget_undeclared(
    parts: Parts, evaluated: Evaluated, known: Mapping[Address, ResourceState]
) -> int:
    """What this directory declared when it was last applied, and no longer does, is not looked at any more.

    It stays on its target as it is. What other directories declare is none of our business.

    Returns:
        How many instances that is.
    """
    gone = undeclared(known, evaluated.desired)
    others = targets_of_others(known, evaluated.desired.source)
    targets = (await parts.store.load_target_states()).keys() - evaluated.desired.targets.keys() - others
    report = Report(parts.runtime.now, {})
    for state in gone.values():
        orphaned(report, state)
    await store_report(parts.store, report, forget=gone, forget_targets=targets)
    return len(gone)


def _settled(result: TargetResult) -> bool:
    """Whether everything on a target was observed as declared."""
    if result.error or result.lane is None:
        return False
    return all(summarize(state.conditions).ready for state in result.lane.states.values())


async def _oneshot(
    parts: Parts, evaluated: Evaluated, progress: Progress, known: Mapping[Address, ResourceState]
) -> OneShot:
    # While the sessions are opened, which is mostly waiting.
    parts.host.prepare_soon({instance.package for instance in evaluated.desired.instances.values()})
    suspensions = Suspensions(parts.store, now=parts.runtime.now)
    await suspensions.load()
    services = parts.services(
        evaluated.desired, suspensions, loop_time=asyncio.get_running_loop().time, progress=progress
    )
    return OneShot(evaluated.desired, known, services=services, open_session=Session.open)
