"""What `froyo validate`, `plan` and `apply` do, apart from how they show it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.api.labels import parse_labels
from reconciler.app import quick
from reconciler.app.assembly import Parts
from reconciler.app.places import source_name
from reconciler.core.conditions import summarize
from reconciler.engine import wording
from reconciler.engine.intake.in_force import InForce, Record, Taken, Wanted
from reconciler.engine.intake.recall import doubt_of, put_in_force, record, was_declared
from reconciler.engine.lane.lane import orphaned
from reconciler.engine.loop.approvals import Approvals
from reconciler.engine.loop.reached import account
from reconciler.engine.loop.suspensions import Suspensions
from reconciler.engine.oneshot import OneShot, TargetResult
from reconciler.engine.report import Report
from reconciler.engine.round.journal import settle_in_doubt, store_report
from reconciler.engine.round.progress import Progress
from reconciler.errors import UsageError
from reconciler.model.desired import Desired
from reconciler.model.names import Address, SourceName, TargetName, split_address
from reconciler.model.plan import Plan, PlanUnit
from reconciler.model.resource import Instance
from reconciler.model.source import Snapshot
from reconciler.model.state import ResourceState
from reconciler.runtime import Runtime, connect_nothing
from reconciler.store.batch import Batch
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
        known: what is on record about each instance.
        taken: what follows from all of it, of whatever part the rest speaks.
        wanted: how each target that matters should be.
    """

    snapshot: Snapshot
    desired: Desired
    fingerprint: str
    known: Mapping[Address, ResourceState]
    taken: Taken
    wanted: Mapping[TargetName, Wanted]

    @property
    def instances(self) -> dict[Address, Instance]:
        """All that matters: what is declared, and what is to go."""
        return {address: one for wanted in self.wanted.values() for address, one in wanted.instances.items()}


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
    source = DirectorySource(source_name(directory), directory, runtime=parts.runtime)
    snapshot = await parts.runtime.offload("config", source.take)

    async def loaded(shown: Snapshot) -> Desired:
        return await parts.runtime.offload("config", lambda: parts.load(shown))

    desired = await loaded(snapshot)
    if not desired.targets and await was_declared(parts.store, snapshot.source, loaded):
        raise UsageError(f"{directory}: {wording.EMPTIED}")
    selected = _labelled(_restricted(desired, targets), labels)
    known = await parts.store.load_states()
    in_force = InForce(budget=parts.settings.prune, own_paths=parts.settings.own_paths)
    doubt = await doubt_of(parts.store, snapshot)
    taken = in_force.take(desired, await record(parts.store, known, desired), doubt=doubt)
    wanted = taken.wanted
    if labels:
        wanted = InForce().take(selected, Record()).wanted
    elif targets:
        wanted = {name: one for name, one in wanted.items() if name in selected.targets}
    return Evaluated(snapshot, selected, seen, known, taken, wanted)


def _labelled(desired: Desired, labels: str) -> Desired:
    """Only what has those labels. What it depends on and has not got them is not looked at."""
    if not labels:
        return desired
    selector = parse_labels(labels)
    chosen = {a: i for a, i in desired.instances.items() if selector.matches(i.metadata.labels)}
    if not chosen and desired.instances:
        from reconciler.api.suggesting import no_label

        raise UsageError(no_label(selector, [i.metadata.labels for i in desired.instances.values()]))
    return desired.among(chosen, {instance.target for instance in chosen.values()})


def _restricted(desired: Desired, names: Collection[str]) -> Desired:
    if not names:
        return desired
    unknown = sorted(set(names) - desired.targets.keys())
    if unknown:
        from reconciler.api.suggesting import unknown_target

        raise UsageError(unknown_target(unknown[0], desired.targets))
    chosen = {address for address, one in desired.instances.items() if one.target in names}
    return desired.among(chosen, {TargetName(name) for name in names})


async def plan(parts: Parts, evaluated: Evaluated, *, progress: Progress, texts: bool = True) -> list[Plan]:
    """What an apply would change, target by target. Changes nothing, on no target and not in the store."""
    return await (await _oneshot(parts, evaluated, progress)).plan(texts=texts)


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
    await settle_in_doubt(parts.store, Report(parts.runtime.now, {}))
    if whole and only is None:
        await _leave(parts, evaluated, notice)
        await put_in_force(parts.store, evaluated.snapshot, evaluated.desired)
    await parts.store.write(Batch().put_targets(evaluated.desired.targets.values()))
    work = await _oneshot(parts, evaluated, progress)
    results = await work.apply(only=only)
    batch = await account(parts.store, wanted=evaluated.wanted, reached=work.reached, now=parts.runtime.now)
    document = None
    settled = all(_settled(result) for result in results)
    if whole and only is None and settled:
        lanes = [result.lane for result in results if result.lane is not None]
        document = quick.remember(
            evaluated.snapshot.source,
            evaluated.fingerprint,
            evaluated.desired.revision,
            parts.stamp,
            lanes,
            parts.artifacts.verified,
        )
    await parts.store.write(batch.forget_warm() if document is None else batch.put_warm(document))
    return results


async def _leave(parts: Parts, evaluated: Evaluated, notice: Callable[[str], None]) -> None:
    """What this directory declared when it was last applied, and no longer does, is not looked at any more.

    It stays on its target as it is. What other directories declare is none of our business.
    """
    source, taken, known = evaluated.desired.source, evaluated.taken, evaluated.known
    left = {a: why for a, why in taken.left.items() if a in known}
    others = {split_address(a)[0] for a, state in known.items() if state.source != source}
    targets = (await parts.store.load_target_states()).keys() - taken.wanted.keys() - others
    report = Report(parts.runtime.now, {})
    for address, why in left.items():
        orphaned(report, known[address], why)
    await store_report(parts.store, report, forget=left, forget_targets=targets)
    approved = await parts.store.load_approvals()
    if said := wording.no_longer_declared(len(left), taken.removals.values(), approved):
        notice(said)


def _settled(result: TargetResult) -> bool:
    """Whether everything on a target was observed as declared."""
    if result.error or result.lane is None:
        return False
    return all(summarize(state.conditions).ready for state in result.lane.states.values())


async def _oneshot(parts: Parts, evaluated: Evaluated, progress: Progress) -> OneShot:
    # While the sessions are opened, which is mostly waiting.
    parts.host.prepare_soon({instance.package for instance in evaluated.instances.values()})
    suspensions, approvals = Suspensions(parts.store, now=parts.runtime.now), Approvals(parts.store)
    await suspensions.load()
    await approvals.load()
    services = parts.services(
        evaluated.desired,
        suspensions,
        approvals,
        loop_time=asyncio.get_running_loop().time,
        progress=progress,
    )
    owed = await parts.store.load_owed()
    return OneShot(evaluated.wanted, evaluated.known, services=services, open_session=Session.open, owed=owed)
