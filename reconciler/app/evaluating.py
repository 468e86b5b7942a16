"""What a directory declares, and what follows from that on what is on record: for commands that look once.

Invariant: what a directory was rolled back to counts in its place until that has ended, as with a daemon; what it says
by then is read all the same, and a person is told what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from reconciler.api.labels import parse_labels
from reconciler.app.assembly import Parts
from reconciler.app.gathering import gather_needed
from reconciler.core.suggest import did_you_mean
from reconciler.engine import wording
from reconciler.engine.intake.doubt import Doubt
from reconciler.engine.intake.in_force import InForce
from reconciler.engine.intake.parting import Parted, part
from reconciler.engine.intake.recall import declared_elsewhere, doubt_of, record, was_declared
from reconciler.engine.intake.wanted import Record, Taken, Wanted
from reconciler.errors import ConfigError, UsageError
from reconciler.model.desired import Desired
from reconciler.model.names import Address, TargetName
from reconciler.model.resource import Instance
from reconciler.model.source import Place, Snapshot, with_settings
from reconciler.model.state import ResourceState, Rollback
from reconciler.model.target import Target


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A directory, read and evaluated.

    Attributes:
        snapshot: what was read, where that is good.
        rollback: what the directory is rolled back to, which counts in its place; None where it is not.
        trouble: what is wrong with what was read although something else counts, or "".
        desired: what the one that counts says.
        fingerprint: of the directory, from before it was read.
        known: what is on record about each instance, as of what has parted from its name.
        parted: what has.
        taken: what follows from all of it, of whatever part the rest speaks.
        wanted: how each target that matters should be.
        doubt: why the one that counts may not mean what it leaves out.
    """

    snapshot: Snapshot | None
    rollback: Rollback | None
    trouble: str
    desired: Desired
    fingerprint: str
    known: Mapping[Address, ResourceState]
    parted: Parted
    taken: Taken
    wanted: Mapping[TargetName, Wanted]
    doubt: Doubt

    @property
    def notices(self) -> list[str]:
        """What a person should know of what counts, besides its warnings and what comes of it."""
        found = []
        if self.rollback is not None:
            found.append(
                f"{self.rollback.source} is {wording.rolled_back(self.rollback)}; what it says by now does not count "
                "before that ends: froyo rollback --end"
            )
        if self.trouble:
            found.append(f"what it says by now is wrong, too: {self.trouble}")
        return found

    @property
    def instances(self) -> dict[Address, Instance]:
        """All that matters: what is declared, and what is to go."""
        return {address: one for wanted in self.wanted.values() for address, one in wanted.instances.items()}


def declared_target(evaluated: Evaluated, name: str) -> Target:
    """The target of a name.

    Raises:
        UsageError: none is declared.
    """
    target = evaluated.desired.targets.get(TargetName(name))
    if target is None:
        hint = did_you_mean(name, evaluated.desired.targets) or "declare it first: kind: Target"
        raise UsageError(f"there is no target {name!r} in {evaluated.desired.source}; {hint}")
    return target


