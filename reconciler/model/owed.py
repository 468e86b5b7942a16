"""What is owed: that something is refreshed because of a change of something else."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.names import Address, Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A refresh that is owed, or may turn out to be.

    Attributes:
        address: what is to be refreshed.
        cause: what was to change, and names it in `notify`.
        run: in which that was set out to be done, for the last time.
        before: digest of the cause's state before that.
        since: seconds since the epoch.
        certain: whether the cause has been seen to have changed.
    """

    address: Address
    cause: Address
    run: str
    before: Digest
    since: float
    certain: bool = False
