"""Whoever wants to see how rounds go on, such as a person at a terminal.

Invariant: nothing that progress is told of decides anything, and none of it waits for one.
"""

from __future__ import annotations

from collections.abc import Collection

from reconciler.model.names import Address, TargetName


class Progress:
    """Is told how rounds go on. This one does not care."""

    def step(self, target: TargetName, step: str, instances: Collection[Address]) -> None:
        """A target goes on to something that may take a while, with these instances: from now on they are under way.

        Args:
            target: its name.
            step: connecting (with everything that is declared there), reading, planning, applying, verifying; and in
                the end done or failed, with what was changed.
            instances: those that it is about.
        """

    def ended(self, address: Address) -> None:
        """Something was concluded about an instance: it is under way no longer, unless another step has it again."""
