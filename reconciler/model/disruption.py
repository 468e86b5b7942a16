"""That a target was disrupted by what was done to it, and is not known to be itself again."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.names import Address, TargetName


@dataclass(frozen=True, slots=True)
class Disruption:
    """See the module.

    Attributes:
        target: which.
        cause: the instance for which it was.
        since: seconds since the epoch.
    """

    target: TargetName
    cause: Address
    since: float
