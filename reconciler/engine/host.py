"""What the engine needs of whatever runs the providers: the sandbox, or CPython itself in a simulation."""

from __future__ import annotations

from typing import Any, Protocol

from reconciler.plugins.calls import Perform, Phase


class ProviderHost(Protocol):
    """Runs providers."""

    async def run(
        self, package: str, phase: Phase, request: dict[str, Any], perform: Perform
    ) -> dict[str, Any]:
        """Carry out one phase.

        Args:
            package: whose provider.
            phase: which step.
            request: what the provider gets; `docs/spec/provider-interface.md` has its form.
            perform: makes the provider's calls on the target.

        Returns:
            What the provider answers.

        Raises:
            ProviderError: the provider failed as a whole, or misbehaved.
            TransportError: `perform` lost the target.
        """
