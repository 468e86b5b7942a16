"""What is written into the store without a daemon: people's requests, which the next command or daemon heeds."""

from __future__ import annotations

from collections.abc import Collection

from reconciler.app import rolling_back, suspending
from reconciler.app.approving import approvals, audited, forgetting, of_source
from reconciler.app.opening import writing
from reconciler.app.places import Places
from reconciler.app.restoring import Wish, given_up, restoring_from_record
from reconciler.app.rolling_out import Steering, steer_on_record
from reconciler.app.tidying import forget_repository
from reconciler.core.conditions import summarize
from reconciler.engine import wording
from reconciler.engine.report import Report
from reconciler.errors import UsageError
from reconciler.model.conditions import Reason
from reconciler.model.event import Event
from reconciler.model.names import Address, source_object
from reconciler.model.rollout import RolloutRecord
from reconciler.model.state import Rollback, Suspension
from reconciler.store.batch import Batch


async def suspend(
    where: Places, objects: Collection[str], *, by: str, reason: str, until: float | None
) -> None:
    """Put suspensions on record, and in the audit log."""
    async with writing(where) as (store, runtime):
        now = runtime.now()
        batch = Batch()
        wanted = [Suspension(object=o, by=by, reason=reason, since=now, until=until) for o in objects]
        for suspension in wanted:
            batch.suspend(suspension)
        batch.add_audit(map(suspending.audited, wanted))
        await store.write(batch)


async def resume(where: Places, objects: Collection[str], *, by: str) -> None:
    """Remove suspensions, and say so in the audit log."""
    async with writing(where) as (store, runtime):
        batch = Batch().forget_approvals(await given_up(store, objects))
        for object_ in objects:
            batch.resume(object_)
        now = runtime.now()
        batch.add_audit(suspending.audited_end(object_, by=by, at=now) for object_ in objects)
        await store.write(batch)


async def approve(
    where: Places, addresses: Collection[Address], *, by: str, reason: str
) -> tuple[list[Address], list[Address]]:
    """Put approvals on record, and in the audit log; returns what was approved, and what had been already."""
    async with writing(where) as (store, runtime):
        found, already = approvals(
            addresses,
            states=await store.load_states(),
            inventory=await store.load_inventory(),
            given=await store.load_approvals(),
            by=by,
            reason=reason,
            at=runtime.now(),
        )
        await store.write(audited(found).approve(found))
        return [one.address for one in found], already


async def forget(where: Places, addresses: Collection[Address], source: str, *, by: str) -> list[str]:
    """Have what is declared no longer, or all of a source, not be ours any more; returns what that is."""
    async with writing(where) as (store, runtime):
        states, known, name = await store.load_states(), await store.load_inventory(), None
        for address in addresses:
            if address not in known:
                raise UsageError(f"nothing is known of {address}; see: froyo get orphans")
            held = states.get(address)
            if held is not None and summarize(held.conditions).reason is not Reason.PRUNE_HELD:
                raise UsageError(f"{address} is declared; take its manifest away, and run: froyo apply")
        if source:
            name, mine = await of_source(source, store)
            addresses = [*addresses, *mine]
        await store.write(forgetting(addresses, name, by=by, runtime=runtime))
        if name is not None:
            await forget_repository(where, runtime, name)
        return [*addresses, *([source] if source else [])]


async def restore(where: Places, address: Address, *, by: str, reason: str) -> None:
    """Put on record that what was there before us is to be put back, and in the audit log."""
    async with writing(where) as (store, runtime):
        wish = Wish(address, by, reason, runtime.now())
        found = await restoring_from_record(store, wish, own_paths=where.own_paths)
        batch = found.audited().approve([found.approval])
        await store.write(batch if found.suspension is None else batch.suspend(found.suspension))


async def roll_back(
    where: Places, revision: str, source: str, *, by: str, reason: str, until: float | None
) -> Rollback:
    """Put a rollback on record, and in the audit log."""
    async with writing(where) as (store, runtime):
        now = runtime.now()
        found = await rolling_back.wanted(
            store, revision, source, by=by, reason=reason, since=now, until=until
        )
        batch = rolling_back.audited(found, at=now).roll_back(found)
        await store.write(batch.add_events([_rolled_back(found, now)]))
        return found


def _rolled_back(found: Rollback, now: float) -> Event:
    report = Report(lambda: now, {})
    report.event(source_object(found.source), "RolledBack", wording.rolled_back(found))
    return report.events[0]


async def steer_rollout(where: Places, wanted: Steering) -> RolloutRecord:
    """Put on record what a person wants of a rollout, and in the audit log."""
    async with writing(where) as (store, runtime):
        return await steer_on_record(store, runtime, wanted)


async def end_rollback(where: Places, source: str, *, by: str) -> Rollback:
    """Put on record that a rollback is over, and in the audit log; returns which."""
    async with writing(where) as (store, runtime):
        now = runtime.now()
        over = await rolling_back.ending(store, source, now=now)
        await store.write(rolling_back.audited_end(over, by=by, at=now).roll_back(over))
        return over
