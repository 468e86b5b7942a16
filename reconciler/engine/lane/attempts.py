"""The last applies that led to nothing: those that failed for good, and those after which the same differed as before.

Invariant: what has failed for good is tried again only when there is a reason to: something else is declared or there,
somebody has touched it, or its time has come. One that somebody else undid says nothing against the operation.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from reconciler.model.conditions import Reason
from reconciler.model.names import Address, Digest
from reconciler.model.plan import PlanUnit


@dataclass(frozen=True, slots=True)
class _Stalled:
    """An apply that failed for good. It is on record for as long as nothing else was concluded about the instance.

    Attributes:
        desired: what was declared.
        observed: what was there.
        begun: loop time of the apply.
        failures: how many in a row, this one included.
        pause_until: loop time before which it is not tried again, whoever touches it.
        until: loop time from which the same is worth another try though nobody has.
        tried_again: whether another try has begun, and nothing is known of its end: then only the number counts.
    """

    desired: Digest
    observed: Digest
    begun: float
    failures: int
    pause_until: float
    until: float
    tried_again: bool = False

    def is_about(self, unit: PlanUnit) -> bool:
        return (self.desired, self.observed) == (unit.desired, unit.observed)


@dataclass(frozen=True, slots=True)
class _Vain:
    """An apply after which an instance still differed.

    Attributes:
        begun: loop time.
        number: how many in a row, this one included, that left the difference which was there before, and nobody was
            seen to have done it.
    """

    begun: float
    number: int


class Attempts:
    """Those on one target, by instance."""

    def __init__(self) -> None:
        self._stalled: dict[Address, _Stalled] = {}
        self._vain: dict[Address, _Vain] = {}
        self._said: dict[Address, tuple[int, Reason]] = {}

    # --- What failed for good -----------------------------------------------------------------------------------------

    def has_stalled(self, address: Address) -> bool:
        """Whether the last that happened to an instance is an apply that failed for good."""
        failed = self._stalled.get(address)
        return failed is not None and not failed.tried_again

    def failures(self, unit: PlanUnit) -> int:
        """How often just this has failed for good until now, in a row."""
        before = self._stalled.get(unit.address)
        return before.failures if before is not None and before.is_about(unit) else 0

    def stall(self, unit: PlanUnit, *, begun: float, failures: int, pause_until: float, until: float) -> None:
        """An apply has failed for good.

        Args:
            unit: what was to be done.
            begun: loop time of the apply.
            failures: how many in a row, this one included.
            pause_until: loop time before which it is not tried again, whoever touches it.
            until: loop time from which the same is worth another try though nobody has.
        """
        self._stalled[unit.address] = _Stalled(
            unit.desired, unit.observed, begun, failures, pause_until, until
        )

    def again_at(self, unit: PlanUnit, *, touched: float | None, now: float) -> float:
        """When just this is worth an attempt: `now`, or later.

        A change that led back to what was there counts: what made the apply fail may have been what was in between. Or
        it may be the apply's own doing: then there is a pause all the same.

        Args:
            unit: what is to be done.
            touched: loop time at which the instance was last reported to have changed.
            now: loop time.
        """
        failed = self._stalled.get(unit.address)
        if failed is None or failed.tried_again or not failed.is_about(unit) or now >= failed.until:
            return now
        if touched is None or touched < failed.begun:
            return failed.until
        return max(now, failed.pause_until)

    def cause_changed(self, address: Address) -> bool:
        """Something that it uses was put right, and may be what made it fail: whether to try it sooner."""
        failed = self._stalled.get(address)
        if failed is None:
            return False
        self._stalled[address] = replace(failed, until=failed.pause_until)
        return True

    def retry(self, address: Address) -> None:
        """A person wants it tried again."""
        self._stalled.pop(address, None)

    # --- What had no effect -------------------------------------------------------------------------------------------

    def had_no_effect(self, address: Address, *, begun: float, moved: bool, touched: float | None) -> int:
        """An instance differs after its own apply.

        Somebody was quicker if it differs in another way than before, or if the target reported a change since the
        apply began, or since the one before it that left a difference: such a report may come later than our look.

        Args:
            address: the instance.
            begun: loop time of the apply.
            moved: whether it differs in another way than before.
            touched: loop time at which it was last reported to have changed.

        Returns:
            How many in a row have left the same difference, this one included; 0 if somebody was quicker.
        """
        before = self._vain.get(address)
        since = before.begun if before is not None else begun
        undone = moved or (touched is not None and touched >= since)
        number = 0 if undone else (before.number if before is not None else 0) + 1
        self._vain[address] = _Vain(begun, number)
        return number

    # --- What takes long ----------------------------------------------------------------------------------------------

    def goes_on(self, address: Address, *, generation: int, said: Reason) -> None:
        """An apply outlasts its round, or waits for one that does; until it has ended nothing is known of it.

        Args:
            address: the instance.
            generation: of what is declared.
            said: what was concluded about it last.
        """
        failed = self._stalled.get(address)
        if failed is not None:
            self._stalled[address] = replace(failed, tried_again=True)
        if said is not Reason.APPLYING:
            self._said[address] = (generation, said)

    def said_before(self, address: Address, *, generation: int) -> Reason | None:
        """What was concluded about an instance before the apply that has ended now went on; None if none did."""
        before, said = self._said.pop(address, (generation, None))
        return said if before == generation else None

    # --- What ends either ---------------------------------------------------------------------------------------------

    def concluded(self, address: Address, *, ready: bool) -> None:
        """Something was concluded about an instance; `ready` if that it is as declared."""
        self._stalled.pop(address, None)
        if ready:
            self._vain.pop(address, None)

    def forget(self, address: Address) -> None:
        """An instance has gone."""
        self.concluded(address, ready=True)
        self._said.pop(address, None)

    def kept(self, addresses: Container[Address]) -> Attempts:
        """The same about `addresses` alone."""
        kept = Attempts()
        kept._stalled = {address: one for address, one in self._stalled.items() if address in addresses}
        kept._vain = {address: one for address, one in self._vain.items() if address in addresses}
        kept._said = {address: one for address, one in self._said.items() if address in addresses}
        return kept
