"""That policies could not decide."""

from __future__ import annotations


class PolicyFailure(Exception):
    """Policies do not compile, cannot be loaded, or do not come to an answer. Whoever gets one denies, and says why.

    Args:
        why: in a person's words, as it goes on after the name of the place of the policies.
        exceeded: whether it took more than it may, so that it is not to be tried again at once.
    """

    def __init__(self, why: str, *, exceeded: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.exceeded = exceeded