async def evaluate(
    parts: Parts,
    place: Place,
    *,
    settings: Mapping[str, str] = MappingProxyType({}),
    targets: Collection[str] = (),
    labels: str = "",
) -> Evaluated:
    """Read and evaluate what a place has.

    Args:
        parts: the engine's parts.
        place: the source.
        settings: what is set for it, by name.
        targets: names of the targets that matter; empty for all.
        labels: a selector of the resources that matter; empty for all.

    Raises:
        ConfigError: with everything that is wrong.
        UsageError: a target that is not declared, labels that nothing has, or a directory that declared something when
            it was last applied, and declares nothing at all any more.
    """
    snapshot, seen, follows = await parts.watchers.take(place)
    if settings:
        # By what is seen of its files alone nobody could say that it is still the same.
        snapshot, seen = with_settings(snapshot, settings), ""

    async def loaded(shown: Snapshot) -> Desired:
        try:
            return await _loaded(parts, shown)
        except ConfigError as error:
            raise error.within(place.root) from error

    async def settled(shown: Snapshot) -> Desired:
        """With what is asked of targets first, if it depends on that."""
        found = await loaded(shown)
        return await loaded(shown) if await gather_needed(parts, found, targets) else found

    async def admitted(found: Desired) -> Desired:
        try:
            return await parts.policing.admit(snapshot, found)
        except ConfigError as error:
            raise error.within(place.root) from error

    async def declared() -> Desired:
        found = await admitted(await settled(snapshot))
        if not found.targets and await was_declared(parts.store, snapshot.source, loaded):
            raise UsageError(f"{place.name}: {wording.EMPTIED}")
        return found

    rollback = (await parts.store.load_rollbacks()).get(snapshot.source)
    if rollback is None or not rollback.holds(parts.runtime.now()):
        desired, doubt = await declared(), await doubt_of(parts.store, snapshot, follows)
        return await _followed(parts, desired, doubt, seen, targets, labels, snapshot=snapshot)
    trouble = ""
    try:
        await declared()
    except (ConfigError, UsageError) as error:
        trouble = str(error)
    desired = await settled(await _kept(parts, rollback))
    return await _followed(
        parts,
        desired,
        Doubt(wording.lacking(rollback)),
        seen,
        targets,
        labels,
        snapshot=None if trouble else snapshot,
        rollback=rollback,
        trouble=trouble,
    )


async def foresee(parts: Parts, rollback: Rollback) -> Evaluated:
    """What would count if a source were rolled back so.

    Raises:
        ConfigError: with everything that is wrong with it by now.
        UsageError: it is not kept any more.
    """
    shown = await _kept(parts, rollback)
    desired = await _loaded(parts, shown)
    return await _followed(parts, desired, Doubt(wording.lacking(rollback)), "", (), "", rollback=rollback)


async def followed(parts: Parts, evaluated: Evaluated, desired: Desired) -> Evaluated:
    """The same where something else is in force: what follows from that on what is on record by now."""
    return await _followed(
        parts, desired, evaluated.doubt, evaluated.fingerprint, (), "", snapshot=evaluated.snapshot
    )


async def _loaded(parts: Parts, shown: Snapshot) -> Desired:
    return await parts.runtime.offload("config", partial(parts.load, shown))


async def _followed(  # noqa: PLR0913 - what is read, and what of it matters
    parts: Parts,
    desired: Desired,
    doubt: Doubt,
    seen: str,
    targets: Collection[str],
    labels: str,
    *,
    snapshot: Snapshot | None = None,
    rollback: Rollback | None = None,
    trouble: str = "",
) -> Evaluated:
    """What follows from what is declared, on what is on record."""
    selected = _labelled(_restricted(desired, targets), labels)
    known = await parts.store.load_states()
    in_force = InForce(budget=parts.settings.prune, own_paths=parts.settings.own_paths)
    in_force.recall(await declared_elsewhere(parts.store, {desired.source}, partial(_loaded, parts), {}))
    on_record = await record(parts.store, known, [desired])
    taken = in_force.take(desired, on_record, doubt=doubt)
    wanted = taken.wanted
    if labels:
        wanted = InForce().take(selected, Record()).wanted
    elif targets:
        wanted = {name: one for name, one in wanted.items() if name in selected.targets}
    parted = part(
        {address: one for mine in wanted.values() for address, one in mine.instances.items()},
        known,
        await parts.store.load_inventory() if on_record.parted else {},
    )
    known = {**known, **parted.states}
    return Evaluated(snapshot, rollback, trouble, selected, seen, known, parted, taken, wanted, doubt)


async def _kept(parts: Parts, rollback: Rollback) -> Snapshot:
    """The snapshot that a source was rolled back to, or is to be.

    Raises:
        UsageError: it is not there any more.
    """
    found = await parts.store.snapshot(rollback.snapshot)
    if found is None:
        raise UsageError(f"revision {rollback.revision} is not kept any more; see: froyo get revisions")
    return found


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
