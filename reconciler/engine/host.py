"""What the engine needs of whatever runs the providers: the sandbox, or CPython itself in a simulation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from reconciler.errors import ProviderError
from reconciler.model.names import TargetName
from reconciler.model.plan import Operation
from reconciler.model.provider import Actual, Resource, Result
from reconciler.plugins.calls import Perform


class ProviderHost(Protocol):
    """Runs providers.

    Each method asks the provider of `package` about some resources of `target`, and gives an answer for each of them,
    in the same order; a fault is one resource's alone. `perform` makes the provider's calls on the target.

    All of them raise ProviderError where the provider failed as a whole, or misbehaved, and TransportError where
    `perform` lost the target.
    """

    @property
    def transactions(self) -> Collection[str]:
        """The kinds of which what is to be done at once about several instances is one operation."""

    async def read(
        self, package: str, target: TargetName, wanted: Sequence[Resource], perform: Perform
    ) -> list[Actual | ProviderError]:
        """How each resource is."""

    async def look(
        self, package: str, target: TargetName, wanted: Sequence[Resource], perform: Perform
    ) -> list[tuple[Actual | ProviderError, Operation | ProviderError]]:
        """How each resource is, and what would have to be done about it; one fault twice of what cannot be read."""

    async def plan(
        self, package: str, target: TargetName, wanted: Sequence[Resource], actual: Sequence[Actual]
    ) -> list[Operation | ProviderError]:
        """What would have to be done about each. No call is made."""

    async def apply(
        self, package: str, target: TargetName, operations: Sequence[Operation], perform: Perform
    ) -> list[Result | ProviderError]:
        """Do what was planned."""

    async def destroy(
        self, package: str, target: TargetName, operations: Sequence[Operation], perform: Perform
    ) -> list[Result | ProviderError]:
        """Do what was planned about what is declared no longer."""
