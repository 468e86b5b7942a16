"""What `froyo plan` and `apply` do with what was evaluated, apart from how they show it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from reconciler.app import quick
from reconciler.app.assembly import Parts
from reconciler.app.evaluating import Evaluated
from reconciler.app.restoring import Restoration
from reconciler.core.conditions import summarize
from reconciler.engine import wording
from reconciler.engine.intake.recall import put_in_force
from reconciler.engine.intake.wanted import Wanted
from reconciler.engine.keeping import settle_in_doubt, store_report
from reconciler.engine.lane.lane import orphaned
from reconciler.engine.lane.unclaimed import Unclaimed
from reconciler.engine.loop.approvals import Approvals
from reconciler.engine.loop.suspensions import Suspensions
from reconciler.engine.report import Report
from reconciler.engine.round.progress import Progress
from reconciler.engine.single.oneshot import OneShot, TargetResult
from reconciler.engine.single.reached import account
from reconciler.model.conditions import Reason, Verdict
from reconciler.model.desired import Desired
from reconciler.model.facts import Facts
from reconciler.model.names import Address, Digest, TargetName, source_object, split_address
from reconciler.model.plan import Plan, PlanUnit
from reconciler.model.state import ResourceState
from reconciler.store.batch import Batch


async def plan(parts: Parts, evaluated: Evaluated, *, progress: Progress, texts: bool = True) -> list[Plan]:
    """What an apply would change, target by target. Changes nothing, on no target and not in the store."""
    return await (await _oneshot(parts, evaluated, progress)).plan(texts=texts)


def given_up(evaluated: Evaluated) -> str:
    """What an apply of all of this would not look at any more, although it stays; or ""."""
    return wording.no_longer_declared(sum(a in evaluated.known for a in evaluated.taken.left), ())


async def foresee(parts: Parts, restored: Restoration, *, progress: Progress) -> list[Plan]:
    """What it would change to put back what was there before us. Changes nothing, as above."""
    wanted, known = restored.wanted(), await parts.store.load_states()
    in_force = await parts.store.snapshot_in_force(restored.source)
    revision = "" if in_force is None else in_force.revision
    nothing = Desired(restored.source, revision, Digest(""), {}, {}, {}, {})
    work = await _once(parts, nothing, {wanted.target.name: wanted}, known, progress)
    return await work.plan()


async def apply(
    parts: Parts,
    evaluated: Evaluated,
    *,
    progress: Progress,
    notice: Callable[[str], None],
    only: Mapping[Address, PlanUnit] | None = None,
    whole: bool = True,
    rollouts: Batch | None = None,
    part: Collection[TargetName] | None = None,
) -> list[TargetResult]:
    """Put right what is not as declared, target by target.

    Args:
        parts: with the lease on the store.
        evaluated: what should be.
        progress: told how it goes on.
        notice: told what a person should know.
        only: the units of a saved plan; None for everything.
        whole: whether `evaluated` is all of its directory, so that it becomes the snapshot in force.
        rollouts: where it is not in force yet, which goes on record with that; None where it is everywhere.
        part: of a directory that is in force already, the targets that are looked at; None for all.
    """
    beside = await settle_in_doubt(
        parts.store, Report(parts.runtime.now, {}), transactions=parts.host.transactions
    )
    known = {address: beside.get(address, state) for address, state in evaluated.known.items()}
    evaluated = replace(evaluated, known=known)
    if evaluated.parted.entries:
        await parts.store.write(evaluated.parted.batch(evaluated.instances, parts.runtime.now))
    if whole and only is None:
        await _leave(parts, evaluated, notice)
        if part is None:
            await _keep(parts, evaluated, rollouts)
    if part is not None:
        evaluated = replace(
            evaluated, wanted={name: one for name, one in evaluated.wanted.items() if name in part}
        )
    await parts.store.write(
        Batch().put_targets(evaluated.desired.targets.values()).put_states(_new(evaluated))
    )
    before = parts.facts.known
    work = await _oneshot(parts, evaluated, progress)
    results = await work.apply(only=only)
    await parts.facts.keep()
    moved = [name for name in evaluated.desired.targets if _moved(parts, evaluated.desired, before, name)]
    if moved:
        notice(f"what is declared on {', '.join(moved)} depends on what was changed there; run it again")
    batch = await account(parts.store, wanted=evaluated.wanted, reached=work.reached, now=parts.runtime.now)
    await _leave_alone(parts, evaluated, results, batch)
    document = None
    settled = all(_settled(result) for result in results)
    if (
        whole
        and only is None
        and settled
        and not moved
        and evaluated.fingerprint
        and evaluated.rollback is None
        and rollouts is None
        and part is None
    ):
        lanes = [result.lane for result in results if result.lane is not None]
        document = quick.remember(
            evaluated.desired.source,
            evaluated.fingerprint,
            evaluated.desired.revision,
            parts.stamp,
            lanes,
            parts.artifacts.verified,
            secret=parts.secrets.vault.of,
            good_until=_good_until(parts, evaluated.desired),
        )
    await parts.store.write(batch.forget_warm() if document is None else batch.put_warm(document))
    return results


def _new(evaluated: Evaluated) -> Iterator[ResourceState]:
    """What nobody has looked at yet: should this be cut off, nobody takes what was done for all there is."""
    for wanted in evaluated.wanted.values():
        for address, one in wanted.instances.items():
            if address not in evaluated.known and address not in wanted.moved:
                yield ResourceState.unseen(one, wanted.sources[address])


async def _keep(parts: Parts, evaluated: Evaluated, rollouts: Batch | None) -> None:
    """Keep what was read as the newest of its directory, and in force unless that is rolled back."""
    store, snapshot = parts.store, evaluated.snapshot
    if snapshot is None:
        return
    if evaluated.rollback is not None:
        await store.save_snapshot(snapshot)
        return
    if (over := await put_in_force(store, snapshot, evaluated.desired, rollouts=rollouts)) is not None:
        report = Report(parts.runtime.now, {})
        message = f"the rollback to {over.revision} is over; revision {snapshot.revision} is applied"
        report.event(source_object(snapshot.source), "RollbackEnded", message)
        await store.write(Batch().add_events(report.events))


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
    rolled_back = evaluated.rollback is not None
    if said := wording.no_longer_declared(
        len(left), taken.removals.values(), approved, rolled_back=rolled_back
    ):
        notice(said)


async def _leave_alone(
    parts: Parts, evaluated: Evaluated, results: Collection[TargetResult], batch: Batch
) -> None:
    """What was put back as it was before us is declared all the same, and is known to be left alone from then on."""
    known = {address for result in results if result.lane is not None for address in result.lane.states}
    reached = {result.target for result in results if result.lane is not None}
    put_back = {
        address: evaluated.desired.instances[address]
        for address, one in evaluated.instances.items()
        if one.removal is not None and one.removal.asked and one.target in reached and address not in known
    }
    if not put_back:
        return
    source = evaluated.desired.source
    report = Report(
        parts.runtime.now,
        {a: ResourceState.unseen(one, source) for a, one in put_back.items()},
    )
    suspensions = Suspensions(parts.store, now=parts.runtime.now)
    await suspensions.load()
    suspensions.declare(evaluated.desired.instances.values())
    for address in put_back:
        if (suspension := suspensions.holding(address)) is not None:
            verdict = Verdict(reason=Reason.SUSPENDED, message=wording.suspended(suspension))
            report.conclude(address, verdict)
    batch.put_states(report.changed.values())


def _moved(parts: Parts, desired: Desired, before: Mapping[TargetName, Facts], name: TargetName) -> bool:
    """Whether what is known of a target by now may make something else of what is declared there."""
    return bool(before.get(name, Facts()).differing(parts.facts.of(name)) & desired.facts_read)


def _good_until(parts: Parts, desired: Desired) -> float | None:
    """When what is declared may be something else without anything having been written: what it depends on gets old."""
    taken = (parts.facts.of(name).taken for name in desired.targets)
    return min(
        (
            at + parts.settings.facts_ttl
            for each in taken
            for section, at in each.items()
            if section in desired.facts_read
        ),
        default=None,
    )


def _settled(result: TargetResult) -> bool:
    """Whether everything on a target was observed as declared."""
    if result.error or result.lane is None:
        return False
    return all(summarize(state.conditions).ready for state in result.lane.states.values())


async def _oneshot(parts: Parts, evaluated: Evaluated, progress: Progress) -> OneShot:
    return await _once(parts, evaluated.desired, evaluated.wanted, evaluated.known, progress)


async def _once(
    parts: Parts,
    desired: Desired,
    wanted: Mapping[TargetName, Wanted],
    known: Mapping[Address, ResourceState],
    progress: Progress,
) -> OneShot:
    # While the sessions are opened, which is mostly waiting.
    parts.host.prepare_soon({one.package for target in wanted.values() for one in target.instances.values()})
    suspensions, approvals = Suspensions(parts.store, now=parts.runtime.now), Approvals(parts.store)
    await suspensions.load()
    suspensions.declare(desired.instances.values())
    await approvals.load()
    services = parts.services(
        desired,
        suspensions,
        approvals,
        loop_time=asyncio.get_running_loop().time,
        progress=progress,
    )
    owed = await parts.store.load_owed()
    # Of what is on record nowhere any more, nobody would ever see that it is itself again.
    disrupted = [one for one in await parts.store.load_disruptions() if one.cause in known]
    services.disruptions.recall(disrupted)
    return OneShot(
        wanted,
        known,
        services=services,
        open_session=parts.open_session,
        owed=owed,
        facts=parts.facts,
        unclaimed=Unclaimed(await parts.store.unclaimed_preimages()),
    )
