"""Targets, sources, alerts and values that the files of a snapshot declare, each once, and names that stand twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from reconciler.config.alerts import in_namespace as placed_in
from reconciler.config.declared import FileDeclarations, Manifest, Variables
from reconciler.config.inventory.fleet import Fleet, FleetFiles, PlacedTarget
from reconciler.config.rollouts import did_you_mean_label, locked, resolved, troubles
from reconciler.config.targets import in_namespace, references
from reconciler.model.source import DirectoryPlace, identity

_IN_CLUSTER = (
    "a key that is in a Secret of a cluster can be had in a cluster alone",
    "elsewhere name a file: identityFile, knownHosts",
)

if TYPE_CHECKING:
    from reconciler.config.complaints import Complaints
    from reconciler.documents.reading import Document
    from reconciler.model.alert import Alert, AlertName
    from reconciler.model.names import Reference, SourceName, TargetName
    from reconciler.model.rollout import Rollout, RolloutName
    from reconciler.model.source import Source
    from reconciler.model.target import Target
    from reconciler.model.target_lock import TargetLock


class Owned:
    """What is declared beside resources.

    Attributes:
        targets: by name.
        sources: by name.
        alerts: by name.
        rollouts: by name.
        locks: by name.
        variables: what is given for targets, in order.
    """

    def __init__(
        self, declared: Mapping[str, FileDeclarations], complaints: Complaints, files: FleetFiles
    ) -> None:
        self.targets: dict[TargetName, Target] = {}
        self.sources: dict[SourceName, Source] = {}
        self.alerts: dict[AlertName, Alert] = {}
        self.rollouts: dict[RolloutName, Rollout] = {}
        self.locks: dict[str, TargetLock] = {}
        self.variables: list[Variables] = [one for found in declared.values() for one in found.variables]
        self._complaints = complaints
        self._fleets: dict[str, Fleet] = {}
        machines: dict[tuple[str, ...], Target] = {}
        for file, found in declared.items():
            for placed in self._placed(file, found, files):
                target = placed.target
                if references(target):
                    if not complaints.namespace:
                        complaints.problems.append(placed.about(*_IN_CLUSTER))
                    target = in_namespace(target)
                first = self.targets.setdefault(target.name, target)
                if first is not target:
                    complaints.problems.append(placed.at(*_twice(f"Target/{target.name}", str(first.origin))))
                elif (same := machines.setdefault(target.transport.machine, target)) is not target:
                    complaints.warnings.append(placed.about(*_one_machine(target, same)))
            for source, document in found.sources:
                known = self.sources.setdefault(source.name, source)
                if known is not source:
                    self._twice(file, document, f"Source/{source.name}", str(known.origin))
        self._told(declared)
        self._declared_rollouts: list[tuple[str, Document, Rollout]] = []
        self._declared_locks: list[tuple[str, Document, TargetLock]] = []
        self._rolled(declared)
        self._served(declared)
        given: dict[Reference, Variables] = {}
        for one in self.variables:
            if (other := given.setdefault(one.ref, one)) is not one:
                self._twice(one.origin.base, one.document, one.ref, str(other.origin))

    def _told(self, declared: Mapping[str, FileDeclarations]) -> None:
        for file, found in declared.items():
            for declared_alert, document in found.alerts:
                alert, trouble = placed_in(declared_alert, self._complaints.namespace)
                if trouble:
                    hint = "{secretKeyRef: {name: NAME, key: KEY}} in a cluster, {secret: {file: PATH}} elsewhere"
                    self._complaints.problem_in(file, document, ("spec", "webhook"), trouble, hint)
                if (first := self.alerts.setdefault(alert.name, alert)) is not alert:
                    self._twice(file, document, f"Alert/{declared_alert.name}", str(first.origin))

    def _placed(self, file: str, found: FileDeclarations, files: FleetFiles) -> Iterator[PlacedTarget]:
        """The targets that a file declares, and those of its inventories."""
        for target, document in found.targets:
            yield self._named(target, file, document, ("metadata", "name"))
        for fleet in found.fleets:
            if (first := self._fleets.setdefault(fleet.name, fleet)) is not fleet:
                self._twice(file, fleet.document, f"Inventory/{fleet.name}", str(first.origin))
                continue
            for target, path in fleet.listed:
                yield self._named(target, file, fleet.document, ("spec", *path))
            for listing in fleet.files:
                named = self._complaints.at(file, fleet.document, ("spec", listing.field, "path"))
                yield from files.targets(fleet, listing, named)

    def _named(
        self, target: Target, file: str, document: Document, path: tuple[str | int, ...]
    ) -> PlacedTarget:
        at = self._complaints.at
        return PlacedTarget(target, at(file, document, path), at(file, document, path, key=True))

    def check_names(self, manifests: Iterable[Manifest]) -> None:
        """No two resources of one kind may have one name."""
        seen: dict[tuple[str, str], Manifest] = {}
        for manifest in manifests:
            first = seen.setdefault((manifest.compiled.kind.api_version, manifest.ref), manifest)
            if first is not manifest:
                self._twice(manifest.origin.base, manifest.document, manifest.ref, str(first.origin))

    def _rolled(self, declared: Mapping[str, FileDeclarations]) -> None:
        for file, found in declared.items():
            for declared_rollout, document in found.rollouts:
                rollout = resolved(declared_rollout, self.targets)
                if (there := self.rollouts.setdefault(rollout.name, rollout)) is rollout:
                    self._declared_rollouts.append((file, document, rollout))
                else:
                    self._twice(file, document, f"Rollout/{rollout.name}", str(there.origin))
            for declared_lock, document in found.locks:
                lock = locked(declared_lock, self.targets)
                if (other := self.locks.setdefault(lock.name, lock)) is lock:
                    self._declared_locks.append((file, document, lock))
                else:
                    self._twice(file, document, f"Lock/{lock.name}", str(other.origin))

    def check_rollouts(self, known: Collection[Reference]) -> None:
        """What is wrong with rollouts and locks, beside each other and what else is declared.

        Args:
            known: `Kind/name` of all that is declared, be it broken.
        """
        before: list[Rollout] = []
        for file, document, rollout in self._declared_rollouts:
            for path, message, hint in troubles(rollout, before, self.targets, known):
                self._complaints.problem_in(file, document, ("spec", *path), message, hint)
            before.append(rollout)
            if not rollout.targets:
                self._for_nobody(file, document, rollout, "what changes reaches all of its targets at once")
        for file, document, lock in self._declared_locks:
            if not lock.targets:
                self._for_nobody(file, document, lock, "it holds nothing back")

    def _for_nobody(self, file: str, document: Document, one: Rollout | TargetLock, outcome: str) -> None:
        """Something selects no target, and so is as if it were not there."""
        message = f"none of the targets has these labels: {outcome}"
        hint = did_you_mean_label(one.selector, self.targets) if self.targets else ""
        self._complaints.warning_in(file, document, ("spec", "targets"), message, hint)

    def _served(self, declared: Mapping[str, FileDeclarations]) -> None:
        served: dict[str, Source] = {}
        for file, found in declared.items():
            for source, document in found.sources:
                if (other := served.setdefault(identity(source.place), source)) is not source:
                    self._served_already(file, document, source, other)

    def _served_already(self, file: str, document: Document, source: Source, first: Source) -> None:
        self._complaints.warning_in(
            file,
            document,
            ("spec", "directory" if isinstance(source.place, DirectoryPlace) else "git"),
            f"Source/{source.name} does nothing: Source/{first.name}, at {first.origin}, is about this "
            + ("directory" if isinstance(source.place, DirectoryPlace) else "repository and path"),
            "",
        )

    def _twice(self, file: str, document: Document, name: str, first: str) -> None:
        self._complaints.problem_in(file, document, ("metadata", "name"), *_twice(name, first))


def _twice(name: str, first: str) -> tuple[str, str]:
    return (
        f"{name} is declared a second time; first at {first}",
        "give one of them another name, or drop it",
    )


def _one_machine(target: Target, first: Target) -> tuple[str, str]:
    return (
        f"Target/{target.name} is the same machine as Target/{first.name}, at {first.origin}",
        "declare it once: neither knows what the other one manages, and may purge it",
    )
