"""All files together to what should be: every resource is put on the targets that it is for.

Invariant: linear in the number of instances. Problems are added to those that the files have by themselves,
so that a person sees all of them at once. Instances that an earlier load made are used again, unless their
body is another one now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.config.attached import Attachments
from reconciler.config.complaints import Complaints
from reconciler.config.declared import FileDeclarations, Made, Manifest, Sketch, Variables
from reconciler.config.fields import patience_of
from reconciler.config.generating import places_of
from reconciler.config.inventory.fleet import FleetFiles
from reconciler.config.knowing import FactReading
from reconciler.config.making import Making
from reconciler.config.owned import Owned
from reconciler.config.relations import check_named, check_provided, check_references, put_in_order
from reconciler.config.selection import TargetSelection
from reconciler.config.targets import ControllerPaths
from reconciler.config.variables import Values
from reconciler.core.spoken import some
from reconciler.core.vault import Vault
from reconciler.model.names import Address, TargetName, address
from reconciler.model.resource import Instance
from reconciler.model.selector import Selector
from reconciler.model.source import Snapshot
from reconciler.model.values import Rendered

_LISTED = 5


class Expansion:
    """Everything that the files of a snapshot declare, together.

    Attributes:
        targets: by name.
        sources: by name.
        alerts: by name.
        rollouts: by name.
        locks: by name.
        instances: by address, in order of declaration.
        blobs: the bodies that instances name.
        complaints: what is wrong, and what a person should know.
        facts: what was read of facts.
        selecting: what is for whatever targets a selector selects, be it none.
        secrets: where the secrets are that were read.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        declared: Mapping[str, FileDeclarations],
        facts: FactReading,
        controller: ControllerPaths,
        vault: Vault,
    ) -> None:
        self.facts = facts
        self.instances: dict[Address, Instance] = {}
        self._broken = {name for found in declared.values() for name in found.broken}
        lost = [text for found in declared.values() for text in found.lost]
        self.complaints = Complaints(snapshot, lost, self._broken, places=places_of(declared))
        self.complaints.warnings += [warning for found in declared.values() for warning in found.warnings]
        self._broken_targets = [
            name.removeprefix("Target/") for name in self._broken if name.startswith("Target/")
        ]
        self._made_of: dict[Address, Manifest] = {}
        self._nowhere: dict[tuple[str, Selector], list[Manifest | Variables]] = {}
        files = FleetFiles(snapshot, controller, self.complaints.suggestions)
        owned = Owned(declared, self.complaints, files)
        self.complaints.problems += files.problems
        self.complaints.warnings += files.warnings
        inventories = any(name.startswith("Inventory/") for name in self._broken)
        self._targets_lost = inventories or bool(files.problems)
        self.targets, self.sources, self.alerts = owned.targets, owned.sources, owned.alerts
        self.rollouts, self.locks = owned.rollouts, owned.locks
        self._selection = TargetSelection(self.targets, facts)
        manifests = [manifest for found in declared.values() for manifest in found.manifests]
        self.selecting = frozenset(one.ref for one in manifests if isinstance(one.where, Selector))
        owned.check_names(manifests)
        if not self.complaints.lost and not self._targets_lost:
            owned.check_rollouts({*(one.ref for one in manifests), *self._broken})
        for variables in owned.variables:
            self._targets_of(variables)
        values = Values(owned.variables, self.targets, self._selection, facts, self.complaints, vault)
        self.secrets = values.secrets
        attachments = Attachments(snapshot, tuple(declared), self.complaints)
        self._making = Making(attachments, values, self.complaints, self._broken, vault)
        self.blobs = self._making.blobs
        for manifest in manifests:
            self._put(manifest)
        for (_, where), nowhere in self._nowhere.items():
            self._selects_nothing(nowhere, where)
        check_provided(self.instances, self._made_of, self.complaints)
        self.instances = self.facts.without_waiting(self.instances)
        sketches = [sketch for found in declared.values() for sketch in found.sketches]
        for sketch in sketches:
            if sketch.where is not None and sketch.where not in self.targets:
                self._no_target(sketch, sketch.where)
            if sketch.body_path:
                attachments.look_up(sketch)
        dangling = check_references(manifests, self.instances, self._broken, self.complaints)
        homeless = [m for m in manifests if not isinstance(m.where, Selector) and m.where not in self.targets]
        check_named([*sketches, *homeless], manifests, self._broken, self.complaints)
        self.graphs = put_in_order(self.instances, self._made_of, dangling, self.complaints)

    def _put(self, manifest: Manifest) -> None:
        """Make the instances of a manifest."""
        if manifest.unrendered is not None:
            field, message = manifest.unrendered
            hint = "template: true renders it; template: false says that it is meant as it stands"
            self.complaints.warning(manifest, ("spec", field), message, hint)
        targets: list[TargetName] = []
        for name in self._targets_of(manifest):
            where = address(name, manifest.ref)
            first = self._made_of.setdefault(where, manifest)
            if first is manifest:
                targets.append(name)
            else:
                self._same_address(manifest, where, first)
        known, manifest.instances = manifest.instances, {}
        for name, made, rendered in self._making.of(manifest, targets):
            instance = known.get(name)
            if instance is None or instance.digest != made.digest or instance.rendered != rendered:
                instance = _instance(manifest, name, made, rendered)
            manifest.instances[name] = self.instances[instance.address] = instance

    def _same_address(self, manifest: Manifest, where: Address, first: Manifest) -> None:
        if first.compiled is not manifest.compiled:  # else the name was complained about
            self.complaints.problem(
                manifest,
                ("metadata", "name"),
                f"{where} is declared at {first.origin} already, "
                f"with apiVersion {first.compiled.kind.api_version}",
                "give one of them another name",
            )

    def _targets_of(self, manifest: Manifest | Variables) -> tuple[TargetName, ...]:
        where = manifest.where
        if isinstance(where, Selector):
            selected = self._selection.of(where)
            if not selected and not self.facts.waiting:
                self._nowhere.setdefault((manifest.origin.base, where), []).append(manifest)
            return selected
        if where in self.targets:
            return (where,)
        self._no_target(manifest, where)
        return ()

    def _no_target(self, manifest: Manifest | Sketch | Variables, where: TargetName) -> None:
        if self._targets_lost or where in self._broken_targets or self.complaints.may_be_lost(where):
            return
        hint = self.complaints.suggestions.hint(where, [*self.targets, *self._broken_targets])
        few = 0 < len(self.targets) <= _LISTED
        self.complaints.problem(
            manifest,
            ("spec", "target"),
            f"there is no target {where}",
            hint or (f"declared: {', '.join(self.targets)}" if few else "declare it: kind: Target"),
        )

    def _selects_nothing(self, nowhere: Sequence[Manifest | Variables], where: Selector) -> None:
        """Say of all that a file has for nobody, by one selector, that it is for nobody: at the first, and once."""
        if self.complaints.lost or self._broken_targets or self._targets_lost:
            return
        labels = {
            f"{key}={value}" for target in self.targets.values() for key, value in target.labels.items()
        }
        wanted = [f"{key}={value}" for key, value in where.labels if f"{key}={value}" not in labels]
        hint = "no target is declared"
        if self.targets:
            hint = self.complaints.suggestions.hint(wanted[0], sorted(labels)) if wanted else ""
        verb = "is" if len(nowhere) == 1 else "are"
        message = f"{some([one.ref for one in nowhere])} {verb} for no target: none has {where.words}"
        self.complaints.warning(nowhere[0], ("spec", "targets"), message, hint)


def _instance(manifest: Manifest, name: TargetName, made: Made, rendered: tuple[Rendered, ...]) -> Instance:
    """The instance of a manifest on a target. Spec and digest are shared with those on other targets."""
    kind = manifest.compiled.kind
    return Instance(
        address=address(name, manifest.ref),
        target=name,
        ref=manifest.ref,
        api_version=kind.api_version,
        kind=kind.kind,
        metadata=manifest.metadata,
        common=manifest.common,
        spec=made.spec,
        digest=made.digest,
        provides=made.content.provides,
        shares=made.content.shares,
        uses=made.content.uses,
        contains=made.content.contains,
        package=kind.package,
        lock=kind.lock,
        transaction=kind.transaction,
        disruptive=kind.disruptive,
        removal_disrupts=kind.removal_disrupts,
        made_here=kind.made_here,
        removal_resets=kind.removal_resets,
        touches=kind.touches,
        probe=None if kind.probe is None else patience_of(kind.probe, made.spec),
        origin=manifest.origin,
        rendered=rendered,
    )
