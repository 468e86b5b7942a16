"""What comes of one operation, and of a round."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.errors import ProviderError
from reconciler.model.facts import Section
from reconciler.model.names import Address
from reconciler.model.resource import Instance


@dataclass(frozen=True, slots=True)
class Applied:
    """What a provider says of one operation.

    Attributes:
        changed: whether it changed anything.
        fault: why it failed, or None.
        output: what a program said, for a person.
    """

    changed: bool = False
    fault: ProviderError | None = None
    output: str = ""


@dataclass(slots=True)
class RoundOutcome:
    """What a round leads to.

    Attributes:
        looked_at: instances that were looked at one by one.
        unchanged: the target answered that nothing has moved since the last look.
        changed: instances that were changed and observed in sync.
        again: instances to look at again, in so many seconds.
        gone: instances that were to go and have gone.
        woken: dependents of what has turned ready.
        touched: the sections of the target's facts that may be others now.
        shared: what owns a part of something that was changed since it was looked at itself.
    """

    looked_at: list[Address] = field(default_factory=list)
    unchanged: bool = False
    changed: list[Address] = field(default_factory=list)
    gone: list[Address] = field(default_factory=list)
    again: dict[Address, float] = field(default_factory=dict)
    woken: set[Address] = field(default_factory=set)
    shared: set[Address] = field(default_factory=set)
    touched: set[Section] = field(default_factory=set)

    def has_changed(self, one: Instance) -> None:
        """It was changed and is as it is to be, be it gone."""
        self.changed.append(one.address)
        self.touched.update(one.touches)

    def look_again(self, address: Address, pause: float) -> None:
        """Look at `address` again after `pause` seconds, or earlier if that was asked for already."""
        self.again[address] = min(pause, self.again.get(address, pause))
