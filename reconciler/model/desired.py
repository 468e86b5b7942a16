"""What a snapshot evaluates to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from reconciler.model.alert import Alert, AlertName
from reconciler.model.blob import Blob
from reconciler.model.facts import Section
from reconciler.model.graph import Graph
from reconciler.model.names import Address, Digest, Reference, SourceName, TargetName
from reconciler.model.policy import PolicyFiles
from reconciler.model.resource import Instance
from reconciler.model.rollout import Rollout, RolloutName
from reconciler.model.source import SnapshotGone, Source
from reconciler.model.target import Target
from reconciler.model.target_lock import TargetLock


@dataclass(frozen=True, slots=True)
class Desired:
    """How everything should be, according to one snapshot.

    Attributes:
        source: its name.
        revision: of the snapshot.
        digest: of the snapshot.
        targets: by name.
        instances: by address, in order of declaration.
        graphs: of each target that has any, what comes before what.
        blobs: the bodies that instances name, by digest.
        warnings: what a person should know although it is no error.
        sources: the sources that are declared, by name.
        alerts: who is told of what, by name.
        rollouts: how changes of it reach targets, by name.
        locks: how many targets may be disrupted at once, by name.
        elsewhere: the targets on which another revision is in force by now, since it is not their turn yet: with that;
            "" where nothing is.
        governed: of those targets the policies of the revision that is in force there, which hold there as well.
        awaiting: what will be there otherwise than it is, or for the first time, once it is their turn.
        selecting: what is declared for whatever targets a selector selects, be it none.
        waiting: the targets of which nothing can be said before their facts are known: no instance is declared there,
            and what was is not declared no longer.
        facts_read: the sections of facts that any of it depends on.
        secrets: where the secrets are that any of it depends on.
        policies: those that the source has beside its manifests; None where it has none.
    """

    source: SourceName
    revision: str
    digest: Digest
    targets: Mapping[TargetName, Target]
    instances: Mapping[Address, Instance]
    graphs: Mapping[TargetName, Graph]
    blobs: Mapping[Digest, Blob]
    warnings: tuple[str, ...] = ()
    sources: Mapping[SourceName, Source] = field(default_factory=dict)
    alerts: Mapping[AlertName, Alert] = field(default_factory=dict)
    selecting: frozenset[Reference] = frozenset()
    waiting: frozenset[TargetName] = frozenset()
    facts_read: frozenset[Section] = frozenset()
    secrets: frozenset[str] = frozenset()
    policies: PolicyFiles | None = None
    rollouts: Mapping[RolloutName, Rollout] = field(default_factory=dict)
    locks: Mapping[str, TargetLock] = field(default_factory=dict)
    elsewhere: Mapping[TargetName, str] = field(default_factory=dict)
    governed: Mapping[TargetName, PolicyFiles] = field(default_factory=dict)
    awaiting: Mapping[Address, Instance] = field(default_factory=dict)

    def revision_on(self, target: TargetName) -> str:
        """The revision that is in force on a target."""
        return self.elsewhere.get(target, self.revision)

    def policies_on(self, target: TargetName) -> tuple[PolicyFiles, ...]:
        """The policies of the source that hold on a target: the newest, and those of the revision that is there."""
        return tuple(one for one in (self.policies, self.governed.get(target)) if one is not None)

    def among(self, addresses: Collection[Address], targets: Collection[TargetName]) -> Desired:
        """Only these of its instances, and only these of its targets."""
        return replace(
            self,
            targets={name: target for name, target in self.targets.items() if name in targets},
            instances={address: one for address, one in self.instances.items() if address in addresses},
            graphs={name: graph.among(addresses) for name, graph in self.graphs.items() if name in targets},
        )

    def find_blob(self, digest: Digest) -> Blob:
        """A body that was named.

        Raises:
            SnapshotGone: nothing names it any more; what did is from before this was in force.
        """
        try:
            return self.blobs[digest]
        except KeyError:
            raise SnapshotGone("a content that it had is no part of the source any more") from None
