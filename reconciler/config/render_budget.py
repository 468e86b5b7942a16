"""What the rendering of a template may take, and what it has taken."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

import jinja2

from reconciler.config.weights import weight

MAX_STEPS = 100_000
"""Turns of loops, calls and filters; and one more for each 1,000 characters, or 100 entries, that is made or gone
through."""
MAX_TEXT = 4 * 1024 * 1024
"""Characters of the whole, and of any text on the way there."""

_ENTRY = 16


class TooMuch(jinja2.TemplateRuntimeError):
    """More than a template may have."""


@dataclass(slots=True)
class RenderBudget:
    """What one rendering may still take.

    Attributes:
        steps: how many.
    """

    steps: int = MAX_STEPS

    def spend(self, made: object = None) -> None:
        """A step is taken, which makes something.

        Raises:
            TooMuch: of either.
        """
        # A list that stands in others again and again is small, until it is printed or compared.
        size = weight(made, MAX_TEXT, entry=_ENTRY)
        took = size // 1000 if isinstance(made, str) else size // _ENTRY // 100
        if size > MAX_TEXT:
            raise TooMuch(f"it makes a value of more than {MAX_TEXT} characters, written out")
        self.steps -= 1 + took
        if self.steps < 0:
            raise TooMuch(f"it takes more than {MAX_STEPS} steps: a loop has too many turns, or does not end")

    def read(self, *values: object) -> None:
        """Something is gone through, whatever comes of it: a step for as much as `spend` takes one for.

        Raises:
            TooMuch: of it.
        """
        for one in values:
            if isinstance(one, str | list | tuple | dict):
                self.steps -= len(one) // (1000 if isinstance(one, str) else 100)
        if self.steps < 0:
            raise TooMuch(f"it takes more than {MAX_STEPS} steps: it goes through too much, too often")


budget: ContextVar[RenderBudget] = ContextVar("budget")
