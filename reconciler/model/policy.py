"""What policies are, what they are asked, and what they decide.

Policies are rules that somebody wrote to say what may be done. They are asked about a snapshot before it is put in
force, and about changes right before these are made. `docs/spec/policy.md` is normative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.model.decisions import PolicyDecision
from reconciler.model.names import Digest, SourceName, TargetName
from reconciler.model.plan import PlanUnit
from reconciler.model.resource import Instance
from reconciler.model.source import SnapshotFile
from reconciler.model.target import Target

DIRECTORY = "policies"
"""Where a source keeps its policies."""
REGO = ".rego"
TESTS = "_test.rego"
BUNDLES = (".tar.gz", ".tgz")
DATA = ("data.json", "data.yaml", "data.yml")


def is_policy(path: str) -> bool:
    """Whether a file where policies are is a part of them: Rego, a bundle, or data."""
    return path.endswith((REGO, *BUNDLES)) or path.rsplit("/", 1)[-1] in DATA


def governs(path: str) -> bool:
    """Whether a file where policies are may decide something: it is none of their tests, and more than data."""
    return path.endswith((REGO, *BUNDLES)) and not path.endswith(TESTS)


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The policies of one place, as they are written.

    Attributes:
        place: what the place is called: that of a source, or where the operator keeps them.
        digest: over every path and its content.
        files: by path in the place: Rego, data, and bundles.
        root: the directory on the controller that the paths are relative to; "" when there is none.
    """

    place: str
    digest: Digest
    files: Mapping[str, SnapshotFile] = field(repr=False)
    root: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change that policies are asked about.

    Attributes:
        unit: what is planned.
        instance: what it is about, as it is declared, or was.
        source: what declares it.
    """

    unit: PlanUnit
    instance: Instance
    source: SourceName


@dataclass(frozen=True, slots=True)
class AtWork:
    """A target at which changes are being made.

    Attributes:
        target: which.
        since: seconds since the epoch.
    """

    target: Target
    since: float


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose account something is done.

    Attributes:
        kind: `command`, which somebody runs, or `controller`, which does it by itself.
        name: of the user that it runs as.
    """

    kind: str
    name: str

    def document(self) -> dict[str, str]:
        """As policies see it."""
        return {"kind": self.kind, "name": self.name}


class Policies(Protocol):
    """Whoever decides what may be done. The engine knows nothing else of it."""

    def govern(self, source: SourceName, target: TargetName) -> bool:
        """Whether what a source declares on a target is decided about at all. Costs next to nothing."""

    async def prepare(self, target: TargetName) -> None:
        """Wait, not for long, until what has to be known of a target to decide about it is known."""

    async def decide(
        self,
        target: Target,
        changes: Sequence[PlannedChange],
        at_work: Sequence[AtWork],
        *,
        binding: bool,
    ) -> tuple[PolicyDecision, ...]:
        """What is decided about changes of one target that are about to be made. Never raises.

        Args:
            target: which.
            changes: all that is planned for it and not done.
            at_work: the other targets at which changes are being made.
            binding: whether what is allowed is done; else somebody only wants to know.
        """
