"""What is known of a cluster's objects: of each, what its status should say.

Invariant: a status speaks of the generation of the object that is in force, or of the newest one and what is wrong with
that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from reconciler.api import views
from reconciler.app.operator import rollouts, statuses
from reconciler.app.operator.requested import ACKNOWLEDGED, Requested
from reconciler.model.cluster import OWN_GROUP

if TYPE_CHECKING:
    from reconciler.app.backend import DaemonBackend
    from reconciler.app.daemon import Daemon
    from reconciler.app.mending import Mending
    from reconciler.app.operator.statuses import Status
    from reconciler.app.watched import Objects
    from reconciler.model.desired import Desired
    from reconciler.model.names import SourceName
    from reconciler.model.rollout import RolloutRecord
    from reconciler.model.source import SnapshotFile

Wanted: TypeAlias = "Mapping[str, tuple[Status, int]]"
"""Statuses with the generations that they are about, by path."""


@dataclass
class _InForce:
    digest: str = ""
    files: Mapping[str, SnapshotFile] | None = None


class Knowing:
    """What is known of the objects of a source.

    Args:
        name: of the source.
        daemon: that serves it.
        backend: knows how things are.
        objects: of the source.
        mending: knows what is wrong with which.
    """

    def __init__(
        self, name: SourceName, daemon: Daemon, backend: DaemonBackend, objects: Objects, mending: Mending
    ) -> None:
        self._name = name
        self._daemon = daemon
        self._backend = backend
        self._objects = objects
        self._mending = mending
        self._in_force = _InForce()
        self._requested = Requested(backend)

    async def statuses(self) -> Wanted:
        """What the status of each object should say, with the generation that it is about."""
        desired = self._daemon.controller.in_force.of(self._name)
        by_path, by_target = await self._views()
        good = await self._right(desired, by_path, by_target) if desired is not None else {}
        clashes = self._daemon.sources.intakes[self._name].clashes
        found = dict(good)
        if clashes:  # a source is in force as a whole, so nothing that has come since is
            waits = statuses.of_waiting(self._mending.told(clashes[0]))
            new = self._objects.seen.keys() - good.keys()
            found |= {path: (waits, self._objects.seen[path].generation) for path in new}
        wrong = {one.file: self._mending.told(one) for one in clashes} | dict(self._mending.wrong)
        for path, why in wrong.items():
            if path in self._objects.seen:
                before = good[path][0] if path in good else None
                found[path] = statuses.of_wrong(why, before), self._objects.seen[path].generation
        handled = await self._handled(by_path, by_target)
        return {
            path: ({**status, ACKNOWLEDGED: handled[path]} if path in handled else status, generation)
            for path, (status, generation) in found.items()
            if path in self._objects.seen
        }

    async def _handled(
        self, by_path: Mapping[str, list[views.Document]], by_target: Mapping[str, list[views.Document]]
    ) -> Mapping[str, str]:
        """Of which objects it was asked that they be looked at, and they have been."""
        concerned = {path: [one["address"] for one in found] for path, found in by_path.items()}
        for name, target in self._daemon.controller.in_force.targets.items():
            if name in by_target:
                concerned.setdefault(target.origin.file, []).extend(one["address"] for one in by_target[name])
        return await self._requested.handled(self._objects.seen, concerned)

    async def _right(
        self,
        desired: Desired,
        views_of: Mapping[str, list[views.Document]],
        on: Mapping[str, list[views.Document]],
    ) -> dict[str, tuple[Status, int]]:
        """Of what is in force."""
        generations = await self._generations(desired)
        revision = desired.revision
        waiting = sorted(desired.waiting)
        every = await self._backend.rollouts() if desired.rollouts or desired.elsewhere else ()
        records = [one for one in every if one.source == self._name]
        views_of = rollouts.with_turns(views_of, desired, records, generations)
        targets = await self._targets(on, revision)
        own = await self._sources(desired) | _rollouts(desired, records)
        found: dict[str, Status] = {}
        for path in generations:
            if path in views_of:
                found[path] = statuses.of_instances(views_of[path], revision)
            elif path in targets:
                found[path] = targets[path]
            elif path in own:
                found[path] = own[path]
            elif _is(path):
                found[path] = statuses.of_values("what it declares is in force", revision)
            else:
                found[path] = statuses.of_nobody(revision, waiting=waiting)
        right = {path: (one, generations[path]) for path, one in found.items()}
        for path in (views_of.keys() - generations.keys()) & self._objects.seen.keys():
            # It was deleted, and stays until what it was about has been removed.
            right[path] = statuses.of_instances(views_of[path], revision), self._objects.seen[path].generation
        return right

    async def _generations(self, desired: Desired) -> dict[str, int]:
        """The generation of each object that is in force, as far as that has been seen."""
        if self._in_force.digest != desired.digest:
            good = self._mending.good
            if good is None or good.digest != desired.digest:
                good = await self._daemon.parts.store.snapshot_in_force(self._name)
            self._in_force = _InForce(desired.digest, good.files if good is not None else {})
        ask = self._objects.generation
        seen = {path: ask(path, file.digest) for path, file in (self._in_force.files or {}).items()}
        return {path: one for path, one in seen.items() if one is not None}

    async def _views(self) -> tuple[dict[str, list[views.Document]], dict[str, list[views.Document]]]:
        """What is known of the instances, by the object that declares them and by target."""
        states, targets, suspensions = (
            await self._backend.states(),
            await self._backend.targets(),
            await self._backend.suspensions(),
        )
        by_path: dict[str, list[views.Document]] = defaultdict(list)
        by_target: dict[str, list[views.Document]] = defaultdict(list)
        for address, instance in (await self._backend.instances()).items():
            if address in states:
                view = views.resource(states[address], targets=targets, suspensions=suspensions)
                by_path[instance.origin.file].append(view)
                by_target[instance.target].append(view)
        return by_path, by_target

    async def _targets(self, on: Mapping[str, list[views.Document]], revision: str) -> dict[str, Status]:
        known, facts = await self._backend.targets(), await self._backend.facts()
        states = self._daemon.controller.states()
        seen: dict[str, float] = defaultdict(float)
        for address, state in states.items():
            name = address.partition("/")[0]
            seen[name] = max(seen[name], state.observed_at)
        found, many = {}, Counter[str]()
        for name, target in self._daemon.controller.in_force.targets.items():
            path, reached = target.origin.file, known.get(name)
            if path not in self._objects.seen:
                continue  # another source's, such as a repository's that an object here names
            many[path] += 1
            if not _is(path, "Target"):  # such as one of many of an Inventory
                found[path] = statuses.of_values(f"targets that it declares: {many[path]}", revision)
            elif reached is not None:
                view = views.target(reached, len(on[name]), seen[name], None)
                found[path] = statuses.of_target(view, on[name], facts.get(name), revision)
        return found

    async def _sources(self, desired: Desired) -> dict[str, Status]:
        known = await self._backend.sources()
        return {
            one.origin.file: statuses.of_source(
                known[one.place.name].conditions if one.place.name in known else (), desired.revision
            )
            for one in desired.sources.values()
        }


def _rollouts(desired: Desired, records: Iterable[RolloutRecord]) -> dict[str, Status]:
    """Of those that are declared, as far as it is on record how far they are."""
    return {
        desired.rollouts[one.name].origin.file: rollouts.of_rollout(views.rollout(one))
        for one in records
        if one.name in desired.rollouts
    }


def _is(path: str, kind: str = "") -> bool:
    """Whether an object is of a kind of froyo's own; of any of them if none is given."""
    found, _, group = path.split("/")[1].partition(".")
    return group == OWN_GROUP and kind in ("", found)
